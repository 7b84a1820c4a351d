from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.statistics.icc import icc_2_1

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Table 2 of Shrout and Fleiss 1979: 6 targets, 4 judges."""


def ratings(seed: int, n: int, k: int, *, between: float, raters: float, residual: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, between, (n, 1)) + random.normal(0, raters, (1, k)) + random.normal(0, residual, (n, k))


def by_variance_components(table: np.ndarray) -> float:
    """ICC(2,1) as a ratio of variances, from the residuals of least-squares fits with and without each effect."""
    n, k = table.shape
    ones = np.ones((n * k, 1))
    targets, raters = np.kron(np.eye(n), np.ones((k, 1))), np.kron(np.ones((n, 1)), np.eye(k))

    def residual(*effects: np.ndarray) -> float:
        design = np.hstack([ones, *effects])
        return float(np.sum((table.ravel() - design @ np.linalg.lstsq(design, table.ravel(), rcond=None)[0]) ** 2))

    error = residual(targets, raters) / ((n - 1) * (k - 1))
    of_targets = ((residual(raters) - residual(targets, raters)) / (n - 1) - error) / k
    of_raters = ((residual(targets) - residual(targets, raters)) / (k - 1) - error) / n
    return of_targets / (of_targets + of_raters + error)


def test_published_example_gives_the_published_icc_and_interval() -> None:
    icc = icc_2_1(SHROUT_FLEISS)
    assert (icc.n, icc.k) == (6, 4)
    assert icc.value == pytest.approx(0.29, abs=0.005)
    # The interval that R's psych::ICC prints for these data.
    assert (icc.low, icc.high) == (pytest.approx(0.019, abs=0.0005), pytest.approx(0.76, abs=0.005))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 12),
    k=st.integers(2, 8),
    spread=st.tuples(st.floats(0, 3), st.floats(0, 3), st.floats(0.1, 3)),
)
def test_icc_is_the_share_of_the_variance_between_targets(
    seed: int, n: int, k: int, spread: tuple[float, float, float]
) -> None:
    between, raters, residual = spread
    table = ratings(seed, n, k, between=between, raters=raters, residual=residual)
    assert icc_2_1(table).value == pytest.approx(by_variance_components(table), rel=1e-6, abs=1e-9)


def test_icc_of_two_raters_is_the_concordance_of_two_variables() -> None:
    # Lin's concordance 2 s12 / (s1^2 + s2^2 + (m1 - m2)^2), but for the share of chance in the means' difference.
    first, second = ratings(3, 20, 2, between=2, raters=1, residual=1).T
    shared = np.cov(first, second)
    chance = np.var(first - second, ddof=1) / 20
    expected = 2 * shared[0, 1] / (shared[0, 0] + shared[1, 1] + (first.mean() - second.mean()) ** 2 - chance)
    assert icc_2_1(np.stack([first, second], axis=1)).value == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), gain=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3))
def test_unit_and_zero_of_a_feature_do_not_count(seed: int, gain: float, offset: float) -> None:
    table = ratings(seed, 8, 4, between=2, raters=1, residual=1)
    plain, changed = icc_2_1(table), icc_2_1(gain * (table + offset))
    assert (changed.value, changed.low, changed.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-5)


def test_interval_holds_the_true_icc_in_95_of_100_samples() -> None:
    true = 2**2 / (2**2 + 0.5**2 + 1)
    iccs = [icc_2_1(ratings(seed, 20, 5, between=2, raters=0.5, residual=1)) for seed in range(1000)]
    assert np.mean([icc.low <= true <= icc.high for icc in iccs]) == pytest.approx(0.95, abs=0.025)


def test_more_targets_make_the_interval_narrower() -> None:
    few, many = (icc_2_1(ratings(0, n, 5, between=2, raters=0, residual=1)) for n in (4, 100))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_raters_that_agree_have_an_icc_of_1_and_those_that_differ_by_a_constant_less() -> None:
    same = icc_2_1([[1, 1], [2, 2], [4, 4]])
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1))
    # Targets vary by 7/3, raters by 25/2.
    assert icc_2_1([[1, 6], [2, 7], [4, 9]]).value == pytest.approx((7 / 3) / (7 / 3 + 25 / 2))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[1.0, 2.0, 3.0]], "1 target; an ICC needs 2"),
        ([[1.0], [2.0]], "1 rater; an ICC needs 2"),
        (np.zeros((0, 3)), "0 targets; an ICC needs 2"),
        ([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]], "the feature has one value everywhere"),
        ([[1.0, 2.0], [2.0, 1.0]], "the targets do not differ"),
    ],
)
def test_no_icc_has_a_reason(table: object, reason: str) -> None:
    icc = icc_2_1(table)  # type: ignore[arg-type]
    assert math.isnan(icc.value)
    assert math.isnan(icc.low)
    assert icc.reason == reason
