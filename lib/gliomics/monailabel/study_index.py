"""The studies of a folder as they are now, without reading ten thousand of them for every request."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from gliomics.errors import GliomicsError, InputError, UnknownNameError, printable
from gliomics.files import CLOCK_TICK_NS, is_file, is_folder, suffix_of
from gliomics.study.folder import list_studies, read_entry
from gliomics.study.no_study import STUDY_FILE
from gliomics.study.records import Study

CHECK_SECONDS = 5.0
"""How old the last look into every study's folder may be before another is taken, beside the requests."""

_log = logging.getLogger(__name__)

Stamp = tuple[int, ...]


class StudyIndex:
    """Reads the folder again when a study was added to it or removed, and a study when its description changed.

    A file that appears in or leaves a study's folder is seen when that study is asked for, or within
    :data:`CHECK_SECONDS` and a request.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._reading = threading.RLock()
        self._read: dict[Path, tuple[Stamp, int, list[Study] | GliomicsError]] = {}
        self._studies: dict[str, Study] = {}
        self._broken: dict[str, str] = {}
        self._waiting: dict[Path, Stamp] = {}
        self._stamp: Stamp | None = None
        self._looked = 0.0
        self._checking = threading.Lock()

    def studies(self) -> dict[str, Study]:
        """All studies by id."""
        self._look()
        return self._studies

    def broken(self) -> dict[str, str]:
        """Folders and files that could not be read as studies, and why."""
        self._look()
        return self._broken

    def study(self, study_id: str) -> Study:
        """The study with this id; :class:`UnknownNameError`, or why its folder cannot be used."""
        study = self.studies().get(study_id)
        if study is None or not self._is_as_read(study):
            self.refresh()
            study = self._studies.get(study_id)
        if study is not None:
            return study
        if study_id in self._broken:
            raise InputError(f"study '{study_id}' cannot be used: {self._broken[study_id]}")
        raise UnknownNameError(f"there is no study '{study_id}' on this server; it has {len(self._studies)} studies")

    def refresh(self) -> None:
        """Look at every entry of the folder, and read those that changed."""
        with self._reading:
            stamp, broken = _stamp(self.root), dict[str, str]()

            def note(path: Path, error: GliomicsError) -> None:
                suffix = "" if is_folder(path) else suffix_of(path)
                stem = path.name[: len(path.name) - len(suffix)]
                broken[printable(path.name if stem in broken else stem)] = str(error)

            studies = {study.id: study for study in list_studies(self.root, note, read=self._entry)}
            for name in broken.keys() - self._broken.keys():
                _log.warning("study left out: %s", broken[name])
            self._read = {entry: read for entry, read in self._read.items() if os.path.lexists(entry)}
            self._waiting = {entry: read[0] for entry, read in self._read.items() if not isinstance(read[2], list)}
            self._waiting |= {entry: read[0] for entry, read in self._read.items() if read[2] == []}
            self._studies, self._broken = studies, broken
            self._stamp, self._looked = stamp, time.monotonic()

    def _look(self) -> None:
        """See what changed: at once what the folder itself tells, the rest soon."""
        if self._stamp != _stamp(self.root) or _is_recent(self._stamp) or self._has_news():
            self.refresh()
        elif time.monotonic() - self._looked > CHECK_SECONDS and self._checking.acquire(blocking=False):
            threading.Thread(target=self._check, name="studies", daemon=True).start()

    def _check(self) -> None:
        try:
            self.refresh()
        finally:
            self._checking.release()

    def _has_news(self) -> bool:
        """Whether a folder that was no study has changed; there are few of them."""
        return any(stamp != _stamp(entry) for entry, stamp in self._waiting.items())

    def _entry(self, entry: Path) -> list[Study]:
        """The studies of one entry of the folder, from the last reading if nothing changed."""
        stamp, now = _stamp(entry), time.time_ns()
        known = self._read.get(entry)
        if known is None or known[0] != stamp or known[1] - max(stamp) < CLOCK_TICK_NS:
            try:
                known = stamp, now, read_entry(entry)
            except GliomicsError as error:
                known = stamp, now, error
            self._read[entry] = known
        if isinstance(known[2], GliomicsError):
            raise known[2]
        return known[2]

    def _is_as_read(self, study: Study) -> bool:
        """Whether the study's entry is as it was when it was read, and its files are there."""
        entry = study.folder
        if entry == self.root:
            entry = next(iter(study.sequences.values()))
        known = self._read.get(entry)
        fresh = known is not None and known[0] == _stamp(entry) and known[1] - max(known[0]) >= CLOCK_TICK_NS
        return fresh and all(is_file(path) for path in study.sequences.values())


def _stamp(path: Path) -> Stamp:
    """Changes with the entries of a folder, and with its description, if it has one, or with a file."""
    times = []
    for each in (path, path / STUDY_FILE):
        try:
            times.append(each.stat().st_ctime_ns)
        except OSError:
            times.append(0)
    return tuple(times)


def _is_recent(stamp: Stamp | None) -> bool:
    return stamp is not None and time.time_ns() - max(stamp) < CLOCK_TICK_NS
