"""Repeated cross-validation by patient, with everything that is learned learned inside the training folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gliomics.models import Metric
from gliomics.statistics import probability_scores
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.bootstrap import over_repeats
from gliomics.subtype.ensemble import MEMBERS, fit_ensemble
from gliomics.subtype.signatures import sequence_of, usable_signatures
from gliomics.subtype.table import TrainingTable

FOLDS = 5

LEAST_PERMUTATIONS = 20
"""Permutations that a p-value below 0.05 needs at least."""

LEAST_FOR_RANGE = 40
"""Permutations of which a 95 % range leaves out any."""


@dataclass(frozen=True)
class OutOfFold:
    """Probabilities by models that were fitted without the patient, (repeats, patients, classes).

    ``variants`` holds the same for each variant of the test patients' features; the models are the same, fitted to
    the unchanged features of the training patients.
    """

    probabilities: Array
    variants: dict[str, Array]


def stratified_folds(outcome: Classes, folds: int, rng: np.random.Generator) -> Iterator[tuple[Classes, Classes]]:
    """Training and test rows of each fold; every class is spread as evenly as it goes."""
    fold = np.empty(len(outcome), dtype=np.int64)
    start = 0
    for k in np.unique(outcome):
        rows = rng.permutation(np.flatnonzero(outcome == k))
        fold[rows] = (np.arange(rows.size) + start) % folds
        start += rows.size
    for number in range(folds):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def cross_validate(
    table: TrainingTable,
    *,
    repeats: int,
    rng: np.random.Generator,
    variants: Mapping[str, Array] | None = None,
    members: int = MEMBERS,
    step: Callable[[], None] = lambda: None,
) -> OutOfFold:
    """Five folds, ``repeats`` times: fit ``members`` for each signature on the training patients, predict the others.

    ``variants`` maps names to values like ``table.values`` with which the test patients are predicted as well.
    """
    variants = variants or {}
    shape = (repeats, len(table.patients), len(table.classes))
    probabilities = np.zeros(shape)
    of_variants = {name: np.zeros(shape) for name in variants}
    for repeat in range(repeats):
        for train, test in stratified_folds(table.outcome, FOLDS, rng):
            columns, signatures = signature_columns(table, train)
            values, outcome = table.values[np.ix_(train, columns)], table.outcome[train]
            fitted = fit_ensemble(values, outcome, len(table.classes), signatures, rng, members=members)
            probabilities[repeat, test] = fitted.probabilities(table.values[np.ix_(test, columns)])
            for name, changed in variants.items():
                of_variants[name][repeat, test] = fitted.probabilities(changed[np.ix_(test, columns)])
            step()
    return OutOfFold(probabilities, of_variants)


def signature_columns(table: TrainingTable, rows: Classes) -> tuple[Classes, list[list[int]]]:
    """The table's columns that any signature uses, and each signature as positions among those.

    Which features are there often enough is judged from ``rows`` alone.
    """
    signatures = list(usable_signatures(table.names, table.values[rows]).values())
    names = list(dict.fromkeys(name for features in signatures for name in features))
    columns = np.array([table.names.index(name) for name in names], dtype=np.int64)
    return columns, [[names.index(name) for name in features] for features in signatures]


def without_sequence(table: TrainingTable, sequence: str) -> Array:
    """The table's values as if no study had the sequence."""
    values = table.values.copy()
    values[:, [sequence_of(name) == sequence for name in table.names]] = np.nan
    return values


def chance_level(
    table: TrainingTable,
    *,
    permutations: int,
    rng: np.random.Generator,
    members: int = MEMBERS,
    step: Callable[[], None] = lambda: None,
) -> Array:
    """Macro AUC of the whole procedure, once for each random assignment of the outcomes to the patients."""
    aucs = np.zeros(permutations)
    for number in range(permutations):
        shuffled = replace(table, outcome=rng.permutation(table.outcome))
        result = cross_validate(shuffled, repeats=1, rng=rng, members=members)
        aucs[number] = probability_scores.macro_auc(result.probabilities[0], shuffled.outcome)
        step()
    return aucs


def summarise(table: TrainingTable, result: OutOfFold, chance: Array, rng: np.random.Generator) -> list[Metric]:
    """The figures of a model card; the first, the AUC, stands for the model wherever one figure is shown."""
    outcome = table.outcome
    repeats = result.probabilities.shape[0]
    how = f"{FOLDS}-fold cross-validation by patient, {repeats} repeats; 95 % bootstrap interval over patients"

    def figure(name: str, measure: Callable[[Array, Classes], float], repeated: Array) -> Metric:
        return Metric.of(name, over_repeats(measure, repeated, outcome, rng), how)

    measures: dict[str, Callable[[Array, Classes], float]] = {"AUC": probability_scores.macro_auc}
    if len(table.classes) > 2:
        measures = {"AUC, mean of each class against the rest": probability_scores.macro_auc}
        for k, name in enumerate(table.classes):
            measures[f"AUC, {name} against the rest"] = partial(probability_scores.class_auc, k=k)
    metrics = [figure(name, measure, result.probabilities) for name, measure in measures.items()]
    metrics += [
        figure("balanced accuracy", probability_scores.balanced_accuracy, result.probabilities),
        figure("Brier score", probability_scores.brier, result.probabilities),
        _calibration(result.probabilities, outcome),
    ]
    for variant, repeated in result.variants.items():
        metrics += [figure(f"{name}, {variant}", measure, repeated) for name, measure in measures.items()]
    return metrics + _references(table, metrics[0].value, chance)


def _calibration(repeated: Array, outcome: Classes) -> Metric:
    """Without an interval: resampling patients adds noise to every bin, so its intervals lie above the value."""
    value = float(np.mean([probability_scores.calibration_error(probability, outcome) for probability in repeated]))
    how = f"class-wise, five bins of equally many patients; {FOLDS}-fold cross-validation by patient"
    return Metric(name="expected calibration error", value=value, n=outcome.size, how=how)


def _references(table: TrainingTable, value: float, chance: Array) -> list[Metric]:
    """What knowing nothing would give."""
    n = len(table.patients)
    frequency = np.bincount(table.outcome) / n
    metrics = [
        Metric(
            name="Brier score of the class frequencies",
            value=probability_scores.brier(np.tile(frequency, (n, 1)), table.outcome),
            n=n,
            how="every patient is given the frequencies of the classes; a useful model is below",
        )
    ]
    if chance.size:
        assignments = f"{chance.size} random assignment{'s' * (chance.size != 1)} of the outcomes"
        low, high = np.percentile(chance, (2.5, 97.5)) if chance.size >= LEAST_FOR_RANGE else (None, None)
        how = f"the whole procedure on {assignments}; mean" + (" and 95 % range" if low is not None else "")
        metrics.append(Metric(name="AUC by chance", value=float(chance.mean()), low=low, high=high, n=n, how=how))
        as_high = (1 + int(np.sum(chance >= value))) / (1 + chance.size)
        how = (
            f"fraction of {assignments} with an AUC at least as high (counting the real one); it cannot be below "
            f"{smallest_p(chance.size):.2g}"
        )
        metrics.append(Metric(name="permutation p-value", value=as_high, n=n, how=how))
    return metrics


def smallest_p(permutations: int) -> float:
    """The smallest p-value that so many permutations can give (Phipson and Smyth 2010)."""
    return 1 / (1 + permutations)
