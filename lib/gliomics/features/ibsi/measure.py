"""Every feature of the standard's first part, of one region in one sequence."""

from __future__ import annotations

from collections.abc import Collection

from gliomics.features.ibsi import intensities
from gliomics.features.ibsi.catalogue import measured_tags, split_tag
from gliomics.features.ibsi.morphology import FROM_MASK, autocorrelation, mask_features, placed_intensities
from gliomics.features.ibsi.preparation import PreparedRegion, prepared_region
from gliomics.features.ibsi.settings import IbsiSettings
from gliomics.features.ibsi.textures import texture_features
from gliomics.features.sequence import PreparedSequence
from gliomics.features.windows import window_of
from gliomics.study.volumes import Mask

Features = dict[str, float]

_TEXTURES = {"cm", "rlm", "szm", "dzm", "ngt", "ngl"}


def ibsi_features(
    name: str, sequence: PreparedSequence, mask: Mask, settings: IbsiSettings, *, tags: Collection[str], what: str
) -> Features:
    """The features of a mask of 0 and 1 in the sequence ``name``, by column; all where ``tags`` is empty.

    Columns are ``original_ibsi_<tag>`` for what the mask alone decides, else ``<sequence>_original_ibsi_<tag>``, after
    a filter ``<sequence>_<kind>-<dimensions>_ibsi_<tag>``. ``what`` is the region's name in errors. Raises
    :class:`InputError` for a region that cannot be measured so.
    """
    region = prepared_region(sequence, mask, settings, what)
    found = region_features(region, settings, tags or measured_tags(), what)
    of_mask = {f"morph_{tag}" for tag in FROM_MASK}
    image = "original" if settings.filter is None else f"{settings.filter.kind}-{settings.filter.dimensions}"
    return {
        f"original_ibsi_{tag}" if tag in of_mask else f"{name}_{image}_ibsi_{tag}": value
        for tag, value in found.items()
    }


def region_features(region: PreparedRegion, settings: IbsiSettings, tags: Collection[str], what: str) -> Features:
    """The features ``tags`` of a prepared region, textures in each way of joining slices and directions."""
    families = {tag.split("_")[0] for tag in tags}
    values = region.values
    limits = settings.range if settings.filter is None else None
    features: Features = {}
    if "morph" in families:
        shape = mask_features(region.morphology, region.spacing)
        features |= _prefixed("morph", shape | placed_intensities(region, shape["volume"]))
    if {"morph_moran_i", "morph_geary_c"} & {*tags}:
        box = window_of(region.intensity).box
        moran, geary = autocorrelation(region.image[box], region.intensity[box], region.spacing)
        features |= {"morph_moran_i": moran, "morph_geary_c": geary}
    if "loc" in families:
        features |= _prefixed("loc", intensities.peaks(region.image, region.intensity, region.spacing))
    if "stat" in families:
        features |= _prefixed("stat", intensities.statistics(values))
    if "ivh" in families:
        found = intensities.volume_histogram(values, settings.volume_histogram, limits, what)
        features |= _prefixed("ivh", found)
    if families & {"ih", *_TEXTURES}:
        levels = intensities.levels_of(values, settings.bins, limits[0] if limits is not None else None, what)
        if "ih" in families:
            features |= _prefixed("ih", intensities.histogram(levels, settings.bins.count or int(levels.max())))
        if families & _TEXTURES:
            box = window_of(region.morphology).box
            features |= texture_features(levels, region.intensity[box], region.morphology[box], settings.dimensions)
    wanted = {*tags}
    return {tag: float(value) for tag, value in features.items() if split_tag(tag)[0] in wanted}


def _prefixed(prefix: str, features: Features) -> Features:
    return {f"{prefix}_{tag}": value for tag, value in features.items()}
