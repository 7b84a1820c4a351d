"""Reviews of labels: approved, or returned to the annotator with a comment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
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


@dataclass(frozen=True)
class _LastReviews:
    """The last review of each label of one tag, by study, at one time."""

    stamps: Mapping[str, FileStamp] = field(default_factory=dict)
    last: Mapping[str, Review] = field(default_factory=dict)
    returned: Mapping[str, Review] = field(default_factory=dict)


class ReviewStore:
    """All reviews of a label in ``<folder>/<tag>/<study id>.json``, oldest first; the last is its state.

    A label whose reviews cannot be read counts as one that nobody reviewed.
    """

    def __init__(self, folder: Path, records: KeptRecords | None = None) -> None:
        self._folder = folder
        self._records = records or KeptRecords(folder)
        self._watched: dict[str, WatchedFolder] = {}
        self._last: dict[str, _LastReviews] = {}

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
        if not os.path.lexists(self._path(study_id, tag)):
            return
        reviews = self.reviews(study_id, tag)
        if not reviews or reviews[-1].version < version:  # else somebody has reviewed it already
            self.add(study_id, tag, version, state=SUBMITTED, user=user)

    def reviews(self, study_id: str, tag: str) -> list[Review]:
        """What was said of a label, oldest first."""
        return self._records.read(self._path(study_id, tag), list[Review]) or []

    def returned(self, tag: str) -> Mapping[str, Review]:
        """The labels that are to be done again, by study. Files that did not change are not read again."""
        return self._of(tag).returned

    def last(self, tag: str) -> Mapping[str, Review]:
        """The last review of each label that has one, by study; as long as nothing changes, the same object."""
        return self._of(tag).last

    def _of(self, tag: str) -> _LastReviews:
        stamps, known = self._watched_folder(tag).entries(), self._last.get(tag, _LastReviews())
        if known.stamps is stamps:
            return known
        names = {name: name.removesuffix(".json") for name in stamps if name.endswith(".json")}
        changed = {name for name in names if known.stamps.get(name) is not stamps[name]}
        last = {
            study: known.last[study] for name, study in names.items() if study in known.last and name not in changed
        }
        read = {names[name]: self._records.read(self._folder / tag / name, list[Review]) for name in changed}
        last |= {study: entries[-1] for study, entries in read.items() if entries}
        returned = {study: review for study, review in last.items() if review.state == RETURNED}
        now = self._last[tag] = _LastReviews(stamps, last, returned)
        return now

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
