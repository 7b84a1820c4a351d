"""What all train tasks share: the labels that they read, and their state.

A training runs in MONAI Label's child process, and leaves in a file what the server says of it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.train import TrainTask
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from gliomics.errors import GliomicsError, InputError
from gliomics.files import FileStamp, sha256_of
from gliomics.models import ModelStore
from gliomics.models.champion import Retraining
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.server.index.label_files import LabelState
from gliomics.server.index.watched import stamp_of
from gliomics.server.request_study import with_numbering_of_segments
from gliomics.server.storage import storage_error
from gliomics.server.store.by_label import Derived
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.kept_records import KeptRecords
from gliomics.server.store.label_check import drawn_on_another_image
from gliomics.server.store.origins import made_from
from gliomics.study.labels import LABELS_FOLDER
from gliomics.training.checkpoint import EpochRecord

_log = logging.getLogger(__name__)


_BY_STUDY = ("skipped", "before", "after", "curve")
"""What of a training's state has an entry for every study left out, or compared, or for every epoch."""


class LabelStamp(TypedDict):
    """A label's file as a training saw it: bytes, time of the last change in ns, and SHA-256."""

    size: int
    changed: int
    sha256: str


class _State(BaseModel):
    """A training's state, of which the server itself uses these values and passes on the others."""

    model_config = ConfigDict(extra="allow")

    state: str = ""
    pid: int = Field(default=0, ge=0, lt=2**31)
    process_started: float = 0.0
    labels: dict[str, LabelStamp] = {}
    start_ts: float = 0.0
    step_ts: float = 0.0
    epoch: int = 0
    total_epochs: int = 0
    done: int = 0
    total: int = 0


