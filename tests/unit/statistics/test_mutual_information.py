from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy, kstest
from sklearn.feature_selection import mutual_info_regression

from gliomics.errors import InputError
from gliomics.statistics.mutual_information import (
    histogram_information,
    knn_information,
    knn_null,
    normal_scores,
)


def correlated(n: int, rho: float, pairs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A normal quantity (n,) and others (n, pairs) that correlate with it by ``rho``."""
    rng = np.random.default_rng(0)
    first, other = rng.normal(size=n), rng.normal(size=(n, pairs))
    return first, rho * first[:, None] + np.sqrt(1 - rho**2) * other


def test_histogram_estimate_is_that_of_numpys_histogram() -> None:
    first, second = correlated(50, 0.6, 3)
    for column in second.T:
        joint = np.histogram2d(first, column, bins=5)[0] / 50
        expected = entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1)) - entropy(joint.ravel())
        assert histogram_information(first[:, None], column[:, None])[0, 0] == pytest.approx(expected)


def test_nearest_neighbour_estimate_is_that_of_scikit_learn() -> None:
    first, second = correlated(60, 0.6, 4)
    first, second = first / first.std(), second / second.std(axis=0)
    expected = mutual_info_regression(second, first, n_neighbors=3, random_state=0)
    assert np.maximum(knn_information(first, second), 0) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_nearest_neighbours_find_planted_information(rho: float) -> None:
    first, second = correlated(1000, rho, 4)
    assert knn_information(first, second).mean() == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.06)


def test_histogram_of_few_patients_finds_information_where_there_is_none() -> None:
    first, second = correlated(50, 0.0, 60)
    assert histogram_information(first[:, None], second).mean() > 0.1
    assert abs(knn_information(first, second).mean()) < 0.06


def test_estimates_of_independent_pairs_follow_the_null_whatever_their_distribution() -> None:
    rng = np.random.default_rng(1)
    null = knn_null(40, 2000, rng)
    first = normal_scores(rng.exponential(size=(40, 1)), rng)[:, 0]
    second = normal_scores(np.exp(3 * rng.normal(size=(40, 300))), rng)
    p = 1 - np.searchsorted(null, knn_information(first, second)) / null.size
    assert kstest(p, "uniform").pvalue > 0.01


def test_scores_keep_the_order_and_part_ties_at_random() -> None:
    rng = np.random.default_rng(0)
    scores = normal_scores(np.array([[3.0], [1.0], [2.0], [1.0]]), rng)[:, 0]
    assert scores[0] > scores[2] > max(scores[1], scores[3])
    assert sorted(scores) == pytest.approx([-1.1503, -0.3186, 0.3186, 1.1503], abs=1e-4)


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(InputError, match="needs more patients; found 3"):
        knn_information(np.arange(3.0), np.ones((3, 1)))
