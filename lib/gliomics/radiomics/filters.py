"""Filtered images of a sequence, cut to the regions that will be measured in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics import engine
from gliomics.radiomics.config import FeatureConfig
from gliomics.radiomics.sequence import PreparedSequence
from gliomics.radiomics.windows import Window, filter_window, union, window_of
from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.records import Mask

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class FilteredRegion:
    """One region in one filtered image: both cut to the region's box, with PyRadiomics' settings for this filter."""

    index: int
    name: str
    image: sitk.Image
    roi: sitk.Image
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class _Source:
    """An image and the regions in it: the sequence with all of them, unless PyRadiomics resamples each by itself."""

    sequence: PreparedSequence
    regions: dict[int, tuple[Mask, Window]]


def filtered_regions(
    sequence: PreparedSequence,
    regions: Sequence[tuple[Mask, Window]],
    config: FeatureConfig,
    plane: Mapping[str, Any],
) -> Iterator[FilteredRegion]:
    """Every region (a mask of 0 and 1 and its box) after every filter of ``config``; ``index`` counts the regions.

    Each filter runs once, over the part of the image that its result in any region depends on. ``plane`` holds
    PyRadiomics' settings for textures within slices, or nothing.
    """
    general = config.general_settings
    for unchecked in _sources(sequence, regions, general):
        source = _resegmented(unchecked, general)
        for image_type in config.image_type:
            settings = {**config.settings_of(image_type), **plane}
            for variant in _variants(image_type, settings):
                yield from _filtered(source, image_type, variant)


def _variants(image_type: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """LoG one sigma at a time: a small one must see little of the image."""
    if image_type != "LoG":
        return [settings]
    return [{**settings, "sigma": [sigma]} for sigma in settings["sigma"]]


def _sources(
    sequence: PreparedSequence, regions: Sequence[tuple[Mask, Window]], settings: Mapping[str, Any]
) -> list[_Source]:
    whole = dict(enumerate(regions))
    if not settings.get("normalize") and settings.get("resampledPixelSpacing") is None:
        return [_Source(sequence, whole)]
    everything = Window(tuple(slice(0, size) for size in sequence.raw.shape))  # type: ignore[arg-type]
    image = to_sitk(sequence.crop(everything))
    if settings.get("resampledPixelSpacing") is None:
        normalised, _ = engine.prepared(image, to_sitk(regions[0][0]), settings)
        return [_Source(PreparedSequence(from_sitk(normalised)), whole)]
    sources = []
    for index, (mask, _) in whole.items():
        resampled, roi = (from_sitk(item) for item in engine.prepared(image, to_sitk(mask), settings))
        inside = roi.with_array((roi.array == 1).astype(np.uint8))
        sources.append(_Source(PreparedSequence(resampled), {index: (inside, window_of(inside.array > 0))}))
    return sources


def _resegmented(source: _Source, settings: Mapping[str, Any]) -> _Source:
    """The same source with its regions checked, and without the voxels that ``resegmentRange`` leaves out."""
    kept = {}
    for index, (mask, window) in source.regions.items():
        roi = to_sitk(window.crop(mask))
        engine.check_region(roi, settings)
        if settings.get("resegmentRange") is not None:
            inside = np.zeros_like(mask.array)
            found = engine.resegmented(to_sitk(source.sequence.crop(window)), roi, settings)
            inside[window.box] = from_sitk(found).array
            mask, window = mask.with_array(inside), window_of(inside > 0)
        kept[index] = (mask, window)
    return _Source(source.sequence, kept)


def _filtered(source: _Source, image_type: str, settings: Mapping[str, Any]) -> Iterator[FilteredRegion]:
    needed = union(window for _, window in source.regions.values())
    seen = filter_window(needed, image_type, settings, source.sequence.raw)
    image = to_sitk(source.sequence.crop(seen))
    for name, result in engine.filtered(image, image_type, settings, needed.within(seen).box):
        for index, (mask, window) in source.regions.items():
            cut = result[window.within(needed).box]
            yield FilteredRegion(index, name, cut, to_sitk(window.crop(mask)), settings)
