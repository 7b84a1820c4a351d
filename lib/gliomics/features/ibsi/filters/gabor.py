"""Gabor filters of slices: waves under a Gaussian, in any direction, and averaged over the three planes of a volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import fft2, ifft2, next_fast_len

from gliomics.features.ibsi.filters.separable import Array, pool
from gliomics.features.ibsi.filters.settings import Boundary, Pooling

_PAD: dict[Boundary, str] = {"zero": "constant", "nearest": "edge", "periodic": "wrap", "mirror": "symmetric"}
_REACH = 5.5
"""Deviations at which the Gaussian is 3e-7 of its height, and the kernel ends."""


@dataclass(frozen=True)
class Waves:
    """Lengths in voxels; ``ratio`` is the Gaussian's deviation along the waves over that across; angles in radians."""

    sigma: float
    wavelength: float
    ratio: float
    angles: list[float]

    @property
    def reach(self) -> int:
        """How many voxels away the kernels end."""
        return int(np.ceil(_REACH * self.sigma / min(self.ratio, 1)))

    def kernels(self, shape: list[int]) -> list[npt.NDArray[np.complex128]]:
        """The transform of the kernel of each angle."""
        steps = np.arange(-self.reach, self.reach + 1)
        x, y = np.meshgrid(steps, steps, indexing="ij")
        found = []
        for angle in self.angles:
            along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
            gauss = np.exp(-(along**2 + (self.ratio * across) ** 2) / (2 * self.sigma**2))
            found.append(np.asarray(fft2(gauss * np.exp(2j * np.pi * along / self.wavelength), shape)))
        return found


def gabor(image: Array, waves: Waves, boundary: Boundary, pooling: Pooling) -> Array:
    """Modulus of the response of slices across k, pooled over angles."""
    reach = waves.reach
    shape = [next_fast_len(size + 2 * reach) for size in image.shape[:2]]
    kernels = waves.kernels(shape)
    inner = tuple(slice(2 * reach, 2 * reach + size) for size in image.shape[:2])
    response, mode = np.empty_like(image), _PAD[boundary]
    for number in range(image.shape[2]):
        padded: Any = np.pad(image[:, :, number], reach, mode=mode)  # type: ignore[call-overload]
        response[:, :, number] = pool(_moduli(fft2(padded, shape), kernels, inner), pooling)
    return response


def over_planes(image: Array, waves: Waves, boundary: Boundary, pooling: Pooling) -> Array:
    """The mean over the three planes of a volume."""
    total = np.zeros_like(image)
    for order in ((0, 1, 2), (1, 2, 0), (0, 2, 1)):
        total += gabor(image.transpose(order), waves, boundary, pooling).transpose(np.argsort(order))
    return total / 3


def _moduli(spectrum: Any, kernels: list[Any], inner: tuple[slice, ...]) -> Iterator[Array]:
    for kernel in kernels:
        yield np.abs(ifft2(spectrum * kernel)[inner])
