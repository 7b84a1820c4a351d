from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gliomics.subtype.doubt.calibration import softmax
from gliomics.subtype.ensemble import MOST_STRENGTH, Scaling, fit_ensemble


def data(classes: int = 3, n: int = 90, features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outcome = np.arange(n) % classes
    return rng.normal(size=(n, features)) + np.eye(classes, features)[outcome] * 1.5, outcome


@pytest.mark.parametrize("classes", [2, 3])
def test_a_block_is_scikit_learns_logistic_regression_of_all_patients(classes: int) -> None:
    values, outcome = data(classes)
    fitted = fit_ensemble(values, outcome, classes, [[0, 1, 2, 3]], np.random.default_rng(3))
    z = Scaling.fit(values).apply(values)
    expected = LogisticRegression(C=MOST_STRENGTH, max_iter=2000).fit(z, outcome).predict_proba(z)
    np.testing.assert_allclose(softmax(fitted.scores(values)), expected, atol=1e-6)


def test_members_are_fitted_to_bootstrap_samples_within_the_classes() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1, 2, 3]], np.random.default_rng(3), members=2)
    rng = np.random.default_rng(3)
    z = Scaling.fit(values).apply(values)
    for scores in fitted.member_scores(values):
        rows = np.concatenate([rng.choice(np.flatnonzero(outcome == k), size=(outcome == k).sum()) for k in range(3)])
        model = LogisticRegression(C=MOST_STRENGTH, max_iter=2000).fit(z[rows], outcome[rows])
        np.testing.assert_allclose(softmax(scores), model.predict_proba(z), atol=1e-6)


def test_scores_are_the_mean_of_the_log_odds_of_the_blocks() -> None:
    values, outcome = data()
    rng = np.random.default_rng(0)
    one, two = (fit_ensemble(values, outcome, 3, [block], rng).scores(values) for block in ([0, 1], [3]))
    both = fit_ensemble(values, outcome, 3, [[0, 1], [3]], rng)
    np.testing.assert_allclose(both.scores(values), (one + two) / 2)
    assert not both.coefficients[:, :, 2].any()


def test_a_block_of_many_features_has_no_more_to_say_than_one_of_few() -> None:
    """Without a signal, the spread of what it says does not grow with the number of features."""
    rng = np.random.default_rng(1)
    outcome = np.arange(80) % 2
    spreads = []
    for features in (15, 150):
        values = rng.normal(size=(80, features))
        scores = fit_ensemble(values, outcome, 2, [list(range(features))], rng).scores(rng.normal(size=(500, features)))
        spreads.append(scores[:, 1].std())
    assert spreads[1] < 1.5 * spreads[0]


def test_without_a_signal_the_probabilities_are_the_class_frequencies() -> None:
    rng = np.random.default_rng(5)
    outcome = np.repeat([0, 1, 2], [50, 17, 21])
    fitted = fit_ensemble(rng.normal(size=(88, 5)), outcome, 3, [[0, 1, 2, 3, 4]], rng)
    mean = softmax(fitted.scores(rng.normal(size=(500, 5)))).mean(axis=0)
    np.testing.assert_allclose(mean, [50 / 88, 17 / 88, 21 / 88], atol=0.06)


def test_missing_value_counts_as_the_median() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1, 2, 3]], np.random.default_rng(0))
    incomplete = values[:1].copy()
    incomplete[0, 2] = np.nan
    filled = incomplete.copy()
    filled[0, 2] = np.median(values[:, 2])
    np.testing.assert_allclose(fitted.scores(incomplete), fitted.scores(filled))


def test_an_extreme_value_counts_no_more_than_three_standard_deviations() -> None:
    values, outcome = data()
    fitted = fit_ensemble(values, outcome, 3, [[0, 1, 2, 3]], np.random.default_rng(0))
    far, three = (np.array([fitted.scaling.mean + k * fitted.scaling.deviation]) for k in (1e9, 3.0))
    np.testing.assert_allclose(fitted.scores(far), fitted.scores(three))


def test_constant_feature_does_no_harm() -> None:
    values, outcome = data()
    values[:, 1] = 7.0
    fitted = fit_ensemble(values, outcome, 3, [[0, 1]], np.random.default_rng(0))
    assert np.isfinite(fitted.scores(values)).all()
