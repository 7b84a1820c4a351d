"""What a server tells of its trainings, of the versions of its models, and of who has which study.

All calls block, so they are made in the thread of a job. A server that does not know a question answers 404 or 405.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gliomics.client import ClientError, GliomicsClient

RUNNING, FINISHED, FAILED, INTERRUPTED = "running", "finished", "failed", "interrupted"
"""States of a training, as the server names them."""

PATIENCE = 10.0
"""Seconds after which a server that does not answer is taken for one that is not there."""


@dataclass(frozen=True)
class Epoch:
    """One epoch: its mean loss, and the Dice on the patients that the epoch is chosen on, where there are any."""

    number: int
    loss: float
    dice: float | None = None
    run: int = 1
    """A comparison takes several trainings, of which this is one."""


@dataclass(frozen=True)
class Running:
    """The training that a server is at: of which model, who asked, if that is known, and when (local time).

    ``hasBegun`` says whether the progress of its model is its own already, and not of the one before.
    """

    model: str
    user: str
    since: datetime
    hasBegun: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a comparison with the version that serves came to; ``gain`` is the difference of mean scores."""

    outcome: str
    patients: int
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    needed: int | None = None


@dataclass(frozen=True)
class Progress:
    """The last training of a model; ``state`` is empty where there was none."""

    state: str = ""
    by: str = ""
    version: str = ""
    published: bool = False
    reason: str = ""
    doing: str = ""
    done: int = 0
    total: int = 0
    secondsLeft: float | None = None
    verdict: Verdict | None = None
    curve: tuple[Epoch, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    newLabels: int = 0


@dataclass(frozen=True)
class Training:
    """What there is to train ``model`` on, its last training, and the one that runs now, of whichever model."""

    model: str
    labelled: int = 0
    partlyLabelled: int = 0
    withOutcome: int | None = None
    refused: str = ""
    running: Running | None = None
    progress: Progress = Progress()


@dataclass(frozen=True)
class Figure:
    """A figure of merit over ``patients`` with its interval, where they are enough."""

    name: str
    value: float
    low: float | None
    high: float | None
    patients: int


@dataclass(frozen=True)
class Version:
    """A version of a model; ``damage`` says why it cannot be used. ``made`` is in local time."""

    number: str
    serves: bool = False
    served: bool = False
    made: datetime | None = None
    parent: str = ""
    patients: int | None = None
    population: str = ""
    figures: tuple[Figure, ...] = ()
    reason: str = ""
    damage: str = ""
    published: tuple[tuple[datetime | None, str], ...] = ()
    """When it was published, and why; oldest first."""


@dataclass(frozen=True)
class Lease:
    """A study that is kept for ``user`` ``until`` then (local time)."""

    study: str
    user: str
    until: datetime


@dataclass(frozen=True)
class Outlook:
    """What the section *Learn* shows. ``versions`` is None where they were not asked for again."""

    training: Training
    leases: tuple[Lease, ...]
    versions: tuple[Version, ...] | None


class LearningServer:
    """The questions of the section *Learn* to one server."""

    def __init__(self, url: str, token: str = "", user: str = "") -> None:
        self._client = GliomicsClient(url, token=token or None, user=user or None, timeout=PATIENCE)

    def look(self, model: str, versionsOf: str) -> Outlook:
        """How training a model goes. Its versions come along unless they are those ``versionsOf`` this state."""
        training = trainingOf(self._client.training_of(model))
        leases = tuple(leaseOf(row["image"], row) for row in self._client.leases())
        versions = None
        if stateOf(training) != versionsOf:
            versions = tuple(versionOf(row) for row in self._client.model_versions(model))
        return Outlook(training, leases, versions)

    def train(self, model: str) -> None:
        """Begin a training."""
        self._client.train(model)

    def stop(self) -> bool:
        """Stop the training that runs; false where none does."""
        return bool(self._client.stop_training())

    def publish(self, model: str, version: str, reason: str) -> None:
        """Let an earlier version serve again."""
        self._client.rollback_model(model, version, reason)

    def release(self, study: str) -> bool:
        """Keep a study for nobody any more; false where it was kept for nobody already."""
        try:
            self._client.release(study)
        except ClientError as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called with what a call waits for."""
        self._client.tell_waiting(tell)

    def interrupt(self) -> None:
        """End the calls that are under way in other threads: they raise. It does not block."""
        self._client.interrupt()


def stateOf(training: Training) -> str:
    """Names what the versions of a model depend on."""
    return f"{training.model} {training.progress.state} {training.progress.version}"


def trainingOf(answer: dict[str, Any]) -> Training:
    """The answer of ``GET /train/{model}``."""
    basis, running = answer.get("basis", {}), answer.get("running")
    outcomes = basis.get("with_outcome")
    return Training(
        model=str(answer.get("model", "")),
        labelled=int(basis.get("labelled", 0)),
        partlyLabelled=int(basis.get("partly_labelled", 0)),
        withOutcome=None if outcomes is None else int(outcomes),
        refused=str(basis.get("refused", "")),
        running=None if running is None else _runningOf(running, answer.get("progress", {})),
        progress=_progressOf(answer.get("progress", {})),
    )


def versionOf(row: dict[str, Any]) -> Version:
    """An entry of ``GET /model/versions/{model}``."""
    patients = row.get("n_patients")
    return Version(
        number=str(row["version"]),
        serves=bool(row.get("serves")),
        served=bool(row.get("served")),
        made=_localTime(row.get("created")),
        parent=str(row.get("parent") or ""),
        patients=None if patients is None else int(patients),
        population=str(row.get("population", "")),
        figures=tuple(_figureOf(metric) for metric in row.get("metrics", ())),
        reason=str(row.get("reason", "")),
        damage=str(row.get("damage", "")),
        published=tuple((_localTime(entry["when"]), str(entry["reason"])) for entry in row.get("published", ())),
    )


def leaseOf(study: str, lease: dict[str, Any]) -> Lease:
    """A lease as the server tells it; its seconds count from now, for the server's clock may be another."""
    return Lease(study, str(lease["user"]), _minute(float(lease["seconds"])))


def _runningOf(running: dict[str, Any], progress: dict[str, Any]) -> Running:
    hasBegun = float(progress.get("start_ts", 0)) >= float(running.get("start_ts", 0))  # both by the server's clock
    since = _minute(-float(running.get("seconds", 0)))
    return Running(str(running.get("model", "")), str(running.get("user") or ""), since, hasBegun)


def _progressOf(progress: dict[str, Any]) -> Progress:
    keys = ("epoch", "total_epochs") if "total_epochs" in progress else ("done", "total")
    left, verdict = progress.get("seconds_left"), progress.get("verdict")
    return Progress(
        state=str(progress.get("state", "")),
        by=str(progress.get("by", "")),
        version=str(progress.get("version", "")),
        published=bool(progress.get("published")),
        reason=str(progress.get("reason", "")),
        doing=str(progress.get("doing", "")),
        done=int(progress.get(keys[0], 0)),
        total=int(progress.get(keys[1], 0)),
        secondsLeft=None if left is None else float(left),
        verdict=None if verdict is None else _verdictOf(verdict),
        curve=tuple(_epochOf(point) for point in progress.get("curve", ())),
        skipped={str(study): str(reason) for study, reason in progress.get("skipped", {}).items()},
        newLabels=int(progress.get("new_labels", 0)),
    )


def _epochOf(point: dict[str, Any]) -> Epoch:
    dice = point.get("dice")
    run = int(point.get("run", 1))
    return Epoch(int(point["epoch"]), float(point["loss"]), None if dice is None else float(dice), run)


def _verdictOf(verdict: dict[str, Any]) -> Verdict:
    gain, low, high = (_number(verdict.get(key)) for key in ("gain", "low", "high"))
    needed = verdict.get("needed")
    patients = int(verdict.get("n", 0))
    return Verdict(str(verdict["outcome"]), patients, gain, low, high, None if needed is None else int(needed))


def _figureOf(metric: dict[str, Any]) -> Figure:
    low, high = (_number(metric.get(key)) for key in ("low", "high"))
    return Figure(str(metric["name"]), float(metric["value"]), low, high, int(metric.get("n", 0)))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _minute(seconds: float) -> datetime:
    """The minute that is so many seconds from now."""
    return (datetime.now() + timedelta(seconds=seconds + 30)).replace(second=0, microsecond=0)


def _localTime(text: Any) -> datetime | None:
    """A time of the server (ISO 8601, UTC) in the user's time zone; None for what is no time."""
    try:
        return datetime.fromisoformat(str(text)).astimezone()
    except ValueError:
        return None
