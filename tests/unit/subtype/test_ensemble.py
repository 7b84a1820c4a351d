from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gliomics.subtype.ensemble import STRENGTH, Ensemble, Scaling, fit_ensemble


def data(classes: int = 3, n: int = 90, features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outcome = np.arange(n) % classes
    return rng.normal(size=(n, features)) + np.eye(classes, features)[outcome] * 1.5, outcome


@pytest.mark.parametrize("classes", [2, 3])
def test_members_are_scikit_learns_logistic_regressions(classes: int) -> None:
    values, outcome = data(classes)
    rng = np.random.default_rng(3)
    fitted = fit_ensemble(values, outcome, classes, [[0, 1, 2, 3]], rng, members=1)
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.choice(np.flatnonzero(outcome == k), size=(outcome == k).sum()) for k in range(classes)])
    z = Scaling.fit(values).apply(values)
    expected = LogisticRegression(C=STRENGTH, max_iter=2000).fit(z[rows], outcome[rows]).predict_proba(z)
    np.testing.assert_allclose(fitted.probabilities(values), expected, atol=1e-6)


def test_members_take_the_signatures_in_turn() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0], [0, 1], [3]], np.random.default_rng(0), members=2)
    columns = [np.flatnonzero(np.any(member != 0, axis=0)).tolist() for member in fitted.coefficients]
    assert columns == [[0], [0, 1], [3], [0], [0, 1], [3]]


def test_probabilities_sum_to_one_and_are_the_members_mean() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1], [2]], np.random.default_rng(0))
    np.testing.assert_allclose(fitted.probabilities(values).sum(axis=1), 1)
    np.testing.assert_allclose(fitted.probabilities(values), fitted.member_probabilities(values).mean(axis=0))


def test_without_a_signal_the_probabilities_are_the_class_frequencies() -> None:
    rng = np.random.default_rng(5)
    outcome = np.repeat([0, 1, 2], [50, 17, 21])
    fitted = fit_ensemble(rng.normal(size=(88, 5)), outcome, 3, [[0, 1, 2, 3, 4]], rng)
    mean = fitted.probabilities(rng.normal(size=(500, 5))).mean(axis=0)
    np.testing.assert_allclose(mean, [50 / 88, 17 / 88, 21 / 88], atol=0.06)


def test_missing_value_counts_as_the_median() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1, 2, 3]], np.random.default_rng(0), members=3)
    incomplete = values[:1].copy()
    incomplete[0, 2] = np.nan
    filled = incomplete.copy()
    filled[0, 2] = np.median(values[:, 2])
    np.testing.assert_allclose(fitted.probabilities(incomplete), fitted.probabilities(filled))


def test_an_extreme_value_counts_no_more_than_three_standard_deviations() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1, 2, 3]], np.random.default_rng(0), members=3)
    far, three = (np.array([fitted.scaling.mean + k * fitted.scaling.deviation]) for k in (1e9, 3.0))
    np.testing.assert_allclose(fitted.probabilities(far), fitted.probabilities(three))


def test_constant_feature_does_no_harm() -> None:
    values, outcome = data()
    values[:, 1] = 7.0
    fitted = fit_ensemble(values, outcome, 3, [[0, 1]], np.random.default_rng(0), members=2)
    assert isinstance(fitted, Ensemble)
    assert np.isfinite(fitted.probabilities(values)).all()
