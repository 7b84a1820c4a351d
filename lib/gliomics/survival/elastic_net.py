"""Cox models of many features and few events: the elastic net, its penalty chosen by cross-validation.

The candidates are few and were written down before any was tried on patients: two mixtures of the penalties and six
strengths, the strongest of which leaves nothing of the features.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.survival.cox import RiskSets
from gliomics.survival.kaplan_meier import Events

L1_RATIOS = (0.05, 0.5)
"""Almost ridge, and half LASSO."""
STRENGTHS = np.geomspace(1.0, 0.1, 6)
"""Of the weakest penalty at which every coefficient is 0."""
_STEPS = 30
_CLOSE = 1e-3
"""Log hazard ratio per standard deviation to which coefficients are told."""
_TOLERANCE = 1e-5
"""Of the squares that are left, at which least squares are solved."""


@dataclass(frozen=True)
class ElasticNet:
    """Log hazard ratios of standardised features, (features,), and the penalty that was chosen."""

    coefficients: Array
    l1_ratio: float
    strength: float


def fit_elastic_net(z: Array, time: Array, event: Events, offset: Array, rng: np.random.Generator) -> ElasticNet:
    """Fit to standardised features ``z`` (patients, features); ``offset`` (patients,) is a log hazard known before.

    The penalty is that with the highest cross-validated partial likelihood (Verweij and van Houwelingen 1993) over
    five folds of these patients, stratified by event; of equals the strongest.
    """
    sets = RiskSets.of(time, event)
    folds = stratified_folds(event.astype(np.int64), FOLDS, rng)
    best, chosen = -np.inf, ElasticNet(np.zeros(z.shape[1]), L1_RATIOS[0], 1.0)
    for l1_ratio in L1_RATIOS:
        penalties = STRENGTHS * largest_penalty(z, sets, offset, l1_ratio)
        scores = np.zeros(STRENGTHS.size)
        for rows, _ in folds:
            inner = RiskSets.of(time[rows], event[rows])
            for k, weights in enumerate(path(z[rows], inner, offset[rows], penalties, l1_ratio)):
                of_all = sets.hazards(offset + z @ weights).likelihood
                scores[k] += of_all - inner.hazards(offset[rows] + z[rows] @ weights).likelihood
        k = int(np.argmax(scores > scores.max() - 1e-9))
        if scores[k] > best + 1e-9:
            best = scores[k]
            weights = path(z, sets, offset, penalties[: k + 1], l1_ratio)[-1]
            chosen = ElasticNet(weights, l1_ratio, float(STRENGTHS[k]))
    return chosen


def largest_penalty(z: Array, sets: RiskSets, offset: Array, l1_ratio: float) -> float:
    """The weakest penalty at which every coefficient is 0."""
    slope = _slope(sets, sets.hazards(offset).expected)
    return float(np.abs(z.T @ slope).max() / (len(z) * l1_ratio))


def path(z: Array, sets: RiskSets, offset: Array, penalties: Array, l1_ratio: float) -> Array:
    """Coefficients (penalties, features) that minimise, for each penalty,

    ``-log likelihood / patients + penalty * (l1_ratio * sum|b| + (1 - l1_ratio) / 2 * sum b**2)``:

    penalised least squares again and again (Simon, Friedman, Hastie and Tibshirani 2011), each by scikit-learn, from
    one penalty to the next.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import ElasticNet as LeastSquares

    weights = np.zeros(z.shape[1])
    answer = np.zeros((penalties.size, z.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for k, penalty in enumerate(penalties):
            for _ in range(_STEPS):
                columns, target = _least_squares(z, sets, offset, weights)
                # scikit-learn divides by the number of rows, which are fewer than patients where some leave early.
                solver = LeastSquares(
                    alpha=penalty * len(z) / len(columns), l1_ratio=l1_ratio, fit_intercept=False, warm_start=True,
                    copy_X=False, tol=_TOLERANCE,
                )  # fmt: skip
                solver.coef_ = weights.copy()
                solver.fit(columns, target, check_input=False)
                change = np.abs(solver.coef_ - weights).max()
                weights = solver.coef_.copy()
                if change < _CLOSE:
                    break
            answer[k] = weights
    return answer


def _least_squares(z: Array, sets: RiskSets, offset: Array, weights: Array) -> tuple[Array, Array]:
    """Columns (rows, features) and target (rows,) of a parabola that touches the likelihood at ``weights``.

    It is nowhere above the likelihood's own parabola: patients have the weights of their expected events and no
    covariance, but for the mean, which no risk set tells. So steps are a little short, and need no matrix of patients.
    """
    expected = sets.hazards(offset + z @ weights).expected
    rows = expected > 0  # others left before the first event
    root = np.sqrt(expected[rows])
    centre = expected[rows] @ z[rows] / expected.sum()
    columns = np.asfortranarray(z[rows] - centre)
    columns *= root[:, None]
    return columns, columns @ weights + _slope(sets, expected)[rows] / root


def _slope(sets: RiskSets, expected: Array) -> Array:
    """Slope of the log likelihood by patients' log hazards, (patients,)."""
    slope: Array = -expected
    slope[sets.patients] += 1
    return slope
