"""What is to be sent to the archive: kept on disk until the archive says that it has it, and sent once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pydicom

from gliomics.errors import GliomicsError
from gliomics.files import atomic_path, is_safe_name, safe_name
from gliomics.server.dicomweb.client import Archive, ArchiveError
from gliomics.server.dicomweb.exchange import Exchanges
from gliomics.server.store.kept_records import KeptRecords

SEGMENTATION, REPORT = "segmentation", "report"
"""What is sent of a final label, in this order."""

Make = Callable[[str, int, str, Path], pydicom.Dataset | None]
"""Makes what is sent of a study: a version of its final label, the kind, the Segmentation's file; None for nothing."""

_LOOK_SECONDS = 10.0
"""How often the folder is looked at: other processes put labels into it, too."""
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """A version of a final label that the archive does not have yet, or not its report."""

    study_id: str
    version: int
    kind: str = SEGMENTATION
    attempts: int = 0
    reason: str = ""
    """Why it was not sent the last time."""
    may_pass: bool = True
    """Whether it is tried again by itself."""

    def sentence(self) -> str:
        """What a person is told of it."""
        what = f"version {self.version} of the final label of '{self.study_id}' is saved here"
        if self.kind == REPORT:
            what = f"the measurements of version {self.version} of the final label of '{self.study_id}' are to be sent"
        if not self.may_pass:
            return f"{what} and cannot be sent to the archive: {self.reason}"
        return f"{what} and waits to be sent to the archive" + (f": {self.reason}" if self.reason else "")


class Outbox:
    """Sends final labels to the archive, one after the other, by a thread of the server.

    ``<folder>/<study id>/<version>.json`` says what waits, and the objects lie beside it from before they are sent the
    first time until the archive has them: after a kill the same object is sent again, unless the archive has it.
    """

    def __init__(self, folder: Path, archive: Archive, exchanges: Exchanges, records: KeptRecords, make: Make) -> None:
        self._folder, self._archive, self._exchanges, self._records = folder, archive, exchanges, records
        self._make = make
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_try = 0.0
        self._failures = 0

    def add(self, study_id: str, version: int) -> None:
        """Have a version of a study's final label sent."""
        self._write(Waiting(study_id, version))
        self._next_try = 0.0
        self._wake.set()

    def waiting(self) -> list[Waiting]:
        """What the archive does not have yet, in the order of studies and versions."""
        paths = sorted(self._folder.glob("*/*.json"))
        entries = (self._records.read(path, Waiting) for path in paths if is_safe_name(path.parent.name))
        return [entry for entry in entries if entry is not None]

    def of(self, study_id: str) -> Waiting | None:
        """What waits of a study, the newest."""
        return next((entry for entry in reversed(self.waiting()) if entry.study_id == study_id), None)

    def settled(self, study_id: str, seconds: float) -> Waiting | None:
        """What waits of a study once its label was sent or refused, after at most so many seconds; None for nothing."""
        end = time.monotonic() + seconds
        with self._changed:
            while (entry := self.of(study_id)) is not None:
                remaining = end - time.monotonic()
                if entry.kind == REPORT:
                    return None
                if entry.reason or remaining <= 0:
                    return entry
                self._changed.wait(min(remaining, 0.5))
        return None

    def start(self) -> None:
        """Send what waits, now and from now on, in a thread that ends with the process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
            self._thread.start()

    def try_now(self) -> None:
        """Try everything again, also what was refused."""
        for entry in self.waiting():
            if not entry.may_pass:
                self._write(replace(entry, may_pass=True))
        self._next_try = 0.0
        self._wake.set()

    def send_all(self) -> None:
        """Send what can be sent now."""
        entries = self.waiting()
        newest = {entry.study_id: entry.version for entry in entries}
        for entry in entries:
            if entry.version < newest[entry.study_id] and (not entry.attempts or not entry.may_pass):
                self._remove(entry)  # a newer version takes its place; this one stays in the label's history
                continue
            if not entry.may_pass:
                continue
            try:
                self._send(entry)
            except ArchiveError as error:
                self._note_failure(entry, error, may_pass=error.may_pass)
                if error.may_pass:
                    raise
            except (GliomicsError, OSError) as error:
                self._note_failure(entry, error, may_pass=isinstance(error, OSError))
        self._failures = 0

    def _send(self, entry: Waiting) -> None:
        """Send a Segmentation, and the report of it."""
        while True:
            path, segmentation = self._object(entry, entry.kind), self._object(entry, SEGMENTATION)
            if not path.is_file():
                dataset = self._make(entry.study_id, entry.version, entry.kind, segmentation)
                if dataset is None:
                    break
                with atomic_path(path) as temporary:
                    dataset.save_as(temporary)
            self._store(replace(entry, reason=""), pydicom.dcmread(path))
            if entry.kind == REPORT:
                break
            entry = Waiting(entry.study_id, entry.version, REPORT)
            self._write(entry)
        self._remove(entry)
        _log.info("version %d of the final label of '%s' is in the archive", entry.version, entry.study_id)

    def _store(self, entry: Waiting, dataset: pydicom.Dataset) -> None:
        study, series, instance = (
            str(dataset[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        )
        if not entry.attempts or not self._archive.has_instance(study, series, instance):
            self._write(replace(entry, attempts=entry.attempts + 1))  # before: a kill may come between the two
            self._archive.store(dataset)
        self._exchanges.note_sent(entry.study_id, entry.version, entry.kind, instance)

    def _note_failure(self, entry: Waiting, error: Exception, *, may_pass: bool) -> None:
        now = self._records.read(self._path(entry), Waiting) or entry
        if now.reason != str(error):
            _log.warning("not sent to the archive: version %d of '%s': %s", entry.version, entry.study_id, error)
        self._write(replace(now, reason=str(error), may_pass=may_pass))

    def _work(self) -> None:
        while True:
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()
            if time.monotonic() < self._next_try:
                continue
            try:
                self.send_all()
            except ArchiveError:
                self._failures += 1
                pause = min(_FIRST_PAUSE * 2 ** (self._failures - 1), _LONGEST_PAUSE)
                self._next_try = time.monotonic() + pause
            except Exception:  # noqa: BLE001 - whatever it is, what waits must not wait until the server is started anew
                _log.exception("sending to the archive failed")
                self._next_try = time.monotonic() + _LONGEST_PAUSE

    def _write(self, entry: Waiting) -> None:
        self._records.write(self._path(entry), asdict(entry))
        self._tell()

    def _remove(self, entry: Waiting) -> None:
        self._path(entry).unlink(missing_ok=True)
        for kind in (SEGMENTATION, REPORT):
            self._object(entry, kind).unlink(missing_ok=True)
        self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _path(self, entry: Waiting) -> Path:
        return self._folder / safe_name(entry.study_id, "study id") / f"{entry.version:04d}.json"

    def _object(self, entry: Waiting, kind: str) -> Path:
        return self._path(entry).with_suffix(f".{kind}.dcm")

    def to_json(self) -> list[dict[str, Any]]:
        """What waits, each with a sentence."""
        return [{**asdict(entry), "sentence": entry.sentence()} for entry in self.waiting()]
