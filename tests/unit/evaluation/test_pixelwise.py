"""The source systems' metrics against scikit-learn's, and their rules for nothing."""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from gliomics.evaluation.overlap import dice, iou
from gliomics.evaluation.pixelwise import PIXEL_METRICS, Confusion, confusion_by_slice, mean_over
from gliomics.study import Volume

from .conftest import quick

binary = arrays(np.bool_, (6, 5), elements=st.booleans())


def test_values_by_hand() -> None:
    confusion = Confusion(true_negative=80, false_positive=4, false_negative=6, true_positive=10)
    expected = {
        "accuracy": 0.9,
        "balanced_accuracy": (10 / 16 + 80 / 84) / 2,
        "precision": 10 / 14,
        "sensitivity": 10 / 16,
        "specificity": 80 / 84,
        "f1": 20 / 30,
        "iou": 10 / 20,
    }
    assert {name: getattr(confusion, name) for name in PIXEL_METRICS} == pytest.approx(expected)


def test_metrics_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    mask, reference = rng.random(5000) < 0.3, rng.random(5000) < 0.2
    confusion = Confusion.of(mask, reference)
    assert [confusion.true_negative, confusion.false_positive, confusion.false_negative, confusion.true_positive] == [
        *metrics.confusion_matrix(reference, mask).ravel()
    ]
    theirs = {
        "accuracy": metrics.accuracy_score(reference, mask),
        "balanced_accuracy": metrics.balanced_accuracy_score(reference, mask),
        "precision": metrics.precision_score(reference, mask),
        "sensitivity": metrics.recall_score(reference, mask),
        "specificity": metrics.recall_score(reference, mask, pos_label=False),
        "f1": metrics.f1_score(reference, mask),
        "iou": metrics.jaccard_score(reference, mask),
    }
    assert {name: getattr(confusion, name) for name in PIXEL_METRICS} == pytest.approx(theirs)
    for of_class, label in ((confusion, True), (confusion.swapped, False)):
        precision, recall, f1, support = metrics.precision_recall_fscore_support(reference, mask, labels=[label])
        assert (of_class.precision, of_class.sensitivity, of_class.f1) == pytest.approx(
            (precision[0], recall[0], f1[0])
        )
        assert of_class.lesion == support[0]


@quick
@given(binary, binary)
def test_f1_and_iou_are_those_of_the_overlap_also_where_volumes_are_empty(a: np.ndarray, b: np.ndarray) -> None:
    confusion = Confusion.of(a, b)
    assert confusion.f1 == pytest.approx(dice(a, b))
    assert confusion.iou == pytest.approx(iou(a, b))


@quick
@given(binary, binary)
def test_swapping_mask_and_reference_swaps_precision_and_sensitivity(a: np.ndarray, b: np.ndarray) -> None:
    if a.any() and b.any():
        assert Confusion.of(a, b).precision == Confusion.of(b, a).sensitivity


@quick
@given(binary, binary)
def test_parts_add_up_to_the_whole(a: np.ndarray, b: np.ndarray) -> None:
    parts = [Confusion.of(a[row], b[row]) for row in range(len(a))]
    assert reduce(add, parts) == Confusion.of(a, b)


def test_rules_where_the_mask_the_reference_or_both_are_empty() -> None:
    lesion, none = np.array([1, 1, 0, 0]), np.zeros(4)
    missed, invented, quiet = Confusion.of(none, lesion), Confusion.of(lesion, none), Confusion.of(none, none)
    assert (missed.precision, missed.sensitivity, missed.f1, missed.iou) == (0.0, 0.0, 0.0, 0.0)
    assert (invented.precision, invented.f1, invented.specificity) == (0.0, 0.0, 0.5)
    assert math.isnan(invented.sensitivity) and math.isnan(invented.balanced_accuracy)
    assert (quiet.f1, quiet.iou, quiet.accuracy, quiet.specificity) == (1.0, 1.0, 1.0, 1.0)
    assert math.isnan(quiet.precision) and math.isnan(quiet.sensitivity)


def test_mean_leaves_out_what_is_undefined_and_says_how_many_remain() -> None:
    lesion, none = np.array([1, 1, 0, 0]), np.zeros(4)
    confusions = [Confusion.of(lesion, lesion), Confusion.of(none, lesion), Confusion.of(none, none)]
    assert mean_over(confusions, "sensitivity") == (0.5, 2)
    assert mean_over(confusions, "f1") == (pytest.approx(2 / 3), 3)
    value, count = mean_over([], "f1")
    assert math.isnan(value) and count == 0


def test_slices_are_axial_whatever_the_order_of_axes_in_the_file() -> None:
    mask, reference = np.zeros((2, 3, 4, 5), dtype=np.uint8)
    reference[:, :, 1] = mask[:2, :, 1] = mask[0, 0, 3] = 1
    affine = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
    reference, mask = reference.transpose(0, 2, 1), mask.transpose(0, 2, 1)
    coronal = [Volume(np.ascontiguousarray(array), affine) for array in (mask, reference)]
    slices = confusion_by_slice(*coronal)
    # The second axis of the file runs downwards, so its slice 1 of 5 is the fourth from below.
    assert [confusion.lesion for confusion in slices] == [0, 0, 0, 12, 0]
    assert [confusion.marked for confusion in slices] == [0, 1, 0, 8, 0]
