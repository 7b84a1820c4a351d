"""PyRadiomics' features of IBSI's phantoms, as near as its settings come to each configuration.

Which of its features is which of the standard's, and in what relation they stand, is in the standard's catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.features.config import parse_config
from gliomics.features.describe import descriptions
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.ibsi.catalogue import split_tag
from gliomics.features.ibsi.comparison import PHANTOMS, ConsensusValue, within
from gliomics.study import Mask, Volume, read_mask, read_volume

Features = dict[str, float]

_CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
_WITHIN = {"force2D": True}
_MERGED = {"weightingNorm": "no_weighting"}
_LINEAR = {"interpolator": "sitkLinear"}


@dataclass(frozen=True)
class Aggregation:
    """One of IBSI's ways of joining slices and directions; ``each``: the mean over the rows of ``slices: each``."""

    name: str
    setting: Mapping[str, object]
    each: bool = False


AGGREGATIONS = {
    "2D_avg": Aggregation("2-D, averaged", {}, each=True),
    "2D_comb": Aggregation("2-D, merged", _MERGED, each=True),
    "2_5D_avg": Aggregation("2.5-D, averaged", _WITHIN),
    "2_5D_comb": Aggregation("2.5-D, merged", {**_WITHIN, **_MERGED}),
    "3D_avg": Aggregation("3-D, averaged", {}),
    "3D_comb": Aggregation("3-D, merged", _MERGED),
    "2D": Aggregation("2-D", {}, each=True),
    "2_5D": Aggregation("2.5-D", _WITHIN),
    "3D": Aggregation("3-D", {}),
}
"""By the suffix of IBSI's tags."""
_PLANAR = ("2_5D", "2_5D_avg", "2_5D_comb", "2D", "2D_avg", "2D_comb")
_SPATIAL = ("3D", "3D_avg", "3D_comb")

RELATIONS: dict[str, Callable[[float, int], float]] = {
    "equal": lambda value, voxels: value,
    "alias": lambda value, voxels: value,
    "excess": lambda value, voxels: value - 3,
    "unbiased": lambda value, voxels: value * math.sqrt(voxels / (voxels - 1)),
}
"""IBSI's value from PyRadiomics' and the number of voxels."""


@dataclass(frozen=True)
class Configuration:
    """The settings nearest to one of IBSI's configurations, and its ways of joining slices and directions.

    What knows no way is measured in the first of these.
    """

    setting: Mapping[str, Any]
    aggregations: tuple[str, ...]


CONFIGURATIONS = {
    "digital": Configuration({"binWidth": 1}, (*_SPATIAL, *_PLANAR)),
    "A": Configuration({"resegmentRange": [-500, 400], "binWidth": 25}, _PLANAR),
    "B": Configuration(
        {"resegmentRange": [-500, 400], "binCount": 32, "resampledPixelSpacing": [2, 2, 0], **_LINEAR}, _PLANAR
    ),
    "C": Configuration(
        {"resegmentRange": [-1000, 400], "binWidth": 25, "resampledPixelSpacing": [2, 2, 2], **_LINEAR}, _SPATIAL
    ),
    "D": Configuration(
        {"resegmentRange": [-3, 3], "resegmentMode": "sigma", "binCount": 32, "resampledPixelSpacing": [2, 2, 2]}
        | _LINEAR,
        _SPATIAL,
    ),
    "E": Configuration({"resegmentRange": [-1000, 400], "binCount": 32, "resampledPixelSpacing": [2, 2, 2]}, _SPATIAL),
}


@dataclass(frozen=True)
class Plain:
    """PyRadiomics' features of one phantom by suffix of IBSI's tags, and the voxels of the region."""

    features: Mapping[str, Features]
    first: str
    voxels: int

    def value(self, value: ConsensusValue) -> float | None:
        """PyRadiomics' value where it has one."""
        way = split_tag(value.tag)[1] or self.first
        return self.features[way].get(value.of.feature) if value.of.feature else None

    def matches(self, value: ConsensusValue, *, related: bool = True) -> bool:
        """Whether it is the consensus value, be it after the known relation of the two definitions."""
        found = self.value(value)
        if found is None:
            return False
        both = (found, RELATIONS[value.of.relation](found, self.voxels)) if related else (found,)
        return any(within(one, value.consensus, value.tolerance) for one in both)


def measure_plain(folder: Path) -> dict[str, Plain]:
    """Every phantom of ``ibsi`` in the folder of the real cases, by its name."""
    found = {}
    for phantom in PHANTOMS:
        image, mask = read_volume(folder / phantom.image), read_mask(folder / phantom.mask)
        configuration = CONFIGURATIONS[phantom.name]
        by_settings: dict[str, Features] = {}
        features, voxels = {}, 0
        for suffix in configuration.aggregations:
            aggregation = AGGREGATIONS[suffix]
            key = f"{aggregation.setting} {aggregation.each}"
            if key not in by_settings:
                by_settings[key], count = _features(image, mask, configuration, aggregation)
                voxels = voxels if aggregation.each else count
            features[suffix] = by_settings[key]
        found[phantom.name] = Plain(features, configuration.aggregations[0], voxels)
    return found


def _features(
    image: Volume, mask: Mask, configuration: Configuration, aggregation: Aggregation
) -> tuple[Features, int]:
    classes: dict[str, list[str]] = {name: [] for name in _CLASSES}
    if not aggregation.each:
        classes["shape"] = [one.name for one in descriptions() if one.feature_class == "shape"]
    content = {
        "featureClass": classes,
        "setting": {**configuration.setting, **aggregation.setting},
        "slices": "each" if aggregation.each else "volume",
    }
    rows = extract_regions(StudyImages("phantom", {"ct": image}), {"whole": mask}, parse_config(content, "ibsi.yaml"))
    names = rows[0].values
    means = {name: float(np.mean([row.values[name] for row in rows if name in row.values])) for name in names}
    return {"_".join(name.split("_")[-2:]): value for name, value in means.items()}, rows[0].diagnostics["voxels"]
