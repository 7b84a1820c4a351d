"""Which features an estimator learns from, judged from training patients alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.feature_selection import RFE, SelectorMixin, mutual_info_classif
from sklearn.linear_model import LogisticRegression

from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.estimators.config import (
    CorrelationFilter,
    EliminationFilter,
    Filter,
    LassoFilter,
    MutualInformationFilter,
    StabilityFilter,
    VarianceFilter,
)

Choice = npt.NDArray[np.bool_]
"""Which features go on, (features,)."""


class Selection(SelectorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A filter as a step of a scikit-learn pipeline; ``random_state`` is the seed of what is drawn."""

    def __init__(self, chosen_by: Filter, random_state: int = 0) -> None:
        self.chosen_by = chosen_by
        self.random_state = random_state

    def fit(self, x: Array, y: Classes) -> Selection:
        """Choose from (patients, features) without a gap; at least one feature goes on."""
        z = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
        choice = select(self.chosen_by, z, y, self.random_state)
        self.choice_ = choice if choice.any() else _most_correlated(z, y)
        self.n_features_in_ = x.shape[1]
        return self

    def _get_support_mask(self) -> Choice:
        return self.choice_


def select(chosen_by: Filter, z: Array, outcome: Classes, seed: int) -> Choice:
    """The features that a filter lets through; ``z`` is (patients, features), standardised. It can be none."""
    by_kind: dict[type[Any], Callable[[Any, Array, Classes, int], Choice]] = {
        VarianceFilter: _by_variance,
        CorrelationFilter: _by_correlation,
        LassoFilter: _by_lasso,
        EliminationFilter: _by_elimination,
        MutualInformationFilter: _by_mutual_information,
        StabilityFilter: _by_stability,
    }
    return by_kind[type(chosen_by)](chosen_by, z, outcome, seed)


def _most_correlated(z: Array, outcome: Classes) -> Choice:
    """The one feature whose class means lie furthest apart: where a filter lets nothing through."""
    between = np.sum([np.mean(outcome == k) * z[outcome == k].mean(axis=0) ** 2 for k in np.unique(outcome)], axis=0)
    return np.asarray(np.arange(z.shape[1]) == between.argmax())


def _by_variance(settings: VarianceFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    span = np.ptp(z, axis=0)
    return np.asarray((z / np.where(span > 0, span, 1.0)).var(axis=0) > settings.above)


def _by_correlation(settings: CorrelationFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    """From the closest pair on, the feature goes that is closer to the others in the mean."""
    ranks = rankdata(z, axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / np.maximum(ranks.std(axis=0), 1e-12)
    correlation = np.abs(ranks.T @ ranks) / len(z)
    np.fill_diagonal(correlation, 0.0)
    closeness = correlation.mean(axis=0)
    choice = np.ones(z.shape[1], dtype=bool)
    first, second = np.nonzero(np.triu(correlation > settings.above))
    for pair in np.argsort(-correlation[first, second], kind="stable"):
        i, j = first[pair], second[pair]
        if choice[i] and choice[j]:
            choice[i if closeness[i] > closeness[j] else j] = False
    return choice


def _by_lasso(settings: LassoFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    """Of each class against the rest; the features of any of these count."""
    classes = np.unique(outcome)
    taken = np.zeros(z.shape[1], dtype=bool)
    for k in classes[1:] if classes.size == 2 else classes:
        model = LogisticRegression(l1_ratio=1.0, C=settings.c, solver="liblinear", max_iter=500, random_state=seed)
        taken |= model.fit(z, outcome == k).coef_[0] != 0
    return taken


def _by_elimination(settings: EliminationFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    ridge = LogisticRegression(C=0.1, max_iter=2000)
    return np.asarray(
        RFE(ridge, n_features_to_select=min(settings.features, z.shape[1]), step=0.1).fit(z, outcome).support_
    )


def _by_mutual_information(settings: MutualInformationFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    shared = mutual_info_classif(z, outcome, random_state=seed)
    choice = np.zeros(z.shape[1], dtype=bool)
    choice[np.argsort(-shared, kind="stable")[: settings.features]] = True
    return choice


def _by_stability(settings: StabilityFilter, z: Array, outcome: Classes, seed: int) -> Choice:
    """Halves are drawn within each class."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(outcome == k) for k in np.unique(outcome)]
    lasso = LassoFilter(kind="lasso", c=settings.c)
    counts = np.zeros(z.shape[1])
    for _ in range(settings.samples):
        rows = np.concatenate([rng.choice(g, size=(g.size + 1) // 2, replace=False) for g in groups])
        counts += _by_lasso(lasso, z[rows], outcome[rows], seed)
    return np.asarray(counts >= settings.at_least * settings.samples)
