"""Images and masks brought to voxels of another size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.volumes import Volume

MOST_VOXELS = 1e9
"""A head of 200 mm in voxels of 0.2 mm."""


def resample_to_spacing(
    volume: Volume, spacing: tuple[float, float, float], *, labels: bool = False, name: str = "the image"
) -> Volume:
    """``volume`` with voxels of ``spacing`` mm along i, j and k, covering the same box from the same corner.

    Images are interpolated by cubic B-splines and kept within their own range, which splines overshoot at edges; with
    ``labels`` the nearest voxel's value is taken and the type kept. Raises :class:`InputError` for an image of two
    slices, which splines cannot interpolate, and for more voxels than are computed with; ``name`` is the image's in
    errors.
    """
    if not labels:
        check_for_splines(volume, name)
    check_size(volume.shape, volume.spacing, spacing, name)
    size = [max(1, round(n * old / new)) for n, old, new in zip(volume.shape, volume.spacing, spacing, strict=True)]
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(spacing)
    shift = (np.array(spacing) - np.array(volume.spacing)) / 2
    affine[:3, 3] = volume.affine[:3, 3] + directions @ shift
    grid = Volume(np.broadcast_to(np.uint8(0), (size[0], size[1], size[2])), affine)
    if labels:
        return grid.with_array(_resampled(to_sitk(volume), grid, sitk.sitkNearestNeighbor))
    precise = volume.with_array(volume.array.astype(np.float64))
    array = _resampled(to_sitk(precise), grid, sitk.sitkBSpline)
    return grid.with_array(np.clip(array, volume.array.min(), volume.array.max()))


def check_size(shape: Sequence[int], spacing: Sequence[float], new: Sequence[float], name: str) -> None:
    """Raise :class:`InputError` where voxels of ``new`` mm would be more than :data:`MOST_VOXELS`; 0 keeps an axis."""
    voxels = math.prod(n * (old / edge if edge else 1) for n, old, edge in zip(shape, spacing, new, strict=True))
    if voxels > MOST_VOXELS:
        raise InputError(
            f"{name} would have {voxels:.2g} voxels of {' x '.join(f'{size:g}' for size in new)} mm; at most "
            f"{MOST_VOXELS:.2g} are computed with: resample to larger voxels"
        )


def check_for_splines(volume: Volume, name: str) -> None:
    """Raise :class:`InputError` for two voxels along an axis, of which ITK's cubic splines make arbitrary values."""
    if 2 in volume.shape:
        raise InputError(
            f"{name} has two voxels along an axis, shape {volume.shape}; resampling by splines takes one or at least "
            "three: give more slices or leave out the resampling"
        )


class _Resampler(Protocol):
    """SimpleITK's filter, which has no types."""

    def SetReferenceImage(self, image: sitk.Image, /) -> None: ...  # noqa: N802
    def SetInterpolator(self, interpolator: int, /) -> None: ...  # noqa: N802
    def UseNearestNeighborExtrapolatorOn(self, /) -> None: ...  # noqa: N802
    def Execute(self, image: sitk.Image, /) -> sitk.Image: ...  # noqa: N802


def _resampled(moving: sitk.Image, grid: Volume, interpolator: int) -> npt.NDArray[Any]:
    new_resampler: Callable[[], _Resampler] = sitk.ResampleImageFilter
    resampler = new_resampler()
    resampler.SetReferenceImage(to_sitk(grid))
    resampler.SetInterpolator(interpolator)
    resampler.UseNearestNeighborExtrapolatorOn()
    return from_sitk(resampler.Execute(moving)).array
