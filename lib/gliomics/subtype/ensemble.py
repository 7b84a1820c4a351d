"""The estimator: an ensemble of regularised logistic regressions over signatures and bootstrap samples of the patients.

The probability is the members' mean (Breiman 1996), its uncertainty their spread. Everything that is learned from
patients (medians, scales, coefficients) is learned here, so that a caller who passes training patients only cannot
leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.statistics.arrays import Array, Classes

MEMBERS = 20
"""Bootstrap samples for each signature."""
STRENGTH = 0.1
"""Inverse of the L2 penalty on standardised features: fixed, because tens of patients cannot tell one from another."""
CLIP = 3.0
"""Standardised values are cut here, so that one extreme value cannot carry an estimate away."""


@dataclass(frozen=True)
class Scaling:
    """Median to stand for a missing value, then mean and standard deviation to standardise; each (features,)."""

    median: Array
    mean: Array
    deviation: Array

    @classmethod
    def fit(cls, values: Array) -> Scaling:
        """Learn from (patients, features), NaN where missing."""
        median = np.nanmedian(values, axis=0)
        filled = np.where(np.isnan(values), median, values)
        deviation = filled.std(axis=0)
        return cls(median, filled.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def scores(self, values: Array) -> Array:
        """z-scores, NaN where missing."""
        return np.asarray((values - self.mean) / self.deviation)

    def apply(self, values: Array) -> Array:
        """What the members see: z-scores cut at +-:data:`CLIP`, missing values taken as the median's."""
        return np.clip(self.scores(np.where(np.isnan(values), self.median, values)), -CLIP, CLIP)


@dataclass(frozen=True)
class Ensemble:
    """``coefficients`` is (members, classes, features), ``intercepts`` (members, classes); plain arrays, no objects."""

    scaling: Scaling
    coefficients: Array
    intercepts: Array

    def member_probabilities(self, values: Array) -> Array:
        """(patients, features) with NaN where missing to (members, patients, classes)."""
        z = self.scaling.apply(values)
        logits = np.einsum("pf,mcf->mpc", z, self.coefficients) + self.intercepts[:, None, :]
        exponent = np.exp(logits - logits.max(axis=2, keepdims=True))
        return np.asarray(exponent / exponent.sum(axis=2, keepdims=True))

    def probabilities(self, values: Array) -> Array:
        """Mean over the members, (patients, classes)."""
        return np.asarray(self.member_probabilities(values).mean(axis=0))


def fit_ensemble(
    values: Array,
    outcome: Classes,
    n_classes: int,
    signatures: Sequence[Sequence[int]],
    rng: np.random.Generator,
    *,
    members: int = MEMBERS,
) -> Ensemble:
    """Fit on (patients, features); ``signatures`` are the columns that each group of members uses.

    Each member sees a bootstrap sample drawn within each class, so that the class frequencies, and with them the
    level of the probabilities, stay those of the patients.
    """
    from threadpoolctl import threadpool_limits

    scaling = Scaling.fit(values)
    z = scaling.apply(values)
    total = members * len(signatures)
    coefficients = np.zeros((total, n_classes, values.shape[1]))
    intercepts = np.zeros((total, n_classes))
    groups = [np.flatnonzero(outcome == k) for k in range(n_classes)]
    # Several threads gain nothing on so few numbers, and lose tenfold where another process keeps a core busy.
    with threadpool_limits(1):
        for member in range(total):
            columns = np.asarray(signatures[member % len(signatures)])
            rows = np.concatenate([rng.choice(group, size=group.size) for group in groups])
            fitted = _logistic(z[np.ix_(rows, columns)], outcome[rows])
            coefficients[member][:, columns], intercepts[member] = fitted
    return Ensemble(scaling, coefficients, intercepts)


def _logistic(z: Array, outcome: Classes) -> tuple[Array, Array]:
    """Multinomial coefficients (classes, features) and intercepts (classes,); of two classes the first is 0."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(z, outcome)
    if len(model.classes_) == 2:
        return np.vstack([np.zeros(z.shape[1]), model.coef_[0]]), np.array([0.0, model.intercept_[0]])
    return model.coef_, model.intercept_
