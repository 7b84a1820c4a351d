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
class RiskSets:
    """Who is at risk at each event, by Efron's approximation of ties (1977).

    ``weights`` is (events, patients): 1 for who is at risk, less where several events are at one time; ``times`` and
    ``patients`` of the events are (events,), in order of time.
    """

    times: Array
    patients: Classes
    weights: Array

    @classmethod
    def of(cls, time: Array, event: Events) -> RiskSets:
        """Of times and events, (patients,) each."""
        patients = np.flatnonzero(event)
        patients = patients[np.argsort(time[patients], kind="stable")]
        times = time[patients]
        weights = (time >= times[:, None]).astype(float)
        for t in np.unique(times):
            tied = np.flatnonzero(times == t)
            if tied.size > 1:
                weights[np.ix_(tied, patients[tied])] -= (np.arange(tied.size) / tied.size)[:, None]
        return cls(times, patients, weights)

    def likelihood(self, log_hazard: Array) -> tuple[float, Array, Array]:
        """The log partial likelihood of relative log hazards (patients,), and what it is made of.

        Besides the hazards' sum at each event, (events,), and each patient's share of it, (events, patients).
        """
        top = log_hazard.max()
        hazards = self.weights * np.exp(log_hazard - top)
        sums = hazards.sum(axis=1)
        value = float(log_hazard[self.patients].sum() - np.sum(np.log(sums) + top))
        return value, sums * np.exp(top), hazards / sums[:, None]


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
    value = sets.likelihood(z @ weights)[0]
    for _ in range(_MOST_STEPS):
        _, _, share = sets.likelihood(z @ weights)
        mean = share @ z
        gradient = (z[sets.patients] - mean).sum(axis=0) - ridge * weights
        information = z.T @ (share.sum(axis=0)[:, None] * z) - mean.T @ mean + ridge * np.eye(weights.size)
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        for _ in range(30):
            better = sets.likelihood(z @ (weights + step))[0] - ridge / 2 * np.sum((weights + step) ** 2)
            if better >= value - 1e-12:
                break
            step /= 2
        weights, value = weights + step, better
        if np.abs(weights).max() > _FARTHEST:
            break
        if np.abs(step).max() < 1e-9:
            covariance = np.linalg.inv(information) / np.outer(scale, scale)
            return CoxModel(weights / scale, covariance, sets.likelihood(z @ weights)[0])
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
    steps = 1 / sets.likelihood(log_hazard)[1]
    return np.asarray((sets.times <= np.asarray(at)[:, None]) @ steps)


def schoenfeld_test(columns: Array, time: Array, event: Events, model: CoxModel) -> Array:
    """Chi-squared and p of each column's hazard ratio changing over time, (columns, 2).

    The correlation of scaled Schoenfeld residuals with the Kaplan-Meier scale of time (Grambsch and Therneau 1994); a
    small p speaks against proportional hazards.
    """
    from scipy.stats import chi2

    sets = RiskSets.of(time, event)
    centred = columns - columns.mean(axis=0)
    share = sets.likelihood(centred @ model.coefficients)[2]
    residuals = columns[sets.patients] - share @ columns
    scaled = len(residuals) * residuals @ model.covariance
    curve = kaplan_meier(time, event)
    scale = np.array([1 - curve.at(t, before=True) for t in sets.times])
    scale -= scale.mean()
    spread = len(residuals) * np.diag(model.covariance) * np.sum(scale**2)
    statistic = np.full(columns.shape[1], np.nan) if np.allclose(scale, 0) else (scale @ scaled) ** 2 / spread
    return np.column_stack([statistic, chi2.sf(statistic, 1)])
