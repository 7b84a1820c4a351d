from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from gliomics.active.replay import Cohort
from gliomics.active.scores import AcquisitionScores
from gliomics.active.slice_choice import choose_slices
from gliomics.active.slice_simulation import (
    Arm,
    Labels,
    SlicePlan,
    SliceRound,
    choose_until,
    drawn_slices,
    labelled_cases,
    lesion_slices,
    simulate_slices,
    starting_labels,
    with_choices,
)
from gliomics.errors import InputError, UnknownNameError
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.training.sampling import draw_batches
from tests.unit.active.test_simulation import CONFIG, TESTED, prepared
from tests.unit.tiny_networks import TINY, labelled

pytestmark = pytest.mark.slow

__all__ = ["labelled"]

PLAN = SlicePlan(CONFIG, first=4, step=4, until=12, optimiser_steps=6)
WHOLE = 4
"""Slices in which the lesion of each of the studies lies, of 6."""


@pytest.fixture(scope="module")
def cohort(labelled: list[LabelledStudy]) -> Cohort:
    """Four patients to choose from and two to measure on."""
    return prepared(labelled)


def replayed(
    cohort: Cohort,
    out: Path,
    *strategies: str,
    slices: tuple[int, ...] = (2,),
    seeds: int = 1,
    plan: SlicePlan = PLAN,
    **more: Any,
) -> list[SliceRound]:
    *_, rounds = simulate_slices(cohort, plan, out, strategies=strategies, slices=slices, seeds=seeds, **more)
    return rounds


@pytest.fixture(scope="module")
def finished(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[SliceRound]]:
    out = tmp_path_factory.mktemp("replay")
    return out, replayed(cohort, out, "random", "hybrid")


def series(rounds: list[SliceRound], arm: Arm) -> list[SliceRound]:
    return [round_ for round_ in rounds if round_.arm == arm]


def test_whole_study_costs_the_slices_of_its_lesion_and_an_asked_slice_one(cohort: Cohort) -> None:
    assert [lesion_slices(case) for case in cohort.pool.values()] == [WHOLE] * 4
    assert drawn_slices({"case-0": None, "case-1": [0, 5]}, cohort.pool) == WHOLE + 2


def test_all_arms_draw_equally_many_slices_from_one_start(
    finished: tuple[Path, list[SliceRound]], cohort: Cohort
) -> None:
    arms = [Arm(strategy, slices) for strategy in ("random", "hybrid") for slices in (None, 2)]
    starts = [series(finished[1], arm)[0] for arm in arms]
    assert all(start.labels == starting_labels(cohort.pool, 4, 0) and start.dice == starts[0].dice for start in starts)
    for arm in arms:
        assert [round_.drawn for round_ in series(finished[1], arm)] == [4, 8, 12]


def test_more_patients_are_drawn_where_slices_are_asked(finished: tuple[Path, list[SliceRound]]) -> None:
    for strategy in ("random", "hybrid"):
        assert [len(round_.labels) for round_ in series(finished[1], Arm(strategy))] == [1, 2, 3]
        assert [len(round_.labels) for round_ in series(finished[1], Arm(strategy, 2))] == [1, 3, 4]


def test_next_labels_are_those_chosen(finished: tuple[Path, list[SliceRound]]) -> None:
    for arm in {round_.arm for round_ in finished[1]}:
        rounds = series(finished[1], arm)
        for before, after in pairwise(rounds):
            assert after.labels == with_choices(before.labels, before.chosen)
        assert rounds[-1].chosen == []


def test_test_patients_are_measured_and_never_labelled(finished: tuple[Path, list[SliceRound]], cohort: Cohort) -> None:
    for round_ in finished[1]:
        assert set(round_.dice) == set(TESTED)
        assert {cohort.pool[study].patient_id for study in round_.labels}.isdisjoint(TESTED)


def test_trainings_have_equal_steps_as_nearly_as_whole_epochs_allow(
    finished: tuple[Path, list[SliceRound]],
) -> None:
    assert {round_.steps for round_ in finished[1]} <= {5, 6, 7}


def test_networks_see_of_an_asked_study_the_drawn_slices_alone(cohort: Cohort) -> None:
    whole, asked = labelled_cases({"case-0": None, "case-1": [2, 5]}, cohort.pool)
    assert whole.annotated is None
    assert asked.lesion_slices.nonzero().flatten().tolist() == [2]
    batches = draw_batches([asked], TINY.input, CONFIG.training, torch.Generator().manual_seed(0))
    assert {window.first_slice for batch in batches for window in batch} == {2, 5}
    assert cohort.pool["case-1"].annotated is None


