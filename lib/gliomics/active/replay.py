"""What replays of the labelling loop share: their patients, a training, and the files of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from gliomics.active.choices import Choice
from gliomics.active.strategies import COMPARABLE
from gliomics.errors import InputError, UnknownNameError
from gliomics.files import read_json, write_json
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
from gliomics.training.split import Split
from gliomics.validated import validated

RECORD = "simulation.json"
ROUNDS = "rounds"
START = "start"


class ReplayedRound(BaseModel):
    """What came of one round of a replay; ``dice`` is by test patient."""

    model_config = ConfigDict(extra="forbid")

    strategy: str
    seed: int
    steps: int
    dice: dict[str, float]
    chosen: list[Choice]
    """What to label next, in order; empty in the last round."""

    @property
    def mean_dice(self) -> float:
        """Mean over the test patients."""
        return float(np.mean(list(self.dice.values())))


RoundKind = TypeVar("RoundKind", bound=ReplayedRound)


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


def require_segmentation(config: TrainingConfig) -> None:
    """Raise :class:`InputError` for a configuration of which no network segments."""
    if config.model.network.task != "segmentation":
        raise InputError(f"configuration '{config.name}' does not segment; give one that does")


def require_replay(strategies: Sequence[str], seeds: int) -> None:
    """Raise :class:`UnknownNameError` for a strategy that does not exist, :class:`InputError` for none and no seed."""
    unknown = [name for name in strategies if name not in COMPARABLE]
    if unknown:
        raise UnknownNameError(f"there is no strategy '{unknown[0]}'; known are {', '.join(COMPARABLE)}")
    if seeds < 1 or not strategies:
        raise InputError(f"{len(strategies)} strategies with {seeds} seeds are no replay; give at least one of each")


def train_anew(
    cases: Sequence[LabelledCase],
    config: TrainingConfig,
    *,
    seed: int,
    steps: float,
    encoder_weights: Path | None,
    checkpoint: Path | None = None,
) -> tuple[Segmenter, int]:
    """A network that learned from the cases alone, and its optimiser steps: ``steps``, as nearly as epochs allow."""
    in_epoch = batches_per_epoch(cases, config)
    epochs = max(1, round(steps / in_epoch))
    config = with_epochs(config, epochs, epochs * in_epoch)
    training = NetworkTraining(
        cases,
        config.model,
        config.training.model_copy(update={"seed": seed}),
        sequences=config.sequences,
        pretrained_encoder=encoder_weights,
    )
    card = draft_card(TrainingPlan(config, "a replay's patients"), [])
    return Segmenter.from_state(card, train(training, checkpoint=checkpoint)), epochs * in_epoch


def images_of(case: LabelledCase) -> PreparedStudy:
    """What strategies may know of a study: its images, not its label."""
    return PreparedStudy(case.inputs, case.inputs.canonical, [], [])


def identity_of(
    cohort: Cohort, config: TrainingConfig, encoder_weights: Path | None, budget: Mapping[str, int]
) -> dict[str, Any]:
    """Everything that decides what comes of a round but its strategy and seed; ``budget`` by what errors call it."""
    return {
        "configuration": config.model_dump(mode="json"),
        **budget,
        "encoder weights": weights_hash(encoder_weights) if encoder_weights else None,
        "studies to choose from": cohort.fingerprints["pool"],
        "test studies": cohort.fingerprints["test"],
    }


def claim(record: Path, identity: Mapping[str, Any]) -> None:
    """Write what the folder is of, or raise :class:`InputError` where it is of something else."""
    if not record.exists():
        write_json(record, dict(identity))
        return
    recorded = read_json(record)
    differing = [name for name in identity if not isinstance(recorded, dict) or recorded.get(name) != identity[name]]
    if differing:
        raise InputError(
            f"{record.parent} holds a replay with another {', another '.join(differing)}; give another folder"
        )


def read_round(kind: type[RoundKind], path: Path) -> RoundKind:
    """A round from its file; raises :class:`InputError` for a file that is none."""
    try:
        return validated(kind, read_json(path), "not a round of a replay")
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}; delete it") from error


def of_other_labels(path: Path) -> InputError:
    """The error of a round's file that does not follow from the round before it."""
    return InputError(f"{path} is of other labelled studies than the round before it chose; delete it")
