"""Repeated cross-validation by patient, with everything that is learned learned inside the training folds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.statistics import probability_scores
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.blocks import AGE, usable_blocks
from gliomics.subtype.classifier import FOLDS, Classifier, fit_classifier, stratified_folds
from gliomics.subtype.table import TrainingTable
from gliomics.subtype.variants import Variant, variants_of

Folds = Iterable[tuple[Classes, Classes]]
"""Training and test rows of each fold."""


@dataclass(frozen=True)
class OutOfFold:
    """What models say of patients whom they did not see.

    ``probabilities`` and ``sets`` are (repeats, patients, classes) by the name of the variant; where the test patients'
    features were others, ``"<variant>, <which>"``.
    """

    probabilities: dict[str, Array]
    sets: dict[str, npt.NDArray[np.bool_]]


def table_variants(table: TrainingTable, rows: Classes | None = None) -> list[Variant]:
    """The kinds of input that a model of a table has; what is there often enough is judged from ``rows`` alone."""
    values = table.values if rows is None else table.values[rows]
    image_columns = [column for column, name in enumerate(table.names) if name != AGE]
    blocks = usable_blocks([table.names[column] for column in image_columns], values[:, image_columns])
    return variants_of(blocks, age=AGE in table.names)


def fit_variant(
    table: TrainingTable,
    variant: Variant,
    rows: Classes,
    rng: np.random.Generator,
    *,
    members: int = 0,
    repeats: int = 1,
) -> Classifier:
    """The classifier of one variant, fitted to some rows of a table."""
    features = variant.features
    blocks = [[features.index(name) for name in block] for block in variant.blocks.values()]
    return fit_classifier(
        table.columns(features)[rows],
        table.outcome[rows],
        len(table.classes),
        blocks,
        rng,
        members=members,
        repeats=repeats,
    )


def cross_validate(
    table: TrainingTable,
    *,
    repeats: int,
    rng: np.random.Generator,
    other_values: Mapping[str, Array] | None = None,
    only: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> OutOfFold:
    """Five folds, ``repeats`` times: fit every variant, or ``only`` one, on the training patients, predict the others.

    ``other_values`` maps names to values like ``table.values`` with which the test patients are predicted as well.
    """
    return predict_folds(
        table,
        [stratified_folds(table.outcome, FOLDS, rng) for _ in range(repeats)],
        rng,
        other_values=other_values,
        only=only,
        step=step,
    )


def leave_one_group_out(groups: npt.NDArray[np.str_]) -> list[tuple[Classes, Classes]]:
    """A fold for each group, such as a hospital: its patients are tested by models of all others."""
    return [(np.flatnonzero(groups != group), np.flatnonzero(groups == group)) for group in np.unique(groups)]


def predict_folds(
    table: TrainingTable,
    repeats: list[list[tuple[Classes, Classes]]],
    rng: np.random.Generator,
    *,
    other_values: Mapping[str, Array] | None = None,
    only: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> OutOfFold:
    """Fit and predict fold by fold; ``repeats`` are the folds of each repeat.

    Raises :class:`InputError` where the training patients of a fold lack a class.
    """
    shape = (len(repeats), len(table.patients), len(table.classes))
    probabilities: dict[str, Array] = {}
    sets: dict[str, npt.NDArray[np.bool_]] = {}
    for repeat, folds in enumerate(repeats):
        for train, test in folds:
            _check_classes(table, train)
            for variant in table_variants(table, train):
                if only is not None and variant.name != only:
                    continue
                classifier = fit_variant(table, variant, train, rng)
                columns = [table.names.index(feature) for feature in variant.features]
                for name, values in _test_values(table, variant, other_values or {}).items():
                    of_test = values[test][:, columns]
                    probabilities.setdefault(name, np.zeros(shape))[repeat, test] = classifier.probabilities(of_test)
                    sets.setdefault(name, np.zeros(shape, dtype=bool))[repeat, test] = classifier.sets(of_test)
            step()
    return OutOfFold(probabilities, sets)


def _test_values(table: TrainingTable, variant: Variant, other_values: Mapping[str, Array]) -> dict[str, Array]:
    """What the test patients are predicted from, by the name of the figures."""
    others = {f"{variant.name}, {name}": values for name, values in other_values.items() if variant.needs_images}
    return {variant.name: table.values, **others}


def _check_classes(table: TrainingTable, train: Classes) -> None:
    lacking = [name for k, name in enumerate(table.classes) if not np.any(table.outcome[train] == k)]
    if lacking:
        raise InputError(
            f"the training patients of a fold hold none of class {lacking[0]}; merge it with another, or make other "
            "folds"
        )


def chance_level(
    table: TrainingTable,
    variant: str,
    *,
    permutations: int,
    rng: np.random.Generator,
    step: Callable[[], None] = lambda: None,
) -> Array:
    """Macro AUC of the whole procedure, once for each random assignment of the outcomes to the patients."""
    aucs = np.zeros(permutations)
    for number in range(permutations):
        shuffled = replace(table, outcome=rng.permutation(table.outcome))
        result = cross_validate(shuffled, repeats=1, rng=rng, only=variant)
        aucs[number] = probability_scores.macro_auc(result.probabilities[variant][0], shuffled.outcome)
        step()
    return aucs
