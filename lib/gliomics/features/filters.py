"""Filtered images of a sequence, cut to the regions that will be measured in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gliomics.features.config import FeatureConfig
from gliomics.features.engines.interface import Engine, engine_of
from gliomics.features.sequence import PreparedSequence
from gliomics.features.windows import Window, filter_window, union, whole_of, window_of
from gliomics.study.volumes import Mask, Volume


@dataclass(frozen=True)
class MaskedRegion:
    """What to measure: its name in errors, its mask of 0 and 1 and the mask's box, with ``room`` layers around it."""

    name: str
    mask: Mask
    window: Window
    room: int = 0

    def with_mask(self, mask: Mask) -> MaskedRegion:
        """The region as another mask has it."""
        return masked_region(self.name, mask, self.room)


def masked_region(name: str, mask: Mask, room: int = 0) -> MaskedRegion:
    """A region with its box and so many layers of voxels around that, as far as the image goes."""
    i, j, k = (
        slice(max(part.start - room, 0), min(part.stop + room, size))
        for part, size in zip(window_of(mask.array > 0).box, mask.shape, strict=True)
    )
    return MaskedRegion(name, mask, Window((i, j, k)), room)


@dataclass(frozen=True)
class FilteredRegion:
    """One region in one filtered image: both cut to the region's box, with PyRadiomics' settings for this filter."""

    index: int
    name: str
    image: Volume
    mask: Mask
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class UnfilteredRegion:
    """A filter that PyRadiomics does not apply to the image of a region, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class _Source:
    """An image and the regions in it: the sequence with all of them, unless PyRadiomics cuts it out for each."""

    sequence: PreparedSequence
    regions: dict[int, MaskedRegion]


def filtered_regions(
    sequence: PreparedSequence, regions: Sequence[MaskedRegion], config: FeatureConfig, plane: Mapping[str, Any]
) -> Iterator[FilteredRegion | UnfilteredRegion]:
    """Every region after every filter of ``config``; ``index`` counts the regions.

    Each filter runs once, over the part of the image that its result in any region depends on. ``plane`` holds
    PyRadiomics' settings for textures within slices, or nothing.
    """
    general, engine = config.general_settings, engine_of(config.engine)
    for unchecked in _sources(sequence, regions, general, engine):
        source = _resegmented(unchecked, general, engine)
        for image_type in config.image_type:
            settings = {**config.settings_of(image_type), **plane}
            for variant in _variants(image_type, settings):
                yield from _filtered(source, image_type, variant, engine)


def _variants(image_type: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """LoG one sigma at a time: a small one must see little of the image."""
    if image_type != "LoG":
        return [settings]
    return [{**settings, "sigma": [sigma]} for sigma in settings["sigma"]]


def _sources(
    sequence: PreparedSequence, regions: Sequence[MaskedRegion], settings: Mapping[str, Any], engine: Engine
) -> list[_Source]:
    whole = dict(enumerate(regions))
    cut_out = settings.get("resampledPixelSpacing") is not None or settings.get("preCrop", False)
    if not settings.get("normalize") and not cut_out:
        return [_Source(sequence, whole)]
    image = sequence.crop(whole_of(sequence.raw))
    if not cut_out:
        ((normalised, _),) = engine.prepared(image, {regions[0].name: regions[0].mask}, settings)
        return [_Source(PreparedSequence(normalised), whole)]
    pairs = engine.prepared(image, {region.name: region.mask for region in regions}, settings)
    return [
        _Source(PreparedSequence(part), {index: region.with_mask(mask)})
        for (index, region), (part, mask) in zip(whole.items(), pairs, strict=True)
    ]


def _resegmented(source: _Source, settings: Mapping[str, Any], engine: Engine) -> _Source:
    """The same source without the voxels that ``resegmentRange`` leaves out."""
    if settings.get("resegmentRange") is None:
        return source
    regions = {}
    for index, region in source.regions.items():
        part, mask = source.sequence.crop(region.window), region.window.crop(region.mask)
        inside = np.zeros_like(region.mask.array)
        inside[region.window.box] = engine.resegmented(part, mask, settings, region.name).array
        regions[index] = region.with_mask(region.mask.with_array(inside))
    return _Source(source.sequence, regions)


def _filtered(
    source: _Source, image_type: str, settings: Mapping[str, Any], engine: Engine
) -> Iterator[FilteredRegion | UnfilteredRegion]:
    needed = union(region.window for region in source.regions.values())
    whole = source.sequence.raw
    seen = filter_window(needed, image_type, settings, whole)
    empty = True
    for name, result in engine.filtered(source.sequence.crop(seen), image_type, settings, needed.within(seen)):
        empty = False
        for index, region in source.regions.items():
            part = region.window.within(needed).crop(result)
            yield FilteredRegion(index, name, part, region.window.crop(region.mask), settings)
    if empty:
        size, edges = (" x ".join(f"{number:g}" for number in numbers) for numbers in (whole.shape, whole.spacing))
        sigma = ", ".join(f"{sigma:g}" for sigma in settings["sigma"])
        reason = (
            f"{image_type} with sigma {sigma} mm is left out: it needs at least four voxels and more than sigma along "
            f"each axis, and the image has {size} voxels of {edges} mm"
        )
        yield from (UnfilteredRegion(index, reason) for index in source.regions)
