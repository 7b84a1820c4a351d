"""The labelling loop replayed with asked slices instead of whole studies, at an equal number of drawn slices.

A study that is labelled whole costs the slices in which its lesion lies: there the annotator draws. An asked slice
costs one, with lesion or without. A round is one file, ``rounds/<strategy>-<whole or slices>-<seed>-<budget>.json``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import torch

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
from gliomics.active.slice_choice import choose_slices
from gliomics.active.strategies import COMPARABLE, LabellingState
from gliomics.errors import InputError
from gliomics.files import write_json
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.segmenter import Segmenter
from gliomics.training.config import TrainingConfig
from gliomics.training.scores import patient_scores, score

Labels = dict[str, list[int] | None]
"""The drawn slices of studies, numbered from the lowest in the head; None where the whole study was labelled."""


class Arm(NamedTuple):
    """What is compared: a strategy, and how many slices are asked of a study at a time; None where all of it is."""

    strategy: str
    slices: int | None = None

    @property
    def amount(self) -> str:
        """``"whole"`` or the number of slices."""
        return "whole" if self.slices is None else str(self.slices)


@dataclass(frozen=True)
class SlicePlan:
    """A replay from ``first`` drawn slices on, ``step`` more each round, until ``until``.

    A round ends with the study with which its number is reached. Every network gets ``optimiser_steps``, as nearly as
    whole epochs allow.
    """

    config: TrainingConfig
    first: int = 24
    step: int = 24
    until: int = 120
    optimiser_steps: int = 600
    encoder_weights: Path | None = None

    def __post_init__(self) -> None:
        require_segmentation(self.config)
        if not (self.first >= 1 and self.step >= 1 and self.until > self.first):
            raise InputError(
                f"{self.first} slices first, {self.step} more each round, until {self.until} is no curve; "
                "give at least 1 first, at least 1 more, and a higher end than beginning"
            )
        if self.optimiser_steps < 1:
            raise InputError(f"{self.optimiser_steps} optimiser steps train nothing; give at least 1")

    @property
    def budgets(self) -> list[int]:
        """The numbers of drawn slices with which rounds end."""
        return [*range(self.first, self.until, self.step), self.until]

    def next_budget(self, drawn: int) -> int | None:
        """With how many slices the round after so many ends; None after the last."""
        return next((budget for budget in self.budgets if budget > drawn), None)


class SliceRound(ReplayedRound):
    """What came of one round; ``labels`` and ``chosen`` are of the pool."""

    slices: int | None
    labels: Labels
    drawn: int
    """Slices that were drawn for the labels."""

    @property
    def arm(self) -> Arm:
        """Of which arm it is."""
        return Arm(self.strategy, self.slices)


OnSliceRound = Callable[[Sequence[SliceRound], int, float], None]
"""Called after each training with its rounds (one of each arm that shares it), the number of trainings left at most and
the seconds that they will take."""


def simulate_slices(
    cohort: Cohort,
    plan: SlicePlan,
    out: Path,
    *,
    strategies: Sequence[str],
    slices: Sequence[int],
    seeds: int,
    on_round: OnSliceRound = lambda rounds, trainings, seconds: None,
) -> Iterator[list[SliceRound]]:
    """Replay ``plan`` with whole studies and with each number of ``slices``; after each seed, all rounds are yielded.

    The same folder continues an interrupted replay, and may get more strategies, numbers of slices and seeds. Raises
    :class:`UnknownNameError` for a strategy that does not exist, and :class:`InputError` for a number below one, too
    small a pool and a folder of another plan or of other studies.
    """
    require_replay(strategies, seeds)
    if not slices or min(slices) < 1:
        raise InputError(f"slices of a study to ask for are {list(slices)}; give at least one number, of 1 or more")
    whole = sum(lesion_slices(case) for case in cohort.pool.values())
    if whole < plan.until:
        raise InputError(
            f"{plan.until} slices are to be drawn; lesions lie in {whole}, without those of patients kept for testing. "
            "Give a smaller end, or more labelled studies"
        )
    for seed in range(seeds):
        drawn = drawn_slices(starting_labels(cohort.pool, plan.first, seed), cohort.pool)
        if drawn >= plan.until:
            raise InputError(
                f"the first studies of seed {seed} have {drawn} slices with lesion, and {plan.until} are to be the "
                "end; give a higher end"
            )
    claim(out / RECORD, _identity(cohort, plan))
    amounts = [None, *dict.fromkeys(slices)]
    arms = [Arm(strategy, amount) for strategy in dict.fromkeys(strategies) for amount in amounts]
    replay = _Replay(cohort, plan, out / ROUNDS, arms=arms, seeds=seeds, on_round=on_round)
    rounds: list[SliceRound] = []
    for seed in range(seeds):
        rounds += replay.one_seed(seed)
        yield rounds


def lesion_slices(case: LabelledCase) -> int:
    """In how many slices of a study its lesion lies."""
    return int(case.lesion.any(axis=(0, 1)).sum())


def drawn_slices(labels: Labels, pool: Mapping[str, LabelledCase]) -> int:
    """How many slices were drawn for labels."""
    return sum(lesion_slices(pool[name]) if drawn is None else len(drawn) for name, drawn in labels.items())


def starting_labels(pool: Mapping[str, LabelledCase], first: int, seed: int) -> Labels:
    """The whole studies that all arms of a seed begin with: drawn at random, until ``first`` slices are reached."""
    labels: Labels = {}
    for name in random.Random(f"start {seed}").sample(sorted(pool), len(pool)):
        if drawn_slices(labels, pool) >= first:
            break
        labels[name] = None
    return labels


def with_choices(labels: Labels, choices: Sequence[Choice]) -> Labels:
    """The labels when what was chosen is drawn, too."""
    after = dict(labels)
    for choice in choices:
        drawn = after.get(str(choice.id)) or []
        after[str(choice.id)] = None if choice.slices is None else sorted({*drawn, *choice.slices})
    return after


def labelled_cases(labels: Labels, pool: Mapping[str, LabelledCase]) -> list[LabelledCase]:
    """The studies as a network learns from them: of those that are not whole, from the drawn slices alone."""
    cases = []
    for name, drawn in labels.items():
        case = pool[name]
        if drawn is not None:
            annotated = torch.zeros(len(case.target), dtype=torch.bool)
            annotated[drawn] = True
            case = replace(case, annotated=annotated)
        cases.append(case)
    return cases


def choose_until(
    arm: Arm,
    pool: Mapping[str, LabelledCase],
    labels: Labels,
    scores: Mapping[str, AcquisitionScores],
    *,
    budget: int,
    seed: int,
) -> list[Choice]:
    """What is drawn next, study by study as annotators ask, until ``budget`` slices are reached.

    The strategy chooses among the studies of which fewest slices are drawn, so that each is asked once before any is
    asked again. The slices are those about which the model is least sure, whatever chooses the study.
    """
    drawn = drawn_slices(labels, pool)
    rng = random.Random(f"{arm.strategy} {seed} {drawn}")
    choices: list[Choice] = []
    while drawn < budget:
        candidates = _fewest_drawn(pool, labels)
        others = [name for name in labels if name not in candidates]
        state = LabellingState(candidates, others, scores, f"network of {len(labels)} patients")
        choice = COMPARABLE[arm.strategy].choose(state, rng)
        name = str(choice.id)
        if arm.slices is not None:
            chosen = choose_slices(scores[name].slices, arm.slices, annotated=labels.get(name) or [])
            choice = replace(choice, slices=chosen)
        choices.append(choice)
        labels = with_choices(labels, [choice])
        drawn = drawn_slices(labels, pool)
    return choices


def _fewest_drawn(pool: Mapping[str, LabelledCase], labels: Labels) -> list[str]:
    """The studies with slices left of which fewest are drawn, by id."""
    counts = {name: len(labels.get(name, []) or []) for name in sorted(pool) if labels.get(name, []) is not None}
    left = {name: count for name, count in counts.items() if count < len(pool[name].target)}
    return [name for name, count in left.items() if count == min(left.values())]


class _Scores(Mapping[str, AcquisitionScores]):
    """Scores of the pool under one network, made when they are asked for."""

    def __init__(self, segmenter: Segmenter, pool: Mapping[str, LabelledCase], seed: int) -> None:
        self.segmenter, self.pool, self.seed = segmenter, pool, seed
        self.made: dict[str, AcquisitionScores] = {}

    def __getitem__(self, name: str) -> AcquisitionScores:
        if name not in self.made:
            self.made[name] = score_prepared(self.segmenter, images_of(self.pool[name]), seed=self.seed)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.pool)

    def __len__(self) -> int:
        return len(self.pool)


class _Replay:
    """A replay under way."""

    def __init__(
        self, cohort: Cohort, plan: SlicePlan, folder: Path, *, arms: list[Arm], seeds: int, on_round: OnSliceRound
    ) -> None:
        self.cohort, self.plan, self.folder, self.arms, self.on_round = cohort, plan, folder, arms, on_round
        self.left = {
            self._training(arm, seed, budget)
            for arm in arms
            for seed in range(seeds)
            for budget in plan.budgets
            if not self._file(arm, seed, budget).is_file()
        }
        """Trainings that are left; those of rounds that a large study skips are left out when it comes."""
        self.finished, self.started = 0, monotonic()

    def one_seed(self, seed: int) -> list[SliceRound]:
        """All rounds of all arms with one seed; the first has one network for all of them."""
        starts = self._rounds(self.arms, seed, starting_labels(self.cohort.pool, self.plan.first, seed))
        rounds = []
        for start in starts:
            latest = start
            rounds.append(latest)
            while latest.chosen:
                (latest,) = self._rounds(
                    [latest.arm], seed, with_choices(latest.labels, latest.chosen), after=latest.drawn
                )
                rounds.append(latest)
        return rounds

    def _training(self, arm: Arm, seed: int, budget: int) -> tuple[Arm, int, int]:
        return (Arm(START) if budget == self.plan.first else arm, seed, budget)

    def _file(self, arm: Arm, seed: int, budget: int) -> Path:
        return self.folder / f"{arm.strategy}-{arm.amount}-{seed}-{budget}.json"

    def _rounds(self, arms: Sequence[Arm], seed: int, labels: Labels, *, after: int = 0) -> list[SliceRound]:
        """The round of each arm on the same labels, from its file or from one training for all that have none."""
        budget = self.plan.next_budget(after) or self.plan.until
        missing = [arm for arm in arms if not self._file(arm, seed, budget).is_file()]
        if missing:
            rounds = self._make(missing, seed, labels)
            for round_ in rounds:
                write_json(self._file(round_.arm, seed, budget), round_.model_dump())
            self.finished += 1
        drawn = drawn_slices(labels, self.cohort.pool)
        done = [number for number in self.plan.budgets if number == budget or after < number <= drawn]
        self.left -= {self._training(arm, seed, number) for arm in arms for number in done}
        if missing:
            seconds = len(self.left) * (monotonic() - self.started) / self.finished
            self.on_round(rounds, len(self.left), seconds)
        return [self._recorded(arm, seed, budget, labels) for arm in arms]

    def _recorded(self, arm: Arm, seed: int, budget: int, labels: Labels) -> SliceRound:
        path = self._file(arm, seed, budget)
        recorded = read_round(SliceRound, path)
        if recorded.labels != labels:
            raise of_other_labels(path)
        return recorded

    def _make(self, arms: Sequence[Arm], seed: int, labels: Labels) -> list[SliceRound]:
        pool = self.cohort.pool
        segmenter, steps = train_anew(
            labelled_cases(labels, pool),
            self.plan.config,
            seed=seed,
            steps=self.plan.optimiser_steps,
            encoder_weights=self.plan.encoder_weights,
        )
        dice = patient_scores(score(segmenter, self.cohort.test), self.cohort.test)
        scores = _Scores(segmenter, pool, seed)
        drawn = drawn_slices(labels, pool)
        budget = self.plan.next_budget(drawn) or 0
        return [
            SliceRound(
                strategy=arm.strategy,
                slices=arm.slices,
                seed=seed,
                labels=labels,
                drawn=drawn,
                steps=steps,
                dice=dict(sorted(dice.items())),
                chosen=choose_until(arm, pool, labels, scores, budget=budget, seed=seed),
            )
            for arm in arms
        ]


def _identity(cohort: Cohort, plan: SlicePlan) -> dict[str, Any]:
    budget = {
        "slices drawn first": plan.first,
        "slices drawn each round": plan.step,
        "slices drawn at the end": plan.until,
        "optimiser steps": plan.optimiser_steps,
    }
    return identity_of(cohort, plan.config, plan.encoder_weights, budget)
