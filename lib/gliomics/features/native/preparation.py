"""What happens to an image and a region before they are measured: scale, voxel size, and what is left of the region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.features.windows import Window, window_of
from gliomics.preprocess.resampling import check_for_splines, check_size
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.volumes import Mask, Volume

_normalized: Callable[[sitk.Image], sitk.Image] = sitk.Normalize
_PADDING = 5
"""Voxels that PyRadiomics keeps around a resampled region."""


class _Resampler(Protocol):
    """SimpleITK's filter, which has no types."""

    def SetOutputSpacing(self, spacing: list[float], /) -> None: ...  # noqa: N802
    def SetOutputDirection(self, direction: list[float], /) -> None: ...  # noqa: N802
    def SetOutputOrigin(self, origin: list[float], /) -> None: ...  # noqa: N802
    def SetSize(self, size: list[int], /) -> None: ...  # noqa: N802
    def SetInterpolator(self, interpolator: int, /) -> None: ...  # noqa: N802
    def Execute(self, image: sitk.Image, /) -> sitk.Image: ...  # noqa: N802


_new_resampler: Callable[[], _Resampler] = sitk.ResampleImageFilter


def prepared(image: Volume, regions: Mapping[str, Mask], settings: Mapping[str, Any]) -> Iterator[tuple[Volume, Mask]]:
    """The image after ``normalize``, ``resampledPixelSpacing`` and ``preCrop``, for each region.

    ``regions`` are masks of 0 and 1 by their names in errors; each comes with its image, on the grid of that.
    """
    spacing = settings.get("resampledPixelSpacing")
    interpolator = settings.get("interpolator", "sitkBSpline")
    if spacing and interpolator == "sitkBSpline":
        check_for_splines(image, f"the image of {next(iter(regions))}")
    if settings.get("normalize"):
        image = _normalised(image, settings)
    for what, region in regions.items():
        check_size(image.shape, image.spacing, spacing or (0, 0, 0), what)
        around = settings.get("padDistance", _PADDING)
        if spacing:
            yield _resampled(image, region, spacing, around, getattr(sitk, interpolator))
        elif settings.get("preCrop"):
            check_region(region, settings, what)
            box = _padded(window_of(region.array == 1), around, region)
            yield box.crop(image), box.crop(region)
        else:
            yield image, region


def resampled_region(region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
    """A region after ``resampledPixelSpacing`` and ``preCrop``."""
    nearest = {**settings, "normalize": False, "interpolator": "sitkNearestNeighbor"}
    ((_, resampled),) = prepared(region, {what: region}, nearest)
    return resampled


def check_region(region: Mask, settings: Mapping[str, Any], what: str) -> None:
    """Refuse a region with fewer dimensions than ``minimumROIDimensions`` or no more voxels than ``minimumROISize``."""
    least_dimensions = settings.get("minimumROIDimensions", 2)
    dimensions = sum(part.stop - part.start > 1 for part in window_of(region.array > 0).box)
    if dimensions == 0:
        raise _refused(what, "mask only contains 1 segmented voxel! Cannot extract features for a single voxel.")
    if dimensions < least_dimensions:
        found = f"number of dimensions {dimensions}, minimum required {least_dimensions}"
        raise _refused(what, f"mask has too few dimensions ({found})")
    least, count = settings.get("minimumROISize"), int(np.count_nonzero(region.array))
    if least is not None and count <= least:
        raise _refused(what, f"Size of the ROI is too small (minimum size: {least:g}, ROI size: {count:g}")


def resegmented(image: Volume, region: Mask, settings: Mapping[str, Any], what: str) -> Mask:
    """The region without the voxels outside ``resegmentRange``: intensities, shares of the highest, or deviations."""
    inside = region.array == 1
    values = image.array.transpose(2, 1, 0)[inside.transpose(2, 1, 0)]
    mode, limits = settings.get("resegmentMode", "absolute"), sorted(settings["resegmentRange"])
    if mode == "relative":
        limits = [values.max() * limit for limit in limits]
    elif mode == "sigma":
        limits = [values.mean() + values.std() * limit for limit in limits]
    kept = inside & (image.array >= limits[0])
    if len(limits) == 2:
        kept &= image.array <= limits[1]
    count = int(np.count_nonzero(kept))
    if count <= 1:
        raise _refused(
            what, f"Resegmentation excluded too many voxels with label 1 (retained {count} voxel(s))! Cannot extract "
            "features"
        )  # fmt: skip
    rest = region.with_array(kept.astype(np.uint8))
    check_region(rest, settings, f"{what}, after resegmentRange,")
    return rest


def _refused(what: str, reason: str) -> InputError:
    return InputError(f"{what} cannot be measured: {reason}; change the region or the setting of this limit")


def _normalised(image: Volume, settings: Mapping[str, Any]) -> Volume:
    """Deviations from the mean of all voxels, at most ``removeOutliers`` of them, times ``normalizeScale``."""
    normal = from_sitk(_normalized(to_sitk(image))).array
    outliers = settings.get("removeOutliers")
    if outliers is not None:
        normal = np.clip(normal, -outliers, outliers)
    return image.with_array(normal * np.asarray(settings.get("normalizeScale", 1), dtype=normal.dtype))


def _padded(window: Window, layers: int, volume: Volume) -> Window:
    i, j, k = (
        slice(max(part.start - layers, 0), min(part.stop + layers, size))
        for part, size in zip(window.box, volume.shape, strict=True)
    )
    return Window((i, j, k))


def _resampled(
    image: Volume, region: Mask, new_spacing: list[float], around: int, interpolator: int
) -> tuple[Volume, Mask]:
    """Image and region in voxels of another size (0: as it is), over the region and ``around`` voxels more.

    The corner of the new grid is that of the image; along an axis where the region is one voxel wide, voxels stay.
    """
    old, shape = np.array(image.spacing), np.array(image.shape)
    box = window_of(region.array == 1)
    start, stop = np.array([part.start for part in box.box]), np.array([part.stop for part in box.box])
    wanted = np.array(new_spacing)
    spacing = np.where((wanted == 0) | (stop - start == 1), old, wanted)
    if np.allclose(old, spacing):
        part = _padded(box, around, region)
        return part.crop(image), part.crop(region)
    ratio = old / spacing
    first = np.maximum(np.floor((start - 0.5) * ratio - around), 0)
    last = np.minimum(np.ceil((stop - 0.5) * ratio + around), np.ceil(shape * ratio) - 1)
    itk_region: Any = to_sitk(region)
    # The origin is in the middle of a voxel, which is half a new voxel from the corner.
    index = 0.5 * (spacing - old) / old + first / ratio
    resampler = _new_resampler()
    resampler.SetOutputSpacing(spacing.tolist())
    resampler.SetOutputDirection(list(itk_region.GetDirection()))
    resampler.SetSize((last - first + 1).astype(int).tolist())
    resampler.SetOutputOrigin(list(itk_region.TransformContinuousIndexToPhysicalPoint(index.tolist())))
    resampler.SetInterpolator(interpolator)
    resampled = from_sitk(resampler.Execute(to_sitk(image)))
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    inside = from_sitk(resampler.Execute(itk_region))
    return resampled, inside.with_array((inside.array == 1).astype(np.uint8))
