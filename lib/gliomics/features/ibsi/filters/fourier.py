"""Filters that are made in the Fourier domain: non-separable wavelets and the Riesz transform."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.fft import fftn, ifftn

from gliomics.features.ibsi.filters.separable import Array


def simoncelli(shape: Sequence[int], level: int) -> Array:
    """Simoncelli's isotropic wavelet of a level: a band about half, a quarter, ... of the highest frequency."""
    radius = np.sqrt(sum(axis**2 for axis in _frequencies(shape)))
    highest = 2.0 ** (1 - level)
    inside = (radius >= highest / 4) & (radius <= highest)
    return np.where(inside, np.cos(np.pi / 2 * np.log2(2 * np.where(inside, radius, 1) / highest)), 0)


def filtered(image: Array, transfer: Array | None = None, riesz: Sequence[int] | None = None) -> Array:
    """The image, which goes on periodically, times a transfer function and a component of the Riesz transform."""
    spectrum = fftn(image)
    if transfer is not None:
        spectrum *= transfer
    if riesz is not None:
        spectrum *= _riesz(image.shape, riesz)
    return np.asarray(ifftn(spectrum).real)


def _riesz(shape: Sequence[int], orders: Sequence[int]) -> Array:
    frequencies = _frequencies(shape)
    radius = np.sqrt(sum(axis**2 for axis in frequencies))
    radius[radius == 0] = 1
    order = sum(orders)
    weight = math.sqrt(math.factorial(order) / math.prod(math.factorial(one) for one in orders))
    powers = math.prod(axis**one for axis, one in zip(frequencies, orders, strict=True))
    return np.asarray((-1j) ** order * weight * powers / radius**order)


def _frequencies(shape: Sequence[int]) -> list[Array]:
    """Frequencies in the order of transforms, from -1 to 1: the consensus has both ends, on even axes too."""
    return list(np.meshgrid(*(np.fft.ifftshift(np.linspace(-1, 1, size)) for size in shape), indexing="ij"))
