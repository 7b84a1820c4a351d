"""The classifier: ridge logistic regressions over blocks of features, averaged, and refitted to bootstrap samples.

What is averaged are log-odds, so that the whole is one linear model whose reasons can be told exactly. The spread of
the refitted ones says how much it hangs on who was in the training (Breiman 1996). Everything that is learned from
patients (medians, scales, coefficients) is learned here, so that a caller who passes training patients only cannot
leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.statistics.arrays import Array, Classes

MEMBERS = 50
"""Bootstrap samples that show the spread of the fit."""
STRENGTH = 1.3
"""Inverse of the L2 penalty on standardised features, for a block of one feature; of a block of n it is 1 / n of that.

So every block has about as much to say. Fixed, because tens of patients cannot tell one from another."""
MOST_STRENGTH = 0.1
"""What it is at most, whatever the size of the block."""
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
        """What the regressions see: z-scores cut at +-:data:`CLIP`, missing values taken as the median's."""
        return np.clip(self.scores(np.where(np.isnan(values), self.median, values)), -CLIP, CLIP)


@dataclass(frozen=True)
class Ensemble:
    """``coefficients`` is (1 + members, classes, features), ``intercepts`` (1 + members, classes).

    The first is fitted to all patients and makes the estimate, the members are fitted to bootstrap samples of them.
    Each is the mean over the blocks.
    """

    scaling: Scaling
    coefficients: Array
    intercepts: Array

    def scores(self, values: Array) -> Array:
        """Log-odds (patients, classes) from (patients, features) with NaN where missing."""
        return np.asarray(self.scaling.apply(values) @ self.coefficients[0].T + self.intercepts[0])

    def member_scores(self, values: Array) -> Array:
        """Log-odds by the members, (members, patients, classes)."""
        z = self.scaling.apply(values)
        return np.asarray(np.einsum("pf,mcf->mpc", z, self.coefficients[1:]) + self.intercepts[1:, None, :])


def fit_ensemble(
    values: Array,
    outcome: Classes,
    n_classes: int,
    blocks: Sequence[Sequence[int]],
    rng: np.random.Generator,
    *,
    members: int = 0,
) -> Ensemble:
    """Fit on (patients, features); ``blocks`` are the columns of each regression.

    A bootstrap sample is drawn within each class, so that the class frequencies, and with them the level of the
    probabilities, stay those of the patients.
    """
    from threadpoolctl import threadpool_limits

    scaling = Scaling.fit(values)
    z = scaling.apply(values)
    groups = [np.flatnonzero(outcome == k) for k in range(n_classes)]
    samples = [np.arange(outcome.size)]
    samples += [np.concatenate([rng.choice(group, size=group.size) for group in groups]) for _ in range(members)]
    coefficients = np.zeros((len(samples), n_classes, values.shape[1]))
    intercepts = np.zeros((len(samples), n_classes))
    # Several threads gain nothing on so few numbers, and lose tenfold where another process keeps a core busy.
    with threadpool_limits(1):
        for number, rows in enumerate(samples):
            for block in blocks:
                columns = np.asarray(block)
                strength = min(MOST_STRENGTH, STRENGTH / columns.size)
                weights, intercept = ridge_logistic(z[np.ix_(rows, columns)], outcome[rows], strength)
                coefficients[number][:, columns] += weights / len(blocks)
                intercepts[number] += intercept / len(blocks)
    return Ensemble(scaling, coefficients, intercepts)


def ridge_logistic(z: Array, outcome: Classes, strength: float) -> tuple[Array, Array]:
    """Multinomial coefficients (classes, features) and intercepts (classes,); of two classes the first is 0.

    ``z`` is (patients, features), standardised, ``strength`` the inverse of the L2 penalty.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=2000).fit(z, outcome)
    if len(model.classes_) == 2:
        return np.vstack([np.zeros(z.shape[1]), model.coef_[0]]), np.array([0.0, model.intercept_[0]])
    return model.coef_, model.intercept_
