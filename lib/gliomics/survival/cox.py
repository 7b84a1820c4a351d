"""Cox's proportional hazards: the partial likelihood with Efron's ties, its fit, the hazard and Schoenfeld's test.

lifelines has these; its releases fit neither the pandas nor, with an exact L1 penalty, the speed that a nested
cross-validation needs. What is here agrees with it and with R's ``survival`` (``tests/unit/survival``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.survival.kaplan_meier import Events, kaplan_meier

_Z = 1.959963984540054
_MOST_STEPS = 60
_FARTHEST = 15.0
"""A log hazard ratio per standard deviation beyond this is none: the likelihood has no maximum."""


@dataclass(frozen=True)
class Hazards:
    """What a log hazard makes of :class:`RiskSets`: the log partial ``likelihood``, and the sums it is made of.

    ``of_patients`` are the relative hazards (patients,) and ``sums`` those of everybody at risk at each event
    (events,), both times ``exp(-top)``, the largest log hazard.
    """

    sets: RiskSets
    likelihood: float
    of_patients: Array
    sums: Array
    top: float

    @property
    def expected(self) -> Array:
        """Events that are expected of each patient, (patients,): the sum of the shares of the hazard at each event."""
        sets, shares = self.sets, 1 / self.sums
        before = np.concatenate([[0.0], np.cumsum(shares)])[sets.events_until]
        before[sets.patients] -= np.bincount(sets.tie, sets.gone * shares)[sets.tie]
        return np.asarray(self.of_patients * before)

    def means(self, columns: Array) -> Array:
        """Means of ``columns`` (patients, columns) over who is at risk, weighted by hazard, (events, columns)."""
        return np.asarray(self.sets.at_risk(self.of_patients[:, None] * columns) / self.sums[:, None])


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk at each event, by Efron's approximation of ties (1977), as places in the order of time.

    ``times`` and ``patients`` of the events are (events,), in order of time, and so are ``tie``, the number of their
    time, and ``gone``, the share of that time's events that is no longer at risk. ``order`` are the patients by time,
    ``starts`` (events,) where in it those at risk begin; ``events_until`` (patients,) counts the events until each
    patient's time. Everything that is asked of them takes time and memory in proportion to the patients.
    """

    times: Array
    patients: Classes
    tie: Classes
    gone: Array
    order: Classes
    starts: Classes
    events_until: Classes

    @classmethod
    def of(cls, time: Array, event: Events) -> RiskSets:
        """Of times and events, (patients,) each."""
        order = np.argsort(time, kind="stable")
        patients = order[event[order]]
        times = time[patients]
        _, tie, sizes = np.unique(times, return_inverse=True, return_counts=True)
        place = np.arange(times.size) - (np.cumsum(sizes) - sizes)[tie]
        starts = np.searchsorted(time[order], times)
        return cls(times, patients, tie, place / sizes[tie], order, starts, np.searchsorted(times, time, side="right"))

    def at_risk(self, values: Array) -> Array:
        """Sums of values (patients, ...) over who is at risk at each event, (events, ...)."""
        from_here = np.cumsum(values[self.order[::-1]], axis=0)[::-1]
        sums: Array = from_here[self.starts]
        if self.gone.any():
            firsts = np.flatnonzero(np.diff(self.tie, prepend=-1))
            tied = np.add.reduceat(values[self.patients], firsts, axis=0)[self.tie]
            sums = sums - self.gone.reshape(-1, *[1] * (values.ndim - 1)) * tied
        return sums

    def hazards(self, log_hazard: Array) -> Hazards:
        """The likelihood of relative log hazards (patients,) and the sums that it is made of."""
        top = float(log_hazard.max())
        of_patients = np.exp(log_hazard - top)
        sums = self.at_risk(of_patients)
        likelihood = float(log_hazard[self.patients].sum() - np.sum(np.log(sums) + top))
        return Hazards(self, likelihood, of_patients, sums, top)


@dataclass(frozen=True)
class CoxModel:
    """Log hazard ratios (columns,) with their covariance (columns, columns), of columns as they were given."""

    coefficients: Array
    covariance: Array
    log_likelihood: float

    @property
    def errors(self) -> Array:
        """Standard errors, (columns,)."""
        return np.sqrt(np.diag(self.covariance))

    def hazard_ratios(self) -> Array:
        """Hazard ratio for one unit more, with its 95 % interval (Wald) and p, (columns, 4)."""
        from scipy.stats import norm

        ends = [self.coefficients + k * _Z * self.errors for k in (0, -1, 1)]
        return np.column_stack([*np.exp(ends), 2 * norm.sf(np.abs(self.coefficients / self.errors))])


