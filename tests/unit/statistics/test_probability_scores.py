from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from gliomics.errors import InputError
from gliomics.statistics import probability_scores


def drawn(seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    outcome = np.concatenate([np.arange(classes), rng.integers(0, classes, 40)])
    return rng.dirichlet(np.ones(classes), outcome.size).round(1 if seed % 2 else 9), outcome


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_auc_equals_scikit_learn_with_ties_and_without(seed: int) -> None:
    probability, outcome = drawn(seed)
    for k in range(3):
        expected = roc_auc_score(outcome == k, probability[:, k])
        assert probability_scores.class_auc(probability, outcome, k) == pytest.approx(expected)


def test_macro_auc_of_two_classes_is_the_auc() -> None:
    probability, outcome = drawn(4, classes=2)
    assert probability_scores.macro_auc(probability, outcome) == pytest.approx(
        roc_auc_score(outcome, probability[:, 1])
    )


def test_balanced_accuracy_equals_scikit_learn() -> None:
    probability, outcome = drawn(2)
    expected = balanced_accuracy_score(outcome, probability.argmax(axis=1))
    assert probability_scores.balanced_accuracy(probability, outcome) == pytest.approx(expected)


def test_brier_score_of_two_classes_is_twice_that_of_one() -> None:
    probability, outcome = drawn(4, classes=2)
    expected = 2 * brier_score_loss(outcome, probability[:, 1])
    assert probability_scores.brier(probability, outcome) == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_of_several_classes_equal_scikit_learn(classes: int) -> None:
    probability, outcome = drawn(6, classes)
    if classes > 2:
        expected = roc_auc_score(outcome, probability, multi_class="ovr", average="macro")
        assert probability_scores.macro_auc(probability, outcome) == pytest.approx(expected)
    expected = brier_score_loss(outcome, probability, scale_by_half=False)
    assert probability_scores.brier(probability, outcome) == pytest.approx(expected)


def test_calibration_error_is_the_mean_gap_of_scikit_learn_s_curves() -> None:
    rng = np.random.default_rng(7)
    probability, outcome = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    curves = [calibration_curve(outcome == k, probability[:, k], n_bins=5, strategy="quantile") for k in range(3)]
    expected = np.mean([np.abs(observed - estimated).mean() for observed, estimated in curves])
    assert probability_scores.calibration_error(probability, outcome) == pytest.approx(expected)


def test_patients_of_one_class_have_no_auc() -> None:
    with pytest.raises(InputError, match="needs patients of two classes; 3 are of the positive one and 0 of the other"):
        probability_scores.auc(np.array([0.1, 0.2, 0.3]), np.ones(3, dtype=bool))


def test_certain_and_right_is_perfectly_calibrated_and_certain_and_wrong_is_not() -> None:
    outcome = np.repeat([0, 1], [20, 30])
    assert probability_scores.calibration_error(np.eye(2)[outcome], outcome) == 0
    assert probability_scores.calibration_error(np.eye(2)[1 - outcome], outcome) == 1


def test_probabilities_that_are_the_truth_have_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    outcome = (rng.uniform(size=p.size) < p).astype(int)
    assert probability_scores.calibration_error(np.stack([1 - p, p], axis=1), outcome) < 0.02
    tempered = 0.5 + (p - 0.5) / 3
    assert probability_scores.calibration_error(np.stack([1 - tempered, tempered], axis=1), outcome) > 0.1
