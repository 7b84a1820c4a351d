"""How good estimated risks are of patients who are partly censored: C-index, AUC and Brier score at a time."""

from __future__ import annotations

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.survival.kaplan_meier import Events, kaplan_meier


def c_index(risk: Array, time: Array, event: Events) -> float:
    """Harrell's C (1982): in how many pairs of whom it is known who had the event first, that one had the higher risk.

    All are (patients,); equal risks count one half. 0.5 is chance, and what is returned where there is no such pair.

    >>> c_index(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), np.array([True, True, False]))
    0.6666666666666666
    """
    first = np.flatnonzero(event)
    later = (time > time[first, None]) | ((time == time[first, None]) & ~event)
    pairs = later.sum()
    if not pairs:
        return 0.5
    risks = risk[first, None]
    return float((np.sum(later & (risks > risk)) + 0.5 * np.sum(later & (risks == risk))) / pairs)


def auc_at(horizon: float, risk: Array, time: Array, event: Events) -> float:
    """AUC of who has the event by ``horizon`` against who is followed beyond it without (cumulative and dynamic).

    Patients censored before are made up for by weights of the others (Uno 2007; Hung and Chiang 2010).
    """
    return weighted_auc(risk, case_weights(horizon, time, event), time > horizon)


def weighted_auc(risk: Array, weights: Array, control: Events) -> float:
    """AUC of cases, whose ``weights`` (patients,) are above 0, against controls; 0.5 where there are none of either."""
    case = weights > 0
    if not (case.any() and control.any()):
        return 0.5
    above = (risk[case, None] > risk[control]) + 0.5 * (risk[case, None] == risk[control])
    return float(weights[case] @ above.mean(axis=1) / weights[case].sum())


def case_weights(horizon: float, time: Array, event: Events) -> Array:
    """How much each patient counts as one who had the event by ``horizon``, (patients,); 0 for all others."""
    case = event & (time <= horizon)
    weights = np.zeros(time.size)
    weights[case] = 1 / _uncensored(time, event, time[case])
    return weights


def brier_at(horizon: float, survival: Array, time: Array, event: Events) -> float:
    """Mean squared error of the estimated probability (patients,) of no event by ``horizon`` (Graf 1999).

    Patients censored before are made up for by weights of the others; 0 is perfect, 0.25 what 0.5 for everybody has.
    """
    return float(brier_terms(horizon, survival, time, event).mean())


def brier_terms(horizon: float, survival: Array, time: Array, event: Events) -> Array:
    """What each patient adds to the Brier score, (..., patients), of probabilities (..., patients)."""
    beyond = time > horizon
    weight = 1 / kaplan_meier(time, ~event).at(horizon) if beyond.any() else 0.0
    return np.asarray(survival**2 * case_weights(horizon, time, event) + (1 - survival) ** 2 * (weight * beyond))


def _uncensored(time: Array, event: Events, at: Array) -> Array:
    """The probability of not being censored before some times, (times,)."""
    curve = kaplan_meier(time, ~event)
    positions = np.searchsorted(curve.times, at, side="left")
    return np.concatenate([[1.0], curve.survival])[positions]
