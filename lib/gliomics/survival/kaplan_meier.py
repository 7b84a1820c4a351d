"""Survival curves of groups, whether they differ, and how long patients were followed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.statistics.arrays import Array, Classes

Events = npt.NDArray[np.bool_]
"""Whether the event was seen for each patient, (patients,); where it was not, the patient is censored."""
_Z = 1.959963984540054


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve with its 95 % interval; each array is (times,), of the times at which anything happened.

    ``at_risk`` counts who was followed just before each time, ``events`` and ``censored`` what happened at it.
    """

    times: Array
    survival: Array
    low: Array
    high: Array
    at_risk: Classes
    events: Classes
    censored: Classes

    def at(self, time: float, *, before: bool = False) -> float:
        """Survival at a time, or just before it; 1 before the first."""
        position = int(np.searchsorted(self.times, time, side="left" if before else "right"))
        return float(self.survival[position - 1]) if position else 1.0

    def median(self) -> tuple[float, float, float]:
        """When the curve and the ends of its interval reach 0.5 (Brookmeyer and Crowley 1982).

        NaN for what does not reach it.
        """
        value, low, high = (_first_at_half(self.times, curve) for curve in (self.survival, self.low, self.high))
        return value, low, high


def kaplan_meier(time: Array, event: Events) -> KaplanMeier:
    """The product-limit estimate (Kaplan and Meier 1958), its interval by Greenwood's variance of log(-log S).

    ``time`` and ``event`` are (patients,); who is censored at the time of an event counts as at risk of it.

    >>> curve = kaplan_meier(np.array([2.0, 3, 3, 5]), np.array([True, True, False, True]))
    >>> curve.survival.tolist(), curve.at_risk.tolist(), curve.median()[0]
    ([0.75, 0.5, 0.0], [4, 3, 1], 3.0)
    """
    times, position = np.unique(time, return_inverse=True)
    leaving = np.bincount(position)
    events = np.bincount(position, weights=event).astype(np.int64)
    at_risk = time.size - np.cumsum(leaving) + leaving
    survival = np.cumprod(1 - events / at_risk)
    left = np.where(at_risk > events, at_risk - events, 1)
    variance = np.cumsum(events / (at_risk * left))
    low, high = np.full(times.size, np.nan), np.full(times.size, np.nan)
    inner = (survival > 0) & (survival < 1)
    log_s = np.log(survival[inner])
    reach = _Z * np.sqrt(variance[inner]) / np.abs(log_s)
    low[inner], high[inner] = survival[inner] ** np.exp(reach), survival[inner] ** np.exp(-reach)
    low[survival == 1] = high[survival == 1] = 1.0
    return KaplanMeier(times, survival, low, high, at_risk, events, leaving - events)


def _first_at_half(times: Array, curve: Array) -> float:
    # Products of fractions such as 2/3 and 3/4 are 0.5 but for rounding.
    reached = np.flatnonzero(curve <= 0.5 + 1e-12)
    return float(times[reached[0]]) if reached.size else math.nan


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of two or more groups: ``observed`` and ``expected`` events are (groups,)."""

    statistic: float
    freedom: int
    p: float
    observed: Array
    expected: Array


def log_rank(time: Array, event: Events, group: Classes) -> LogRank:
    """Whether groups, numbered from 0, have one survival (Mantel 1966; Peto and Peto 1972).

    ``time``, ``event`` and ``group`` are (patients,). The statistic has a chi-squared distribution with one degree of
    freedom less than there are groups.
    """
    from scipy.stats import chi2

    groups = int(group.max()) + 1
    times = np.unique(time[event])
    # How many event times each patient is at risk at; who is at risk at one is so at all before.
    until = np.searchsorted(times, time, side="right")
    at_risk, events = np.zeros((2, times.size, groups))
    for k in range(groups):
        leaving = np.bincount(until[group == k], minlength=times.size + 1)
        at_risk[:, k] = leaving[::-1].cumsum()[::-1][1:]
        events[:, k] = np.bincount(until[(group == k) & event] - 1, minlength=times.size)
    total, deaths = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / total[:, None]
    expected = (deaths[:, None] * share).sum(axis=0)
    spread = deaths * (total - deaths) / np.maximum(total - 1, 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    difference = events.sum(axis=0) - expected
    statistic = float(difference @ np.linalg.pinv(covariance) @ difference)
    return LogRank(statistic, groups - 1, float(chi2.sf(statistic, groups - 1)), events.sum(axis=0), expected)


def median_follow_up(time: Array, event: Events) -> tuple[float, float, float]:
    """How long patients were followed, with its 95 % interval, by the curve of censoring (Schemper and Smith 1996)."""
    return kaplan_meier(time, ~event).median()
