"""The studies of a folder as they are now, without reading ten thousand of them for every request."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gliomics.errors import GliomicsError, InputError, UnknownNameError, printable
from gliomics.files import CLOCK_TICK_NS, FileStamp, is_file, is_folder
from gliomics.server.index.watched import WatchedFolder, stamp_of
from gliomics.study.folder import Reading, may_be_study, one_of_each_id, read_or_error
from gliomics.study.images import IMAGE_SUFFIXES
from gliomics.study.labels import study_of_mask
from gliomics.study.no_study import STUDY_FILE
from gliomics.study.records import Study

MOST_WAITING = 20
"""Entries that are no study up to which number a change inside one is looked for with every request."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Entry:
    """A visible entry of the folder as it was read."""

    path: Path
    stem: str
    """The name without its type, if it is a file."""
    reading: Reading | None
    """None for what is neither a folder nor an image."""
    is_settled: bool
    """Whether its times tell of every change since it was read."""

    @property
    def may_become_a_study(self) -> bool:
        """Whether it is one that holds no study, or a broken one."""
        return self.reading is not None and not (isinstance(self.reading, list) and self.reading)


@dataclass(frozen=True)
class _Studies:
    """What all entries come to."""

    by_id: Mapping[str, Study] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    """By the id that the study might have, why it cannot be used."""
    in_lower_case: Mapping[str, Study] = field(default_factory=dict)
    """By id in lower case."""
    share_ids: bool = False
    """Whether there are more, whose ids are taken."""


