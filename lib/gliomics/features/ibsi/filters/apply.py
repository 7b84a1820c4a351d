"""A filter of the settings on an image, and how far from a voxel its response there depends on the image."""

from __future__ import annotations

import math

import numpy as np

from gliomics.errors import InputError
from gliomics.features.ibsi.filters import fourier, gabor, separable
from gliomics.features.ibsi.filters.separable import Array
from gliomics.features.ibsi.filters.settings import (
    AnyFilter,
    Filter,
    Gabor,
    LaplacianOfGaussian,
    Laws,
    Mean,
    Simoncelli,
    Wavelet,
)

Spacing = tuple[float, float, float]
_SAME = 1e-3
"""Edges of voxels that differ by less, as a share, are of one length."""


def filtered(image: Array, chosen: AnyFilter, spacing: Spacing, what: str) -> Array:
    """The response of an image, (i, j, k) with voxels of ``spacing`` mm; ``what`` is its name in errors.

    Raises :class:`InputError` where a filter that is the same in all directions, or a Riesz transform, meets voxels
    that are not.
    """
    axes, boundary = chosen.axes, chosen.boundary
    if isinstance(chosen, Mean):
        return separable.mean_filter(image, chosen.size, axes, boundary)
    if isinstance(chosen, LaplacianOfGaussian):
        sigma = [chosen.sigma / edge for edge in spacing[:axes]]
        response = separable.laplacian_of_gaussian(image, sigma, chosen.truncate, boundary)
        if chosen.riesz is None:
            return response
        _one_edge(spacing, chosen, what)
        return fourier.filtered(response, None, chosen.riesz)
    if isinstance(chosen, Laws):
        kernels = separable.laws(chosen.kernels)
        if chosen.pooling is None:
            response = separable.along_axes(image, kernels, boundary)
        else:
            turned = (separable.along_axes(image, some, boundary) for some in separable.rotations(kernels))
            response = separable.pool(turned, chosen.pooling)
        return response if chosen.energy is None else separable.energy(response, chosen.energy, axes, boundary)
    if isinstance(chosen, Wavelet):
        return separable.wavelet(image, chosen.family, chosen.band, chosen.level, boundary, pooling=chosen.pooling)
    edge = _one_edge(spacing[:axes], chosen, what)
    if isinstance(chosen, Gabor):
        angles = [math.radians(angle) for angle in chosen.angles]
        waves = gabor.Waves(chosen.sigma / edge, chosen.wavelength / edge, chosen.ratio, angles)
        return (gabor.gabor if axes == 2 else gabor.over_planes)(image, waves, boundary, chosen.pooling)
    assert isinstance(chosen, Simoncelli)
    transfer = fourier.simoncelli(image.shape[:axes], chosen.level)
    if axes == 3:
        return fourier.filtered(image, transfer, chosen.riesz)
    return np.stack([fourier.filtered(image[:, :, number], transfer) for number in range(image.shape[2])], axis=2)


def reach_mm(chosen: Filter, spacing: Spacing) -> float:
    """Beyond so many mm the image does not change a response; infinite for what is made in the Fourier domain."""
    longest = max(spacing)
    if isinstance(chosen, Mean):
        return chosen.size * longest
    if isinstance(chosen, LaplacianOfGaussian) and chosen.riesz is None:
        return chosen.truncate * chosen.sigma + longest
    if isinstance(chosen, Laws):
        return (3 + (chosen.energy or 0)) * longest
    if isinstance(chosen, Gabor):
        return (gabor.Waves(chosen.sigma, chosen.wavelength, chosen.ratio, []).reach + 1) + longest
    if isinstance(chosen, Wavelet):
        import pywt

        return float(pywt.Wavelet(chosen.family).dec_len * 2**chosen.level * longest)
    return math.inf


def _one_edge(spacing: tuple[float, ...], chosen: AnyFilter, what: str) -> float:
    if max(spacing) > (1 + _SAME) * min(spacing):
        edges = " x ".join(f"{edge:g}" for edge in spacing)
        in_slices = ", or 'dimensions: 2D' for the filter" if len(spacing) == 3 else ""
        raise InputError(
            f"{what} has voxels of {edges} mm, and the filter '{chosen.kind}' as it is set takes them for cubes: set "
            f"'voxelSize' to edges of one length{in_slices}"
        )
    return spacing[0]
