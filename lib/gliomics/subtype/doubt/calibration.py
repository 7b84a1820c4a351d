"""From the scores of a classifier to probabilities that mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.statistics.arrays import Array, Classes

_PRIOR = 3.0
"""Standard deviation of log slope and offsets, so that classes told apart without an error do not end in certainty."""


@dataclass(frozen=True)
class Calibration:
    """Probabilities from log-odds by one slope and an offset for each class (Platt 1999, for any number of classes).

    An average of regularised models says too little: ``slope`` mends that, ``offsets``, (classes,), the level.
    """

    slope: float
    offsets: Array

    @classmethod
    def fit(cls, scores: Array, outcome: Classes) -> Calibration:
        """Learn from out-of-fold log-odds (patients, classes) by penalised maximum likelihood."""
        from scipy.optimize import minimize

        rows = np.arange(outcome.size)

        def loss(parameters: Array) -> float:
            logits = np.exp(parameters[0]) * scores + parameters[1:]
            top = logits.max(axis=1)
            likelihood = logits[rows, outcome] - top - np.log(np.exp(logits - top[:, None]).sum(axis=1))
            return float(0.5 * np.sum((parameters / _PRIOR) ** 2) - likelihood.sum())

        best = minimize(loss, np.zeros(1 + scores.shape[1]), method="BFGS").x
        return cls(float(np.exp(best[0])), best[1:] - best[1:].mean())

    def log_odds(self, scores: Array) -> Array:
        """Calibrated (..., classes) from (..., classes); only differences between classes mean something."""
        return np.asarray(self.slope * scores + self.offsets)

    def probabilities(self, scores: Array) -> Array:
        """(..., classes) that sum to 1."""
        return softmax(self.log_odds(scores))


def softmax(logits: Array) -> Array:
    """Probabilities from the log-odds of classes, along the last axis."""
    exponent = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=-1, keepdims=True))


def with_prevalence(probabilities: Array, trained: Array, prevalence: Array) -> Array:
    """Probabilities (..., classes) where the classes are otherwise as frequent: a shift of the log-odds (Saerens 2002).

    ``trained`` and ``prevalence`` are the shares of the classes among the training patients and where the patient comes
    from, (classes,), each summing to 1.

    >>> with_prevalence(np.array([0.5, 0.5]), np.array([0.8, 0.2]), np.array([0.5, 0.5]))
    array([0.2, 0.8])
    """
    weighted = probabilities * prevalence / trained
    return np.asarray(weighted / weighted.sum(axis=-1, keepdims=True))
