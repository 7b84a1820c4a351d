"""What clients and strategies noted about studies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gliomics.files import FileStamp, is_safe_name, safe_name
from gliomics.server.index.watched import WatchedFolder
from gliomics.server.store.kept_records import KeptRecords, locked


class StudyNotes:
    """The notes about each study in ``<folder>/<study id>.json``; those that cannot be read count as none."""

    def __init__(self, folder: Path, records: KeptRecords) -> None:
        self._folder = folder
        self._records = records
        self._watched = WatchedFolder(folder, root=records.root)

    def files(self) -> Mapping[str, FileStamp]:
        """The files of notes, by name."""
        return self._watched.entries()

    def of(self, study_id: str) -> dict[str, Any]:
        """What is noted about a study."""
        return self._records.read(self._path(study_id), dict[str, Any]) or {}

    def look_at_records(self) -> None:
        """Read all notes once, in no hurry, so that it is known which are broken."""
        for name in self.files():
            started = time.monotonic()
            if name.endswith(".json") and is_safe_name(name[: -len(".json")]):
                self.of(name[: -len(".json")])
            time.sleep(time.monotonic() - started)

    @contextmanager
    def changing(self, study_id: str) -> Iterator[dict[str, Any]]:
        """What is noted about a study, to be changed in place; kept unless the block raises."""
        path = self._path(study_id)
        with locked(path.with_suffix(".lock"), self._records.root):
            notes = self.of(study_id)
            yield notes
            self._records.write(path, notes)

    def _path(self, study_id: str) -> Path:
        return self._folder / f"{safe_name(study_id, 'study id')}.json"
