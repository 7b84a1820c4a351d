"""Reviews of labels: approved, or returned to the annotator with a comment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gliomics.errors import InputError
from gliomics.files import FileStamp, safe_name
from gliomics.server.index.watched import WatchedFolder
from gliomics.server.store.kept_records import KeptRecords, locked

SUBMITTED, APPROVED, RETURNED = "submitted", "approved", "returned"
STATES = (SUBMITTED, APPROVED, RETURNED)
"""What a label can be: saved, accepted, or to be done again. A label that nobody reviewed is submitted."""


@dataclass(frozen=True)
class Review:
    """What was said of one version of a label, by whom and when (UTC, ISO 8601)."""

    version: int
    state: str
    comment: str = ""
    user: str | None = None
    when: str = ""

    def to_json(self) -> dict[str, Any]:
        """The review as JSON-ready values."""
        return asdict(self)


class ReviewStore:
    """All reviews of a label in ``<folder>/<tag>/<study id>.json``, oldest first; the last is its state.

    A label whose reviews cannot be read counts as one that nobody reviewed.
    """

    def __init__(self, folder: Path, records: KeptRecords | None = None) -> None:
        self._folder = folder
        self._records = records or KeptRecords(folder)
        self._watched: dict[str, WatchedFolder] = {}
        self._last: dict[str, tuple[Mapping[str, FileStamp], dict[str, Review], dict[str, Review]]] = {}

    def add(
        self, study_id: str, tag: str, version: int, *, state: str, comment: str = "", user: str | None = None
    ) -> Review:
        """Say something of a version; :class:`InputError` for an unknown state or a return without a reason."""
        if state not in STATES:
            raise InputError(f"state is {state!r}; expected one of {', '.join(STATES)}")
        if state == RETURNED and not comment.strip():
            raise InputError("a label is returned with a comment; say what is to be done")
        review = Review(version, state, comment, user, datetime.now(timezone.utc).isoformat(timespec="milliseconds"))
        with self._locked(study_id, tag) as path, self._watched_folder(tag).writing(path.name):
            self._records.write(path, [each.to_json() for each in (*self.reviews(study_id, tag), review)])
        return review

    def resubmitted(self, study_id: str, tag: str, version: int, user: str | None) -> None:
        """Note that a label which was reviewed has a new version, which nobody has reviewed yet."""
        if os.path.lexists(self._path(study_id, tag)):
            self.add(study_id, tag, version, state=SUBMITTED, user=user)

    def reviews(self, study_id: str, tag: str) -> list[Review]:
        """What was said of a label, oldest first."""
        return self._records.read(self._path(study_id, tag), list[Review]) or []

    def returned(self, tag: str) -> Mapping[str, Review]:
        """The labels that are to be done again, by study. Files that did not change are not read again."""
        stamps = self._watched_folder(tag).entries()
        listed, reviews, returned = self._last.get(tag, ({}, {}, {}))
        if listed is not stamps:
            names = [name for name in stamps if name.endswith(".json")]
            changed = {name for name in names if listed.get(name) is not stamps[name]}
            reviews = {name: reviews[name] for name in names if name in reviews and name not in changed}
            read = {name: self._records.read(self._folder / tag / name, list[Review]) for name in changed}
            reviews |= {name: entries[-1] for name, entries in read.items() if entries}
            returned = {Path(name).stem: last for name, last in reviews.items() if last.state == RETURNED}
            self._last[tag] = stamps, reviews, returned
        return returned

    def _watched_folder(self, tag: str) -> WatchedFolder:
        if tag not in self._watched:
            self._watched.setdefault(
                tag, WatchedFolder(self._folder / safe_name(tag, "label tag"), root=self._records.root)
            )
        return self._watched[tag]

    def _path(self, study_id: str, tag: str) -> Path:
        return self._folder / safe_name(tag, "label tag") / f"{safe_name(study_id, 'study id')}.json"

    @contextmanager
    def _locked(self, study_id: str, tag: str) -> Iterator[Path]:
        path = self._path(study_id, tag)
        with locked(path.with_name(f".{path.name}.lock"), self._records.root):
            yield path
