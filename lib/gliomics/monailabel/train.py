"""Train task: fine-tunes a segmentation model on the final labels, in MONAI Label's child process."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock
from monailabel.interfaces.tasks.train import TrainTask

from gliomics.errors import GliomicsError, InputError
from gliomics.files import read_json, write_json
from gliomics.models import ModelStore
from gliomics.monailabel.datastore import FINAL, StudyDatastore
from gliomics.monailabel.workspace import Workspace
from gliomics.segmentation.checkpoint import EpochRecord
from gliomics.segmentation.finetune import FINE_TUNING, FineTuning, fine_tune
from gliomics.segmentation.labelled import LabelledStudy

VALIDATION_SHARE = 0.2
"""Share of the labelled patients that is kept apart, at least one."""

MAX_EPOCHS = 200

_log = logging.getLogger(__name__)


class SegmentationTraining(TrainTask):
    """Fine-tunes one model; the result serves only if it is better on the fixed validation patients."""

    def __init__(self, name: str, store: ModelStore, workspace: Workspace) -> None:
        super().__init__(f"Fine-tune {name} on the final labels; it is published only if it is better")
        self._name = name
        self._store = store
        self._state_path = workspace.training / f"{name}.json"
        self._validation_path = workspace.training / "validation.json"

    def config(self) -> dict[str, Any]:
        """Options and their defaults."""
        return {"max_epochs": FINE_TUNING.epochs}

    def check(self, request: dict[str, Any]) -> None:
        """Raise :class:`InputError` for options that a training would refuse."""
        epochs_option(request)

    def stats(self) -> dict[str, Any]:
        """State of the last training, under MONAI Label's keys (``epoch``, ``best_metric``, ...) and our own."""
        state: dict[str, Any] = read_json(self._state_path) if self._state_path.is_file() else {}
        if state.get("state") == "running" and not psutil.pid_exists(state["pid"]):
            state |= {"state": "interrupted", "reason": "the training process ended before it was done"}
        return state

    def __call__(self, request: dict[str, Any], datastore: StudyDatastore) -> dict[str, Any]:
        """Train; returns the final state, which is also on disk."""
        progress = _Progress(self._state_path, self._name)
        try:
            settings = FINE_TUNING.model_copy(update={"epochs": epochs_option(request)})
            labelled, skipped = labelled_studies(datastore)
            validation = fixed_validation(self._validation_path, [item.study.patient_id for item in labelled])
            result = fine_tune(
                self._store,
                self._name,
                [item for item in labelled if item.study.patient_id not in validation],
                [item for item in labelled if item.study.patient_id in validation],
                settings=settings,
                on_epoch=progress.epoch,
                cancelled=orphaned(),
            )
        except GliomicsError as error:
            progress.failed(str(error))
            raise
        return progress.finished(result, skipped)


class _Progress:
    """Writes what a training is at to a file that the server reads, and says it in the log."""

    def __init__(self, path: Path, model: str) -> None:
        self._path = path
        self._started = time.time()
        self._state: dict[str, Any] = {
            "model": model,
            "state": "running",
            "pid": os.getpid(),
            "epoch": 0,
            "start_ts": int(self._started),
        }
        self._write()

    def epoch(self, records: Sequence[EpochRecord], total: int) -> None:
        """One more epoch is done."""
        last = records[-1]
        _log.info("epoch %d of %d: loss %.4f", last.epoch, total, last.loss)
        self._state |= {"epoch": last.epoch, "total_epochs": total, "loss": round(last.loss, 5)}
        self._write()

    def failed(self, reason: str) -> None:
        """The training ended without a model."""
        _log.error("training failed: %s", reason)
        self._state |= {"state": "failed", "reason": reason, "total_time": self._seconds()}
        self._write()

    def finished(self, result: FineTuning, skipped: dict[str, str]) -> dict[str, Any]:
        """The training ended with a new version."""
        _log.info("version %s %s", result.model.card.version, result.reason)
        after = list(result.after.values())
        self._state |= {
            "state": "finished",
            "version": result.model.card.version,
            "published": result.published,
            "reason": result.reason,
            "before": result.before,
            "after": result.after,
            "best_metric": sum(after) / len(after) if after else 0,
            "skipped": skipped | result.skipped,
            "total_time": self._seconds(),
        }
        for study, reason in self._state["skipped"].items():
            _log.warning("study '%s' was left out: %s", study, reason)
        self._write()
        return self._state

    def _seconds(self) -> float:
        return round(time.time() - self._started, 1)

    def _write(self) -> None:
        write_json(self._path, self._state)


def labelled_studies(datastore: StudyDatastore) -> tuple[list[LabelledStudy], dict[str, str]]:
    """Studies with a final label, and by id why others that have one cannot be used."""
    labelled, skipped = [], {}
    for image_id in datastore.get_labeled_images():
        try:
            labelled.append(LabelledStudy(datastore.study(image_id), datastore.labels.path(image_id, FINAL)))
        except GliomicsError as error:
            skipped[image_id] = str(error)
    return labelled, skipped


def fixed_validation(path: Path, patients: list[str]) -> set[str]:
    """The patients that are never trained on: chosen at the first training, the same ever after.

    A fifth of the labelled patients, at least one of two or more, in the order of a hash
    of their ids. The choice is kept in ``path``; with a single patient none is made yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            return set(read_json(path)["patients"])
        ordered = sorted(set(patients), key=lambda patient: hashlib.sha256(patient.encode()).hexdigest())
        if len(ordered) < 2:
            return set()
        chosen = ordered[: max(1, round(VALIDATION_SHARE * len(ordered)))]
        write_json(path, {"format": 1, "patients": sorted(chosen)})
        return set(chosen)


def epochs_option(request: dict[str, Any]) -> int:
    """The client's ``max_epochs``, checked."""
    value = request.get("max_epochs", FINE_TUNING.epochs)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_EPOCHS:
        raise InputError(f"max_epochs is {value!r}; expected a whole number from 1 to {MAX_EPOCHS}")
    return int(value)


def orphaned() -> Callable[[], bool]:
    """A test that becomes true when the process that started this one has ended."""
    parent = os.getppid()
    return lambda: os.getppid() != parent
