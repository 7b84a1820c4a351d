"""C-index, AUC and Brier score: by hand, as without censoring, and what censoring must not change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gliomics.statistics.probability_scores import auc
from gliomics.survival.accuracy import (
    auc_at,
    brier_at,
    c_index,
    c_indices,
    case_weights,
    integrated_brier,
    weighted_aucs,
)

RNG = np.random.default_rng(0)
RISK = RNG.normal(size=4000)
TIME = RNG.exponential(np.exp(-RISK))
CENSORED = RNG.exponential(1.5, size=4000)
EVERYBODY = np.full(4000, True)


def test_c_index_counts_pairs() -> None:
    risk, time = RNG.integers(0, 5, 40).astype(float), RNG.integers(1, 15, 40).astype(float)
    event = RNG.random(40) < 0.5
    score, pairs = 0.0, 0
    for i, j in itertools.permutations(range(40), 2):
        if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
            pairs += 1
            score += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    assert c_index(risk, time, event) == pytest.approx(score / pairs)


def test_without_censoring_they_are_the_ordinary_ones() -> None:
    survival = np.exp(-np.exp(RISK))
    assert auc_at(0.7, RISK, TIME, EVERYBODY) == pytest.approx(auc(RISK, TIME <= 0.7))
    assert brier_at(0.7, survival, TIME, EVERYBODY) == pytest.approx(np.mean((survival - (TIME > 0.7)) ** 2))


def test_censoring_is_made_up_for() -> None:
    time, event = np.minimum(TIME, CENSORED), TIME <= CENSORED
    assert event.mean() < 0.7
    survival = np.exp(-np.exp(RISK))
    assert auc_at(1.0, RISK, time, event) == pytest.approx(auc_at(1.0, RISK, TIME, EVERYBODY), abs=0.015)
    complete = brier_at(1.0, survival, TIME, EVERYBODY)
    assert brier_at(1.0, survival, time, event) == pytest.approx(complete, abs=0.007)


def test_weighted_by_hand() -> None:
    """Of four, the second is censored at 2: those of whom more is known count 1 / (2/3) from then on."""
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    survival = np.array([0.2, 0.5, 0.6, 0.9])
    expected = (0.2**2 + 0.6**2 * 1.5 + 0.1**2 * 1.5) / 4
    assert brier_at(3.0, survival, time, event) == pytest.approx(expected)
    assert auc_at(3.0, np.array([1.0, 9.0, 3.0, 2.0]), time, event) == pytest.approx(1.5 / 2.5)


def test_nothing_to_compare_is_chance() -> None:
    nobody = np.full(4, False)
    assert c_index(np.arange(4.0), np.arange(4.0), nobody) == 0.5
    assert auc_at(1.0, np.arange(4.0), np.arange(4.0), nobody) == 0.5


def test_samples_at_once_are_those_of_the_patients_drawn() -> None:
    """Counts of how often each patient is drawn give what the drawn patients themselves would."""
    risk, time = RNG.integers(0, 9, (2, 60)).astype(float), RNG.integers(1, 25, 60).astype(float)
    event = RNG.random(60) < 0.6
    drawn = RNG.integers(0, 60, (5, 60))
    counts = np.array([np.bincount(rows, minlength=60) for rows in drawn], dtype=float)
    weights, control = case_weights(9.0, time, event), time > 9
    c, auc_of = c_indices(risk, time, event, counts), weighted_aucs(risk, weights, control, counts)
    for sample, rows in enumerate(drawn):
        for k in range(2):
            assert c[k, sample] == pytest.approx(c_index(risk[k, rows], time[rows], event[rows]))
            cases, controls = rows[weights[rows] > 0], rows[control[rows]]
            above = np.sign(risk[k, cases][:, None] - risk[k, controls]) / 2 + 0.5
            expected = np.average(above.mean(axis=1), weights=weights[cases])
            assert auc_of[k, sample] == pytest.approx(expected)


def test_integrated_score_is_the_mean_over_time() -> None:
    """Of two without censoring, both said to live with 0.5: 0.25 from the first time to the last."""
    times = np.array([0.5, 1.0, 3.0, 4.0])
    half = np.full((2, 4), 0.5)
    assert integrated_brier(times, half, np.array([2.0, 9.0]), np.array([True, True])) == pytest.approx(0.25)
    perfect = (times < np.array([[3.0], [9.0]])).astype(float)
    assert integrated_brier(times, perfect, np.array([3.0, 9.0]), np.array([True, True])) == 0
