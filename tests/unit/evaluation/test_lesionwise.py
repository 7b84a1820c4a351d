"""Scores lesion by lesion, beside those of the BraTS challenges' own programs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from gliomics.errors import GeometryError
from gliomics.evaluation.lesionwise import ABSENT, lesionwise, matched

Array = npt.NDArray[np.uint8]
SHAPE = (30, 16, 14)


def volume(*boxes: tuple[slice, slice, slice]) -> Array:
    array = np.zeros(SHAPE, dtype=np.uint8)
    for box in boxes:
        array[box] = 1
    return array


LARGE = slice(2, 8), slice(3, 9), slice(4, 9)
LARGE_SHIFTED = slice(3, 9), slice(2, 8), slice(4, 10)
FAR = slice(20, 26), slice(3, 8), slice(4, 9)
FAR_SMALLER = slice(21, 26), slice(4, 8), slice(4, 8)
SATELLITE = slice(12, 15), slice(3, 9), slice(4, 9)
"""Four voxels from LARGE, within reach of both dilations."""
SPECK = slice(2, 5), slice(12, 15), slice(1, 5)
"""36 voxels: too few to be scored."""
NEAR_SPECK = slice(6, 8), slice(12, 15), slice(1, 5)

CASES = {
    "one": ((LARGE_SHIFTED,), (LARGE,)),
    "one missed": ((LARGE_SHIFTED,), (LARGE, FAR)),
    "one false": ((LARGE_SHIFTED, FAR), (LARGE,)),
    "two joined": ((LARGE_SHIFTED,), (LARGE, SATELLITE)),
    "two found": ((LARGE_SHIFTED, FAR_SMALLER), (LARGE, FAR)),
    "speck missed": ((FAR_SMALLER,), (FAR, SPECK)),
    "near a speck": ((FAR_SMALLER, NEAR_SPECK), (FAR, SPECK)),
    "only a speck": ((), (SPECK,)),
    "mask empty": ((), (LARGE, FAR)),
    "reference empty": ((LARGE, FAR), ()),
    "both empty": ((), ()),
}
Boxes = tuple[tuple[slice, slice, slice], ...]
LESIONWISE: dict[str, tuple[float, float, int, int, int]] = {
    "both empty": (1.0, 0.0, 0, 0, 0),
    "mask empty": (0.0, 374.0, 0, 2, 0),
    "near a speck": (0.6956521739130435, 1.4142135623730951, 1, 0, 0),
    "one": (0.6313131313131313, 1.4142135623730951, 1, 0, 0),
    "one false": (0.31565656565656564, 187.70710678118655, 1, 0, 1),
    "one missed": (0.31565656565656564, 187.70710678118655, 1, 1, 0),
    "only a speck": (1.0, 0.0, 0, 0, 0),
    "reference empty": (0.0, 374.0, 0, 0, 2),
    "speck missed": (0.6956521739130435, 1.4142135623730951, 1, 0, 0),
    "two found": (0.6634826526130874, 1.4142135623730951, 2, 0, 0),
    "two joined": (0.51440329218107, 6.0, 1, 0, 0),
}
MATCHED: dict[str, tuple[float, float, int]] = {
    "both empty": (math.nan, math.nan, 0),
    "mask empty": (0.0, math.nan, 0),
    "near a speck": (0.6956521739130435, 1.4142135623730951, 1),
    "one": (0.6313131313131313, 1.4142135623730951, 1),
    "one false": (0.6313131313131313, 1.4142135623730951, 1),
    "one missed": (0.6313131313131313, 1.4142135623730951, 1),
    "only a speck": (0.0, math.nan, 0),
    "reference empty": (0.0, math.nan, 0),
    "speck missed": (0.6956521739130435, 1.4142135623730951, 1),
    "two found": (0.6634826526130874, 1.4142135623730951, 2),
    "two joined": (0.6313131313131313, 1.4142135623730951, 1),
}


@pytest.mark.parametrize("case", LESIONWISE)
def test_lesionwise_is_that_of_brats_2023(case: str) -> None:
    """The expected values are those of the challenge's ``BraTS-2023-Metrics`` 0.1.0 for ``BraTS-GLI``, region ET.

    Each pair of boxes was written as label 3 into NIfTI files of 1 mm and given to ``get_lesion_wise_results``:
    lesion-wise Dice and HD95, Num_TP, Num_FN, Num_FP.
    """
    boxes, of_reference = CASES[case]
    scores = lesionwise(volume(*boxes), volume(*of_reference))
    dice, distance, *counts = LESIONWISE[case]
    assert (scores.dice, scores.hausdorff_95) == pytest.approx((dice, distance), abs=1e-12)
    assert [scores.found, scores.missed, scores.false] == counts


@pytest.mark.parametrize("case", MATCHED)
def test_matched_is_that_of_brats_2026(case: str) -> None:
    """The expected values are those of ``brats-evaluation`` 0.0.10 with its configuration ``gli``, region ``et``.

    Each pair of boxes was written as label 3 into NIfTI files of 1 mm and given to ``evaluate_single_exam``: sq_dsc,
    sq_hd95 (infinite where nothing is matched, here undefined) and tp.
    """
    boxes, of_reference = CASES[case]
    scores = matched(volume(*boxes), volume(*of_reference))
    dice, distance, count = MATCHED[case]
    assert (scores.dice, scores.hausdorff_95) == pytest.approx((dice, distance), abs=1e-12, nan_ok=True)
    assert scores.count == count


def test_lesions_are_scored_from_50_mm3_and_distances_are_in_mm() -> None:
    mask, reference = volume(SPECK), volume(SPECK, FAR)
    assert lesionwise(mask, reference).found == 0
    scores = lesionwise(mask, reference, spacing=(1.0, 1.0, 3.0))
    assert (scores.found, scores.missed, scores.dice) == (1, 1, 0.5)
    shifted = volume((slice(2, 8), slice(3, 9), slice(5, 10)))
    assert lesionwise(shifted, volume(LARGE), spacing=(1.0, 1.0, 3.0)).hausdorff_95 == 3.0


def test_lesion_that_is_met_only_by_its_dilation_has_no_overlap_and_a_distance() -> None:
    scores = lesionwise(volume((slice(10, 16), slice(3, 9), slice(4, 9))), volume(LARGE))
    assert (scores.dice, scores.found, scores.false) == (0.0, 1, 0)
    assert 0 < scores.hausdorff_95 < ABSENT


def test_volumes_of_two_shapes_are_refused() -> None:
    for score in (lesionwise, matched):
        with pytest.raises(GeometryError, match="resample one to the other's grid"):
            score(volume(LARGE), np.zeros((2, 2, 2)))


def test_matched_takes_each_component_once() -> None:
    halves = volume((slice(2, 4), slice(3, 9), slice(4, 9)), (slice(5, 8), slice(3, 9), slice(4, 9)))
    scores = matched(halves, volume(LARGE))
    assert scores.count == 1
    assert scores.dice == pytest.approx(2 * 90 / (90 + 180))
    assert math.isfinite(scores.hausdorff_95)
