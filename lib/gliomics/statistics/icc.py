"""The intraclass correlation ICC(2,1): how far raters of the same targets agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution

from gliomics.errors import InputError


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation of ``n`` targets by ``k`` raters with its 95 % interval; NaN with a reason if none."""

    value: float
    low: float
    high: float
    n: int
    k: int
    reason: str = ""


def icc_2_1(ratings: npt.ArrayLike) -> Icc:
    """ICC(2,1) of ``ratings``, (n targets, k raters): two-way random effects, absolute agreement, a single rater.

    ``(MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n)`` with the mean squares of targets (R), raters (C) and
    the rest (E): Shrout and Fleiss, Psychol Bull 86:420 (1979); the interval by the F distribution: McGraw and Wong,
    Psychol Methods 1:30 (1996). There is no ICC, but a reason, of fewer than 2 targets or raters and where nothing
    differs. Raises :class:`InputError` for another shape, and for NaN or infinite ratings.

    >>> icc = icc_2_1([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> print(f"{icc.value:.2f} ({icc.low:.2f} to {icc.high:.2f}), {icc.n} targets, {icc.k} raters")
    0.29 (0.02 to 0.76), 6 targets, 4 raters
    >>> icc_2_1([[1.0], [2.0]]).reason
    '1 rater; an ICC needs 2'
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise InputError(f"ratings must be finite numbers, targets by raters; these have shape {table.shape}")
    n, k = table.shape
    if n < 2 or k < 2:
        few = f"{n} target{'s' * (n != 1)}" if n < 2 else f"{k} rater{'s' * (k != 1)}"
        return Icc(math.nan, math.nan, math.nan, n, k, f"{few}; an ICC needs 2")
    table = table - table.mean()
    if np.abs(table).max() <= 1e-12 * np.abs(ratings).max():
        return Icc(math.nan, math.nan, math.nan, n, k, "the feature has one value everywhere")
    table /= np.abs(table).max()
    of_targets, of_raters = table.mean(axis=1), table.mean(axis=0)
    residual = table - of_targets[:, None] - of_raters
    msr = k * float(of_targets @ of_targets) / (n - 1)
    msc = n * float(of_raters @ of_raters) / (k - 1)
    # Below this is what rounding leaves of ratings that agree.
    mse = max(float(np.sum(residual**2)) / ((n - 1) * (k - 1)), 1e-30)
    total = msr + (k - 1) * mse + k * (msc - mse) / n
    if total <= 1e-24:
        return Icc(math.nan, math.nan, math.nan, n, k, "the targets do not differ")
    value = (msr - mse) / total

    a, b = k * value, n * (1 + (k - 1) * value) - k * value
    freedom = (n - 1) * (k - 1) * (a * msc + b * mse) ** 2 / ((n - 1) * (a * msc) ** 2 + (b * mse) ** 2)
    freedom = max(freedom, k - 1)  # it is less only where the ICC is negative, and then it can be 0
    lower = float(f_distribution.ppf(0.975, n - 1, freedom))
    upper = float(f_distribution.ppf(0.975, freedom, n - 1))
    raters_and_rest = k * msc + (k * n - k - n) * mse
    low = n * (msr / lower - mse) / (raters_and_rest + n * msr / lower)
    high = n * (msr - mse / upper) / (raters_and_rest / upper + n * msr)
    return Icc(value, low, high, n, k)
