"""How good estimated probabilities of classes are: discrimination (ROC) and calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from gliomics.statistics.arrays import Array, Classes

_BINS = 5


def auc(score: Array, positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic; ties count one half."""
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    ranks = rankdata(score)[positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def class_auc(probability: Array, outcome: Classes, k: int) -> float:
    """AUC of class ``k`` against the rest from (patients, classes)."""
    return auc(probability[:, k], outcome == k)


def macro_auc(probability: Array, outcome: Classes) -> float:
    """Mean over the classes of each one's AUC against the rest; for two classes simply the AUC."""
    classes = range(probability.shape[1])
    return float(np.mean([class_auc(probability, outcome, k) for k in classes]))


def balanced_accuracy(probability: Array, outcome: Classes) -> float:
    """Mean over the classes of the fraction of its patients for whom it was the most probable."""
    predicted = probability.argmax(axis=1)
    return float(np.mean([np.mean(predicted[outcome == k] == k) for k in np.unique(outcome)]))


def brier(probability: Array, outcome: Classes) -> float:
    """Brier score summed over the classes (Brier 1950): 0 is perfect."""
    return float(np.mean(np.sum((probability - np.eye(probability.shape[1])[outcome]) ** 2, axis=1)))


def calibration_error(probability: Array, outcome: Classes) -> float:
    """Expected calibration error, class-wise (Nixon 2019): five bins of equally many patients for each class."""
    errors = []
    for k in range(probability.shape[1]):
        order = np.argsort(probability[:, k], kind="stable")
        for rows in np.array_split(order, _BINS):
            gap = abs(probability[rows, k].mean() - np.mean(outcome[rows] == k))
            errors.append(gap * rows.size / outcome.size)
    return float(np.sum(errors) / probability.shape[1])
