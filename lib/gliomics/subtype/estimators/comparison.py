"""Estimators on the same patients and folds, and the choice among them made anew inside every training fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.probability_scores import macro_auc
from gliomics.subtype.classifier import FOLDS, Fold, stratified_folds
from gliomics.subtype.estimators.config import EstimatorConfig
from gliomics.subtype.estimators.estimator import Estimator
from gliomics.subtype.table import TrainingTable


@dataclass(frozen=True)
class Comparison:
    """Probabilities of patients by models of others, (repeats, patients, classes) each.

    ``by_candidate`` are those of each candidate, ``nested`` those of the candidate that was best inside the training
    patients; ``times_best`` counts the folds in which it was each. ``unharmonised`` counts the patients, over all
    folds, whom a candidate that harmonises took as they were, because none or too few of their site were in training.
    """

    by_candidate: dict[str, Array]
    nested: Array
    times_best: dict[str, int]
    unharmonised: dict[str, int]


def compare(
    table: TrainingTable,
    candidates: Mapping[str, EstimatorConfig],
    repeats: Sequence[Sequence[Fold]],
    *,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Comparison:
    """Fit every candidate on the training patients of each fold and predict the others; choose the best inside.

    ``repeats`` are the folds of each repeat (:func:`~gliomics.subtype.classifier.stratified_folds`,
    :func:`~gliomics.subtype.estimators.folds.by_site`); together they test each patient once. In each, five inner folds
    of the training patients judge the candidates by macro AUC (Varma and Simon 2006), the first of equals is taken, and
    predicts the test patients. A candidate's probabilities depend on the seed, but not on the other candidates.
    ``step`` is called after each of :func:`steps` fits; whatever it raises ends the comparison.
    """
    if not candidates:
        raise InputError("there is no estimator to compare; name one")
    shape = (len(repeats), len(table.patients), len(table.classes))
    by_candidate = {name: np.zeros(shape) for name in candidates}
    nested = np.zeros(shape)
    times_best, unharmonised = dict.fromkeys(candidates, 0), dict.fromkeys(candidates, 0)
    for repeat, folds in enumerate(repeats):
        for number, (train, test) in enumerate(folds):
            scores = {}
            for name, config in candidates.items():
                rng = np.random.default_rng((seed, repeat, number))
                inner = stratified_folds(table.outcome[train], FOLDS, rng) if len(candidates) > 1 else []
                scores[name] = _inner_score(config, table, train, inner, rng=rng, step=step)
                estimator = Estimator(config, table.names)
                fitted = estimator.fit(table.values[train], table.outcome[train], len(table.classes), rng)
                by_candidate[name][repeat, test] = fitted.probabilities(table.values[test])
                if config.harmonisation is not None:
                    unharmonised[name] += int(np.sum(~fitted.harmonised(table.values[test])))
                step()
            best = max(scores, key=lambda name: scores[name])
            times_best[best] += 1
            nested[repeat, test] = by_candidate[best][repeat, test]
    return Comparison(by_candidate, nested, times_best, unharmonised)


def _inner_score(
    config: EstimatorConfig,
    table: TrainingTable,
    train: Classes,
    inner: Sequence[Fold],
    *,
    rng: np.random.Generator,
    step: Callable[[], None],
) -> float:
    """Macro AUC inside the training patients; 0 where there are no inner folds, and nothing to choose."""
    if not inner:
        return 0.0
    values, outcome = table.values[train], table.outcome[train]
    probability = np.zeros((train.size, len(table.classes)))
    for rows, others in inner:
        fitted = Estimator(config, table.names).fit(values[rows], outcome[rows], len(table.classes), rng)
        probability[others] = fitted.probabilities(values[others])
        step()
    return macro_auc(probability, outcome)


def steps(candidates: int, repeats: Sequence[Sequence[Fold]]) -> int:
    """How many fits :func:`compare` makes."""
    return candidates * sum(map(len, repeats)) * (1 + FOLDS if candidates > 1 else 1)
