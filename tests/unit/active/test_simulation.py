from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.active.curves import areas, summary_rows
from gliomics.active.replay import RECORD, Cohort, claim
from gliomics.active.simulation import Plan, Round, _identity, simulate, starting_studies
from gliomics.active.strategies import COMPARABLE
from gliomics.errors import InputError, UnknownNameError
from gliomics.models import SequenceNeeds
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.study import Study, write_study_json
from gliomics.training.config import TrainingConfig, load_training_config
from gliomics.training.split import Split
from tests.unit.tiny_networks import FAST, TINY, a_labelled_study, labelled

pytestmark = pytest.mark.slow

__all__ = ["labelled"]

CONFIG = TrainingConfig(
    name="tiny",
    title="A tiny test model",
    description="Trained in a test.",
    sequences=SequenceNeeds(required=["flair"]),
    model=TINY,
    training=FAST.model_copy(update={"epochs": 6}),
)
PLAN = Plan(CONFIG, first=1, step=1, until=3)
TESTED = ("patient-4", "patient-5")
STRATEGY = "hybrid"


@pytest.fixture(scope="module")
def cohort(labelled: list[LabelledStudy]) -> Cohort:
    """Four patients to choose from and two to measure on."""
    return prepared(labelled)


def prepared(studies: list[LabelledStudy], **split: tuple[str, ...]) -> Cohort:
    skipped: dict[str, str] = {}
    return Cohort.of(studies, Split(**{"test": TESTED, **split}), CONFIG, skipped.__setitem__)


def replayed(
    cohort: Cohort, out: Path, *strategies: str, seeds: int = 1, plan: Plan = PLAN, **more: Any
) -> list[Round]:
    *_, rounds = simulate(cohort, plan, out, strategies=strategies, seeds=seeds, **more)
    return rounds


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def finished(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Round]]:
    """A replay of every strategy, two rounds after the start."""
    out = tmp_path_factory.mktemp("replay")
    return out, replayed(cohort, out, *COMPARABLE)


def test_every_strategy_labels_one_more_patient_each_round(finished: tuple[Path, list[Round]]) -> None:
    _, rounds = finished
    for strategy in COMPARABLE:
        series = [round_ for round_ in rounds if round_.strategy == strategy]
        assert [len(set(round_.labelled)) for round_ in series] == [1, 2, 3]
        assert [[choice.id for choice in round_.chosen] for round_ in series] == [
            [series[1].labelled[1]],
            [series[2].labelled[2]],
            [],
        ]
        assert all(round_.chosen[0].reason for round_ in series[:-1])


def test_all_strategies_of_a_seed_share_the_start(finished: tuple[Path, list[Round]], cohort: Cohort) -> None:
    starts = [round_ for round_ in finished[1] if len(round_.labelled) == 1]
    assert [start.strategy for start in starts] == list(COMPARABLE)
    assert all(start.labelled == starting_studies(list(cohort.pool), 1, 0) for start in starts)
    assert all(start.dice == starts[0].dice for start in starts)
    assert len({starting_studies(list(cohort.pool), 1, seed)[0] for seed in range(20)}) == 4


def test_test_patients_are_measured_and_never_labelled(finished: tuple[Path, list[Round]], cohort: Cohort) -> None:
    for round_ in finished[1]:
        assert set(round_.dice) == set(TESTED)
        assert {cohort.pool[study].patient_id for study in round_.labelled}.isdisjoint(TESTED)
        assert {choice.id for choice in round_.chosen}.isdisjoint(case.study_id for case in cohort.test)


def test_rounds_have_equal_steps_as_nearly_as_whole_epochs_allow(finished: tuple[Path, list[Round]]) -> None:
    steps = [round_.steps for round_ in finished[1]]
    assert max(steps) < 1.3 * min(steps)


def test_finished_replay_trains_nothing_and_takes_more_strategies(cohort: Cohort, tmp_path: Path) -> None:
    trained: list[str] = []

    def note(rounds: list[Round], remaining: int, seconds: float) -> None:
        trained.extend(round_.strategy for round_ in rounds)

    replayed(cohort, tmp_path, "first", on_round=note)
    assert trained == ["first"] * 3
    trained.clear()
    first, random = replayed(cohort, tmp_path, "first", "random", on_round=note)[::3]
    assert trained == ["random"] * 3
    assert first.dice == random.dice


