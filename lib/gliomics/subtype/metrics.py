"""How good probabilities are: discrimination and calibration, with intervals over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from gliomics.subtype.ensemble import Array, Classes

RESAMPLES = 1000
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


def over_repeats(
    measure: Callable[[Array, Classes], float], repeats: Array, outcome: Classes, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Mean of a measure over repeats of cross-validation and its 95 % interval over patients.

    ``repeats`` is (repeats, patients, classes) of out-of-fold probabilities. Patients are drawn with replacement
    within each class (Efron 1979), the same ones in every repeat; the interval is that of percentiles.
    """

    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([measure(probability[rows], outcome[rows]) for probability in repeats]))

    groups = [np.flatnonzero(outcome == k) for k in np.unique(outcome)]
    drawn = [mean(np.concatenate([rng.choice(g, size=g.size) for g in groups])) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return mean(np.arange(outcome.size)), float(low), float(high)
