"""What each feature measures: its unit, its code in the IBSI reference manual and a sentence.

The table is ``descriptions/features.csv``; it holds every feature that can be computed. Codes: the reference manual of
the Image Biomarker Standardisation Initiative (Zwanenburg 2016, arXiv:1612.07003); empty where it does not define the
feature.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.table import Table

from gliomics.errors import UnknownNameError
from gliomics.features.ibsi.catalogue import FAMILIES, NOT_MEASURED, catalogue, split_tag

_TABLE = Path(__file__).parent / "descriptions" / "features.csv"

FEATURE_CLASSES = {
    "shape": "Size and shape of the region in three dimensions, from the mask alone.",
    "shape2D": "Size and shape of the region in one slice, from the mask alone.",
    "firstorder": "The distribution of the intensities, wherever in the region they lie.",
    "glcm": "Grey-level co-occurrence matrix: how often which grey levels are neighbours. Each feature is the mean "
    "over the directions (13 in three dimensions, 4 in a slice).",
    "glrlm": "Grey-level run length matrix: runs are voxels of one grey level in a row along a direction. Each feature "
    "is the mean over the directions (13 in three dimensions, 4 in a slice).",
    "glszm": "Grey-level size zone matrix: zones are connected voxels of one grey level (diagonals count).",
    "gldm": "Grey-level dependence matrix: the dependence of a voxel is 1 plus the number of neighbours that are "
    "alike (by default, of the same grey level).",
    "ngtdm": "Neighbouring grey tone difference matrix: how each voxel differs from the mean of its surroundings.",
    "outline": "The outline of the largest connected part in the slice where the region is largest.",
    "ellipsoid": "The region in the smallest ellipsoid that encloses it.",
    "glioma": "The region beside the patient's own tissue: each sequence in robust standard deviations of the tissue "
    "outside the region above its median, T1 after contrast less T1 before, T2 less FLAIR, and size and place as "
    "shares of the head. The rim is 2.5 % of the head's diameter wide (4 mm in an adult), but at most half as deep as "
    "the region; the core is deeper than rim and than half the deepest voxel; the shell around the region is as wide.",
    "ibsi": "The standard's own features, prepared, cut into grey levels and joined as it says. Columns of textures "
    "end in the way of joining slices and directions: within slices averaged (`2D`), within slices merged (`2_5D`) or "
    "in three dimensions (`3D`); directions averaged (`_avg`) or merged (`_comb`).",
    "vasari": "With `--vasari`, in the row of the whole tumour: numbers behind the VASARI features of its parts.",
    "location": "With `--vasari`, in the row of the whole tumour: where it lies, by an atlas of the brain. It is about "
    "core and enhancing part where the mask has them.",
}
"""What each feature class looks at."""

NOT_COMPUTED = {
    "glcm_Dissimilarity": "DifferenceAverage equals it",
    "glcm_Homogeneity1": "Id equals it",
    "glcm_Homogeneity2": "Idm equals it",
    "glcm_SumVariance": "ClusterTendency equals it",
    "gldm_DependencePercentage": "it is always 1",
    "gldm_GrayLevelNonUniformityNormalized": "firstorder_Uniformity equals it",
}
"""Features that PyRadiomics still names but gives no value for, and why none is needed."""

UNITS = (
    "Lengths, areas and volumes are in voxels where the voxel size is unknown. Intensity is that of the image after "
    "normalisation and filter; grey levels are the bins into which it is cut. None: a pure number."
)
"""How to read the column of units."""


@dataclass(frozen=True)
class FeatureDescription:
    """One feature, whatever the sequence and the filter; ``ibsi_code`` is empty where IBSI does not define it.

    ``unit``: ``mm``, ``mm2``, ``mm3``, ``1/mm``, ``intensity``, ``grey levels``, ``voxels``, ``bits``, ``radians``,
    powers of these (``intensity2``) or ``none``.
    """

    feature_class: str
    name: str
    unit: str
    ibsi_code: str
    description: str


def descriptions() -> list[FeatureDescription]:
    """Every feature that can be computed, class by class."""
    return list(_by_name().values())


def describe(column_name: str) -> FeatureDescription | None:
    """The feature in a column such as ``flair_wavelet-HHL_glcm_Contrast``; None where the name ends in no feature.

    >>> feature = describe("original_shape_MeshVolume")
    >>> feature.unit, feature.ibsi_code
    ('mm3', 'RNU0')
    """
    _, found, tag = column_name.rpartition("ibsi_")
    if found:
        return _by_name().get(f"ibsi_{split_tag(tag)[0]}")
    return _by_name().get(column_name) or _by_name().get("_".join(column_name.split("_")[-2:]))


def describe_table(names: Iterable[str] | None = None) -> Table:
    """The features as a table for the terminal, all where ``names`` is None.

    A name is a column (``flair_original_glcm_Contrast``), a feature (``glcm_Contrast``, ``Contrast``) or a class
    (``glcm``). Raises :class:`UnknownNameError` for any other, with the nearest that exists.
    """
    features = descriptions() if names is None else [feature for name in names for feature in _named(name)]
    table = Table(caption=UNITS, caption_justify="left")
    table.add_column("feature", no_wrap=True)
    for header in ("unit", "IBSI", "what it measures"):
        table.add_column(header)
    for feature in dict.fromkeys(features):
        label = f"{feature.feature_class}_{feature.name}"
        table.add_row(label, feature.unit, feature.ibsi_code, feature.description)
    return table


def feature_list() -> str:
    """The same as a page of Markdown."""
    parts = [
        "# Features, one by one",
        "A column of the feature table ends in the class and the name of a feature, e.g. "
        "`flair_original_glcm_Contrast`. `gliomics describe-features` shows this list in the terminal.",
        UNITS,
        "IBSI: the feature's code in the reference manual of the Image Biomarker Standardisation Initiative; "
        "[IBSI compliance](ibsi.md) says how the values compare.",
    ]
    for kind, meaning in FEATURE_CLASSES.items():
        members = [feature for feature in descriptions() if feature.feature_class == kind]
        rows = [f"| `{m.name}` | {m.unit} | {m.ibsi_code} | {m.description} |" for m in members]
        parts += [f"## {kind}", meaning, "\n".join(["| feature | unit | IBSI | |", "|---|---|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _named(name: str) -> list[FeatureDescription]:
    column = describe(name)
    if column is not None:
        return [column]
    features = [feature for feature in descriptions() if name in (feature.feature_class, feature.name)]
    if not features:
        ending = "_".join(name.split("_")[-2:])
        for full, reason in NOT_COMPUTED.items():
            if ending in (full, full.split("_")[1]):
                raise UnknownNameError(f"feature '{full}' is not computed: {reason}")
        names = [*FEATURE_CLASSES, *_by_name(), *(feature.name for feature in descriptions())]
        close = difflib.get_close_matches(ending, names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"feature classes are {', '.join(FEATURE_CLASSES)}"
        raise UnknownNameError(f"feature '{name}' is unknown; {hint}")
    return features


@cache
def _by_name() -> dict[str, FeatureDescription]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = [
            FeatureDescription(row["class"], row["name"], row["unit"], row["ibsi"], row["description"])
            for row in csv.DictReader(file, strict=True)
        ]
    rows += [
        FeatureDescription("ibsi", one.tag, one.unit, one.code, f"{one.ibsi_name} ({FAMILIES[one.family].lower()}).")
        for one in catalogue().values()
        if one.tag not in NOT_MEASURED
    ]
    return {f"{row.feature_class}_{row.name}": row for row in rows}