@pytest.mark.parametrize("name", ["gbm_unet_flair", "segmentation_flair", "segmentation_multi"])
def test_every_configuration_is_recognised_when_a_replay_goes_on(cohort: Cohort, tmp_path: Path, name: str) -> None:
    plan = Plan(load_training_config(name), first=1, step=1, until=3)
    for _ in range(2):
        claim(tmp_path / RECORD, _identity(cohort, plan))


def test_folder_of_another_plan_is_refused_with_what_differs(
    cohort: Cohort, finished: tuple[Path, list[Round]]
) -> None:
    plan = Plan(CONFIG, first=1, step=2, until=3)
    with pytest.raises(InputError, match="holds a replay with another step; give another folder"):
        replayed(cohort, finished[0], "first", plan=plan)


def test_strategy_that_does_not_exist_is_refused_with_the_known_names(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no strategy 'best'; known are random, .*clasp_pe, hybrid"):
        replayed(cohort, tmp_path, "random", "best")
    assert files(tmp_path) == {}


@pytest.mark.parametrize(("first", "step", "until"), [(0, 1, 2), (1, 0, 2), (2, 1, 2)])
def test_plan_without_a_curve_is_refused(first: int, step: int, until: int) -> None:
    with pytest.raises(InputError, match="is no curve"):
        Plan(CONFIG, first=first, step=step, until=until)


def test_last_round_ends_at_the_number_asked_for() -> None:
    assert Plan(CONFIG, first=5, step=5, until=30).sizes == [5, 10, 15, 20, 25, 30]
    assert Plan(CONFIG, first=2, step=3, until=9).sizes == [2, 5, 8, 9]


def test_too_few_patients_to_choose_from_are_named(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="5 patients are to be labelled; 4 can be"):
        replayed(cohort, tmp_path, "random", plan=Plan(CONFIG, first=1, step=1, until=5))


def test_split_without_test_patients_is_refused(labelled: list[LabelledStudy]) -> None:
    with pytest.raises(InputError, match='no "test" patients'):
        prepared(labelled, test=())


def test_patients_kept_for_validation_take_no_part(labelled: list[LabelledStudy]) -> None:
    assert set(prepared(labelled, validation=("patient-0",)).pool) == {"case-1", "case-2", "case-3"}


def test_patient_with_two_studies_takes_part_with_the_first(tmp_path: Path) -> None:
    studies = [a_labelled_study(tmp_path, seed) for seed in range(6)]
    again = a_labelled_study(tmp_path, 6).study
    second = Study(id=again.id, patient_id="patient-0", folder=again.folder, sequences=again.sequences)
    write_study_json(second.folder, [second])
    studies_of_all = [*studies, LabelledStudy(second, tmp_path / "labels" / "final" / "case-6.nii.gz")]
    assert set(prepared(studies_of_all).pool) == {"case-0", "case-1", "case-2", "case-3"}


def a_round(strategy: str, seed: int, size: int, **dice: float) -> Round:
    labelled = [f"case-{number}" for number in range(size)]
    return Round(strategy=strategy, seed=seed, labelled=labelled, steps=1, dice=dice, chosen=[])


ROUNDS = [
    *(a_round("random", seed, size, a=0.5, b=0.2) for seed in range(2) for size in (5, 10, 30)),
    *(a_round("best", 0, size, a=0.5 + size / 100, b=0.2) for size in (5, 10, 30)),
    *(a_round("best", 1, size, a=0.5, b=0.4) for size in (5, 10, 30)),
]


def test_area_is_by_trapezoids_for_each_seed_and_patient() -> None:
    area = areas(ROUNDS)
    assert area["random"] == pytest.approx(np.array([[0.5, 0.2], [0.5, 0.2]]))
    assert area["best"] == pytest.approx(np.array([[0.675, 0.2], [0.5, 0.4]]))


def test_summary_compares_with_the_baselines_that_were_replayed() -> None:
    random, best = summary_rows(ROUNDS)
    assert random["minus_random"] == random["minus_random_low"] == random["minus_random_high"] == 0
    assert best["minus_random"] == pytest.approx((0.0875 + 0.1) / 2)
    assert best["minus_random_low"] == pytest.approx(0), "one seed in which the one patient gained nothing"
    assert best["minus_random_high"] == pytest.approx(0.2)
    assert best["minus_random_foreground"] is None
    assert (best["seeds"], best["n"]) == (2, 2)
