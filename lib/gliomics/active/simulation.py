"""The labelling loop replayed on studies whose labels are known, to compare strategies.

Each round trains a network on what is labelled until now, measures it on patients kept for testing and asks the
strategy for the next studies. A round is one file, ``rounds/<strategy>-<seed>-<labelled>.json``, never made twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gliomics.active.choices import Choice
from gliomics.active.scores import AcquisitionScores, score_prepared
from gliomics.active.strategies import COMPARABLE, LabellingState
from gliomics.errors import InputError, UnknownNameError
from gliomics.files import read_json, write_json
from gliomics.models import ModelCard
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.networks.pretrained import weights_hash
from gliomics.segmentation.segmenter import Segmenter
from gliomics.training.budget import batches_per_epoch, with_epochs
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.config import TrainingConfig
from gliomics.training.fit import OnSkipped
from gliomics.training.loop import NetworkTraining, train
from gliomics.training.scores import patient_scores, score
from gliomics.training.split import Split
from gliomics.validated import validated

RECORD = "simulation.json"
ROUNDS = "rounds"

_START = "start"


@dataclass(frozen=True)
class Plan:
    """A replay: from ``first`` labelled patients on, ``step`` more each round, until ``until``.

    Every round gets as many optimiser steps, as nearly as whole epochs allow, as the configuration's epochs over
    ``until`` patients.
    """

    config: TrainingConfig
    first: int = 5
    step: int = 5
    until: int = 30
    encoder_weights: Path | None = None

    def __post_init__(self) -> None:
        if self.config.model.network.task != "segmentation":
            raise InputError(f"configuration '{self.config.name}' does not segment; give one that does")
        if not (self.first >= 1 and self.step >= 1 and self.until > self.first):
            raise InputError(
                f"{self.first} patients first, {self.step} more each round, until {self.until} is no curve; "
                "give at least 1 first, at least 1 more, and a higher end than beginning"
            )

    @property
    def sizes(self) -> list[int]:
        """The numbers of labelled patients of the rounds."""
        return [*range(self.first, self.until, self.step), self.until]


class Round(BaseModel):
    """What came of one round; ``labelled`` and ``chosen`` are studies of the pool, ``dice`` is by test patient."""

    model_config = ConfigDict(extra="forbid")

    strategy: str
    seed: int
    labelled: list[str]
    steps: int
    dice: dict[str, float]
    chosen: list[Choice]
    """What to label next, in order; empty in the last round."""

    @property
    def mean_dice(self) -> float:
        """Mean over the test patients."""
        return float(np.mean(list(self.dice.values())))


OnRound = Callable[[Sequence[Round], int, float], None]
"""Called after each training with its rounds (one of each strategy that shares it), the number of trainings left and
the seconds that they will take."""


@dataclass(frozen=True)
class Cohort:
    """The prepared studies of a replay: ``pool``, of which strategies choose, and ``test``, which are only measured."""

    pool: Mapping[str, LabelledCase]
    test: Sequence[LabelledCase]
    fingerprints: Mapping[str, str]

    @classmethod
    def of(
        cls, labelled: Sequence[LabelledStudy], split: Split, config: TrainingConfig, on_skipped: OnSkipped
    ) -> Cohort:
        """Prepare labelled studies. Of a patient of the pool the first study by id takes part, so that all count once.

        Patients that ``split`` keeps for validation take no part. Raises :class:`InputError` without a test patient.
        """
        if not split.test:
            raise InputError('the split has no "test" patients; name those to measure every network on')
        parts = split.apply(labelled)
        study_by_patient: dict[str, LabelledStudy] = {}
        for item in sorted(parts["training"], key=lambda item: item.study.id):
            earlier = study_by_patient.setdefault(item.study.patient_id, item)
            if earlier is not item:
                on_skipped(item.study.id, f"patient {item.study.patient_id} takes part with study '{earlier.study.id}'")
        items_by_part = {"pool": list(study_by_patient.values()), "test": parts["test"]}
        cases: dict[str, list[LabelledCase]] = {}
        for name, items in items_by_part.items():
            cases[name], skipped = prepare_labelled(items, draft_card(TrainingPlan(config, ""), items))
            for study, reason in skipped.items():
                on_skipped(study, reason)
            items_by_part[name] = [item for item in items if item.study.id not in skipped]
        if not cases["test"]:
            raise InputError("no test patient has a study that can be used; the reasons are above")
        pool = {case.study_id: case for case in cases["pool"]}
        return cls(pool, cases["test"], {name: fingerprint(items) for name, items in items_by_part.items()})


def simulate(
    cohort: Cohort,
    plan: Plan,
    out: Path,
    *,
    strategies: Sequence[str],
    seeds: int,
    on_round: OnRound = lambda rounds, trainings, seconds: None,
) -> Iterator[list[Round]]:
    """Replay ``plan`` with each strategy and seed; after each seed, all rounds until now are yielded.

    The same folder continues an interrupted replay, also inside a training, and may get more strategies and seeds.
    Raises :class:`UnknownNameError` for a strategy that does not exist, and :class:`InputError` for too small a pool
    and for a folder of another plan or of other studies.
    """
    unknown = [name for name in strategies if name not in COMPARABLE]
    if unknown:
        raise UnknownNameError(f"there is no strategy '{unknown[0]}'; known are {', '.join(COMPARABLE)}")
    if seeds < 1 or not strategies:
        raise InputError(f"{len(strategies)} strategies with {seeds} seeds are no replay; give at least one of each")
    if len(cohort.pool) < plan.until:
        raise InputError(
            f"{plan.until} patients are to be labelled; {len(cohort.pool)} can be, without those kept for testing. "
            "Give a smaller end, or more labelled studies"
        )
    _claim(out / RECORD, _identity(cohort, plan))
    replay = _Replay(
        cohort, plan, out / ROUNDS, strategies=list(dict.fromkeys(strategies)), seeds=seeds, on_round=on_round
    )
    rounds: list[Round] = []
    for seed in range(seeds):
        rounds += replay.one_seed(seed)
        yield rounds


def starting_studies(pool: Sequence[str], first: int, seed: int) -> list[str]:
    """The studies that all strategies of a seed begin with."""
    return random.Random(f"start {seed}").sample(sorted(pool), first)


def choose_next(
    strategy: str,
    pool: Sequence[str],
    labelled: Sequence[str],
    scores: Mapping[str, AcquisitionScores],
    *,
    count: int,
    seed: int,
) -> list[Choice]:
    """The next ``count`` studies, one by one as annotators ask: each is labelled when the next is chosen."""
    rng = random.Random(f"{strategy} {seed} {len(labelled)}")
    taken, choices = list(labelled), []
    for _ in range(count):
        candidates = [name for name in sorted(pool) if name not in taken]
        state = LabellingState(candidates, taken, scores, f"network of {len(labelled)} patients")
        choice = COMPARABLE[strategy].choose(state, rng)
        choices.append(choice)
        taken = [*taken, str(choice.id)]
    return choices


class _Replay:
    """A replay under way."""

    def __init__(
        self, cohort: Cohort, plan: Plan, folder: Path, *, strategies: list[str], seeds: int, on_round: OnRound
    ) -> None:
        self.cohort, self.plan, self.folder, self.strategies = cohort, plan, folder, strategies
        self.on_round = on_round
        batches = batches_per_epoch(list(cohort.pool.values()), plan.config)
        self.steps = plan.config.training.epochs * batches * plan.until / len(cohort.pool)
        """Optimiser steps that each round should have."""
        self.remaining = sum(self._to_train(seed) for seed in range(seeds))
        self.finished, self.started = 0, monotonic()

    def one_seed(self, seed: int) -> list[Round]:
        """All rounds of all strategies with one seed; the first has one network for all of them."""
        starts = self._rounds(self.strategies, seed, starting_studies(list(self.cohort.pool), self.plan.first, seed))
        rounds = []
        for latest in starts:
            rounds.append(latest)
            while len(latest.labelled) < self.plan.until:
                labelled = [*latest.labelled, *(str(choice.id) for choice in latest.chosen)]
                (latest,) = self._rounds([latest.strategy], seed, labelled)
                rounds.append(latest)
        return rounds

    def _file(self, strategy: str, seed: int, size: int) -> Path:
        return self.folder / f"{strategy}-{seed}-{size}.json"

    def _to_train(self, seed: int) -> int:
        """Trainings that a seed still needs."""
        missing = {
            (_START if size == self.plan.first else name, size)
            for name in self.strategies
            for size in self.plan.sizes
            if not self._file(name, seed, size).is_file()
        }
        return len(missing)

    def _rounds(self, strategies: Sequence[str], seed: int, labelled: list[str]) -> list[Round]:
        """The round of each strategy on the same labels, from its file or from one training for all that have none."""
        size = len(labelled)
        missing = [name for name in strategies if not self._file(name, seed, size).is_file()]
        if missing:
            name = _START if size == self.plan.first else missing[0]
            checkpoint = self.folder / f"{name}-{seed}-{size}.pt"
            rounds = self._make(missing, seed, labelled, checkpoint)
            for round_ in rounds:
                write_json(self._file(round_.strategy, seed, size), round_.model_dump())
            checkpoint.unlink(missing_ok=True)
            self.finished, self.remaining = self.finished + 1, self.remaining - 1
            seconds = self.remaining * (monotonic() - self.started) / self.finished
            self.on_round(rounds, self.remaining, seconds)
        return [_read_round(self._file(name, seed, size), labelled) for name in strategies]

    def _make(self, strategies: Sequence[str], seed: int, labelled: list[str], checkpoint: Path) -> list[Round]:
        pool = self.cohort.pool
        segmenter, steps = self._train(seed, labelled, checkpoint)
        count = min(self.plan.step, self.plan.until - len(labelled))
        scores = {}
        if count and any(COMPARABLE[name].needs_model for name in strategies):
            scores = {name: score_prepared(segmenter, _seen(case), seed=seed) for name, case in pool.items()}
        dice = patient_scores(score(segmenter, self.cohort.test), self.cohort.test)
        return [
            Round(
                strategy=name,
                seed=seed,
                labelled=labelled,
                steps=steps,
                dice=dict(sorted(dice.items())),
                chosen=choose_next(name, list(pool), labelled, scores, count=count, seed=seed),
            )
            for name in strategies
        ]

    def _train(self, seed: int, labelled: Sequence[str], checkpoint: Path) -> tuple[Segmenter, int]:
        """A network trained on the labelled studies, and the optimiser steps that it had."""
        cases = [self.cohort.pool[name] for name in labelled]
        in_epoch = batches_per_epoch(cases, self.plan.config)
        epochs = max(1, round(self.steps / in_epoch))
        config = with_epochs(self.plan.config, epochs, epochs * in_epoch)
        training = NetworkTraining(
            cases,
            config.model,
            config.training.model_copy(update={"seed": seed}),
            sequences=config.sequences,
            pretrained_encoder=self.plan.encoder_weights,
        )
        return Segmenter.from_state(_card(config), train(training, checkpoint=checkpoint)), epochs * in_epoch


def _card(config: TrainingConfig) -> ModelCard:
    return draft_card(TrainingPlan(config, "a replay's patients"), [])


def _seen(case: LabelledCase) -> PreparedStudy:
    """What strategies may know of a study: its images, not its label."""
    return PreparedStudy(case.inputs, case.inputs.canonical, [], [])


def _identity(cohort: Cohort, plan: Plan) -> dict[str, Any]:
    """Everything that decides what comes of a round but its strategy and seed."""
    return {
        "configuration": plan.config.model_dump(mode="json"),
        "first": plan.first,
        "step": plan.step,
        "until": plan.until,
        "encoder weights": weights_hash(plan.encoder_weights) if plan.encoder_weights else None,
        "studies to choose from": cohort.fingerprints["pool"],
        "test studies": cohort.fingerprints["test"],
    }


def _claim(record: Path, identity: dict[str, Any]) -> None:
    """Write what the folder is of, or raise :class:`InputError` where it is of something else."""
    if not record.exists():
        write_json(record, identity)
        return
    recorded = read_json(record)
    differing = [name for name in identity if not isinstance(recorded, dict) or recorded.get(name) != identity[name]]
    if differing:
        raise InputError(
            f"{record.parent} holds a replay with another {', another '.join(differing)}; give another folder"
        )


def _read_round(path: Path, labelled: Sequence[str]) -> Round:
    try:
        recorded = validated(Round, read_json(path), "not a round of a replay")
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}; delete it") from error
    if recorded.labelled != list(labelled):
        raise InputError(f"{path} is of other labelled studies than the round before it chose; delete it")
    return recorded
