from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gliomics.errors import InputError
from gliomics.statistics import probability_scores
from gliomics.statistics.bootstrap import (
    Interval,
    bootstrap_interval,
    over_repeats,
    over_seeds_and_patients,
    paired_difference,
)


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_interval_is_the_percentile_bootstrap_of_scipy(statistic: Callable[..., Any]) -> None:
    values = np.random.default_rng(2).normal(0.8, 0.1, 41)
    interval = bootstrap_interval(values.tolist(), statistic=statistic)
    expected = stats.bootstrap(
        (values,), statistic, n_resamples=10_000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert interval.value == statistic(values)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.004)


def test_bootstrap_interval_covers_the_mean_and_narrows_with_n() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.normal(0.8, 0.1, 10), rng.normal(0.8, 0.1, 1000)
    narrow, wide = bootstrap_interval(large.tolist()), bootstrap_interval(small.tolist())
    assert narrow.low < 0.8 < narrow.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3
    assert wide.n == 10


@pytest.mark.parametrize("values", [[], [[0.1, 0.2]]])
def test_what_is_no_value_for_each_patient_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match="needs one value for each patient; found values of shape"):
        bootstrap_interval(values)


def test_lucky_seed_widens_the_interval_and_of_one_seed_it_is_over_patients() -> None:
    alike = np.tile(np.array([0.01, 0.02, 0.03]), (4, 1))
    lucky = alike + np.array([[0.1], [-0.1], [0.05], [-0.05]])
    assert over_seeds_and_patients(alike).low > 0
    assert over_seeds_and_patients(lucky).value == pytest.approx(over_seeds_and_patients(alike).value)
    assert over_seeds_and_patients(lucky).low < 0
    single_seed, over_patients = over_seeds_and_patients(alike[:1]), bootstrap_interval([0.01, 0.02, 0.03])
    assert (single_seed.low, single_seed.high) == pytest.approx((over_patients.low, over_patients.high))


def test_interval_covers_the_value_and_shrinks_with_more_patients() -> None:
    rng = np.random.default_rng(1)

    def interval(n: int) -> Interval:
        outcome = np.arange(n) % 2
        score = rng.normal(size=n) + outcome
        p = 1 / (1 + np.exp(-score))
        return over_repeats(probability_scores.macro_auc, np.stack([1 - p, p], axis=1)[None], outcome, rng)

    small, large = interval(40), interval(400)
    for figure in (small, large):
        assert figure.low < figure.value < figure.high
    assert large.high - large.low < 0.5 * (small.high - small.low)
    assert (small.n, large.n) == (40, 400)


def predictions(noise: float, outcome: np.ndarray[Any, Any], shared: np.ndarray[Any, Any], seed: int) -> Any:
    """Two repeats of probabilities of two classes, from what is ``shared`` and noise of their own."""
    rng = np.random.default_rng(seed)
    score = outcome + shared + noise * rng.normal(size=(2, outcome.size))
    probability = 1 / (1 + np.exp(-score))
    return np.stack([1 - probability, probability], axis=2)


def test_paired_difference_is_that_of_the_measures_and_narrower_than_of_two_cohorts() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.integers(0, 2, 80)
    shared = rng.normal(size=80)
    first, second = predictions(0.1, outcome, shared, 1), predictions(1.5, outcome, shared, 2)
    brier = probability_scores.brier
    difference = paired_difference(brier, first, second, outcome, np.random.default_rng(0))
    of_each = [over_repeats(brier, one, outcome, np.random.default_rng(0)) for one in (first, second)]
    assert difference.value == pytest.approx(of_each[0].value - of_each[1].value)
    assert difference.low < difference.value < difference.high
    widths = [interval.high - interval.low for interval in of_each]
    assert difference.high - difference.low < np.hypot(*widths)


def test_predictions_do_not_differ_from_themselves() -> None:
    outcome = np.arange(40) % 2
    same = predictions(1.0, outcome, np.zeros(40), 3)
    difference = paired_difference(probability_scores.brier, same, same, outcome, np.random.default_rng(0))
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_paired_difference_of_other_repeats_is_refused() -> None:
    outcome = np.arange(40) % 2
    two = predictions(1.0, outcome, np.zeros(40), 3)
    with pytest.raises(InputError, match="equally many repeats"):
        paired_difference(probability_scores.brier, two, two[:1], outcome, np.random.default_rng(0))