def scores_of(cohort: Cohort) -> dict[str, AcquisitionScores]:
    """Scores in which each study is least sure of other slices."""
    slices = {name: [((k + 2 * number) % 6 + 1) / 10 for k in range(6)] for number, name in enumerate(cohort.pool)}
    return {
        name: AcquisitionScores(0.1, 0.1, 0.1, 0.1, [float(number), 1.0], slices[name])
        for number, name in enumerate(cohort.pool)
    }


@pytest.mark.parametrize("strategy", ["random", "hybrid"])
def test_slices_asked_for_are_those_that_the_server_asks_for(cohort: Cohort, strategy: str) -> None:
    scores = scores_of(cohort)
    choices = choose_until(Arm(strategy, 2), cohort.pool, {"case-0": None}, scores, budget=10, seed=0)
    assert sorted(str(choice.id) for choice in choices) == ["case-1", "case-2", "case-3"]
    assert [choice.slices for choice in choices] == [choose_slices(scores[str(c.id)].slices, 2) for c in choices]


def test_further_slices_are_asked_when_every_study_was_asked_once(cohort: Cohort) -> None:
    scores, labels = scores_of(cohort), {"case-0": None, "case-1": [1, 3], "case-2": [1, 3], "case-3": [1, 3]}
    choices = choose_until(Arm("random", 2), cohort.pool, labels, scores, budget=16, seed=0)
    assert sorted(str(choice.id) for choice in choices) == ["case-1", "case-2", "case-3"]
    for choice in choices:
        assert choice.slices == choose_slices(scores[str(choice.id)].slices, 2, annotated=[1, 3])
    assert drawn_slices(with_choices(labels, choices), cohort.pool) == 16


def test_studies_drawn_to_the_last_slice_are_not_asked_again(cohort: Cohort) -> None:
    labels: Labels = {name: [*range(6)] for name in ("case-0", "case-1", "case-2")} | {"case-3": [0, 1, 2, 3, 4]}
    (choice,) = choose_until(Arm("hybrid", 4), cohort.pool, labels, scores_of(cohort), budget=24, seed=0)
    assert (choice.id, choice.slices) == ("case-3", [5])


def test_finished_replay_trains_nothing_and_takes_more_slices(cohort: Cohort, tmp_path: Path) -> None:
    trained: list[tuple[str, int]] = []

    def note(rounds: list[SliceRound], remaining: int, seconds: float) -> None:
        trained.append((rounds[0].arm.amount, remaining))

    first = replayed(cohort, tmp_path, "first", on_round=note)
    assert trained == [("whole", 4), ("whole", 3), ("whole", 2), ("2", 1), ("2", 0)]
    trained.clear()
    rounds = replayed(cohort, tmp_path, "first", slices=(2, 4), on_round=note)
    assert [amount for amount, _ in trained] == ["4"] * 3
    assert rounds[: len(first)] == first


def test_study_larger_than_a_round_ends_several(cohort: Cohort, tmp_path: Path) -> None:
    left: list[int] = []
    plan = SlicePlan(CONFIG, first=1, step=2, until=8, optimiser_steps=1)
    rounds = replayed(
        cohort, tmp_path, "first", plan=plan, on_round=lambda rounds, remaining, _: left.append(remaining)
    )
    assert [round_.drawn for round_ in series(rounds, Arm("first"))] == [4, 8]
    assert [round_.drawn for round_ in series(rounds, Arm("first", 2))] == [4, 6, 8]
    assert left[-1] == 0


@pytest.mark.parametrize(
    ("strategy", "slices", "error"), [("best", (2,), UnknownNameError), ("random", (0,), InputError)]
)
def test_arm_that_cannot_be_is_refused(
    cohort: Cohort, tmp_path: Path, strategy: str, slices: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"no strategy 'best'|slices of a study to ask for are \[0\]"):
        replayed(cohort, tmp_path, strategy, slices=slices)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": 12}, "is no curve"),
        ({"optimiser_steps": 0}, "0 optimiser steps train nothing"),
        ({"until": 17}, "17 slices are to be drawn; lesions lie in 16"),
        ({"first": 5, "until": 8}, "the first studies of seed 0 have 8 slices with lesion, and 8 are to be the end"),
    ],
)
def test_plan_that_gives_no_curve_is_refused(
    cohort: Cohort, tmp_path: Path, change: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        replayed(cohort, tmp_path, "random", plan=SlicePlan(**{**vars(PLAN), **change}))


def test_folder_of_another_plan_is_refused_with_what_differs(
    cohort: Cohort, finished: tuple[Path, list[SliceRound]]
) -> None:
    plan = SlicePlan(CONFIG, first=4, step=4, until=12, optimiser_steps=7)
    with pytest.raises(InputError, match="holds a replay with another optimiser steps; give another folder"):
        replayed(cohort, finished[0], "random", plan=plan)
