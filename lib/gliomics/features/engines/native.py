"""The engine that needs no PyRadiomics: its definitions with NumPy and SciPy, in :mod:`gliomics.features.native`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.features.native import cooccurrence, first_order, shape, sizes, tones
from gliomics.features.native.counts import count
from gliomics.features.native.image_filters import IMAGE_TYPES, filtered
from gliomics.features.native.levels import Discretised
from gliomics.features.native.neighbours import RegionLevels, offsets_of
from gliomics.features.native.preparation import check_region, prepared, resampled_region, resegmented
from gliomics.study.volumes import Mask, Volume

__all__ = [
    "check_region", "feature_names", "filtered", "image_types", "intensity_features", "prepared", "resampled_region",
    "resegmented", "shape_features", "versions",
]  # fmt: skip

_LIBRARIES = ("SimpleITK", "PyWavelets", "numpy", "scipy")
_NO_LBP3D = "PyRadiomics' LBP3D needs functions that SciPy has removed; use LBP2D"
_NAMES: dict[str, tuple[str, ...]] = {
    "firstorder": first_order.FEATURES,
    "glcm": tuple(cooccurrence.FEATURES),
    "gldm": tuple(sizes.DEPENDENCES),
    "glrlm": tuple(sizes.RUNS),
    "glszm": tuple(sizes.ZONES),
    "ngtdm": tones.FEATURES,
    "shape": shape.SHAPE,
    "shape2D": shape.SHAPE_2D,
}
_ON_REQUEST: dict[str, tuple[str, ...]] = {
    "firstorder": first_order.ON_REQUEST,
    "shape": shape.SHAPE_ON_REQUEST,
    "shape2D": shape.SHAPE_2D_ON_REQUEST,
    # Names that parameter files may still hold; configurations with them are refused.
    "glcm": ("Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance"),
    "gldm": ("DependencePercentage", "GrayLevelNonUniformityNormalized"),
}


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide a feature's value."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name.lower()] = version(name)
        except PackageNotFoundError:  # then nothing can be measured that needs it
            continue
    return found


def image_types() -> dict[str, str | None]:
    """Names of the filters, ``Original`` among them, each with the reason if it cannot be used."""
    return {**dict.fromkeys(sorted(IMAGE_TYPES)), "LBP3D": _NO_LBP3D}


def feature_names() -> dict[str, list[str]]:
    """Names of the features by class."""
    return {kind: sorted((*names, *_ON_REQUEST.get(kind, ()))) for kind, names in _NAMES.items()}


def intensity_features(
    image: Volume,
    region: Mask,
    grey_levels: Discretised,
    classes: Mapping[str, list[str]],
    *,
    settings: Mapping[str, Any],
    what: str,
) -> dict[str, float]:
    """Features by class (all of a class where its list is empty), as ``firstorder_Mean``; NaN where undefined."""
    spacing = image.spacing[::-1]
    distances = settings.get("distances", [1])
    far = any(kind in classes for kind in ("glcm", "gldm", "ngtdm"))
    levels = RegionLevels.of(grey_levels.matrix, max(distances) if far else 1)
    offsets, adjacent = (offsets_of(levels.shape, reach, settings) for reach in (distances, [1]))
    if far and not offsets:
        kind = next(kind for kind in classes if kind in ("glcm", "gldm", "ngtdm"))
        raise InputError(
            f"{what} is too small for the neighbours at distances {distances}, in voxels, that {kind} looks for; set "
            "smaller distances"
        )
    counts = count(levels, offsets, adjacent, wanted=[*classes], tolerance=settings.get("gldm_a", 0))
    measures: dict[str, Callable[[Collection[str]], dict[str, float]]] = {
        "firstorder": lambda names: first_order.first_order_features(
            grey_levels.values, grey_levels.of_voxels, float(np.prod(image.spacing)), settings
        ),
        "glcm": lambda names: cooccurrence.cooccurrence_features(
            counts.pairs, offsets, grey_levels.levels, settings=settings, spacing=spacing, names=names
        ),
        "gldm": lambda names: sizes.dependence_features(counts.dependences),
        "glrlm": lambda names: sizes.run_features(counts.runs, adjacent, settings, spacing),
        "glszm": lambda names: sizes.zone_features(counts.zones),
        "ngtdm": lambda names: tones.tone_features(*counts.tones),
    }
    values: dict[str, float] = {}
    for kind, some in classes.items():
        names = some or _NAMES[kind]
        of_class = measures[kind](names)
        values |= {f"{kind}_{name}": of_class[name] for name in names}
    return values


def shape_features(region: Mask, kind: str, names: list[str], settings: Mapping[str, Any]) -> dict[str, float]:
    """Features of the class ``shape`` or ``shape2D``, as ``shape_MeshVolume``; ``region`` is cut to its box."""
    inside, spacing = (region.array == 1).transpose(2, 1, 0), region.spacing[::-1]
    if kind == "shape":
        values = shape.shape_features(inside, spacing)
    else:
        across = settings.get("force2Ddimension", 0)
        edges = [edge for axis, edge in enumerate(spacing) if axis != across]
        values = shape.slice_shape_features(inside.squeeze(across), edges)
    return {f"{kind}_{name}": values[name] for name in names or _NAMES[kind]}
