"""Values of R are those of its manual and of ``fisher.test``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import MonteCarloMethod, chi2_contingency, fisher_exact

from gliomics.errors import InputError
from gliomics.statistics import contingency
from gliomics.statistics.contingency import cramers_v, freeman_halton

JOB = [[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]]
"""Job satisfaction by income (Agresti 2002, p. 57), the example of R's ``fisher.test``: p-value 0.7827."""
TEA = [[3, 1], [1, 3]]
"""Fisher's tea tasting (Agresti 1990, p. 61): two-sided p-value 0.4857."""
CONVICTIONS = [[2, 10], [15, 3]]
"""Convictions of twins (Fisher 1962): two-sided p-value 0.0005367."""


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("table", "p"), [(TEA, 0.4857), (CONVICTIONS, 0.0005367), (JOB, 0.7827)])
def test_exact_test_gives_the_values_of_r(table: list[list[int]], p: float) -> None:
    test = freeman_halton(table)
    assert test.p == pytest.approx(p, abs=max(5e-5 if p > 0.01 else 5e-8, 4 * test.p_se))


@pytest.mark.parametrize("table", [[[4, 14, 4, 15], [16, 8, 6, 7]], [[3, 1, 2], [1, 4, 5], [2, 2, 6]]])
def test_exact_test_agrees_with_scipys_monte_carlo_one(table: list[list[int]]) -> None:
    test = freeman_halton(table)
    drawn = fisher_exact(np.array(table), method=MonteCarloMethod(n_resamples=19_999, rng=rng()))
    assert test.p_se == 0
    assert test.p == pytest.approx(drawn.pvalue, abs=4 * np.sqrt(test.p * (1 - test.p) / 20_000))
    assert test.statistic == pytest.approx(drawn.statistic)
    assert freeman_halton(np.array(table).T).p == pytest.approx(test.p)


def test_monte_carlo_p_value_agrees_with_the_exact_one_within_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = [[4, 14, 4, 15], [16, 8, 6, 7]]
    exact = freeman_halton(table)
    monkeypatch.setattr(contingency, "MOST_TABLES", 10)
    drawn = freeman_halton(table)
    assert 0 < drawn.p_se < 0.001
    assert drawn.p == pytest.approx(exact.p, abs=4 * drawn.p_se)


def test_rows_without_counts_do_not_matter() -> None:
    assert freeman_halton([[3, 1, 0], [0, 0, 0], [1, 3, 0]]).p == freeman_halton(TEA).p
    assert freeman_halton([[3, 1]]).p == 1.0


@pytest.mark.parametrize("table", [[[-1, 2], [3, 4]], [[0.5, 2], [3, 4]], [1, 2], [[np.nan, 1], [1, 2]]])
def test_what_is_no_table_of_counts_is_refused(table: list[list[float]]) -> None:
    with pytest.raises(InputError, match="a contingency table holds counts"):
        freeman_halton(table)


def test_cramers_v_is_that_of_chi_squared() -> None:
    chi2 = chi2_contingency(JOB, correction=False).statistic
    assert float(cramers_v(JOB)) == pytest.approx(np.sqrt(chi2 / (np.sum(JOB) * 3)))
    assert cramers_v([[[10, 0], [0, 10]], [[5, 5], [5, 5]]]).tolist() == [1.0, 0.0]
    assert np.isnan(cramers_v([[3, 4], [0, 0]]))