class StudyIndex:
    """Reads an entry of the folder when it is new, and again when it or its description changed.

    An entry that others add, rename or remove is seen at once; a change inside one when that study is asked for, or
    within :data:`~gliomics.server.index.watched.CHECK_SECONDS` and a request.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = WatchedFolder(root, _stamp)
        self._reading = threading.RLock()
        self._listed: Mapping[str, FileStamp] = {}
        self._read: dict[str, _Entry] = {}
        self._unsettled: set[str] = set()
        self._waiting: set[str] = set()
        self._named: dict[str, set[str]] = {}
        self._studies = _Studies()

    def studies(self) -> Mapping[str, Study]:
        """All studies by id, in no order; never changed."""
        return self._look().by_id

    def broken(self) -> Mapping[str, str]:
        """Folders and files that could not be read as studies, and why."""
        return self._look().broken

    def study(self, study_id: str) -> Study:
        """The study with this id; :class:`UnknownNameError`, or why its folder cannot be used."""
        study = self.studies().get(study_id)
        if study is None or not self._is_as_read(study):
            self._folder.look_at(_entries_of(study_id) if study is None else [self._entry_of(study)])
            study = self.studies().get(study_id)
        if study is not None:
            return study
        studies = self._studies
        if study_id in studies.broken:
            raise InputError(f"study '{study_id}' cannot be used: {studies.broken[study_id]}")
        raise UnknownNameError(f"there is no study '{study_id}' on this server; it has {len(studies.by_id)} studies")

    def with_id_like(self, study_id: str) -> Study | None:
        """The study whose id differs from this one by the case of its letters at most."""
        return self._look().in_lower_case.get(study_id.lower())

    def entries_named(self, study_id: str) -> list[str]:
        """The visible entries of the folder with this name but for their type and the case of the letters."""
        self._look()
        with self._reading:
            return sorted(self._named.get(study_id.lower(), ()))

    def beside(self, study: Study) -> list[Study]:
        """The studies of the same folder or file, this one among them."""
        self._look()
        entry = self._read.get(self._entry_of(study))
        return entry.reading if entry is not None and isinstance(entry.reading, list) else []

    def writing(self, name: str) -> AbstractContextManager[None]:
        """Tell that an entry of the folder is written or removed while the block runs; then only it is read again."""
        return self._folder.writing(name)

    def refresh(self) -> None:
        """Look at every entry of the folder, and read those that changed."""
        self._folder.look()
        self._look()

    def _look(self) -> _Studies:
        entries = self._folder.entries()
        if not entries and self._folder.fault is not None:
            raise InputError(self._folder.fault)
        if not entries and not is_folder(self.root):
            raise InputError(f"{self.root} is not a folder; give the folder that holds the studies")
        if self._waiting and len(self._waiting) <= MOST_WAITING:
            entries = self._folder.look_at(self._waiting)
        if entries is not self._listed or self._unsettled:
            with self._reading:
                self._update(self._folder.look_at(self._unsettled))
        return self._studies

    def _update(self, entries: Mapping[str, FileStamp]) -> None:
        """Read what is new or changed."""
        changed = {name for name, stamp in entries.items() if self._listed.get(name) is not stamp}
        new = sum(name not in self._listed for name in changed)
        removed = self._listed.keys() - entries.keys() if len(entries) < len(self._listed) + new else set[str]()
        changed |= self._unsettled & entries.keys()
        before = [self._read.pop(name) for name in removed | (changed & self._read.keys())]
        for entry in before:
            names = self._named[entry.stem.lower()]
            names.discard(entry.path.name)
            if not names:
                del self._named[entry.stem.lower()]
        after = [self._read_entry(name, entries[name]) for name in sorted(changed)]
        for entry in after:
            self._read[entry.path.name] = entry
            self._named.setdefault(entry.stem.lower(), set()).add(entry.path.name)
        if before or after:
            self._waiting = (self._waiting - removed - changed) | {e.path.name for e in after if e.may_become_a_study}
            self._unsettled = {entry.path.name for entry in after if not entry.is_settled}
            self._studies = self._replaced(before, after) or self._combined()
        self._listed = entries

    def _read_entry(self, name: str, stamp: FileStamp) -> _Entry:
        now, path = time.time_ns(), self.root / name
        stem = (study_of_mask(name) or name) if stamp.is_file else name
        reading = read_or_error(path) if may_be_study(name, is_file=stamp.is_file) else None
        return _Entry(path, stem, reading, now - max(stamp.changed_ns) >= CLOCK_TICK_NS)

    def _replaced(self, before: Sequence[_Entry], after: Sequence[_Entry]) -> _Studies | None:
        """The studies with those of some entries replaced; None where ids or errors touch others, too."""
        if self._studies.share_ids or any(isinstance(e.reading, GliomicsError) for e in (*before, *after)):
            return None
        by_id, in_lower_case = dict(self._studies.by_id), dict(self._studies.in_lower_case)
        for study in _studies_of(before):
            del by_id[study.id], in_lower_case[study.id.lower()]
        for study in _studies_of(after):
            if study.id.lower() in in_lower_case:
                return None
            by_id[study.id] = in_lower_case[study.id.lower()] = study
        return replace(self._studies, by_id=by_id, in_lower_case=in_lower_case)

    def _combined(self) -> _Studies:
        broken: dict[str, str] = {}

        def note(path: Path, error: GliomicsError) -> None:
            stem = self._read[path.name].stem
            broken[printable(path.name if stem in broken else stem)] = str(error)

        entries = [self._read[name] for name in sorted(self._read)]
        readings = ((entry.path, entry.reading) for entry in entries if entry.reading is not None)
        in_lower_case = one_of_each_id(readings, note)
        for name in broken.keys() - self._studies.broken.keys():
            _log.warning("study left out: %s", broken[name])
        by_id = {study.id: study for study in in_lower_case.values()}
        return _Studies(by_id, broken, in_lower_case, share_ids=len(by_id) < len(list(_studies_of(entries))))

    def _entry_of(self, study: Study) -> str:
        """The name of the entry that a study is of."""
        return study.folder.name if study.folder != self.root else next(iter(study.sequences.values())).name

    def _is_as_read(self, study: Study) -> bool:
        """Whether the study's entry is as it was when it was read, and its files are there."""
        name = self._entry_of(study)
        entry, stamp = self._read.get(name), self._listed.get(name)
        fresh = entry is not None and entry.is_settled and stamp == _stamp(str(entry.path))
        return fresh and all(is_file(path) for path in study.sequences.values())


def _studies_of(entries: Iterable[_Entry]) -> Iterator[Study]:
    return (study for entry in entries if isinstance(entry.reading, list) for study in entry.reading)


def _entries_of(study_id: str) -> list[str]:
    """The names that an entry with this study may have: one of its image, or of a folder of it or all time points."""
    parts = study_id.split("_")
    folders = ["_".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return folders + [f"{study_id}{suffix}" for suffix in IMAGE_SUFFIXES]


def _stamp(path: str) -> FileStamp | None:
    """The stamp of a folder and its description, if it has one, or of a file."""
    return stamp_of(path, f"{path}{os.sep}{STUDY_FILE}")
