"""Images and masks brought to voxels of another size."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.records import Volume


def resample_to_spacing(
    volume: Volume, spacing: tuple[float, float, float], *, labels: bool = False, name: str = "the image"
) -> Volume:
    """``volume`` with voxels of ``spacing`` mm along i, j and k, covering the same box from the same corner.

    Images are interpolated by cubic B-splines and kept within their own range, which splines overshoot at edges; with
    ``labels`` the nearest voxel's value is taken and the type kept. Raises :class:`InputError` for an image of two
    slices, which splines cannot interpolate; ``name`` is the image's in errors.
    """
    if not labels:
        check_for_splines(volume, name)
    size = [max(1, round(n * old / new)) for n, old, new in zip(volume.shape, volume.spacing, spacing, strict=True)]
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(spacing)
    shift = (np.array(spacing) - np.array(volume.spacing)) / 2
    affine[:3, 3] = volume.affine[:3, 3] + directions @ shift
    grid = Volume(np.broadcast_to(np.uint8(0), (size[0], size[1], size[2])), affine)
    moving = to_sitk(volume)
    if labels:
        return grid.with_array(_resampled(moving, grid, sitk.sitkNearestNeighbor))
    array = _resampled(sitk.Cast(moving, sitk.sitkFloat64), grid, sitk.sitkBSpline)
    return grid.with_array(np.clip(array, volume.array.min(), volume.array.max()))


def check_for_splines(volume: Volume, name: str) -> None:
    """Raise :class:`InputError` for two voxels along an axis, of which ITK's cubic splines make arbitrary values."""
    if 2 in volume.shape:
        raise InputError(
            f"{name} has two voxels along an axis, shape {volume.shape}; resampling by splines takes one or at least "
            "three: give more slices or leave out the resampling"
        )


def _resampled(moving: sitk.Image, grid: Volume, interpolator: int) -> np.ndarray:
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(to_sitk(grid))
    resampler.SetInterpolator(interpolator)
    resampler.UseNearestNeighborExtrapolatorOn()
    return from_sitk(resampler.Execute(moving)).array