class Training(TrainTask):
    """Makes a new version of one model of the final labels; it serves only if it is better."""

    def __init__(self, name: str, store: ModelStore, datastore: StudyDatastore, description: str) -> None:
        super().__init__(description)
        self._name = name
        self._store = store
        self._datastore = datastore
        self._state_path = datastore.workspace.training / f"{name}.json"
        self._read: _ReadState | None = None
        self._new: Derived[int] = Derived()
        self._stopping = _Stopping()

    @abstractmethod
    def check(self, request: dict[str, Any]) -> None:
        """Raise :class:`InputError` for options that a training would refuse."""

    @abstractmethod
    def retrain(
        self, request: dict[str, Any], labelled: list[LabelledStudy], progress: Progress
    ) -> tuple[Retraining, dict[str, str]]:
        """Train on ``labelled`` studies, and compare on those of patients that neither version has seen.

        Returns what came of it, and by study why others were left out.
        """

    def stats(self) -> dict[str, Any]:
        """State of the last training, under MONAI Label's keys (``epoch``, ``best_metric``, ...) and our own.

        ``new_labels`` is how many final labels are new or changed since it began to read them.
        """
        state = dict(self._state())
        state.pop("labels", None)
        if state.get("state") == "running":
            if _runs(state):
                state |= _time_left(state)
            else:
                state |= {"state": "interrupted", "reason": self._stopping.reason_of(state)}
        return {"epoch": 0, **state, "new_labels": self.new_labels()}

    def stopping(self, by: str | None) -> None:
        """The training which runs is about to be killed, and says by whom from its end on; :meth:`stopped` follows."""
        self._stopping = _Stopping(time.time(), f"stopped by {by}" if by else "stopped")

    def stopped(self, by: str | None) -> None:
        """Keep that the training which runs was stopped, and by whom; its process has been killed.

        What it was writing of its state goes with it, also where that was the first of it. The state of a training that
        runs, because it was waiting and has begun, stays.
        """
        state = self._datastore.records.read(self._state_path, _State)
        was_running = state is not None and state.state == "running"
        if state is not None and was_running and not _has_ended(state.model_dump()):
            return
        for half_written in self._state_path.parent.glob(".tmp-*"):
            half_written.unlink(missing_ok=True)
        if state is not None and was_running:
            reason = f"stopped by {by}" if by else "stopped"
            ended = {**state.model_dump(exclude_unset=True), "state": "interrupted", "reason": reason}
            self._datastore.records.write(self._state_path, ended)

    @abstractmethod
    def basis(self) -> dict[str, Any]:
        """How many studies there are to train on, by what they have (``labelled``, ...); ``refused`` says why none."""

    def summary(self) -> dict[str, Any]:
        """As :meth:`stats`, without what has an entry for every study."""
        return {name: value for name, value in self.stats().items() if name not in _BY_STUDY}

    def new_labels(self) -> int:
        """How many final labels are new or changed since the last training began, however that ended."""
        store, seen = self._datastore, self._seen()
        basis = store.by_label.of(FINAL), store.labels.files.of(FINAL), seen
        return self._new.of(FINAL, *basis, make=lambda: count_new(store, seen))

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train; returns the final state, which is also on disk."""
        progress = Progress(self._state_path, self._name, self._datastore.records, by=request.get("client_id"))
        try:
            self.check(request)
            progress.reads(label_stamps(self._datastore))
            labelled, skipped = labelled_studies(self._datastore)
            result, left_out = self.retrain(request, labelled, progress)
        except InterruptedError:  # nobody waits for it any more
            raise
        except (GliomicsError, OSError) as error:
            progress.failed(str(storage_error(error) or error))
            raise
        progress.finished(result, skipped | left_out)
        return self.stats()

    def _state(self) -> Mapping[str, Any]:
        """What the training process wrote last; read again only when it wrote again."""
        stamp = stamp_of(str(self._state_path))
        if stamp is None:
            return {}
        if self._read is None or self._read.stamp != stamp:
            record = self._datastore.records.read(self._state_path, _State) or _State()
            self._read = _ReadState(stamp, record.model_dump(exclude_unset=True), SeenLabels.of(record.labels))
        return self._read.state

    def _seen(self) -> SeenLabels:
        """The final labels that the last training saw."""
        return self._read.seen if self._state() and self._read is not None else NONE_SEEN


@dataclass(frozen=True)
class SeenLabels:
    """The final labels that a training saw, ``sha256`` by study, and the size and time of each file then."""

    sha256: Mapping[str, str] = field(default_factory=dict)
    states: frozenset[LabelState] = frozenset()

    @classmethod
    def of(cls, stamps: Mapping[str, LabelStamp]) -> SeenLabels:
        """The labels of these stamps, by study."""
        return cls(
            {study_id: stamp["sha256"] for study_id, stamp in stamps.items()},
            frozenset((study_id, stamp["size"], stamp["changed"]) for study_id, stamp in stamps.items()),
        )


@dataclass(frozen=True)
class _Stopping:
    """When the server began to stop a training, and how that is said."""

    at: float = 0.0
    reason: str = ""

    def reason_of(self, state: Mapping[str, Any]) -> str:
        """Why the process that wrote ``state`` is no more, though it was not done."""
        if state.get("process_started", 0.0) < self.at:
            return self.reason
        return "the training process ended before it was done"


_SECONDS_TO_END = 5.0

NONE_SEEN = SeenLabels()


@dataclass(frozen=True)
class _ReadState:
    stamp: FileStamp
    state: Mapping[str, Any]
    seen: SeenLabels


class Progress:
    """Writes what a training is at to a file that the server reads, and says it in the log."""

    def __init__(self, path: Path, model: str, records: KeptRecords, *, by: str | None = None) -> None:
        self._path = path
        self._records = records
        self._started = time.time()
        self._runs = 0
        self._state: dict[str, Any] = {
            "model": model,
            "state": "running",
            "pid": os.getpid(),
            "process_started": psutil.Process().create_time(),
            "epoch": 0,
            "start_ts": int(self._started),
            "step_ts": self._started,
            "curve": [],
            **({"by": by} if by else {}),
        }
        records.read(path, _State)  # a broken one is set aside, not overwritten
        self._write()

    def reads(self, stamps: dict[str, LabelStamp]) -> None:
        """The final labels as they are now are about to be read; what is saved later is for the next training."""
        self._state["labels"] = stamps
        self._write()

    def epoch(self, records: Sequence[EpochRecord], total: int) -> None:
        """One more epoch is done."""
        last = records[-1]
        _log.info("epoch %d of %d: loss %.4f", last.epoch, total, last.loss)
        dice = last.validation_dice
        scored = {} if dice is None else {"dice": round(dice, 5)}
        self._runs += len(records) == 1  # each training begins with its first record
        self._state["curve"].append({"epoch": last.epoch, "run": self._runs, "loss": round(last.loss, 5), **scored})
        self._state |= {"epoch": last.epoch, "total_epochs": total, "loss": round(last.loss, 5)}
        self._write()

    def step(self, doing: str, done: int, total: int) -> None:
        """So much of what a training without epochs is doing now is done."""
        if doing != self._state.get("doing"):
            self._state["step_ts"] = time.time()
        self._state |= {"doing": doing, "done": done, "total": total}
        self._write()

    def failed(self, reason: str) -> None:
        """The training ended without a model."""
        _log.error("training failed: %s", reason)
        self._state |= {"state": "failed", "reason": reason, "total_time": self._seconds()}
        with contextlib.suppress(OSError):  # on a full disk the log has to do
            self._write()

    def finished(self, result: Retraining, skipped: dict[str, str]) -> None:
        """The training ended with a new version."""
        _log.info("version %s %s", result.model.card.version, result.reason)
        scores = list(result.after.values())
        self._state |= {
            "state": "finished",
            "version": result.model.card.version,
            "published": result.published,
            "reason": result.reason,
            "verdict": result.verdict.to_json(),
            "before": result.before,
            "after": result.after,
            "best_metric": sum(scores) / len(scores) if scores else 0,
            "skipped": skipped,
            "total_time": self._seconds(),
        }
        for study, reason in self._state["skipped"].items():
            _log.warning("study '%s' was left out: %s", study, reason)
        self._write()

    def _seconds(self) -> float:
        return round(time.time() - self._started, 1)

    def _write(self) -> None:
        self._records.write(self._path, self._state)


def labelled_studies(datastore: StudyDatastore) -> tuple[list[LabelledStudy], dict[str, str]]:
    """Studies with a final label, and by id or file why others cannot be used."""
    labelled, skipped = [], {}
    for name, reason in datastore.label_check.misnamed().items():
        if name.startswith(f"{LABELS_FOLDER}/{FINAL}/"):
            skipped[name] = reason
    for image_id in datastore.get_labeled_images():
        try:
            if (changed := drawn_on_another_image(datastore.labels, image_id, FINAL)) is not None:
                raise InputError(changed)
            info = datastore.get_label_info(image_id, FINAL)
            study = with_numbering_of_segments(datastore.study(image_id), info)
            label = datastore.labels.path(image_id, FINAL)
            labelled.append(LabelledStudy(study, label, made_from=made_from(info)))
        except (GliomicsError, OSError) as error:
            skipped[image_id] = str(error)
    return labelled, skipped


def label_stamps(datastore: StudyDatastore) -> dict[str, LabelStamp]:
    """By study, what tells whether its final label has changed since."""
    stamps = {}
    for study_id in datastore.get_labeled_images():
        with contextlib.suppress(GliomicsError, OSError):  # removed just now
            path = datastore.labels.path(study_id, FINAL)
            stamp = FileStamp.of(path)
            stamps[study_id] = LabelStamp(size=stamp.size, changed=stamp.modified_ns, sha256=sha256_of(path))
    return stamps


def count_new(datastore: StudyDatastore, seen: SeenLabels) -> int:
    """Final labels that were not ``seen``, or whose content is another; files as they were are not read again."""
    labelled = datastore.by_label.of(FINAL).labelled
    if not seen.states:
        return len(labelled)
    changed = {study_id for study_id, _, _ in datastore.labels.files.of(FINAL).states - seen.states} & labelled
    number = len(changed - seen.sha256.keys())
    for study_id in changed & seen.sha256.keys():
        with contextlib.suppress(GliomicsError, OSError):  # removed just now
            number += datastore.labels.sha256(study_id, FINAL) != seen.sha256[study_id]
    return number


def _time_left(state: Mapping[str, Any]) -> dict[str, float]:
    """Seconds that what a training is doing will take yet, by what it took until now; nothing before it is known."""
    keys = ("epoch", "total_epochs") if "total_epochs" in state else ("done", "total")
    done, total = (state.get(key, 0) for key in keys)
    if not 0 < done <= total:
        return {}
    return {"seconds_left": round((time.time() - state.get("step_ts", 0.0)) * (total - done) / done, 1)}


def orphaned() -> Callable[[], bool]:
    """A test that becomes true when the process that started this one has ended."""
    parent = os.getppid()
    return lambda: os.getppid() != parent


def _has_ended(state: dict[str, Any]) -> bool:
    """Whether the process that wrote ``state`` writes no more; one that was killed is waited for."""
    end = time.monotonic() + _SECONDS_TO_END
    while _runs(state):
        with contextlib.suppress(psutil.Error):
            if psutil.Process(state["pid"]).status() == psutil.STATUS_ZOMBIE:
                return True
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _runs(state: dict[str, Any]) -> bool:
    """Whether the process that wrote ``state`` still runs; another may have its number by now."""
    try:
        return bool(psutil.Process(state.get("pid", 0)).create_time() <= state.get("process_started", 0) + 1)
    except psutil.Error:
        return False
