"""Tables of counts: the exact test of independence, and how strong an association is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array

Counts = npt.NDArray[np.int64]

MOST_TABLES = 500_000
"""Partial tables that are gone through; of more, a Monte Carlo test is made."""
RESAMPLES = 99_999
"""Tables that a Monte Carlo test draws."""
_TOLERANCE = 1e-7
"""Relative difference below which two tables are equally probable, as in R's ``fisher.test``."""


@dataclass(frozen=True)
class ExactTest:
    """A p-value with its Monte Carlo standard error, 0 where it is exact, and the observed table's probability."""

    p: float
    p_se: float
    statistic: float


def freeman_halton(table: npt.ArrayLike, seed: int = 0) -> ExactTest:
    """Fisher's exact test of an r x c table of counts (Freeman and Halton, Biometrika 38:141, 1951).

    The p-value is the probability, given the margins, of the tables that are no more probable than the observed one. Of
    margins that allow too many tables, :data:`RESAMPLES` are drawn, the same ones for equal margins and ``seed``; the
    p-value is then never 0 (Phipson and Smyth 2010) and has a standard error. Raises :class:`InputError` for what is no
    table of counts.

    >>> round(freeman_halton([[3, 1], [1, 3]]).p, 4)
    0.4857
    """
    counts = np.asarray(table)
    if counts.ndim != 2 or not counts.size or not np.all(counts >= 0) or np.any(counts != np.round(counts)):
        raise InputError(f"a contingency table holds counts in rows and columns; found {np.asarray(table).tolist()}")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.int64)
    if min(counts.shape) < 2:
        return ExactTest(1.0, 0.0, 1.0)
    if counts.shape[0] > counts.shape[1]:
        counts = counts.T
    observed = _log_probability(counts)
    every = _log_probabilities(counts.sum(axis=1), np.sort(counts.sum(axis=0)))
    if every is not None:
        log_p = every[every <= observed + _TOLERANCE]
        return ExactTest(min(1.0, float(np.exp(log_p).sum())), 0.0, float(np.exp(observed)))
    rows, columns = (tuple(counts.sum(axis=axis).tolist()) for axis in (1, 0))
    as_improbable = np.searchsorted(_drawn_log_probabilities(rows, columns, seed), observed + _TOLERANCE, side="right")
    p = float((1 + as_improbable) / (1 + RESAMPLES))
    return ExactTest(p, float(np.sqrt(p * (1 - p) / RESAMPLES)), float(np.exp(observed)))


@lru_cache(maxsize=8)
def _drawn_log_probabilities(rows: tuple[int, ...], columns: tuple[int, ...], seed: int) -> Array:
    """Log-probabilities of drawn tables with these margins, from the least, (:data:`RESAMPLES`,).

    Features that are cut at quantiles have the same margins, so that tables are drawn once for all of them.
    """
    from scipy.stats import random_table

    margins = random_table(rows, columns, seed=np.random.default_rng(seed))
    parts = [_log_probability(margins.rvs(size)) for size in _parts_of(RESAMPLES, 20_000)]
    return np.sort(np.concatenate(parts))


def _parts_of(total: int, most: int) -> list[int]:
    return [min(most, total - begin) for begin in range(0, total, most)]


def _log_probability(tables: npt.NDArray[np.int64]) -> Array:
    """Log-probability of tables (..., r, c) given their margins."""
    margins = gammaln(tables.sum(axis=-1) + 1).sum(axis=-1) + gammaln(tables.sum(axis=-2) + 1).sum(axis=-1)
    value: Array = margins - gammaln(tables.sum(axis=(-2, -1)) + 1) - gammaln(tables + 1).sum(axis=(-2, -1))
    return value


def _log_probabilities(rows: Counts, columns: Counts) -> Array | None:
    """Log-probability of every table with these margins, column by column; None where there are too many."""
    left = rows[None]
    log_probability = np.full(1, gammaln(rows + 1).sum() + gammaln(columns + 1).sum() - gammaln(rows.sum() + 1))
    for size in columns[:-1]:
        filled = _compositions(int(size), rows)
        if filled is None or len(left) * len(filled) > MOST_TABLES:
            return None
        log_probability = (log_probability[:, None] - gammaln(filled + 1).sum(axis=1)).ravel()
        left = (left[:, None] - filled).reshape(-1, len(rows))
        possible = (left >= 0).all(axis=1)
        left, log_probability = left[possible], log_probability[possible]
    value: Array = log_probability - gammaln(left + 1).sum(axis=1)
    return value


def _compositions(size: int, most: Counts) -> Counts | None:
    """The sums of counts up to ``most`` that are ``size``, (sums, len(most)); None where there are too many."""
    partial = np.zeros((1, 0), np.int64)
    for bound in most[:-1]:
        counts = np.arange(min(int(bound), size) + 1)
        if len(partial) * len(counts) > MOST_TABLES:
            return None
        partial = np.concatenate(
            [np.repeat(partial, len(counts), axis=0), np.tile(counts, len(partial))[:, None]], axis=1
        )
        partial = partial[partial.sum(axis=1) <= size]
    last = size - partial.sum(axis=1)
    sums: Counts = np.concatenate([partial, last[:, None]], axis=1)[last <= most[-1]]
    return sums


def expected_counts(table: Counts) -> Array:
    """What each cell of tables (..., r, c) would hold on average under independence, given the margins."""
    rows, columns = _margins(table)
    value: Array = rows * columns / np.maximum(1, table.sum(axis=(-2, -1), keepdims=True))
    return value


def cramers_v(table: npt.ArrayLike) -> Array:
    """Cramer's V of tables (..., r, c): 0 for independence, 1 for the strongest association (Cramer 1946).

    ``sqrt(chi2 / (n (min(r, c) - 1)))`` with Pearson's chi squared; rows and columns without counts do not count. NaN
    where fewer than two rows or columns have any.

    >>> round(float(cramers_v([[30, 10], [10, 30]])), 3)
    0.5
    """
    counts = np.asarray(table, dtype=np.int64)
    expected = expected_counts(counts)
    chi2 = np.sum((counts - expected) ** 2 / np.where(expected > 0, expected, 1.0), axis=(-2, -1))
    rows, columns = ((margin > 0).sum(axis=(-2, -1)) for margin in _margins(counts))
    smaller = np.minimum(rows, columns) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Array = np.where(smaller > 0, np.sqrt(chi2 / (counts.sum(axis=(-2, -1)) * smaller)), np.nan)
    return value


def _margins(table: Counts) -> tuple[Counts, Counts]:
    """Sums of the rows (..., r, 1) and of the columns (..., 1, c)."""
    return table.sum(axis=-1, keepdims=True), table.sum(axis=-2, keepdims=True)
