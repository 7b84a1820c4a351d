from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import GeometryError, InputError
from gliomics.evaluation import dice
from gliomics.evaluation.agreement import agreements, consensus
from gliomics.study import Mask, Volume

SPACING = (1.0, 1.0, 3.0)


def a_mask(*boxes: tuple[slice, slice, slice], value: int = 1, spacing: tuple[float, ...] = SPACING) -> Mask:
    array = np.zeros((30, 30, 12), np.uint8)
    for box in boxes:
        array[box] = value
    return Volume(array, np.diag([*spacing, 1]))


def a_box(low: int, high: int) -> tuple[slice, slice, slice]:
    return slice(low, high), slice(10, 20), slice(4, 8)


def test_agreement_of_every_two_annotators_in_mm() -> None:
    masks = {"anna": a_mask(a_box(10, 20)), "ben": a_mask(a_box(12, 22)), "carla": a_mask(a_box(10, 20))}
    pairs = {(pair.first, pair.second): pair for pair in agreements(masks, spacing_known=True)}
    assert set(pairs) == {("anna", "ben"), ("anna", "carla"), ("ben", "carla")}
    assert pairs["anna", "ben"].dice == pytest.approx(0.8)
    assert (pairs["anna", "ben"].hausdorff_95, pairs["anna", "ben"].unit) == (2.0, "mm")
    same = pairs["anna", "carla"]
    assert (same.dice, same.surface_distance, same.hausdorff_95) == (1.0, 0.0, 0.0)


def test_distances_are_in_voxels_where_the_voxel_size_is_unknown() -> None:
    masks = {"anna": a_mask(a_box(10, 20), spacing=(2.0, 2.0, 2.0)), "ben": a_mask(a_box(13, 23), spacing=(2.0,) * 3)}
    (pair,) = agreements(masks, spacing_known=False)
    assert (pair.hausdorff_95, pair.unit) == (3.0, "voxels")


def test_empty_mask_has_no_distance() -> None:
    (pair,) = agreements({"anna": a_mask(a_box(10, 20)), "ben": a_mask()}, spacing_known=True)
    assert (pair.dice, pair.surface_distance, pair.hausdorff_95) == (0.0, None, None)


def test_masks_on_other_grids_are_named() -> None:
    masks = {"anna": a_mask(a_box(10, 20)), "ben": a_mask(a_box(10, 20), spacing=(1.0, 1.0, 1.0))}
    for work in (lambda: agreements(masks, spacing_known=True), lambda: consensus(masks)):
        with pytest.raises(GeometryError, match="the mask of 'ben'"):
            work()


def test_consensus_follows_the_majority_and_says_who_left_it() -> None:
    masks = {name: a_mask(a_box(10, 20)) for name in ("anna", "ben")}
    masks["carla"] = a_mask(a_box(10, 20), (slice(20, 28), slice(10, 20), slice(4, 8)))
    agreed = consensus(masks)
    np.testing.assert_array_equal(agreed.mask.array, masks["anna"].array)
    assert agreed.specificity["carla"] < 0.95 < agreed.specificity["anna"]


def test_careless_annotator_is_outweighed_and_found_out() -> None:
    truth = a_mask(a_box(8, 22))
    masks = {"anna": truth, "ben": a_mask(a_box(9, 22)), "carla": a_mask(a_box(13, 27)), "dora": a_mask(a_box(8, 21))}
    agreed = consensus(masks)
    assert dice(agreed.mask.array, truth.array) > 0.95
    assert agreed.sensitivity["carla"] < 0.8 < min(agreed.sensitivity[name] for name in ("anna", "ben", "dora"))


def test_label_values_are_kept() -> None:
    core, oedema = a_box(10, 14), a_box(14, 20)
    array = a_mask(core, value=1).array + a_mask(oedema, value=2).array
    masks = {name: Volume(array, np.diag([*SPACING, 1])) for name in ("anna", "ben", "carla")}
    np.testing.assert_array_equal(consensus(masks).mask.array, array)


def test_consensus_of_empty_masks_is_empty() -> None:
    agreed = consensus({"anna": a_mask(), "ben": a_mask()})
    assert not agreed.mask.array.any()
    assert agreed.sensitivity == {"anna": 1.0, "ben": 1.0}


def test_one_annotator_has_no_consensus() -> None:
    with pytest.raises(InputError, match="two annotators at least; found 1"):
        consensus({"anna": a_mask()})
