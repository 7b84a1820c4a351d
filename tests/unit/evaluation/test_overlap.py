"""Dice, IoU, volumes and lesions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gliomics.errors import GeometryError
from gliomics.evaluation.overlap import Volumes, count_lesions, dice, iou
from gliomics.evaluation.pixelwise import Confusion
from gliomics.evaluation.surfaces import surface_distances

from .conftest import quick

masks = arrays(np.bool_, (4, 3, 3), elements=st.booleans())


def a_line(*marked: int, length: int = 40) -> np.ndarray:
    array = np.zeros((length, 3, 3), dtype=np.uint8)
    array[list(marked), 1, 1] = 1
    return array


def test_values_by_hand() -> None:
    mask, reference = a_line(0, 1, 2), a_line(1, 2, 3, 4)
    assert dice(mask, reference) == pytest.approx(4 / 7)
    assert iou(mask, reference) == pytest.approx(2 / 5)


def test_two_empty_volumes_agree_and_one_empty_volume_does_not() -> None:
    empty, lesion = a_line(), a_line(3)
    assert (dice(empty, empty), iou(empty, empty)) == (1.0, 1.0)
    assert (dice(empty, lesion), dice(lesion, empty), iou(empty, lesion), iou(lesion, empty)) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("measure", [dice, iou, count_lesions, surface_distances, Confusion.of])
def test_volumes_on_two_grids_are_refused(measure: Callable[..., object]) -> None:
    with pytest.raises(GeometryError, match=r"the mask has shape \(4, 3, 3\), the reference \(3,\); resample"):
        measure(np.ones((4, 3, 3)), np.ones(3))


def test_overlap_is_that_of_simpleitk() -> None:
    rng = np.random.default_rng(1)
    mask, reference = rng.random((9, 8, 7)) < 0.4, rng.random((9, 8, 7)) < 0.3
    measure = sitk.LabelOverlapMeasuresImageFilter()
    measure.Execute(*(sitk.GetImageFromArray(a.astype(np.uint8)) for a in (reference, mask)))
    assert dice(mask, reference) == pytest.approx(measure.GetDiceCoefficient())
    assert iou(mask, reference) == pytest.approx(measure.GetJaccardCoefficient())
    volumes = Volumes(mask.sum(), reference.sum())
    # ITK divides the difference by the mean of the two volumes, not by the reference's.
    difference = volumes.relative_difference * reference.sum() / ((mask.sum() + reference.sum()) / 2)
    assert abs(difference) == pytest.approx(abs(measure.GetVolumeSimilarity()))


@quick
@given(masks, masks)
def test_overlap_is_symmetric_and_the_two_determine_each_other(a: np.ndarray, b: np.ndarray) -> None:
    assert dice(a, b) == dice(b, a)
    assert iou(a, b) == iou(b, a)
    assert dice(a, b) == pytest.approx(2 * iou(a, b) / (1 + iou(a, b)))


@quick
@given(masks, masks, st.permutations(range(3)))
def test_overlap_and_lesions_do_not_depend_on_the_order_of_axes(a: np.ndarray, b: np.ndarray, axes: list[int]) -> None:
    turned = a.transpose(axes)[::-1], b.transpose(axes)[::-1]
    assert dice(*turned) == dice(a, b)
    assert count_lesions(*turned, smallest=2) == count_lesions(a, b, smallest=2)


def test_volume_error_has_no_sign_and_the_relative_difference_has() -> None:
    volumes = Volumes(mask=8.0, reference=10.0)
    assert (volumes.error, volumes.relative_difference) == (2.0, pytest.approx(-0.2))
    assert Volumes(12.0, 10.0).relative_difference == pytest.approx(0.2)


def test_relative_difference_from_an_empty_reference_is_undefined() -> None:
    assert Volumes(3.0, 0.0).error == 3.0
    assert math.isnan(Volumes(3.0, 0.0).relative_difference)


def test_lesions_are_found_by_one_voxel_missed_without_any_and_false_where_the_reference_has_none() -> None:
    reference = a_line(*range(0, 4), *range(10, 14), *range(20, 24))
    mask = a_line(3, 4, *range(30, 33), *range(12, 15))
    lesions = count_lesions(mask, reference, smallest=2)
    assert (lesions.found, lesions.missed, lesions.false_positive) == (2, 1, 1)
    assert lesions.sensitivity == pytest.approx(2 / 3)


def test_component_smaller_than_the_smallest_lesion_counts_neither_way() -> None:
    large, small = range(0, 10), range(20, 29)
    everything, nothing = a_line(*large, *small), a_line()
    assert count_lesions(nothing, everything).missed == 1
    assert count_lesions(everything, nothing).false_positive == 1


def test_small_component_of_the_mask_finds_a_lesion_and_of_the_reference_excuses_one() -> None:
    lesion, dot = a_line(*range(0, 12)), a_line(5)
    assert count_lesions(dot, lesion).found == 1
    assert count_lesions(lesion, dot).false_positive == 0


def test_voxels_that_touch_by_a_corner_are_one_lesion() -> None:
    reference = np.zeros((4, 4, 4), dtype=bool)
    reference[:2, :2, :2] = reference[2:, 2:, 2:] = True
    assert count_lesions(reference, reference, smallest=1).found == 1


def test_reference_without_lesion_has_no_sensitivity() -> None:
    assert math.isnan(count_lesions(a_line(), a_line()).sensitivity)
