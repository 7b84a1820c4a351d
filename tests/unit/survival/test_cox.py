"""Cox models on planted truth, on none, and where there is no solution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import kstest

from gliomics.errors import InputError
from gliomics.survival.cox import RiskSets, fit_cox, schoenfeld_test
from gliomics.survival.elastic_net import L1_RATIOS, STRENGTHS, fit_elastic_net, largest_penalty, path
from gliomics.survival.kaplan_meier import log_rank

pytestmark = pytest.mark.slow

Array = npt.NDArray[np.float64]
Events = npt.NDArray[np.bool_]


def cohort(n: int, log_ratio: float, rng: np.random.Generator, features: int = 1) -> tuple[Array, Array, Events]:
    """Standard normal features, of which the first multiplies the hazard; about half is censored."""
    z = rng.normal(size=(n, features))
    time, censored = rng.exponential(np.exp(-log_ratio * z[:, 0])), rng.exponential(size=n)
    return z, np.minimum(time, censored), time <= censored


def test_planted_hazard_ratio_lies_in_95_of_100_intervals() -> None:
    rng = np.random.default_rng(0)
    ratios = [fit_cox(*cohort(150, 0.6, rng)).hazard_ratios()[0] for _ in range(120)]
    inside = np.mean([low <= np.exp(0.6) <= high for _, low, high, _ in ratios])
    assert 0.91 <= inside <= 0.99
    assert np.median([ratio for ratio, *_ in ratios]) == pytest.approx(np.exp(0.6), rel=0.05)


@pytest.mark.parametrize("groups", [2, 4])
def test_p_of_the_log_rank_test_is_uniform_where_nothing_differs(groups: int) -> None:
    rng = np.random.default_rng(groups)
    p_values = []
    for _ in range(250):
        _, time, event = cohort(120, 0.0, rng)
        p_values.append(log_rank(time, event, rng.permutation(np.arange(120) % groups)).p)
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_p_of_changing_hazards_is_small_where_they_change_and_uniform_where_not() -> None:
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(120):
        z, time, event = cohort(150, 0.5, rng)
        p_values.append(schoenfeld_test(z, time, event, fit_cox(z, time, event))[0, 1])
    assert kstest(p_values, "uniform").pvalue > 0.01
    group = np.repeat([0.0, 1.0], 150)
    time = np.where(group > 0, rng.weibull(3, 300), rng.exponential(size=300))
    everybody = np.full(300, True)
    model = fit_cox(group[:, None], time, everybody)
    assert schoenfeld_test(group[:, None], time, everybody, model)[0, 1] < 1e-6


def test_hazard_ratio_is_for_one_unit_whatever_the_unit() -> None:
    z, time, event = cohort(200, 0.5, np.random.default_rng(1), features=2)
    model, other = fit_cox(z, time, event), fit_cox(z * [1000, 0.01] + 40, time, event)
    assert other.coefficients * [1000, 0.01] == pytest.approx(model.coefficients)
    assert other.errors * [1000, 0.01] == pytest.approx(model.errors)


def test_column_that_tells_all_events_is_refused() -> None:
    time = np.arange(1.0, 21.0)
    event = time <= 10
    with pytest.raises(InputError, match="Cox's model has no solution"):
        fit_cox(event[:, None].astype(float), time, event)
    with pytest.raises(InputError, match="one value for all patients"):
        fit_cox(np.ones((20, 1)), time, event)
    assert np.isfinite(fit_cox(event[:, None].astype(float), time, event, ridge=1.0).coefficients).all()


@pytest.mark.parametrize("features", [12, 150])
@pytest.mark.parametrize("l1_ratio", L1_RATIOS)
def test_path_is_where_no_step_is_better(features: int, l1_ratio: float) -> None:
    """The conditions of Karush, Kuhn and Tucker of the penalised likelihood."""
    rng = np.random.default_rng(features)
    z, time, event = cohort(80, 0.8, rng, features)
    offset = rng.normal(scale=0.3, size=80)
    sets = RiskSets.of(time, event)
    penalties = STRENGTHS * largest_penalty(z, sets, offset, l1_ratio)
    for penalty, weights in zip(penalties, path(z, sets, offset, penalties, l1_ratio), strict=True):
        step = 1e-4
        slopes = np.array(
            [
                (
                    sets.hazards(offset + z @ (weights + move)).likelihood
                    - sets.hazards(offset + z @ (weights - move)).likelihood
                )
                / (2 * step * len(z))
                for move in step * np.eye(features)
            ]
        )
        slopes -= penalty * (1 - l1_ratio) * weights
        bound, taken = penalty * l1_ratio, weights != 0
        assert slopes[taken] == pytest.approx(bound * np.sign(weights[taken]), abs=0.002)
        assert np.abs(slopes[~taken]).max(initial=0) <= bound + 0.002


def test_strongest_penalty_leaves_nothing_and_the_next_something() -> None:
    z, time, event = cohort(80, 0.8, np.random.default_rng(0), 30)
    sets = RiskSets.of(time, event)
    weights = path(z, sets, np.zeros(80), STRENGTHS * largest_penalty(z, sets, np.zeros(80), 0.5), 0.5)
    assert not weights[0].any()
    assert weights[1].any()


def test_planted_feature_is_found_among_many() -> None:
    rng = np.random.default_rng(5)
    z, time, event = cohort(200, 1.0, rng, 60)
    net = fit_elastic_net(z, time, event, np.zeros(200), rng)
    assert np.abs(net.coefficients).argmax() == 0
    assert 0.5 < net.coefficients[0] < 1.1
    assert np.abs(net.coefficients[1:]).max() < 0.3
