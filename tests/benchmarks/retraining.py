"""Networks retrained at a chosen budget and tested on one fold: what the studies that do so share.

A row of a study is one training. It is written to ``OUT/rows/<key>.json`` once it has been tested, and a row that is
there is never trained again; one that was interrupted continues from its last whole epoch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from gliomics.errors import InputError
from gliomics.evaluation.pixelwise import PIXEL_METRICS, Confusion
from gliomics.files import read_json, sha256_of, write_json
from gliomics.segmentation.device import best_device
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics.bootstrap import Interval, bootstrap_interval
from gliomics.statistics.patients import patient_means
from gliomics.study import label_path, list_studies
from gliomics.training.budget import batches_per_epoch, with_epochs
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.config import TrainingConfig
from gliomics.training.fit import CHECKPOINT, train_cases
from gliomics.training.loop import NetworkTraining, train
from gliomics.training.split import Split, check_known, read_split

FOLDS = Path(__file__).parents[2] / "docs" / "models" / "lgg_folds.json"
_TIMED_BATCHES = 10

EpochsOf = Callable[[Sequence[LabelledCase]], int]
"""How many epochs a row may be trained on its prepared cases."""


class Row(BaseModel):
    """What came of one training; ``minutes`` are those of its epochs alone, ``voxels`` all of the test patients'."""

    model_config = ConfigDict(extra="forbid")

    identity: str
    patients: int
    size: int
    parameters: int
    epochs: int
    steps: int
    minutes: float
    device: str
    dice: dict[str, float]
    voxels: dict[str, int]

    def figures(self) -> dict[str, Any]:
        """The row's columns in a table: how it was trained, patient Dice with intervals, the sources' metrics."""
        values = list(self.dice.values())
        mean, median = bootstrap_interval(values), bootstrap_interval(values, statistic=np.median)
        pooled = Confusion(**self.voxels)
        return {
            "patients_trained": self.patients,
            "patients_tested": len(values),
            "size": self.size,
            "parameters": self.parameters,
            "epochs": self.epochs,
            "steps": self.steps,
            "minutes": self.minutes,
            "device": self.device,
            **interval_columns("mean_dice", mean),
            **interval_columns("median_dice", median),
            **{metric: getattr(pooled, metric) for metric in PIXEL_METRICS},
        }

    def less(self, other: Row) -> Interval:
        """Mean difference of patient Dice, this row's less the other's, over the same patients."""
        if self.dice.keys() != other.dice.keys():
            raise InputError("two rows of one table were tested on different patients; start in an empty folder")
        return bootstrap_interval([self.dice[patient] - other.dice[patient] for patient in self.dice])


