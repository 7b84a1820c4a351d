"""The store of a studies folder among whose studies are the examinations of an archive."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from filelock import FileLock, Timeout

from gliomics.errors import BusyError, GliomicsError, InputError, UnknownNameError
from gliomics.files import move, safe_name
from gliomics.server.dicomweb.client import Archive
from gliomics.server.dicomweb.exchange import Exchanges, segmentation_of_label
from gliomics.server.dicomweb.fetching import LEFT_OUT, STUDY_UID, fetch_examination
from gliomics.server.dicomweb.listing import Listed, Listing
from gliomics.server.dicomweb.outbox import SEGMENTATION, Outbox
from gliomics.server.dicomweb.progress import BackgroundFetch, Fetching
from gliomics.server.dicomweb.returning import ReturningLabels
from gliomics.server.index.label_files import TagFiles
from gliomics.server.store.datastore import FINAL, StudyDatastore
from gliomics.server.store.kept_records import in_place
from gliomics.server.store.labels import LabelVersion
from gliomics.server.store.review_list import UNLABELLED, ReviewList
from gliomics.study.images import read_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

Report = Callable[[Study, Path, LabelVersion, Path], pydicom.Dataset]
"""Measures a version of a final label, by its file; its report refers to the Segmentation in the other file."""

_FETCH_SECONDS = 900.0
"""How long a request waits while another one fetches the same examination."""

_SETTLED_SECONDS = 5.0
"""How long an answer to a saved label waits for the archive."""

_MOST_NOTICES = 5

_log = logging.getLogger(__name__)


class ArchiveDatastore(StudyDatastore):
    """Studies of a folder, and those of an archive, which become studies of the folder when they are first needed.

    What is listed and not fetched yet has an id like any other, and no label. The archive can be away: what was
    fetched is there, and what was listed is known.
    """

    def __init__(self, root: Path, archive: Archive) -> None:
        super().__init__(root)
        self.archive = archive
        self.listing = Listing(
            root,
            archive.address.url,
            archive.examinations,
            lambda: self.index.studies().keys(),
        )
        self.fetching = Fetching()
        self._in_background = BackgroundFetch(self._fetch_if_waiting)
        self.review_list = _ReviewsWithArchive(self)
        self.exchanges = Exchanges(self.workspace.archive / "exchanged", self.records)
        self.outbox = Outbox(self.workspace.archive / "outbox", archive, self.exchanges, self.records, self._to_send)
        self.returning = ReturningLabels(archive, self.workspace, self.labels, self.exchanges, self._keep_received)
        self.report: Report | None = None
        """Measures a final label for the archive; none is measured without."""

    def description(self) -> str:
        """What the store holds, in words."""
        return f"{super().description()}, and the examinations of the archive {self.archive.address.url}"

    # -- studies

    def study(self, image_id: str) -> Study:
        """As of a folder; an examination that was not fetched yet is fetched."""
        study_id = safe_name(image_id, "study id")
        if self.is_waiting(study_id):
            self.fetch(self.listing.known()[study_id])
        return self.index.study(study_id)

    def is_waiting(self, image_id: str) -> bool:
        """Whether a study is an examination that was not fetched yet."""
        return image_id in self.listing.known() and image_id not in self.index.studies()

    def waiting(self) -> Mapping[str, Listed]:
        """The examinations that the archive lists and that were not fetched, by the id of their study."""
        studies = self.index.studies()
        return {name: item for name, item in self.listing.all().items() if item.is_there and name not in studies}

    def list_images(self) -> list[str]:
        """Ids of all studies, those that were not fetched last."""
        return [*super().list_images(), *self.waiting()]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """As of a folder, and what was not fetched yet."""
        return [*super().get_unlabeled_images(label_tag, labels), *self.waiting()]

    def refresh(self) -> None:
        """Read the folder again, and ask the archive what it has."""
        super().refresh()
        self.listing.refresh()

    def status(self) -> dict[str, Any]:
        """As of a folder; ``not_fetched`` of all are only in the archive."""
        status, number = super().status(), len(self.waiting())
        return {**status, "total": status["total"] + number, "not_fetched": number}

    def json(self) -> dict[str, Any]:
        """As of a folder; of what was not fetched, what the archive lists."""
        content = super().json()
        for name, item in self.waiting().items():
            info = {"patient_id": item.patient_id, "date": item.date or None, "fetched": False}
            content["objects"][name] = {"image": {"ext": ".nii.gz", "info": info}, "labels": {}}
        return content

    def _image_info(self, study: Study, *, noted: bool) -> dict[str, Any]:
        info = super()._image_info(study, noted=noted)
        if STUDY_UID in study.source:
            info["archive"] = {key: study.source[key] for key in (STUDY_UID, LEFT_OUT) if key in study.source}
            names = ("StudyInstanceUID", "PatientID", "StudyDate", "Modality")  # by which OHIF opens the next study
            info |= dict(zip(names, (study.source[STUDY_UID], study.patient_id, study.date, "MR"), strict=True))
        return info

    # -- labels

    def keep_label(
        self, study_id: str, tag: str, mask: Mask, info: dict[str, Any], images: dict[str, str] | None = None
    ) -> LabelVersion:
        """As of a folder; a final label of the archive's study is to be sent there, too."""
        version = super().keep_label(study_id, tag, mask, info, images)
        if tag == FINAL and self._is_of_archive(study_id):
            self.outbox.add(study_id, version.version)
        return version

    def _keep_received(self, study_id: str, tag: str, mask: Mask, info: dict[str, Any]) -> int:
        """Keep a label that came from the archive, and so is not sent there; the number of its version."""
        return super().keep_label(study_id, tag, mask, info).version

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """As of a folder; Segmentations that others stored since are labels afterwards."""
        self.returning.look(self.study(image_id))
        return super().get_image_info(image_id)

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """As of a folder; Segmentations that others stored since are among the labels."""
        self.returning.look(self.study(image_id))
        return super().get_labels_by_image_id(image_id)

    def start_sending(self) -> None:
        """Send what waits, also a label that was saved and not put into the outbox because the server was killed."""
        for study_id in self.labels.labelled(FINAL):
            if not self._is_of_archive(study_id):
                continue
            try:
                version = self.labels.current(study_id, FINAL)
            except (GliomicsError, OSError):
                continue  # it is among the unused labels
            waits = self.outbox.of(study_id)
            if version is None or (waits is not None and waits.version >= version.version):
                continue
            if not self.exchanges.of(study_id).has_final(version.version):
                self.outbox.add(study_id, version.version)
        self.outbox.start()

    def told_of_sending(self, study_id: str) -> str:
        """What became of a final label that was just saved, in a sentence; empty where nothing is sent."""
        if not self._is_of_archive(study_id):
            return ""
        waits = self.outbox.settled(study_id, _SETTLED_SECONDS)
        return "the archive keeps it as a DICOM Segmentation" if waits is None else waits.sentence()

    def state(self) -> dict[str, Any]:
        """The archive, whether it answers, what is fetched now, and what waits to be sent."""
        return {
            "address": self.archive.address.url,
            "fault": self.listing.fault,
            "listed": len(self.listing.known()),
            "not_fetched": len(self.waiting()),
            "fetching": self.fetching.to_json(),
            "in_background": self._in_background.to_json(),
            "to_send": self.outbox.to_json(),
        }

    def notices(self) -> list[str]:
        """Why the archive does not answer, and what could not be sent to it."""
        fault = [self.listing.fault] if self.listing.fault else []
        return fault + [entry.sentence() for entry in self.outbox.waiting() if entry.reason][:_MOST_NOTICES]

    def _is_of_archive(self, study_id: str) -> bool:
        study = self.index.studies().get(study_id)
        return study is not None and STUDY_UID in study.source

    def _to_send(self, study_id: str, number: int, kind: str, segmentation: Path) -> pydicom.Dataset | None:
        """The object of a kind for a version of a study's final label."""
        study = self.index.study(study_id)
        path = self.labels.version_path(study_id, FINAL, number)
        version = next((each for each in self.labels.versions(study_id, FINAL) if each.version == number), None)
        if version is None:
            raise InputError(f"the record of version {number} cannot be read, and so it is not known who drew it")
        if kind == SEGMENTATION:
            return segmentation_of_label(study, read_mask(path), version)
        if self.report is None:
            return None
        try:
            return self.report(study, path, version, segmentation)
        except GliomicsError as error:
            _log.warning("version %d of the final label of '%s' is in the archive without measurements: %s",
                         number, study_id, error)  # fmt: skip
            return None

    # -- what is fetched

    def fetch(self, examination: Listed, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Make an examination a study of the folder, unless another request did so meanwhile.

        Raises the errors of :func:`fetch_examination`.
        """
        with self._alone_with(examination):
            if not self.is_waiting(examination.id):
                return
            with self.fetching.of(examination.id) as progress, self.index.writing(examination.id):
                fetch_examination(
                    self.archive,
                    examination,
                    self.root / examination.id,
                    temporary=self.workspace.temporary,
                    progress=progress,
                    cancelled=cancelled,
                )
            _log.info("examination '%s' was fetched from the archive", examination.id)

    def fetch_anew(self, study_id: str, named: Sequence[str]) -> Study:
        """Fetch an examination again, with what its undecided series are said to be (``t1c=7``); the study.

        What was fetched before is moved to ``.gliomics/removed``, and its labels stay. Raises the errors of
        :func:`fetch_examination`, and :class:`UnknownNameError` for what is no examination of the archive.
        """
        examination = self.listing.known().get(study_id)
        if examination is None:
            raise UnknownNameError(f"the archive lists no examination '{study_id}'")
        self.workspace.temporary.mkdir(parents=True, exist_ok=True)
        with (
            self._alone_with(examination),
            tempfile.TemporaryDirectory(dir=self.workspace.temporary, prefix="anew-") as temporary,
        ):
            folder = Path(temporary) / study_id
            with self.fetching.of(study_id) as progress:
                fetch_examination(
                    self.archive,
                    examination,
                    folder,
                    temporary=self.workspace.temporary,
                    named=named,
                    progress=progress,
                )
            with self.index.writing(study_id):
                if not self.is_waiting(study_id):
                    move(self.root / study_id, self.workspace.removed_folder(study_id) / study_id)
                move(folder, self.root / study_id)
            return self.index.study(study_id)

    @contextmanager
    def _alone_with(self, examination: Listed) -> Iterator[None]:
        """While the block runs, no other request and no other process fetches an examination."""
        lock = self.workspace.archive / f"{hashlib.sha256(examination.uid.encode()).hexdigest()[:16]}.lock"
        with in_place(lock.parent, self.root):
            waiting = FileLock(lock)
            try:
                waiting.acquire(timeout=_FETCH_SECONDS)
            except Timeout as error:
                reason = f"'{examination.id}' is being fetched by another request; ask again"
                raise BusyError(reason, retry_after=60) from error
        try:
            self.index.refresh()  # another request, or another process, may have fetched it
            yield
        finally:
            waiting.release()

    def fetch_in_background(self, study_ids: Sequence[str] | None = None) -> None:
        """Begin to fetch examinations, all that wait unless they are named.

        :class:`UnknownNameError` for an id of no examination, :class:`ConflictError` while some are being fetched.
        """
        known = self.listing.known()
        unknown = next((name for name in study_ids or () if name not in known), None)
        if unknown is not None:
            raise UnknownNameError(f"the archive lists no examination '{unknown}'; it lists {len(known)}")
        self._in_background.start(list(self.waiting()) if study_ids is None else study_ids)

    def stop_fetching(self) -> None:
        """Stop what :meth:`fetch_in_background` began."""
        self._in_background.stop()

    def _fetch_if_waiting(self, study_id: str, cancelled: Callable[[], bool]) -> None:
        if self.is_waiting(study_id):
            self.fetch(self.listing.known()[study_id], cancelled=cancelled)

    def of_series(self, series_uid: str) -> tuple[Study, str]:
        """The study with the image of a DICOM series, and what the image is called in it; fetched if need be.

        Raises :class:`UnknownNameError` for a series that neither the archive nor the folder has, or that is no
        sequence of its study.
        """
        place = self._with_series(series_uid)
        if place is None:
            uid = self.archive.examination_of(series_uid)
            examination = None if uid is None else self.listing.with_uid(uid)
            if examination is None and uid is not None:
                self.listing.refresh()
                examination = self.listing.with_uid(uid)
            if examination is None:
                raise UnknownNameError(f"the archive lists no examination with series {series_uid[:80]!r}")
            study = self.study(examination.id)
            place = self._with_series(series_uid)
            if place is None:
                known = ", ".join(f"{name} is series {item.number}" for name, item in study.series.items())
                raise UnknownNameError(f"series {series_uid} is no sequence of study '{study.id}', of which {known}")
        return place

    def _with_series(self, series_uid: str) -> tuple[Study, str] | None:
        for study in self.index.studies().values():
            for name, series in study.series.items():
                if name in study.sequences and series.uid.partition(" ")[0] == series_uid:
                    return study, name
        return None


class _ReviewsWithArchive(ReviewList):
    """The list for reviewers with a row, without a label, for each examination that was not fetched."""

    def __init__(self, store: ArchiveDatastore) -> None:
        super().__init__(store.index, store.labels, store.reviews)
        self._store = store

    def _rows_of(self, studies: Mapping[str, Study], files: Mapping[str, TagFiles]) -> list[dict[str, Any]]:
        return [*super()._rows_of(studies, files), *map(_row, self._store.waiting().values())]


def _row(examination: Listed) -> dict[str, Any]:
    return {
        "id": examination.id,
        "patient_id": examination.patient_id,
        "state": UNLABELLED,
        "tag": None,
        "version": None,
        "user": None,
        "saved": None,
        "review": None,
        "own_label": False,
        "agreements": [],
        "fetched": False,
    }
