"""How good estimated probabilities of classes are: discrimination (ROC) and calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes

_BINS = 5


def auc(score: Array, positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic; ties count one half.

    ``score`` and ``positive`` are (patients,). Raises :class:`InputError` where all patients are of one class.

    >>> auc(np.array([0.9, 0.6, 0.6, 0.2]), np.array([True, True, False, False]))
    0.875
    """
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if not (n_positive and n_negative):
        raise InputError(
            f"an AUC needs patients of two classes; {n_positive} are of the positive one and {n_negative} of the other"
        )
    ranks = rankdata(score)[positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def class_auc(probability: Array, outcome: Classes, k: int) -> float:
    """AUC of class ``k`` against the rest from (patients, classes)."""
    return auc(probability[:, k], outcome == k)


def macro_auc(probability: Array, outcome: Classes) -> float:
    """Mean over the classes of each one's AUC against the rest; for two classes simply the AUC.

    ``probability`` is (patients, classes), ``outcome`` each patient's class, (patients,).
    """
    classes = range(probability.shape[1])
    return float(np.mean([class_auc(probability, outcome, k) for k in classes]))


def balanced_accuracy(probability: Array, outcome: Classes) -> float:
    """Mean over the classes of the fraction of its patients for whom it was the most probable."""
    predicted = probability.argmax(axis=1)
    return float(np.mean([np.mean(predicted[outcome == k] == k) for k in np.unique(outcome)]))


def brier(probability: Array, outcome: Classes) -> float:
    """Brier score summed over the classes (Brier 1950): 0 is perfect, 2 is sure and wrong of every patient.

    ``probability`` is (patients, classes), ``outcome`` each patient's class, (patients,).

    >>> round(brier(np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1])), 3)
    0.2
    """
    return float(np.mean(np.sum((probability - np.eye(probability.shape[1])[outcome]) ** 2, axis=1)))


def calibration_error(probability: Array, outcome: Classes) -> float:
    """Expected calibration error, class-wise (Nixon 2019): five bins of equally many patients for each class.

    ``probability`` is (patients, classes), ``outcome`` each patient's class, (patients,); 0 is perfect, 1 the worst.
    """
    errors = []
    for k in range(probability.shape[1]):
        order = np.argsort(probability[:, k], kind="stable")
        for rows in np.array_split(order, _BINS):
            gap = abs(probability[rows, k].mean() - np.mean(outcome[rows] == k))
            errors.append(gap * rows.size / outcome.size)
    return float(np.sum(errors) / probability.shape[1])


def calibration_line(probability: Array, positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Calibration slope and intercept (Van Calster 2019); 1 and 0 are perfect.

    The slope is that of the outcome's log-odds over the estimated ones: below 1 the estimates are too sure. The
    intercept is what is to be added to the estimated log-odds, with a slope of 1 (calibration in the large): above 0
    the class is commoner than they say. ``probability`` of the positive class and ``positive`` are (patients,). Raises
    :class:`InputError` where all patients are of one class.

    >>> slope, intercept = calibration_line(np.array([0.5, 0.5, 0.9, 0.9]), np.array([True, False, True, True]))
    >>> slope > 1 and intercept > 0
    True
    """
    from scipy.optimize import minimize

    if positive.all() or not positive.any():
        raise InputError("calibration needs patients of two classes; all are of one")
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    log_odds = np.log(clipped / (1 - clipped))
    signs = np.where(positive, 1.0, -1.0)

    def loss(line: Array) -> float:
        # A little of a penalty, so that there is a line where the classes are told apart without an error.
        return float(np.logaddexp(0, -signs * (line[0] * log_odds + line[1])).sum() + 1e-3 * np.sum(line**2))

    slope = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x[0]
    intercept = minimize(lambda level: loss(np.array([1.0, level[0]])), np.array([0.0]), method="BFGS").x[0]
    return float(slope), float(intercept)
