from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.statistics import probability_scores
from gliomics.subtype.signatures import usable_signatures
from gliomics.subtype.table import TrainingTable, join
from gliomics.subtype.validate import (
    LEAST_FOR_RANGE,
    LEAST_PERMUTATIONS,
    chance_level,
    cross_validate,
    smallest_p,
    stratified_folds,
    summarise,
    without_sequence,
)
from tests.unit.subtype.cohorts import FEATURES, outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (24, 12, 12)


def table(effect: float, *, seed: int = 0, without_t1c: int = 0) -> TrainingTable:
    return join(patients(COUNTS, effect=effect, seed=seed, without_t1c=without_t1c), outcomes(COUNTS, "abc"), {})


def test_every_patient_is_in_one_test_fold_and_every_class_in_each() -> None:
    outcome = np.repeat([0, 1, 2], [24, 12, 11])
    folds = list(stratified_folds(outcome, 5, np.random.default_rng(0)))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(47))
    for train, test in folds:
        assert set(train).isdisjoint(test)
        assert 9 <= test.size <= 10
        assert all(count in (2, 3, 4, 5) for count in Counter(outcome[test].tolist()).values())
        assert set(outcome[test]) == {0, 1, 2}


def test_classes_that_show_are_told_apart() -> None:
    cohort = table(1.0)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0), members=2)
    assert probability_scores.macro_auc(result.probabilities[0], cohort.outcome) > 0.9


def test_outcomes_at_random_give_an_auc_of_one_half() -> None:
    chance = chance_level(table(1.0), permutations=20, rng=np.random.default_rng(0), members=2)
    assert chance.mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(("permutations", "smallest"), [(1, "0.5"), (5, "0.17"), (19, "0.05"), (99, "0.01")])
def test_p_value_says_how_small_it_could_be(permutations: int, smallest: str) -> None:
    cohort = table(1.0)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0), members=2)
    chance = np.linspace(0.4, 0.6, permutations)
    figures = {metric.name: metric for metric in summarise(cohort, result, chance, np.random.default_rng(0))}
    assert figures["permutation p-value"].value == pytest.approx(smallest_p(permutations))
    assert figures["permutation p-value"].how.endswith(f"it cannot be below {smallest}")
    assert (figures["AUC by chance"].low is not None) == (permutations >= LEAST_FOR_RANGE)


def test_fewest_permutations_for_a_p_value_below_one_in_twenty() -> None:
    assert smallest_p(LEAST_PERMUTATIONS) < 0.05 <= smallest_p(LEAST_PERMUTATIONS - 1)


def test_a_patient_does_not_move_the_models_that_predict_it() -> None:
    """Were a scale, a median or a coefficient learned from a test patient, its fold's other patients would notice."""
    cohort = table(0.5)
    _, fold = next(stratified_folds(cohort.outcome, 5, np.random.default_rng(4)))
    values = cohort.values.copy()
    values[fold[0]] = 1e6
    before, after = (
        cross_validate(variant, repeats=1, rng=np.random.default_rng(4), members=2).probabilities[0]
        for variant in (cohort, replace(cohort, values=values))
    )
    np.testing.assert_array_equal(after[fold[1:]], before[fold[1:]])
    rest = np.setdiff1d(np.arange(len(cohort.patients)), fold)
    assert not np.isclose(after[rest], before[rest]).all()


def test_variants_are_predicted_by_the_same_models() -> None:
    cohort = table(1.0)
    variants = {"same": cohort.values.copy(), "without t1c": without_sequence(cohort, "t1c")}
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0), variants=variants, members=2)
    np.testing.assert_array_equal(result.variants["same"], result.probabilities)
    assert not np.allclose(result.variants["without t1c"], result.probabilities)


def test_without_sequence_takes_away_that_sequence_only() -> None:
    cohort = table(1.0)
    missing = np.isnan(without_sequence(cohort, "t1c")).all(axis=0)
    assert [name for name, gone in zip(cohort.names, missing, strict=True) if gone] == [
        name for name in FEATURES if name.startswith("t1c_")
    ]


def test_signatures_grow_from_the_outline_to_all_sequences() -> None:
    cohort = table(0.0)
    signatures = usable_signatures(cohort.names, cohort.values)
    assert [len(features) for features in signatures.values()] == [5, 9, 13]


def test_sequence_that_too_many_patients_lack_is_not_used() -> None:
    cohort = table(0.0, without_t1c=20)
    names = {name for features in usable_signatures(cohort.names, cohort.values).values() for name in features}
    assert not any(name.startswith("t1c_") for name in names)
    assert any(name.startswith("flair_") for name in names)


def test_table_without_the_outline_is_refused_with_the_command_to_run() -> None:
    with pytest.raises(
        InputError, match=r"lacks the features original_outline_AngularStandardDeviation.*--config panel"
    ):
        usable_signatures(["flair_original_firstorder_Mean"], np.zeros((5, 1)))
