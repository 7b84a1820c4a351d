"""The choice among estimators, made inside the folds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.probability_scores import macro_auc
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.estimators.comparison import compare, steps
from gliomics.subtype.estimators.config import EstimatorConfig, load_estimators
from gliomics.subtype.estimators.figures import MAJORITY, NESTED, figures
from gliomics.subtype.estimators.folds import by_site
from gliomics.subtype.table import TrainingTable


def config(filters: list[dict[str, object]], c: float = 0.1) -> EstimatorConfig:
    return EstimatorConfig.model_validate({"title": "x", "filters": filters, "classifier": {"kind": "ridge", "c": c}})


CANDIDATES = {"one feature": config([{"kind": "lasso", "c": 1e-6}]), "all features": config([])}


def table_of(values: Array, outcome: Classes) -> TrainingTable:
    patients = [f"p{i}" for i in range(len(values))]
    names = [f"feature_{i}" for i in range(values.shape[1])]
    return TrainingTable(patients, patients, names, values, outcome, ["a", "b"], None, "whole")


def cohort(patients: int, effect: float, seed: int = 0) -> TrainingTable:
    """Ten features, each of which tells the two classes apart a little: ``effect`` standard deviations."""
    rng = np.random.default_rng(seed)
    outcome = rng.permutation(np.arange(patients) % 2)
    return table_of(rng.normal(size=(patients, 10)) + effect * outcome[:, None], outcome)


def repeats_of(table: TrainingTable) -> list[list[tuple[Classes, Classes]]]:
    return [stratified_folds(table.outcome, FOLDS, np.random.default_rng(0))]


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rough intervals, which take a twentieth of the time."""
    monkeypatch.setattr("gliomics.statistics.bootstrap._RESAMPLES_OF_REPEATS", 50)


def test_better_candidate_is_chosen_and_nothing_else_predicts() -> None:
    table = cohort(80, 0.7)
    result = compare(table, CANDIDATES, repeats_of(table))
    assert result.times_best["all features"] >= 4
    assert sum(result.times_best.values()) == 5
    of_either = [np.all(result.nested == repeated, axis=2) for repeated in result.by_candidate.values()]
    assert np.all(of_either[0] | of_either[1])
    assert macro_auc(result.nested[0], table.outcome) > 0.8


def test_outcomes_of_test_patients_change_nothing_about_their_probabilities() -> None:
    table = cohort(60, 0.7)
    train, test = repeats_of(table)[0][0]
    flipped = table.outcome.copy()
    flipped[test] = 1 - flipped[test]
    one, other = (
        compare(table_of(table.values, outcome), CANDIDATES, [[(train, test)]]) for outcome in (table.outcome, flipped)
    )
    assert np.array_equal(one.nested, other.nested)
    assert one.times_best == other.times_best


def test_candidate_has_the_same_probabilities_whoever_else_is_compared() -> None:
    table = cohort(60, 0.7)
    folds = [repeats_of(table)[0][:2]]
    both, alone = (compare(table, {n: CANDIDATES[n] for n in names}, folds) for names in (CANDIDATES, ["all features"]))
    assert np.array_equal(both.by_candidate["all features"], alone.by_candidate["all features"])
    assert np.array_equal(alone.nested, alone.by_candidate["all features"])


def test_every_fit_is_a_step_and_the_comparison_can_be_cancelled() -> None:
    table = cohort(40, 0.7)
    folds = repeats_of(table)
    made: list[None] = []
    compare(table, CANDIDATES, folds, step=lambda: made.append(None))
    assert len(made) == steps(len(CANDIDATES), folds) == 60

    left: Iterator[int] = iter(range(3))
    with pytest.raises(StopIteration):
        compare(table, CANDIDATES, folds, step=lambda: next(left) and None)


def test_no_candidate_is_refused() -> None:
    table = cohort(40, 0.7)
    with pytest.raises(InputError, match="no estimator"):
        compare(table, {}, repeats_of(table))


def test_each_site_is_predicted_by_the_others() -> None:
    site, outcome = np.arange(30) % 3.0, np.arange(30) % 2
    folds = by_site(site, outcome)
    assert [test.tolist() for _, test in folds] == [list(range(start, 30, 3)) for start in range(3)]
    assert all(set(train.tolist()) == set(range(30)) - set(test.tolist()) for train, test in folds)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ([0.0] * 20, "takes two"),
        ([0.0] * 12 + [1.0] * 8, "without the 12 patients of one site 0 patients of a class remain"),
        ([0.0] * 10 + [1.0] * 9 + [np.nan], "site of 1 patients"),
    ],
)
def test_sites_that_cannot_be_left_out_are_refused(site: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        by_site(np.array(site), np.repeat([0, 1], [10, 10]))


def test_figures_hold_every_candidate_the_choice_and_the_majority(few_resamples: None) -> None:
    table = cohort(60, 0.7)
    rows = {row["estimator"]: row for row in figures(compare(table, CANDIDATES, repeats_of(table)), table, CANDIDATES)}
    assert list(rows) == [*CANDIDATES, NESTED, MAJORITY]
    majority = rows[MAJORITY]
    assert (majority["auc"], majority["balanced_accuracy"], majority["brier"]) == (0.5, 0.5, pytest.approx(0.5))
    nested = rows[NESTED]
    assert nested["auc_low"] < nested["auc"] < nested["auc_high"]
    difference = rows["one feature"]["auc"] - nested["auc"]
    assert rows["one feature"]["auc_difference"] == pytest.approx(difference)
    assert rows["one feature"]["times_best"] + rows["all features"]["times_best"] == 5
    assert {row["n"] for row in rows.values()} == {60}


def test_one_candidate_has_no_choice(few_resamples: None) -> None:
    table = cohort(40, 0.7)
    candidates = load_estimators(["ridge"])
    rows = figures(compare(table, candidates, repeats_of(table)), table, candidates)
    assert [row["estimator"] for row in rows] == ["ridge", MAJORITY]