def fit_cox(columns: Array, time: Array, event: Events, *, ridge: float = 0.0) -> CoxModel:
    """Fit Cox's model to ``columns`` (patients, columns) by Newton's method.

    ``ridge`` takes ``ridge / 2`` times the squared coefficients, per standard deviation, from the log likelihood.
    Raises :class:`InputError` where the likelihood has no maximum: a column tells all events apart, or does not vary.

    >>> rng = np.random.default_rng(0)
    >>> exposure = rng.normal(size=(400, 1))
    >>> time = rng.exponential(np.exp(-0.7 * exposure[:, 0]))
    >>> model = fit_cox(exposure, time, np.ones(400, dtype=bool))
    >>> [round(float(x), 2) for x in model.hazard_ratios()[0, :3]]
    [1.99, 1.77, 2.24]
    """
    scale = columns.std(axis=0)
    if not (scale > 0).all():
        raise InputError("a column of a Cox model has one value for all patients; take it out")
    z = (columns - columns.mean(axis=0)) / scale
    sets = RiskSets.of(time, event)
    weights = np.zeros(z.shape[1])
    value = sets.hazards(z @ weights).likelihood
    for _ in range(_MOST_STEPS):
        hazards = sets.hazards(z @ weights)
        mean = hazards.means(z)
        gradient = (z[sets.patients] - mean).sum(axis=0) - ridge * weights
        information = z.T @ (hazards.expected[:, None] * z) - mean.T @ mean + ridge * np.eye(weights.size)
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        for _ in range(30):
            better = sets.hazards(z @ (weights + step)).likelihood - ridge / 2 * np.sum((weights + step) ** 2)
            if better >= value - 1e-12:
                break
            step /= 2
        weights, value = weights + step, better
        if np.abs(weights).max() > _FARTHEST:
            break
        if np.abs(step).max() < 1e-9:
            covariance = np.linalg.inv(information) / np.outer(scale, scale)
            return CoxModel(weights / scale, covariance, sets.hazards(z @ weights).likelihood)
    raise InputError(
        "Cox's model has no solution: a column, or several together, tell the events from the rest, or say the same; "
        "take columns out or join rare categories"
    )


def baseline_hazard(log_hazard: Array, time: Array, event: Events, at: Array) -> Array:
    """Cumulative hazard of a log hazard of 0 at some times, (times,), after Breslow (1972) with Efron's ties.

    ``log_hazard``, ``time`` and ``event`` are of the patients of the fit. Survival is
    ``exp(-hazard * exp(log hazard))``.
    """
    sets = RiskSets.of(time, event)
    hazards = sets.hazards(log_hazard)
    until = np.concatenate([[0.0], np.cumsum(np.exp(-hazards.top) / hazards.sums)])
    return np.asarray(until[np.searchsorted(sets.times, at, side="right")])


def schoenfeld_test(columns: Array, time: Array, event: Events, model: CoxModel) -> Array:
    """Chi-squared and p of each column's hazard ratio changing over time, (columns, 2).

    The correlation of scaled Schoenfeld residuals with the Kaplan-Meier scale of time (Grambsch and Therneau 1994); a
    small p speaks against proportional hazards.
    """
    from scipy.stats import chi2

    sets = RiskSets.of(time, event)
    centred = columns - columns.mean(axis=0)
    residuals = centred[sets.patients] - sets.hazards(centred @ model.coefficients).means(centred)
    scaled = len(residuals) * residuals @ model.covariance
    curve = kaplan_meier(time, event)
    scale = 1 - np.concatenate([[1.0], curve.survival])[np.searchsorted(curve.times, sets.times)]
    scale -= scale.mean()
    spread = len(residuals) * np.diag(model.covariance) * np.sum(scale**2)
    statistic = np.full(columns.shape[1], np.nan) if np.allclose(scale, 0) else (scale @ scaled) ** 2 / spread
    return np.column_stack([statistic, chi2.sf(statistic, 1)])
