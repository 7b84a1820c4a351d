"""The features of the standard's first part: tags, codes and names, and which of PyRadiomics' features each is.

``catalogue.csv``: ``feature`` is that of PyRadiomics with the same definition, empty where it has none; ``relation``,
``equal``, ``alias`` (another of its features has the same value), ``excess`` (less 3) or ``unbiased`` (times the root
of n / (n - 1) of n voxels). The standard is CC BY 4.0 (Zwanenburg 2016, arXiv:1612.07003).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).parent / "catalogue.csv"
_TAG = re.compile(r"(?P<feature>.+?)(?:_(?P<way>(?:2D|2_5D|3D)(?:_avg|_comb)?))?")

NOT_MEASURED = {
    "morph_vol_dens_ombb": "no consensus", "morph_area_dens_ombb": "no consensus",
    "morph_vol_dens_mvee": "no consensus", "morph_area_dens_mvee": "no consensus", "ivh_auc": "no consensus",
}  # fmt: skip
"""Features of the standard on whose value its groups do not agree, so that nothing would show that ours is right."""

FAMILIES = {
    "morph": "Morphology",
    "loc": "Local intensity",
    "stat": "Intensity statistics",
    "ih": "Intensity histogram",
    "ivh": "Intensity-volume histogram",
    "cm": "Grey level co-occurrence matrix",
    "rlm": "Grey level run length matrix",
    "szm": "Grey level size zone matrix",
    "dzm": "Grey level distance zone matrix",
    "ngt": "Neighbourhood grey tone difference matrix",
    "ngl": "Neighbouring grey level dependence matrix",
}
"""By the beginning of their tags."""

WAYS = {
    "2D_avg": ("BTW3", "2-D, averaged"), "2D_comb": ("SUJT", "2-D, slices merged"),
    "2_5D_avg": ("JJUI", "2.5-D, directions merged"), "2_5D_comb": ("ZW7Z", "2.5-D, merged"),
    "3D_avg": ("ITBB", "3-D, averaged"), "3D_comb": ("IAZD", "3-D, merged"),
    "2D": ("8QNN", "2-D"), "2_5D": ("62GR", "2.5-D"), "3D": ("KOBO", "3-D"),
}  # fmt: skip
"""Code and name of each way of joining slices and directions, by the end of tags."""


@dataclass(frozen=True)
class IbsiFeature:
    """A feature of the standard; ``feature`` is ``class_Name`` of PyRadiomics, empty where it has none."""

    tag: str
    code: str
    ibsi_name: str
    unit: str
    feature: str
    relation: str

    @property
    def family(self) -> str:
        """The beginning of the tag, one of :data:`FAMILIES`."""
        return self.tag.partition("_")[0]


@cache
def catalogue() -> dict[str, IbsiFeature]:
    """The standard's features by tag."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {row["tag"]: IbsiFeature(**row) for row in csv.DictReader(file, strict=True)}


def measured_tags() -> list[str]:
    """The tags of the features that are measured."""
    return [tag for tag in catalogue() if tag not in NOT_MEASURED]


def split_tag(tag: str) -> tuple[str, str]:
    """A tag and the way of joining slices and directions, empty where a feature knows none.

    >>> split_tag("cm_contrast_2_5D_avg"), split_tag("morph_volume")
    (('cm_contrast', '2_5D_avg'), ('morph_volume', ''))
    """
    match = _TAG.fullmatch(tag)
    assert match is not None
    return match["feature"], match["way"] or ""
