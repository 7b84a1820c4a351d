"""Our features of the IBSI digital phantom beside the consensus values, and the page of the documentation about it.

``ibsi_mapping.csv`` says for each of IBSI's features which of ours it is and in what relation they stand; where it
names none, PyRadiomics does not compute it. Values and tolerances are read from the phantom's own table.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gliomics.features.config import parse_config
from gliomics.features.describe import descriptions
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.study import Mask, Volume, read_mask, read_volume

Outcome = Literal["matches", "differs", "not in PyRadiomics", "unexplained"]
Features = dict[str, float]

MAPPING = Path(__file__).parent / "ibsi_mapping.csv"
TAG = re.compile(r"(?P<feature>.+?)(?:_(?P<aggregation>(?:2D|2_5D|3D)(?:_avg|_comb)?))?")
_WITHIN = {"force2D": True}
_MERGED = {"weightingNorm": "no_weighting"}


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
"""By the suffix of IBSI's tags; a tag without one is measured in 3-D."""

RELATIONS: dict[str, Callable[[float, int], float]] = {
    "equal": lambda value, voxels: value,
    "alias": lambda value, voxels: value,
    "excess": lambda value, voxels: value - 3,
    "unbiased": lambda value, voxels: value * math.sqrt(voxels / (voxels - 1)),
}
"""IBSI's value from ours and the number of voxels."""


@dataclass(frozen=True)
class Phantom:
    """The phantom's image and mask, and its table: tag to consensus value (None where there is none) and tolerance."""

    image: Volume
    mask: Mask
    reference: dict[str, tuple[float | None, float]]

    @property
    def voxels(self) -> int:
        return int(np.count_nonzero(self.mask.array))


@dataclass(frozen=True)
class IbsiFeature:
    """A line of the mapping; ``feature`` is ``class_Name`` of ours, empty where PyRadiomics has none."""

    tag: str
    code: str
    ibsi_name: str
    feature: str
    relation: str


@dataclass(frozen=True)
class Comparison:
    """One consensus value beside ours; ``deviation`` is relative, of our value before the relation is applied."""

    tag: str
    aggregation: str
    of: IbsiFeature
    outcome: Outcome
    deviation: float | None = None
    related_deviation: float | None = None
    has_reference: bool = True


def read_phantom(folder: Path) -> Phantom:
    """Read the phantom from ``ibsi`` in the folder of the real cases."""
    with (folder / "digital_phantom_reference.csv").open(encoding="utf-8-sig", newline="") as file:
        reference = {
            row["tag"]: (
                float(row["reference value"]) if row["reference value"] else None,
                float(row["tolerance"] or 0),
            )
            for row in csv.DictReader(file, delimiter=";", strict=True)
        }
    image, mask = (folder / f"digital_phantom_{name}.nii.gz" for name in ("image", "mask"))
    return Phantom(read_volume(image), read_mask(mask), reference)


def read_mapping() -> dict[str, IbsiFeature]:
    """IBSI's features by tag."""
    with MAPPING.open(encoding="utf-8", newline="") as file:
        return {row["tag"]: IbsiFeature(**row) for row in csv.DictReader(file, strict=True)}


def measure(phantom: Phantom, aggregation: Aggregation) -> Features:
    """Every feature of the phantom as ``class_Name``, bin width 1 and no normalisation."""
    classes: dict[str, list[str]] = {name: [] for name in ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")}
    if not aggregation.each:
        classes["shape"] = [feature.name for feature in descriptions() if feature.feature_class == "shape"]
    content = {
        "featureClass": classes,
        "setting": {"binWidth": 1, **aggregation.setting},
        "slices": "each" if aggregation.each else "volume",
    }
    config = parse_config(content, aggregation.name)
    rows = extract_regions(StudyImages("phantom", {"phantom": phantom.image}), {"whole": phantom.mask}, config)
    return {
        "_".join(name.split("_")[-2:]): float(np.mean([row.values[name] for row in rows])) for name in rows[0].values
    }


def compare(phantom: Phantom) -> list[Comparison]:
    """Every line of the phantom's table, in its order."""
    mapping = read_mapping()
    measured = {suffix: measure(phantom, aggregation) for suffix, aggregation in AGGREGATIONS.items()}
    comparisons = []
    for tag, (reference, tolerance) in phantom.reference.items():
        base, suffix = split(tag)
        of = mapping[base]
        if not of.feature or reference is None:
            absent: Outcome = "unexplained" if of.feature else "not in PyRadiomics"
            comparisons.append(Comparison(tag, suffix, of, absent, has_reference=reference is not None))
            continue
        value = measured[suffix][of.feature]
        related = RELATIONS[of.relation](value, phantom.voxels)
        allowed = max(tolerance, half_a_digit(reference))
        outcome: Outcome = "unexplained"
        if abs(value - reference) <= allowed:
            outcome = "matches"
        elif abs(related - reference) <= allowed:
            outcome = "differs"
        deviations = ((value - reference) / abs(reference), (related - reference) / abs(reference))
        comparisons.append(Comparison(tag, suffix, of, outcome, *deviations))
    return comparisons


def split(tag: str) -> tuple[str, str]:
    """``cm_contrast_3D_avg`` as ``cm_contrast`` and ``3D_avg``; without a suffix 3D."""
    match = TAG.fullmatch(tag)
    assert match
    return match["feature"], match["aggregation"] or "3D"


def half_a_digit(reference: float) -> float:
    """Half a unit in the third significant digit, to which the consensus values are rounded (and a rounding error)."""
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(reference))) - 2) + 1e-9 if reference else 1e-9
