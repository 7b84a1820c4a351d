"""Masks that tell the parts of a tumour apart, judged region by region.

Which value is which part is decided in :mod:`gliomics.study.numbering` for the mask and for the reference by itself:
they may be numbered differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from gliomics.evaluation.lesionwise import ABSENT, lesionwise, matched
from gliomics.evaluation.overlap import Volumes, dice
from gliomics.evaluation.surfaces import surface_distances
from gliomics.study.numbering import (
    CORE,
    ENHANCING,
    OEDEMA,
    UNDIVIDED,
    MaskNumbering,
    Part,
    labels_of_mask,
    numbering_of_mask,
)
from gliomics.study.volumes import Mask

REGIONS: Mapping[str, tuple[Part, ...] | None] = MappingProxyType(
    {
        "whole": None,
        "tumour-core": (CORE, ENHANCING),
        "enhancing": (ENHANCING,),
        "oedema": (OEDEMA,),
        "core-without-enhancement": (CORE,),
    }
)
"""The regions that are judged, and the parts that each is made of; the whole is all tumour, which a cavity is not."""

NESTED = ("whole", "tumour-core", "enhancing")
"""The regions that challenges judge, each inside the one before."""

REGION_METRICS = (
    "dice", "hausdorff_95_mm", "surface_distance_mm", "hausdorff_95_voxels", "surface_distance_voxels",
    "lesionwise_dice", "lesionwise_hausdorff_95_mm", "lesionwise_hausdorff_95_voxels",
    "lesionwise_found", "lesionwise_missed", "lesionwise_false",
    "matched_dice", "matched_hausdorff_95_mm", "matched_hausdorff_95_voxels", "matched_lesions",
    "relative_volume_difference", "reference_ml", "mask_ml", "reference_voxels", "mask_voxels",
)  # fmt: skip
"""What is measured of every region: in mm and mL where the voxel size is known, in voxels where it is not."""

REGION_COUNTS = ("lesionwise_found", "lesionwise_missed", "lesionwise_false", "matched_lesions")
"""Metrics whose totals over all studies mean something."""

_STATED = ("told", "study.json", "names of the segments")
"""Sources of a numbering that was said, not found from values."""

RegionValues = dict[str, dict[str, float]]
"""For each of :data:`REGIONS` one value for each of :data:`REGION_METRICS`; nothing where the parts are not known."""


@dataclass(frozen=True)
class FolderNumbering:
    """What is known of the numbering of all masks of a folder: the one that a person told, the values that occur."""

    told: str | None = None
    labels: frozenset[int] = frozenset()

    def of(self, mask: Mask, name: str, *, study: str | None, segments: Mapping[int, str]) -> MaskNumbering:
        """The numberings that one of the masks may have; see :func:`numbering_of_mask`."""
        return numbering_of_mask(
            labels_of_mask(mask), name, given=self.told, study=study, segments=segments, cohort=self.labels
        )

    def tells_parts(self, numbering: MaskNumbering) -> bool:
        """Whether a mask of the folder tells parts of the tumour apart, so that these can be judged.

        Where nobody says so, a folder whose masks have one value holds whole tumours.
        """
        divided = {set(known.parts.values()) != {UNDIVIDED} for known in numbering.numberings}
        if numbering.source in _STATED and len(divided) == 1:
            return divided == {True}
        return len(numbering.labels | self.labels) > 1


NOT_TOLD = FolderNumbering()
"""Of a mask of which nothing is known but itself and its study."""

RegionLabels = dict[str, frozenset[int]]
"""The values of a mask that make up each of :data:`REGIONS`."""


def region_labels(numbering: MaskNumbering, name: str) -> RegionLabels:
    """The values of each region of a mask, whose ``name`` is for errors.

    Raises :class:`~gliomics.errors.InputError` where the numbering leaves open what a part is.
    """
    return {
        region: numbering.tumour if parts is None else numbering.labels_of(parts, region, name)
        for region, parts in REGIONS.items()
    }


def region_scores(
    mask: Mask,
    reference: Mask,
    labels: tuple[RegionLabels, RegionLabels],
    *,
    spacing_known: bool,
) -> RegionValues:
    """Score every region of a mask and its reference, which lie on one grid; ``labels`` are those of the two.

    A region that both lack has Dice 1 and distance 0, one that only one of them has Dice 0 and distance
    :data:`~gliomics.evaluation.lesionwise.ABSENT`, as BraTS counts them.
    """
    of_mask, of_reference = labels
    spacing = reference.spacing if spacing_known else None
    return {
        region: _scores(
            np.isin(mask.array, sorted(of_mask[region])),
            np.isin(reference.array, sorted(of_reference[region])),
            spacing,
        )
        for region in REGIONS
    }


def _scores(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], spacing: tuple[float, ...] | None) -> dict[str, float]:
    length, edges = ("voxels", (1.0, 1.0, 1.0)) if spacing is None else ("mm", spacing)
    voxels = Volumes(int(np.count_nonzero(a)), int(np.count_nonzero(b)))
    distances = surface_distances(a, b, edges)
    by_lesion = lesionwise(a, b, edges)
    pairs = matched(a, b, edges)
    values = dict.fromkeys(REGION_METRICS, float("nan"))
    values |= {
        "dice": dice(a, b),
        f"hausdorff_95_{length}": _distance_with_absent(distances.hausdorff_95, voxels),
        f"surface_distance_{length}": distances.average,
        "lesionwise_dice": by_lesion.dice,
        f"lesionwise_hausdorff_95_{length}": by_lesion.hausdorff_95,
        "lesionwise_found": by_lesion.found,
        "lesionwise_missed": by_lesion.missed,
        "lesionwise_false": by_lesion.false,
        "matched_dice": pairs.dice,
        f"matched_hausdorff_95_{length}": pairs.hausdorff_95,
        "matched_lesions": pairs.count,
        "relative_volume_difference": voxels.relative_difference,
        "reference_voxels": voxels.reference,
        "mask_voxels": voxels.mask,
    }
    if spacing is not None:
        ml = float(np.prod(spacing)) / 1000.0
        values |= {"reference_ml": voxels.reference * ml, "mask_ml": voxels.mask * ml}
    return values


def _distance_with_absent(distance: float, voxels: Volumes) -> float:
    if voxels.mask and voxels.reference:
        return distance
    return ABSENT if voxels.mask or voxels.reference else 0.0
