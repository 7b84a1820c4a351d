"""MONAI Label's datastore over a studies folder: one image is one study with all its sequences."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag

from gliomics.errors import GliomicsError, InputError, StorageError
from gliomics.files import move, open_file, safe_name, suffix_of
from gliomics.server.gate.values import AUTHOR_KEYS, LABEL_KEYS, STUDY_KEYS, check_length, refuse_keys, without
from gliomics.server.index.study_index import StudyIndex
from gliomics.server.request_study import check_slices, read_label
from gliomics.server.storage import temporary_file
from gliomics.server.store.by_label import StudiesByLabel
from gliomics.server.store.dataset_zip import write_dataset
from gliomics.server.store.kept_records import KeptRecords, locked
from gliomics.server.store.label_check import LabelCheck
from gliomics.server.store.labels import PARTIAL, LabelStore, LabelVersion, segment_values
from gliomics.server.store.new_images import Added, NewImages, study_id_of_upload
from gliomics.server.store.notes import StudyNotes
from gliomics.server.store.origins import ORIGIN, AutomaticMasks
from gliomics.server.store.review_list import ReviewList
from gliomics.server.store.reviews import ReviewStore
from gliomics.server.workspace import Workspace
from gliomics.study.images import read_mask, write_mask
from gliomics.study.labels import labels_folder
from gliomics.study.records import Study
from gliomics.study.volumes import Mask

FINAL = DefaultLabelTag.FINAL.value
"""Tag of the labels that models learn from."""

_log = logging.getLogger(__name__)


class StudyDatastore(Datastore):
    """Studies, labels and notes as files; nothing is kept only in memory and no file holds all studies.

    Ids and tags are checked before any path is built from them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace(root)
        self.records = KeptRecords(root)
        self.automatic = AutomaticMasks(self.workspace.automatic, root)
        self.index = StudyIndex(root)
        self.labels = LabelStore(root, self.workspace.history, self._sequences, self.records)
        self._new_images = NewImages(self.workspace, self.index, self.labels)
        self.label_check = LabelCheck(self.labels, self.index.studies)
        self.reviews = ReviewStore(self.workspace.reviews, self.records)
        self.by_label = StudiesByLabel(self.index, self.labels.files, self.reviews)
        self.review_list = ReviewList(self.index, self.labels, self.reviews)
        self._notes = StudyNotes(self.workspace.image_info, self.records)

    def name(self) -> str:
        """Name of the studies folder."""
        return self.root.name

    def set_name(self, name: str) -> None:
        """Refused: the store is named after its folder."""
        raise InputError(f"the datastore is named after its folder '{self.root.name}'; rename the folder instead")

    def description(self) -> str:
        """What the store holds, in words."""
        return f"Glioma studies in {self.root.name}"

    def set_description(self, description: str) -> None:
        """Refused: the description follows from the folder."""
        raise InputError("the datastore's description follows from its folder and cannot be set")

    # -- studies

    def study(self, image_id: str) -> Study:
        """The study with this id; :class:`UnknownNameError`, or why its folder cannot be used."""
        return self.index.study(safe_name(image_id, "study id"))

    def notices(self) -> list[str]:
        """What whoever looks at the list of studies should know of the store; of a folder nothing."""
        return []

    def is_waiting(self, image_id: str) -> bool:
        """Whether a study is to be fetched before it can be read, as none of a folder is."""
        return False

    def list_images(self) -> list[str]:
        """Ids of all studies."""
        return list(self.index.studies())

    def broken(self) -> dict[str, str]:
        """Folders and files that could not be read as studies, and records that could not be read, and why."""
        return {**self.index.broken(), **self.records.broken()}

    def look_at_records(self) -> None:
        """Read all notes, reviews and records of labels once, so that :meth:`broken` tells of them from the start."""
        self._notes.look_at_records()
        self.labels.look_at_records()
        for tag in self.labels.all_tags():
            self.reviews.returned(tag)

    def refresh(self) -> None:
        """Read the studies folder again."""
        self.index.refresh()

    # -- images

    def get_image_uri(self, image_id: str) -> str:
        """Path of the study's default sequence (the first of flair, t1c, t2, t1)."""
        study = self.study(image_id)
        return str(study.path(study.default_sequence))

    def get_image(self, image_id: str, params: dict[str, Any] | None = None) -> io.BytesIO:
        """Content of the default sequence's file."""
        return _content(Path(self.get_image_uri(image_id)))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """What is known about a study: patient, time point, sequences, and what clients noted."""
        return self._image_info(self.study(image_id), noted=True)

    def _image_info(self, study: Study, *, noted: bool) -> dict[str, Any]:
        """As :meth:`get_image_info`; ``noted`` is false for a study of which nothing was noted."""
        return {
            **(self._notes.of(study.id) if noted else {}),
            "name": download_name(study, study.default_sequence),
            "path": str(study.path(study.default_sequence)),
            "patient_id": study.patient_id,
            "timepoint": study.timepoint,
            "date": study.date,
            "sequences": sorted(study.sequences),
            "default_sequence": study.default_sequence,
            "spacing_known": study.spacing_known,
        }

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Add a client's notes to a study; what the server itself tells of it (:data:`STUDY_KEYS`) is refused."""
        refuse_keys(info, STUDY_KEYS, f"study '{image_id}'")
        with self._notes.changing(self.study(image_id).id) as notes:
            notes.update(info)
            check_length(notes, f"what is noted about study '{image_id}'")

    def note_strategy(self, image_id: str, strategy: str, handed_out: dict[str, Any]) -> None:
        """Note when a strategy offered a study, and to whom, under ``strategy`` as MONAI Label does.

        The study is offered even where that cannot be noted.
        """
        study_id = self.study(image_id).id
        try:
            with self._notes.changing(study_id) as notes:
                offers = notes.get("strategy")
                notes["strategy"] = {**(offers if isinstance(offers, dict) else {}), strategy: handed_out}
        except InputError as error:
            _log.warning("it is not noted that study '%s' was offered: %s", study_id, error)

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Make a one-sequence study of an image file; an image that is there is not replaced."""
        source = Path(image_filename)
        return self.add_new_image(source, study_id_of_upload(source.name, image_id or None), image_info).study_id

    def add_new_image(self, source: Path, study_id: str, info: dict[str, Any], *, replace: bool = False) -> Added:
        """As :func:`~gliomics.server.store.new_images.NewImages.add`, and note ``info`` about the study."""
        refuse_keys(info, STUDY_KEYS, f"study '{study_id}'")
        check_length({**self._notes.of(study_id), **info}, f"what is noted about study '{study_id}'")
        upload = self._new_images.add(source, study_id, replace=replace)
        if info:
            self.update_image_info(upload.study_id, info)
        return upload

    def remove_image(self, image_id: str) -> None:
        """Take a study and its labels out of the store; they are moved to ``.gliomics/removed``, not deleted."""
        study = self.study(image_id)
        with locked(self.workspace.root / "images.lock", self.root):
            siblings = [each.id for each in self.index.beside(study)]
            if len(siblings) > 1:
                raise InputError(
                    f"study '{image_id}' shares its folder with {', '.join(siblings)}; remove the folder by hand"
                )
            tags = self.labels.tags(image_id)
            for tag in tags:
                self.labels.adopted(image_id, tag)  # before anything is removed, as this may fail on a full disk
            for tag in tags:
                self.labels.remove(image_id, tag)
            single = self.root == study.folder
            source = study.path(study.default_sequence) if single else study.folder
            with self.index.writing(source.name):
                move(source, self.workspace.removed_folder(image_id) / source.name)

    def _sequences(self, study_id: str) -> dict[str, Path]:
        return self.index.study(study_id).sequences

    # -- labels

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Check a label against its study and keep it as a new version; returns the label's id, the study's.

        A label without a voxel is refused unless ``label_info`` says ``allow_empty``: there is no tumour. A
        :data:`PARTIAL` label needs ``slices_done``, the numbers of the axial slices that were annotated, in the
        image's own order; these may be without a voxel.
        """
        tag, info = safe_name(label_tag, "label tag"), without(label_info or {}, LABEL_KEYS)
        if tag != FINAL and tag.lower() == FINAL:
            raise InputError(f"label tag '{tag}' is not '{FINAL}', under which labels count; send it as '{FINAL}'")
        study = self.study(image_id)
        allow_empty = info.get("allow_empty") is True or tag == PARTIAL
        images = self.labels.image_hashes(study.id)  # of before the mask is held to them: they may be replaced now
        mask = read_label(Path(label_filename), study, f"label '{tag}'", allow_empty=allow_empty)
        if segments := segment_values(Path(label_filename)):
            info = {"segments": segments, **info}
        if tag == PARTIAL or info.get("slices_done") is not None:
            check_slices(info.get("slices_done"), mask, study.id)
        self.keep_label(study.id, tag, mask, info, images)
        return study.id

    def save_automatic_label(self, study_id: str, path: Path, tag: str, info: dict[str, Any]) -> LabelVersion:
        """Keep a mask that a model drew on the study's image; it may be too large for a tumour's, but not empty."""
        mask = read_mask(path)
        if not mask.array.any():
            raise InputError(f"label '{tag}' of study '{study_id}' is empty: the model found no lesion")
        return self.keep_label(study_id, tag, mask, info)

    def keep_label(
        self, study_id: str, tag: str, mask: Mask, info: dict[str, Any], images: dict[str, str] | None = None
    ) -> LabelVersion:
        """Keep a mask that is known to fit its study as the next version of a label, to be reviewed again.

        What the store knows of its origin is noted with it.
        """
        info = {**info, ORIGIN: self.automatic.origin_of(study_id, mask)}
        version = self.labels.save(study_id, tag, mask, info, images)
        try:
            self.reviews.resubmitted(study_id, tag, version.version, version.user)
        except OSError as error:
            raise StorageError(
                f"label '{tag}' of study '{study_id}' is saved as version {version.version}, but not that it is to be "
                f"reviewed again ({error.strerror}); free some space, and save it again"
            ) from error
        return version

    def slices_done(self, study_id: str) -> list[int]:
        """The slices that are annotated in the study's :data:`PARTIAL` label; none without one.

        :class:`InputError` where its record does not say so.
        """
        if PARTIAL not in self.labels.tags(study_id):
            return []
        version = self.labels.current(study_id, PARTIAL)
        if version is None:
            return []
        slices = version.info.get("slices_done", [])
        if not isinstance(slices, list) or not all(type(number) is int for number in slices):
            raise InputError(
                f"the record of label '{PARTIAL}' of study '{study_id}' does not say which slices were annotated, but "
                f"{str(slices)[:80]}; save the label again"
            )
        return slices

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Remove a label; its versions stay in the history."""
        self.labels.remove(label_id, label_tag)

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Path of a label."""
        return str(self.labels.path(label_id, label_tag))

    def get_label(self, label_id: str, label_tag: str, params: dict[str, Any] | None = None) -> io.BytesIO:
        """Content of a label's file."""
        return _content(self.labels.path(label_id, label_tag))

    @contextlib.contextmanager
    def label_as_nifti(self, path: Path) -> Iterator[Path]:
        """A label's file while the block runs, as ``.nii.gz`` whatever type it has."""
        if suffix_of(path) == ".nii.gz":
            yield path
            return
        self.workspace.temporary.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.workspace.temporary) as folder:
            write_mask(read_mask(path), Path(folder) / "label.nii.gz")
            yield Path(folder) / "label.nii.gz"

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """What was sent with the current label, and its version, time, author and voxel counts."""
        return self._label_info(label_id, label_tag, read=True)

    def _label_info(self, label_id: str, label_tag: str, *, read: bool) -> dict[str, Any]:
        """As :meth:`get_label_info`; without ``read``, images not read since they changed count as unchanged."""
        path = self.labels.path(label_id, label_tag)
        info: dict[str, Any] = {"name": f"{label_id}.nii.gz", "ts": int(path.stat().st_mtime)}
        version = self.labels.current(label_id, label_tag)
        if version is not None:
            info = {**version.info, **info, "version": version.version, "saved": version.saved}
            info |= {"user": version.user, "voxels": version.voxels}
            if changed := self.labels.changed_images(label_id, version, read=read):
                info["images_changed"] = changed
        reviews = self.reviews.reviews(label_id, label_tag)
        return {**info, "review": reviews[-1].to_json()} if reviews else info

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Add a client's notes to the current label; who saved it is not changed by them.

        :class:`InputError` for what the server itself tells of a label (:data:`LABEL_KEYS`), and for ``slices_done``
        that a save would refuse.
        """
        refuse_keys(info, LABEL_KEYS, f"label '{label_tag}' of study '{label_id}'")
        path = self.labels.path(label_id, label_tag)
        if "slices_done" in info:
            check_slices(info.get("slices_done"), read_mask(path), label_id)
        self.labels.update_info(label_id, label_tag, without(info, AUTHOR_KEYS))

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Label ids by tag; a label's id is its study's."""
        return {tag: image_id for tag in self.labels.tags(self.study(image_id).id)}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        """Label id of a study and tag, or an empty string."""
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Ids of the studies that have a label (``final`` unless told) which was not returned to the annotator."""
        return list(self.by_label.of(label_tag or FINAL).in_order)

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Ids of the studies that have no label (``final`` unless told), or one that was returned."""
        return list(self.by_label.of(label_tag or FINAL).unlabelled)

    # -- the whole store

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Studies with a final label: id, default image, label, and every sequence."""
        rows = []
        files = self.labels.files.of(FINAL)
        labelled = files.labelled - self.reviews.returned(FINAL).keys()
        studies = self.index.studies()
        for study_id in sorted(labelled & studies.keys()):
            study = studies[study_id]
            paths = {name: str(path) for name, path in study.sequences.items()}
            label = str(labels_folder(self.root, FINAL) / files.name_of(study_id))
            rows.append({"id": study_id, "image": paths[study.default_sequence], "label": label, "sequences": paths})
        return rows if full_path else json.loads(json.dumps(rows).replace(f"{self.root}{os.sep}", ""))

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Path of a ZIP of the labelled studies (:func:`~gliomics.server.store.dataset_zip.write_dataset`)."""
        rows = self.datalist()[: limit_cases or None]
        with temporary_file(self.workspace.temporary, "dataset-", ".zip") as path:
            write_dataset(path, rows, self.json(), self.label_as_nifti, self.root)
        return str(path)

    def status(self) -> dict[str, Any]:
        """Numbers of studies and labels."""
        tags = {tag: len(self.by_label.of(tag).labelled) for tag in self.labels.all_tags()}
        return {
            "total": len(self.index.studies()),
            "completed": tags.get(FINAL, 0),
            "label_tags": {tag: number for tag, number in tags.items() if number},
            "returned": self.by_label.of(FINAL).returned,
            "broken": len(self.index.broken()) + len(self.records.broken()),
            "unused_labels": self.label_check.count_misnamed(),
        }

    def json(self) -> dict[str, Any]:
        """Every study with its notes and labels, in the format of MONAI Label's local datastore."""
        unused, unchecked = self.label_check.unused()
        noted, labelled = self._notes.files(), {tag: self.labels.labelled(tag) for tag in self.labels.all_tags()}
        objects = {}
        for _, study in sorted(self.index.studies().items()):
            labels = {}
            for tag in (tag for tag, study_ids in labelled.items() if study.id in study_ids):
                with contextlib.suppress(GliomicsError, OSError):  # removed just now, or among the unused labels
                    labels[tag] = {"ext": ".nii.gz", "info": self._label_info(study.id, tag, read=False)}
            info = self._image_info(study, noted=f"{study.id}.json" in noted)
            objects[study.id] = {"image": {"ext": suffix_of(Path(info["path"])), "info": info}, "labels": labels}
        return {
            "name": self.name(),
            "description": self.description(),
            "images_dir": ".",
            "labels_dir": "labels",
            "objects": objects,
            "broken": self.broken(),
            "unused_labels": unused,
            "unchecked_labels": unchecked,
        }


def _content(path: Path) -> io.BytesIO:
    with open_file(path) as file:
        return io.BytesIO(file.read())


def download_name(study: Study, sequence: str) -> str:
    """File name under which a sequence is served: NIfTI, and different for every study and sequence."""
    return f"{study.id}_{sequence}.nii.gz"