@dataclass(frozen=True)
class Work:
    """A training to be made: ``config`` is final but for its length, which ``budget`` says in words."""

    key: str
    config: TrainingConfig
    training: Sequence[LabelledStudy]
    test: Sequence[LabelledStudy]
    budget: str
    encoder_weights: Path | None = None

    def identity(self) -> str:
        """A hash of everything that decides what comes of it."""
        parts = [
            self.config.model_dump(),
            fingerprint(self.training),
            fingerprint(self.test),
            self.budget,
            sha256_of(self.encoder_weights) if self.encoder_weights else None,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass
class Prepared:
    """Prepared cases, kept while rows see the same sequences at the same size."""

    _view: tuple[Any, ...] = ()
    _cases: dict[str, LabelledCase] = field(default_factory=dict)

    def __call__(self, items: Sequence[LabelledStudy], config: TrainingConfig) -> list[LabelledCase]:
        """The cases of ``items`` as ``config`` sees them; a study that cannot be used is an error."""
        view = (*config.sequences.required, *config.sequences.optional, config.model.input.size)
        if view != self._view:
            self._view, self._cases = view, {}
        new = [item for item in items if item.study.id not in self._cases]
        cases, skipped = prepare_labelled(new, draft_card(TrainingPlan(config, ""), new))
        for study, reason in skipped.items():
            raise InputError(
                f"study '{study}' cannot be used: {reason}; correct it, or take its patient out of the folds"
            )
        self._cases |= {case.study_id: case for case in cases}
        return [self._cases[item.study.id] for item in items]


def training_and_test(data: Path, folds: Path = FOLDS) -> tuple[list[LabelledStudy], list[LabelledStudy]]:
    """The labelled studies of a folder: those of all folds but the first, and those of the first, kept for the test."""
    studies = list_studies(data, lambda path, reason: print(f"left out {path}: {reason}"))
    labelled = [LabelledStudy(s, label_path(data, s.id)) for s in studies if label_path(data, s.id).is_file()]
    read = read_split(folds)
    if isinstance(read, Split):
        raise InputError(f'{folds} must be {{"folds": [[patient ids], ...]}}, of which the first is tested on')
    first, *others = [set(fold) for fold in read]
    check_known([patient for fold in read for patient in fold], labelled)
    known = set().union(*others)
    training = [item for item in labelled if item.study.patient_id in known]
    return training, [item for item in labelled if item.study.patient_id in first]


def epochs_within(
    minutes: float, cases: Sequence[LabelledCase], config: TrainingConfig, encoder_weights: Path | None
) -> int:
    """Epochs that fit into ``minutes`` at the speed of the first batches, at least 2."""
    times: list[float] = []

    def enough() -> bool:
        times.append(perf_counter())
        return len(times) > _TIMED_BATCHES

    with suppress(InterruptedError):
        one = config.training.model_copy(update={"epochs": 1})
        train(NetworkTraining(cases, config.model, one, pretrained_encoder=encoder_weights), cancelled=enough)
    times.append(perf_counter())
    epoch = float(np.median(np.diff(times[: _TIMED_BATCHES + 1]))) * batches_per_epoch(cases, config)
    epochs = max(2, int(60 * minutes / epoch))
    print(f"  about {epoch:.1f} s per epoch: {epochs} epochs")
    return epochs


def retrain(work: Work, epochs_of: EpochsOf, out: Path, prepared: Prepared) -> Row:
    """Train and test a row, unless that has been done in ``out``.

    Masks are those of the probability 0.5 and the default component rule: nothing is chosen on the test patients, and
    no patients are kept from training to choose on.
    """
    done, under_way = out / "rows" / f"{work.key}.json", out / "rows" / work.key
    identity = work.identity()
    if done.is_file():
        shutil.rmtree(under_way, ignore_errors=True)
        return Row.model_validate(_of_this(done, identity))
    print(f"{work.key}:", flush=True)
    training = prepared(work.training, work.config)
    length = under_way / "plan.json"
    if not length.is_file():
        write_json(length, {"identity": identity, "epochs": epochs_of(training)})
    epochs = int(_of_this(length, identity)["epochs"])
    steps = epochs * batches_per_epoch(training, work.config)
    config = with_epochs(work.config, epochs, steps)
    plan = TrainingPlan(config, "a benchmark's patients", encoder_weights=work.encoder_weights)
    card = draft_card(plan, work.training)
    state = train_cases(
        training,
        plan,
        validation=[],
        card=card,
        checkpoint=under_way / CHECKPOINT,
        on_epoch=_say,
    )
    segmenter = Segmenter.from_state(card, state)
    dice, voxels = _test(segmenter, prepared(work.test, work.config))
    row = Row(
        identity=identity,
        patients=len({case.patient_id for case in training}),
        size=config.model.input.size,
        parameters=sum(parameter.numel() for parameter in segmenter.network.parameters()),
        epochs=epochs,
        steps=steps,
        minutes=_seconds(under_way / CHECKPOINT) / 60,
        device=f"{best_device().type}, threads: {torch.get_num_threads()}",
        dice=dice,
        voxels=asdict(voxels),
    )
    write_json(done, row.model_dump())
    shutil.rmtree(under_way)
    return row


def with_interval(figures: Mapping[str, Any], name: str, sign: str = "") -> str:
    """``0.812 (0.760 to 0.855)`` of the columns ``name``, ``name_low`` and ``name_high``."""
    value, low, high = (format(figures[column], f"{sign}.3f") for column in (name, f"{name}_low", f"{name}_high"))
    return f"{value} ({low} to {high})"


def interval_columns(name: str, interval: Interval) -> dict[str, float]:
    """The columns that :func:`with_interval` reads."""
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _test(segmenter: Segmenter, cases: Sequence[LabelledCase]) -> tuple[dict[str, float], Confusion]:
    """Dice by patient (the mean of the patient's studies), and the voxels of all studies, each on its own grid."""
    confusions = [Confusion.of(segmenter.mask_of(case.inputs), case.lesion) for case in cases]
    means = patient_means((case.patient_id for case in cases), (confusion.f1 for confusion in confusions))
    return means, sum(confusions, Confusion())


def _of_this(path: Path, identity: str) -> dict[str, Any]:
    content: dict[str, Any] = read_json(path)
    if content.get("identity") != identity:
        raise InputError(f"{path} is of another budget or of other studies; give another --out, or delete it")
    return content


def _say(records: Sequence[EpochRecord], epochs: int) -> None:
    last = records[-1]
    print(f"  epoch {last.epoch} of {epochs}: loss {last.loss:.4f}, {last.seconds:.1f} s", flush=True)


def _seconds(checkpoint: Path) -> float:
    """Training time, that before an interruption included."""
    records = torch.load(checkpoint, weights_only=True, map_location="cpu")["records"]
    return float(sum(record["seconds"] for record in records))
