from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.radiomics.regions import select_region, shift_boundary
from gliomics.study import Volume
from tests.unit.radiomics.heads import lesion


@pytest.mark.parametrize(
    ("region", "labels"),
    [("whole", {1, 2, 4}), ("tumour-core", {1, 4}), ("enhancing", {4}), ("oedema", {2}), ("1", {1})],
)
def test_region_is_the_voxels_of_its_labels(region: str, labels: set[int]) -> None:
    mask = lesion(0)
    chosen = select_region(mask, region, name="a mask")
    np.testing.assert_array_equal(chosen.array, np.isin(mask.array, list(labels)).astype(np.uint8))


def test_whole_takes_any_label_value() -> None:
    assert select_region(lesion(17), "whole", name="a mask").array.sum() == (lesion().array > 0).sum()


@pytest.mark.parametrize("region", ["ring", "-1", "0", "1.5"])
def test_unknown_region_is_refused_with_those_that_exist(region: str) -> None:
    with pytest.raises(
        UnknownNameError, match="is unknown; give whole, tumour-core, enhancing, oedema, peritumoral or a label value"
    ):
        select_region(lesion(), region, name="a mask")


def test_region_without_voxels_is_refused_with_the_labels_that_are_there() -> None:
    with pytest.raises(
        InputError, match=r"region 'enhancing' is empty in case-1.nii.gz: the mask holds label 1, .* label 4"
    ):
        select_region(lesion(), "enhancing", name="case-1.nii.gz")


def test_growing_and_shrinking_move_the_edge_within_the_slice_by_one_voxel() -> None:
    square = np.zeros((12, 12, 5), dtype=np.uint8)
    square[4:8, 4:8, 2] = 1
    mask = Volume(square, np.eye(4))
    grown, shrunk = shift_boundary(mask, 1).array, shift_boundary(mask, -1).array
    assert grown.sum() == 16 + 4 * 4
    assert shrunk.sum() == 4
    assert not grown[..., [0, 1, 3, 4]].any()


def test_a_part_too_thin_to_shrink_is_kept() -> None:
    array = np.zeros((20, 20, 3), dtype=np.uint8)
    array[2:12, 2:12, 1] = 1
    array[15, 4:9, 1] = 1
    shrunk = shift_boundary(Volume(array, np.eye(4)), -1).array
    assert shrunk[15, 4:9, 1].all()
    assert shrunk[2:12, 2:12, 1].sum() == 64
