"""Which numbering the mask of a study has, among the masks of its cohort, and what a row says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gliomics.errors import GliomicsError
from gliomics.features.config import Region
from gliomics.features.regions import is_whole, needs_parts
from gliomics.files import suffix_of
from gliomics.study.images import IMAGE_SUFFIXES, read_mask
from gliomics.study.numbering import MaskNumbering, labels_of_mask

_STATED = ("told", "study.json", "names of the segments")
"""Sources of a numbering that was said, not found from values."""


def labels_of_masks(folder: Path) -> frozenset[int]:
    """Every value above 0 in any mask of a folder; a file that cannot be read counts for nothing here."""
    labels: set[int] = set()
    for path in sorted(path for path in folder.iterdir() if suffix_of(path) in IMAGE_SUFFIXES):
        try:
            labels.update(labels_of_mask(read_mask(path)))
        except GliomicsError:
            continue
    return frozenset(labels)


def numbering_diagnostics(region: str, numbering: MaskNumbering, defined: Mapping[str, Region]) -> dict[str, Any]:
    """What the row of a region says of its mask's numbering: ``numbering``, and in words where it comes from.

    Nothing for a region that does not depend on it. ``defined`` are the regions that the configuration adds.
    """
    region = _without_slice(region)
    if needs_parts(region, defined) or (is_whole(region, defined) and numbering.source in _STATED):
        return {"numbering": numbering.name, "numbering_source": numbering.source}
    return {}


def numbering_warnings(region: str, numbering: MaskNumbering, defined: Mapping[str, Region]) -> list[str]:
    """What to beware of in a row of the whole tumour; see :func:`whole_warnings`."""
    return whole_warnings(numbering) if is_whole(_without_slice(region), defined) else []


def whole_warnings(numbering: MaskNumbering) -> list[str]:
    """What to beware of in the whole tumour where a value may be a resection cavity, or a segment no tumour."""
    warnings = []
    if numbering.doubtful_cavity:
        labels = ", ".join(map(str, sorted(numbering.doubtful_cavity)))
        warnings.append(
            f"label {labels} was counted as tumour; after surgery it may be a resection cavity (brats-2024), which "
            "--numbering would say"
        )
    if numbering.uncertain:
        names = ", ".join(f"'{name}' ({value})" for value, name in sorted(numbering.uncertain.items()))
        warnings.append(
            f"segment {names} was counted as tumour; its name is no part of a tumour that is known: rename it, remove "
            "it from the mask if it is none, or say what it is with --numbering"
        )
    return warnings


def _without_slice(region: str) -> str:
    return region.split(" slice ")[0]
