from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.statistics import probability_scores
from gliomics.subtype.blocks import AGE, OUTLINE, usable_blocks
from gliomics.subtype.classifier import stratified_folds
from gliomics.subtype.table import TrainingTable, join
from gliomics.subtype.validation.crossvalidate import (
    chance_level,
    cross_validate,
    leave_one_group_out,
    predict_folds,
    table_variants,
)
from gliomics.subtype.validation.summary import (
    LEAST_FOR_RANGE,
    LEAST_PERMUTATIONS,
    smallest_p,
    summarise,
    warnings_of,
)
from tests.unit.subtype.cohorts import ages, outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (24, 12, 12)


def table(effect: float, *, seed: int = 0, without_t1c: int = 0, with_age: bool = False) -> TrainingTable:
    rows = patients(COUNTS, effect=effect, seed=seed, without_t1c=without_t1c)
    return join(rows, outcomes(COUNTS, "abc"), {}, ages(COUNTS) if with_age else None)


def test_every_patient_is_in_one_test_fold_and_every_class_in_each() -> None:
    outcome = np.repeat([0, 1, 2], [24, 12, 11])
    folds = stratified_folds(outcome, 5, np.random.default_rng(0))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(47))
    for train, test in folds:
        assert set(train).isdisjoint(test)
        assert 9 <= test.size <= 10
        assert all(count in (2, 3, 4, 5) for count in Counter(outcome[test].tolist()).values())
        assert set(outcome[test]) == {0, 1, 2}


def test_classes_that_show_are_told_apart() -> None:
    cohort = table(1.0)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0))
    assert probability_scores.macro_auc(result.probabilities["images"][0], cohort.outcome) > 0.9


def test_outcomes_at_random_give_an_auc_of_one_half() -> None:
    chance = chance_level(table(1.0), "images", permutations=20, rng=np.random.default_rng(0))
    assert chance.mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(("permutations", "smallest"), [(1, "0.5"), (5, "0.17"), (19, "0.05"), (99, "0.01")])
def test_p_value_says_how_small_it_could_be(permutations: int, smallest: str) -> None:
    cohort = table(1.0)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0))
    chance = np.linspace(0.4, 0.6, permutations)
    figures = {metric.name: metric for metric in summarise(cohort, result, chance, np.random.default_rng(0), {})}
    assert figures["permutation p-value"].value == pytest.approx(smallest_p(permutations))
    assert figures["permutation p-value"].how.endswith(f"it cannot be below {smallest}")
    assert (figures["AUC by chance"].low is not None) == (permutations >= LEAST_FOR_RANGE)


def test_fewest_permutations_for_a_p_value_below_one_in_twenty() -> None:
    assert smallest_p(LEAST_PERMUTATIONS) < 0.05 <= smallest_p(LEAST_PERMUTATIONS - 1)


def test_a_patient_does_not_move_the_models_that_predict_it() -> None:
    """Were a scale, a median or a coefficient learned from a test patient, its fold's other patients would notice."""
    cohort = table(0.5)
    _, fold = stratified_folds(cohort.outcome, 5, np.random.default_rng(4))[0]
    values = cohort.values.copy()
    values[fold[0]] = 1e6
    before, after = (
        cross_validate(variant, repeats=1, rng=np.random.default_rng(4)).probabilities["images"][0]
        for variant in (cohort, replace(cohort, values=values))
    )
    np.testing.assert_array_equal(after[fold[1:]], before[fold[1:]])
    rest = np.setdiff1d(np.arange(len(cohort.patients)), fold)
    assert not np.isclose(after[rest], before[rest]).all()


def test_other_masks_are_predicted_by_the_same_models() -> None:
    cohort = table(1.0)
    moved = cohort.values + np.random.default_rng(1).normal(size=cohort.values.shape)
    others = {"same masks": cohort.values.copy(), "other masks": moved}
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0), other_values=others)
    np.testing.assert_array_equal(result.probabilities["images, same masks"], result.probabilities["images"])
    assert not np.allclose(result.probabilities["images, other masks"], result.probabilities["images"])


