"""p-values of many tests, corrected for their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.statistics.arrays import Array


@dataclass(frozen=True)
class Corrected:
    """The p-values of one family of tests, (tests,), corrected in three ways; NaN where there was no test."""

    bonferroni: Array
    """Controls the probability of any false discovery."""
    holm: Array
    """The same, and never larger (Holm 1979)."""
    fdr: Array
    """Controls the expected share of false discoveries among the discoveries (Benjamini and Hochberg 1995)."""


def corrected(p_values: npt.ArrayLike) -> Corrected:
    """Correct the p-values of one family, (tests,). NaN stands for a test that was refused and counts for nothing.

    >>> families = corrected([0.01, 0.04, float("nan"), 0.03])
    >>> families.bonferroni.tolist(), families.holm.tolist(), families.fdr.tolist()
    ([0.03, 0.12, nan, 0.09], [0.03, 0.06, nan, 0.06], [0.03, 0.04, nan, 0.04])
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    bonferroni, holm, fdr = (np.full(p.shape, np.nan) for _ in range(3))
    if tested.size:
        order = tested[np.argsort(p[tested], kind="stable")]
        bonferroni[tested] = np.minimum(1.0, p[tested] * tested.size)
        steps = p[order] * np.arange(tested.size, 0, -1)
        holm[order] = np.minimum(1.0, np.maximum.accumulate(steps))
        fdr[tested] = false_discovery_control(p[tested])
    return Corrected(bonferroni, holm, fdr)
