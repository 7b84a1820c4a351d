"""All studies with the state of their label and how far annotators agree, for whoever reviews them."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from gliomics.errors import GliomicsError
from gliomics.evaluation.overlap import dice
from gliomics.files import FileStamp
from gliomics.server.index.label_files import TagFiles
from gliomics.server.index.study_index import StudyIndex
from gliomics.server.store.label_check import lesions_of
from gliomics.server.store.labels import PARTIAL, LabelStore, LabelVersion
from gliomics.server.store.reviews import APPROVED, RETURNED, SUBMITTED, Review, ReviewStore
from gliomics.study.labels import FINAL
from gliomics.study.records import Study

UNLABELLED = "unlabelled"
"""State of a study without a label; the others are :data:`PARTIAL` and those of reviews."""

ORIGINAL = "original"
"""Tag under which masks of models are kept; nobody drew them."""

_REST = 1.0
"""How many times longer than it worked the comparison of labels waits before the next: it is in no hurry."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class _Compared:
    """How far two labels of a study agree, and of which files and study that was said."""

    basis: tuple[FileStamp, FileStamp, Study]
    dice: float | None
    refused: str = ""
    """Why they cannot be compared."""


class ReviewList:
    """The studies as a reviewer wants them; what did not change is not read again. Usable from several threads.

    Labels that were not compared yet are, one pair after the other, by a thread that an answer starts.
    """

    def __init__(self, index: StudyIndex, labels: LabelStore, reviews: ReviewStore) -> None:
        self._index, self._labels, self._reviews = index, labels, reviews
        self._versions: dict[tuple[str, str], tuple[FileStamp, LabelVersion]] = {}
        self._compared: dict[tuple[str, Pair], _Compared] = {}
        self._comparing = threading.Lock()

    def to_json(self) -> dict[str, Any]:
        """A row for each study, and how many pairs of labels are still to be compared."""
        studies = self._index.studies()
        files = {tag: self._labels.files.of(tag) for tag in self._labels.all_tags()}
        rows = self._rows_of(studies, files)
        pending = sum(1 for _ in self._unknown(studies, files))
        if pending and self._comparing.acquire(blocking=False):
            threading.Thread(target=self._compare, name="compare labels", daemon=True).start()
        return {"studies": rows, "agreements_pending": pending}

    def rows(self) -> list[dict[str, Any]]:
        """A row for each study; labels that were not compared yet are not compared for it."""
        files = {tag: self._labels.files.of(tag) for tag in self._labels.all_tags()}
        return self._rows_of(self._index.studies(), files)

    def _rows_of(self, studies: Mapping[str, Study], files: Mapping[str, TagFiles]) -> list[dict[str, Any]]:
        reviews = self._reviews.last(FINAL)
        return [self._row(study, files, reviews.get(study_id)) for study_id, study in studies.items()]

    def savers(self, study_ids: Collection[str]) -> dict[str, str | None]:
        """Who saved the final label of each of these studies, as far as that is known."""
        files = self._labels.files.of(FINAL)
        versions = {name: self._version(name, FINAL, files) for name in study_ids if name in files.labelled}
        return {name: version.user if (version := versions.get(name)) else None for name in study_ids}

    def _row(self, study: Study, files: Mapping[str, TagFiles], review: Review | None) -> dict[str, Any]:
        tag = next((tag for tag in (FINAL, PARTIAL) if tag in files and study.id in files[tag].labelled), None)
        version = None if tag is None else self._version(study.id, tag, files[tag])
        number = None if version is None else version.version
        state = {None: UNLABELLED, PARTIAL: PARTIAL}.get(tag, SUBMITTED)
        if tag != FINAL:
            review = None
        elif review is not None and (review.version == number or review.state == RETURNED):
            state = review.state  # what was said of an earlier version says nothing of one that was put in its place
        user = None if version is None else version.user
        return {
            "id": study.id,
            "patient_id": study.patient_id,
            "state": state,
            "tag": tag,
            "version": number,
            "user": user,
            "saved": None if version is None else version.saved,
            "review": None if review is None else asdict(review),
            "own_label": state in (APPROVED, RETURNED)
            and user is not None
            and review is not None
            and user == review.user,
            "agreements": self._agreements(study, files),
        }

    def _version(self, study_id: str, tag: str, files: TagFiles) -> LabelVersion | None:
        """The current version of a label; None for one that was put there by hand, or has gone just now."""
        stamp = files.stamps[files.name_of(study_id)]
        known = self._versions.get((study_id, tag))
        if known is not None and known[0] is stamp:
            return known[1]
        try:
            version = self._labels.current(study_id, tag)
        except (GliomicsError, OSError):
            return None
        if version is not None:  # one that was put there by hand may be kept as a version without being changed
            self._versions[study_id, tag] = stamp, version
        return version

    def _agreements(self, study: Study, files: Mapping[str, TagFiles]) -> list[dict[str, Any]]:
        """The Dice coefficient of every two labels of a study by different annotators, None as long as not known."""
        agreements = []
        for pair, basis in _pairs(study, files):
            compared = self._compared.get((study.id, pair))
            known = compared if compared is not None and compared.basis == basis else _Compared(basis, None)
            reason = {"refused": known.refused} if known.refused else {}
            agreements.append({"first": pair[0], "second": pair[1], "dice": known.dice, **reason})
        return agreements

    def _unknown(
        self, studies: Mapping[str, Study], files: Mapping[str, TagFiles]
    ) -> Iterator[tuple[Study, Pair, tuple[FileStamp, FileStamp, Study]]]:
        for study in studies.values():
            for pair, basis in _pairs(study, files):
                compared = self._compared.get((study.id, pair))
                if compared is None or compared.basis != basis:
                    yield study, pair, basis

    def _compare(self) -> None:
        try:
            studies = self._index.studies()
            files = {tag: self._labels.files.of(tag) for tag in self._labels.all_tags()}
            for study, pair, basis in list(self._unknown(studies, files)):
                started = time.monotonic()
                try:
                    first, second = lesions_of(self._labels, study, pair).values()
                    compared = _Compared(basis, dice(first.array, second.array))
                except (GliomicsError, OSError) as error:
                    compared = _Compared(basis, None, str(error))
                self._compared[study.id, pair] = compared
                time.sleep(_REST * (time.monotonic() - started))
        finally:
            self._comparing.release()


def _pairs(study: Study, files: Mapping[str, TagFiles]) -> Iterator[tuple[Pair, tuple[FileStamp, FileStamp, Study]]]:
    """Every two whole labels of a study that people saved, and what a comparison of them depends on."""
    tags = [tag for tag, of_tag in files.items() if tag not in (PARTIAL, ORIGINAL) and study.id in of_tag.labelled]
    for first, second in combinations(tags, 2):
        stamps = [files[tag].stamps[files[tag].name_of(study.id)] for tag in (first, second)]
        yield (first, second), (stamps[0], stamps[1], study)
