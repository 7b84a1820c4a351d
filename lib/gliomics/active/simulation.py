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

from gliomics.active.choices import Choice
from gliomics.active.replay import (
    RECORD,
    ROUNDS,
    START,
    Cohort,
    ReplayedRound,
    claim,
    identity_of,
    images_of,
    of_other_labels,
    read_round,
    require_replay,
    require_segmentation,
    train_anew,
)
from gliomics.active.scores import AcquisitionScores, score_prepared
from gliomics.active.strategies import COMPARABLE, LabellingState
from gliomics.errors import InputError
from gliomics.files import write_json
from gliomics.training.budget import batches_per_epoch
from gliomics.training.config import TrainingConfig
from gliomics.training.scores import patient_scores, score


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
        require_segmentation(self.config)
        if not (self.first >= 1 and self.step >= 1 and self.until > self.first):
            raise InputError(
                f"{self.first} patients first, {self.step} more each round, until {self.until} is no curve; "
                "give at least 1 first, at least 1 more, and a higher end than beginning"
            )

    @property
    def sizes(self) -> list[int]:
        """The numbers of labelled patients of the rounds."""
        return [*range(self.first, self.until, self.step), self.until]


class Round(ReplayedRound):
    """What came of one round; ``labelled`` and ``chosen`` are studies of the pool."""

    labelled: list[str]


OnRound = Callable[[Sequence[Round], int, float], None]
"""Called after each training with its rounds (one of each strategy that shares it), the number of trainings left and
the seconds that they will take."""


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
    require_replay(strategies, seeds)
    if len(cohort.pool) < plan.until:
        raise InputError(
            f"{plan.until} patients are to be labelled; {len(cohort.pool)} can be, without those kept for testing. "
            "Give a smaller end, or more labelled studies"
        )
    claim(out / RECORD, _identity(cohort, plan))
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
            (START if size == self.plan.first else name, size)
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
            name = START if size == self.plan.first else missing[0]
            checkpoint = self.folder / f"{name}-{seed}-{size}.pt"
            rounds = self._make(missing, seed, labelled, checkpoint)
            for round_ in rounds:
                write_json(self._file(round_.strategy, seed, size), round_.model_dump())
            checkpoint.unlink(missing_ok=True)
            self.finished, self.remaining = self.finished + 1, self.remaining - 1
            seconds = self.remaining * (monotonic() - self.started) / self.finished
            self.on_round(rounds, self.remaining, seconds)
        return [self._recorded(name, seed, labelled) for name in strategies]

    def _recorded(self, strategy: str, seed: int, labelled: list[str]) -> Round:
        path = self._file(strategy, seed, len(labelled))
        recorded = read_round(Round, path)
        if recorded.labelled != labelled:
            raise of_other_labels(path)
        return recorded

    def _make(self, strategies: Sequence[str], seed: int, labelled: list[str], checkpoint: Path) -> list[Round]:
        pool = self.cohort.pool
        segmenter, steps = train_anew(
            [pool[name] for name in labelled],
            self.plan.config,
            seed=seed,
            steps=self.steps,
            encoder_weights=self.plan.encoder_weights,
            checkpoint=checkpoint,
        )
        count = min(self.plan.step, self.plan.until - len(labelled))
        scores = {}
        if count and any(COMPARABLE[name].needs_model for name in strategies):
            scores = {name: score_prepared(segmenter, images_of(case), seed=seed) for name, case in pool.items()}
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


def _identity(cohort: Cohort, plan: Plan) -> dict[str, Any]:
    budget = {"first": plan.first, "step": plan.step, "until": plan.until}
    return identity_of(cohort, plan.config, plan.encoder_weights, budget)
