"""Probabilities, sets of classes and shifts of prevalence, on scores whose meaning is known."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.probability_scores import calibration_line
from gliomics.subtype.doubt.calibration import Calibration, softmax, with_prevalence
from gliomics.subtype.doubt.conformal import ClassScores


def drawn(n: int, sharpness: float, seed: int, share: float = 0.3) -> tuple[Array, Classes]:
    """Log-odds of two classes that are too careful by a factor of ``sharpness``, and the classes."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(np.log(share / (1 - share)), 1.5, n)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    return np.column_stack([np.zeros(n), log_odds / sharpness]), outcome


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_slope_mends_scores_that_say_too_little_or_too_much(sharpness: float) -> None:
    scores, outcome = drawn(4000, sharpness, 0)
    calibration = Calibration.fit(scores, outcome)
    assert calibration.slope == pytest.approx(sharpness, rel=0.1)
    probability = calibration.probabilities(drawn(4000, sharpness, 1)[0])
    slope, intercept = calibration_line(probability[:, 1], drawn(4000, sharpness, 1)[1] == 1)
    assert (slope, intercept) == (pytest.approx(1, abs=0.1), pytest.approx(0, abs=0.15))


def test_classes_told_apart_without_an_error_do_not_end_in_certainty() -> None:
    outcome = np.repeat([0, 1], 10)
    scores = np.column_stack([np.zeros(20), np.where(outcome == 1, 1.0, -1.0)])
    assert Calibration.fit(scores, outcome).probabilities(scores).max() < 1 - 1e-6


def test_prevalence_changes_the_odds_by_the_ratio_of_the_shares() -> None:
    probability = softmax(np.random.default_rng(0).normal(size=(50, 3)))
    trained, there = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    shifted = with_prevalence(probability, trained, there)
    odds = (shifted[:, 2] / shifted[:, 0]) / (probability[:, 2] / probability[:, 0])
    np.testing.assert_allclose(odds, (0.5 / 0.2) / (0.2 / 0.5))
    np.testing.assert_allclose(shifted.sum(axis=1), 1)
    np.testing.assert_allclose(with_prevalence(probability, trained, trained), probability)


def test_nine_in_ten_patients_of_each_class_have_it_in_their_set_however_rare_it_is() -> None:
    coverage = []
    for seed in range(60):
        scores, outcome = drawn(300, 1.0, seed, share=0.15)
        probability = softmax(scores)
        half = np.arange(300) < 150
        class_scores = ClassScores.of(probability[half], outcome[half])
        sets = class_scores.sets(probability[~half])
        coverage.append([sets[outcome[~half] == k, k].mean() for k in (0, 1)])
    assert np.mean(coverage, axis=0) == pytest.approx([0.9, 0.9], abs=0.03) or np.mean(coverage, axis=0).min() > 0.9


def test_sets_are_never_empty_and_too_few_patients_make_none() -> None:
    few = ClassScores([np.full(9, 0.9), np.full(30, 0.9)])
    assert not few.is_enough
    assert ClassScores([np.full(10, 0.9), np.full(30, 0.9)]).is_enough
    sure = ClassScores([np.full(50, 0.99), np.full(50, 0.99)])
    assert sure.sets(np.array([[0.6, 0.4]])).tolist() == [[True, False]]
