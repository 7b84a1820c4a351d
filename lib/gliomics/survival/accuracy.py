"""How good estimated risks are of patients who are partly censored: C-index, AUC and Brier score at a time.

Each of them is also of many samples of the same patients at once, as bootstraps draw them: ``counts`` (samples,
patients) say how often each patient is in a sample.
"""

from __future__ import annotations

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.survival.kaplan_meier import Events, kaplan_meier

_PAIRS_AT_ONCE = 4_000_000


def c_index(risk: Array, time: Array, event: Events) -> float:
    """Harrell's C (1982): in how many pairs of whom it is known who had the event first, that one had the higher risk.

    All are (patients,); equal risks count one half. 0.5 is chance, and what is returned where there is no such pair.

    >>> c_index(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), np.array([True, True, False]))
    0.6666666666666666
    """
    return float(c_indices(risk[None], time, event, np.ones((1, time.size)))[0, 0])


def c_indices(risks: Array, time: Array, event: Events, counts: Array) -> Array:
    """Harrell's C of several ``risks`` (risks, patients) in several samples, (risks, samples).

    Pairs are looked at some events at a time, so that memory does not grow with their number.
    """
    # Who is censored at the time of an event is known to be without it for longer.
    place = 2 * np.unique(time, return_inverse=True)[1] + ~event
    first = np.flatnonzero(event)
    drawn = counts.astype(np.float32)
    higher, pairs = np.zeros((len(risks), len(counts))), np.zeros(len(counts))
    for some in np.array_split(first, max(1, first.size * time.size // _PAIRS_AT_ONCE)):
        later = (place > place[some, None]).astype(np.float32)
        pairs += np.einsum("se,se->s", counts[:, some], drawn @ later.T)
        for k, risk in enumerate(risks):
            above = later * (0.5 + 0.5 * np.sign(risk[some, None] - risk)).astype(np.float32)
            higher[k] += np.einsum("se,se->s", counts[:, some], drawn @ above.T)
    answer = np.full(higher.shape, 0.5)
    np.divide(higher, pairs, out=answer, where=pairs > 0)
    return answer


def auc_at(horizon: float, risk: Array, time: Array, event: Events) -> float:
    """AUC of who has the event by ``horizon`` against who is followed beyond it without (cumulative and dynamic).

    Patients censored before are made up for by weights of the others (Uno 2007; Hung and Chiang 2010). 0.5 where there
    are none of either.
    """
    weights = case_weights(horizon, time, event)
    return float(weighted_aucs(risk[None], weights, time > horizon, np.ones((1, time.size)))[0, 0])


def weighted_aucs(risks: Array, weights: Array, control: Events, counts: Array) -> Array:
    """AUC of cases, whose ``weights`` (patients,) are above 0, against controls, (risks, samples)."""
    case = weights > 0
    weighted = counts[:, case] * weights[case]
    controls = counts[:, control]
    pairs = weighted.sum(axis=1) * controls.sum(axis=1)
    answer = np.full((len(risks), len(counts)), 0.5)
    for k, risk in enumerate(risks):
        order = np.argsort(risk[control])
        below = np.zeros((len(counts), order.size + 1))
        np.cumsum(controls[:, order], axis=1, out=below[:, 1:])
        ends = (np.searchsorted(risk[control][order], risk[case], side=side) for side in ("left", "right"))
        higher = sum(np.einsum("sc,sc->s", weighted, below[:, end]) for end in ends) / 2
        np.divide(higher, pairs, out=answer[k], where=pairs > 0)
    return answer


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


def integrated_brier_terms(times: Array, survival: Array, time: Array, event: Events) -> Array:
    """What each patient adds to the integrated Brier score, (..., patients), of probabilities (..., patients, times).

    The mean of the Brier score from the first of ``times`` to the last (Graf 1999), by trapezoids.
    """
    terms = [brier_terms(t, survival[..., k], time, event) for k, t in enumerate(times)]
    return np.asarray(np.trapezoid(terms, times, axis=0) / (times[-1] - times[0]))


def integrated_brier(times: Array, survival: Array, time: Array, event: Events) -> float:
    """The integrated Brier score between the first and the last of ``times``, of probabilities (patients, times)."""
    return float(integrated_brier_terms(times, survival, time, event).mean())


def _uncensored(time: Array, event: Events, at: Array) -> Array:
    """The probability of not being censored before some times, (times,)."""
    curve = kaplan_meier(time, ~event)
    positions = np.searchsorted(curve.times, at, side="left")
    return np.concatenate([[1.0], curve.survival])[positions]
