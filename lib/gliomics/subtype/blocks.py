"""Which features a subtype model uses.

A model must mean the same on another scanner's image, so absolute size is left out: the distance between slices is
often unknown, and everything that counts voxels or millimetres follows it. What remains is the lesion's outline
within a slice, its intensities after normalisation, and both against the tissue around it.

With some tens of patients, choosing features by the outcome adds more noise than knowledge. The blocks are therefore
fixed beforehand and the same for every target: the outline, whose relation to the genomic clusters of lower-grade
glioma was published (Mazurowski 2017, Buda 2019), and the glioma block (:mod:`gliomics.features.glioma`), which
measures what radiologists look at. A model is the mean over both; and over a third, of location and VASARI features,
where the table has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array
from gliomics.study.records import SEQUENCES

OUTLINE = (
    *(
        f"original_outline_{name}"
        for name in (
            "AngularStandardDeviation",
            "AspectRatio",
            "ConvexityDefects",
            "Eccentricity",
            "Extent",
            "MarginFluctuation",
            "Solidity",
        )
    ),
    "original_ellipsoid_BoundingEllipsoidVolumeRatio",
)
"""The features of the outline block: those of shape, none of size."""
GLIOMA = "original_glioma_"
"""What the names of the glioma block's features hold."""
LOCATION = ("location_", "vasari_")
"""How the names of the location block's features begin."""
FEATURE_CLASSES: dict[str, list[str]] = {
    "outline": [name.rpartition("_")[2] for name in OUTLINE if "_outline_" in name],
    "ellipsoid": [name.rpartition("_")[2] for name in OUTLINE if "_ellipsoid_" in name],
    "glioma": [],
}
"""The feature classes of the blocks, as a feature configuration names them: what models see of a lesion."""

AGE = "clinical_age"
"""The column of the patient's age in years."""

MOST_MISSING = 0.3
"""A feature that more than this fraction of the patients lack is not used: it would mostly be imputed."""


def usable_blocks(names: Sequence[str], values: Array) -> dict[str, list[str]]:
    """The blocks of image features that can be formed from a table, each with its features.

    ``values`` is (patients, features) with NaN where a feature is missing. Raises :class:`InputError` when the outline
    features, which every model needs, are not there.
    """
    missing = np.isnan(values).mean(axis=0)
    usable = [name for name, fraction in zip(names, missing, strict=True) if fraction <= MOST_MISSING]
    absent = [name for name in OUTLINE if name not in usable]
    if absent:
        raise InputError(
            f"the table lacks the features {', '.join(absent[:3])}, which every subtype model uses; "
            "compute them: gliomics features STUDIES --masks DIR --config panel --out FILE.csv"
        )
    blocks = {
        "outline": list(OUTLINE),
        "glioma": [name for name in usable if GLIOMA in name],
        "location": [name for name in usable if is_location(name)],
    }
    return {block: features for block, features in blocks.items() if features}


def is_location(feature: str) -> bool:
    """Whether a feature is of the location block: where in the brain the tumour lies, or a VASARI feature."""
    return feature.startswith(LOCATION)


def sequence_of(feature: str) -> str | None:
    """The sequence in front of a feature's name, None where only the mask counts."""
    prefix = feature.split("_", 1)[0]
    return prefix if prefix in SEQUENCES else None


_LOCATION = ("Centroid", "Midline")
_SIZE = ("Relative", "Components")
_MARGIN = ("CoreMinusRim", "RingLevel", "EdgeStep", "RimGradientRatio")
_BY_FAMILY = {
    "outline": "outline",
    "ellipsoid": "outline",
    "clinical": "age",
    "location": "location",
    "vasari": "parts of the tumour",
}


def group_of(feature: str) -> str:
    """What a feature tells of, in a word or two: features of a group are summed where reasons are told.

    >>> group_of("t1c_original_glioma_EnhancementMean"), group_of("flair_original_glioma_EdgeStep")
    ('enhancement', 'margin')
    """
    family, _, name = feature.removeprefix(f"{sequence_of(feature)}_").removeprefix("original_").partition("_")
    if family in _BY_FAMILY:
        return _BY_FAMILY[family]
    for group, parts in (("location", _LOCATION), ("size", _SIZE), ("margin", _MARGIN)):
        if family == "glioma" and any(part in name for part in parts):
            return group
    return {"t1c": "enhancement", "flair": "FLAIR signal", "t2": "T2 signal"}.get(
        sequence_of(feature) or "", "T1 signal"
    )
