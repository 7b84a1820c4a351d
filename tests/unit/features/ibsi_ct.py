"""Our features of IBSI's CT phantom under its configurations A to E, as near as settings come to them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.features.config import parse_config
from gliomics.features.describe import descriptions
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.study import Mask, Volume, read_mask, read_volume
from tests.unit.features.ibsi import AGGREGATIONS, RELATIONS, Aggregation, Features, half_a_digit, read_mapping, split

_CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
_PLANAR = ("2_5D", "2_5D_avg", "2_5D_comb", "2D", "2D_avg", "2D_comb")
_SPATIAL = ("3D", "3D_avg", "3D_comb")
_LINEAR = {"interpolator": "sitkLinear"}


@dataclass(frozen=True)
class Configuration:
    """One of IBSI's configurations: the settings nearest to it, and its ways of joining slices and directions."""

    setting: Mapping[str, Any]
    aggregations: tuple[str, ...]


CONFIGURATIONS = {
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
class Reached:
    """Of the consensus values of a configuration that PyRadiomics has a feature for, those that are matched.

    ``way`` is how slices are joined (2-D, 2.5-D or 3-D), or "without texture".
    """

    configuration: str
    way: str
    matched: int
    values: int


def compare_ct(folder: Path) -> list[Reached]:
    """What is reached of each configuration, from ``ibsi/ct_phantom`` in the folder of the real cases."""
    image, mask = read_volume(folder / "ct_phantom_image.nii.gz"), read_mask(folder / "ct_phantom_mask.nii.gz")
    configurations = []
    for name, configuration in CONFIGURATIONS.items():
        counts: dict[str, list[bool]] = {}
        measured, voxels = _measured(image, mask, configuration)
        for tag, reference, tolerance in _references(folder / f"config_{name.lower()}.csv"):
            base, suffix = split(tag)
            of = read_mapping().get(base)
            if of is None or not of.feature:
                continue
            texture = tag != base
            value = measured[suffix if texture else configuration.aggregations[0]][of.feature]
            allowed = max(tolerance, half_a_digit(reference))
            close = any(abs(one - reference) <= allowed for one in (value, RELATIONS[of.relation](value, voxels)))
            way = suffix.split("_avg")[0].split("_comb")[0].replace("_", ".").replace("D", "-D")
            counts.setdefault(way if texture else "without texture", []).append(close)
        configurations += [Reached(name, way, sum(matches), len(matches)) for way, matches in counts.items()]
    return configurations


def _references(path: Path) -> list[tuple[str, float, float]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            (row["tag"], float(row["reference value"]), float(row["tolerance"] or 0))
            for row in csv.DictReader(file, delimiter=";", strict=True)
            if row["reference value"]
        ]


def _measured(image: Volume, mask: Mask, configuration: Configuration) -> tuple[dict[str, Features], int]:
    """The features by suffix of IBSI's tags, and the voxels of the region."""
    by_settings: dict[str, Features] = {}
    features, voxels = {}, 0
    for suffix in configuration.aggregations:
        aggregation = AGGREGATIONS[suffix]
        key = f"{aggregation.setting} {aggregation.each}"
        if key not in by_settings:
            by_settings[key], count = _features(image, mask, configuration, aggregation)
            voxels = voxels if aggregation.each else count
        features[suffix] = by_settings[key]
    return features, voxels


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
    rows = extract_regions(StudyImages("phantom", {"ct": image}), {"whole": mask}, parse_config(content, "ct.yaml"))
    names = rows[0].values
    means = {name: float(np.mean([row.values[name] for row in rows if name in row.values])) for name in names}
    return {"_".join(name.split("_")[-2:]): value for name, value in means.items()}, rows[0].diagnostics["voxels"]