def test_every_kind_of_input_has_its_variant() -> None:
    variants = {variant.name: variant for variant in table_variants(table(0.0, with_age=True))}
    assert list(variants) == ["images", "images and age", "FLAIR", "FLAIR and age", "age"]
    assert variants["images"].sequences == ("t1c", "flair")
    assert variants["FLAIR"].sequences == ("flair",)
    assert not any(name.startswith("t1c_") for name in variants["FLAIR"].features)
    assert all(AGE in block for block in variants["FLAIR and age"].blocks.values())
    assert variants["age"].features == [AGE]
    assert [variant.name for variant in table_variants(table(0.0))] == ["images", "FLAIR"]


def test_age_that_tells_the_classes_is_used_and_images_that_do_not_are_said_to_add_nothing() -> None:
    cohort = table(0.0, with_age=True)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0))
    figures = summarise(cohort, result, np.zeros(0), np.random.default_rng(0), {})
    values = {metric.name: metric.value for metric in figures}
    headline = "AUC, mean of each class against the rest"
    assert values[f"{headline}, age"] > 0.8 > 0.65 > values[f"{headline}, images"]
    warnings = warnings_of(figures, list(result.probabilities))
    assert warnings["images"][0].startswith("not shown to be better than chance")
    assert warnings["images and age"][0].startswith("not shown to be better than the age alone")
    assert "age" not in warnings


def test_images_that_tell_the_classes_need_no_warning() -> None:
    cohort = table(1.0)
    result = cross_validate(cohort, repeats=1, rng=np.random.default_rng(0))
    figures = summarise(cohort, result, np.zeros(0), np.random.default_rng(0), {})
    assert warnings_of(figures, list(result.probabilities)) == {}


def test_sets_hold_the_class_of_nine_patients_in_ten_of_each_class() -> None:
    cohort = table(0.35, seed=3)
    result = cross_validate(cohort, repeats=2, rng=np.random.default_rng(0))
    sets = result.sets["images"]
    for k in range(3):
        assert sets[:, cohort.outcome == k, k].mean() >= 0.85
    assert 1 < sets.sum(axis=2).mean() < 3


def test_left_out_groups_are_tested_by_models_of_the_others() -> None:
    cohort = table(1.0)
    groups = np.array([f"site {number % 4}" for number in range(len(cohort.patients))])
    folds = leave_one_group_out(groups)
    assert [set(groups[test]) for _, test in folds] == [{f"site {number}"} for number in range(4)]
    assert all(set(groups[train]).isdisjoint(groups[test]) for train, test in folds)
    result = predict_folds(cohort, [folds], np.random.default_rng(0))
    assert probability_scores.macro_auc(result.probabilities["images"][0], cohort.outcome) > 0.9


def test_a_group_that_has_all_patients_of_a_class_cannot_be_left_out() -> None:
    cohort = table(1.0)
    groups = np.where(cohort.outcome == 2, "one", np.where(np.arange(len(cohort.patients)) % 2, "two", "three"))
    with pytest.raises(InputError, match="the training patients of a fold hold none of class c; merge it with another"):
        predict_folds(cohort, [leave_one_group_out(groups)], np.random.default_rng(0))


def test_blocks_are_the_outline_and_the_glioma_block() -> None:
    cohort = table(0.0)
    blocks = usable_blocks(cohort.names, cohort.values)
    assert {name: len(features) for name, features in blocks.items()} == {"outline": 8, "glioma": 16}
    outline_alone = usable_blocks(list(OUTLINE), np.zeros((5, len(OUTLINE))))
    assert list(outline_alone) == ["outline"]


def test_sequence_that_too_many_patients_lack_is_not_used() -> None:
    cohort = table(0.0, without_t1c=20)
    names = {name for features in usable_blocks(cohort.names, cohort.values).values() for name in features}
    assert not any(name.startswith("t1c_") for name in names)
    assert any(name.startswith("flair_") for name in names)


def test_table_without_the_outline_is_refused_with_the_command_to_run() -> None:
    with pytest.raises(
        InputError, match=r"lacks the features original_outline_AngularStandardDeviation.*--config panel"
    ):
        usable_blocks(["flair_original_firstorder_Mean"], np.zeros((5, 1)))
