"""Images that are uploaded to become studies: no two become one, and labels stay with the image they were drawn on."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.files import atomic_path, safe_name, sha256_of, suffix_of
from gliomics.preprocess import is_mask_like
from gliomics.sequences import is_mask_name, recognise
from gliomics.server.index.study_index import StudyIndex
from gliomics.server.store.kept_records import locked
from gliomics.server.store.labels import LabelStore
from gliomics.server.workspace import Workspace
from gliomics.study.images import IMAGE_SUFFIXES, read_volume
from gliomics.study.no_study import NOT_STUDIES
from gliomics.study.volumes import Volume

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that are no files on Windows."""
_AS_LABEL = "a mask is sent as the label of its image: PUT /datastore/label?image=ID&tag=final, or label= of /infer"


@dataclass(frozen=True)
class Added:
    """A study of an uploaded image; ``replaced`` is where the image before and its labels lie now, if there was one."""

    study_id: str
    replaced: Path | None = None
    labels: list[str] = field(default_factory=list)
    """Tags of the labels that were moved away with the image before."""


def study_id_of_upload(file_name: str, image_id: str | None = None) -> str:
    """The id of the study that an uploaded file becomes: ``image_id``, or the file's name without its type.

    Raises :class:`InputError` for a name that is no safe id, is reserved, ends in a file type, is that of a mask or
    says another sequence than the file's name.
    """
    name = re.split(r"[/\\]", file_name)[-1]
    stem = name[: -len(suffix_of(Path(name)))] if suffix_of(Path(name)) in IMAGE_SUFFIXES else name
    if image_id is None:
        try:
            study_id = safe_name(stem, "the file's name")
        except InputError as error:
            raise InputError(f"{error}; rename the file, or say the study's id with image=ID") from error
    else:
        study_id = safe_name(image_id, "image id")
    if study_id.lower() in NOT_STUDIES or _DEVICES.fullmatch(study_id) or study_id.endswith("."):
        raise InputError(f"'{study_id}' cannot be the id of a study: the name is reserved; say another with image=ID")
    if suffix_of(Path(study_id)) in (*IMAGE_SUFFIXES, ".gz", ".seg", ".dcm"):
        raise InputError(f"'{study_id}' cannot be the id of a study: it ends in a file type; say another with image=ID")
    if is_mask_name(study_id):
        raise InputError(f"'{study_id}' is named as a mask, not an image; {_AS_LABEL}. If it is an image, rename it")
    by_file, by_id = recognise(stem).sequence, recognise(study_id).sequence
    if by_file and by_id and by_file != by_id:
        raise InputError(
            f"the file '{name}' is {by_file} by its name, and '{study_id}' says {by_id}; correct one of them"
        )
    return study_id


def check_is_image(volume: Volume, name: str) -> None:
    """Raise :class:`InputError` for an upload that holds a mask's few values, with the way that masks are sent."""
    if is_mask_like(volume):
        raise InputError(f"{name} holds a few whole numbers only, as a mask does, not an image; {_AS_LABEL}")


class NewImages:
    """Uploaded image files on their way to be studies of a studies folder."""

    def __init__(self, workspace: Workspace, index: StudyIndex, labels: LabelStore) -> None:
        self._workspace = workspace
        self._index = index
        self._labels = labels

    def add(self, source: Path, study_id: str, *, replace: bool = False) -> Added:
        """Make a one-sequence study of an image file, or with ``replace`` replace the image of such a study.

        The same image sent again changes nothing, however its file is packed. An image that is replaced is kept in
        ``.gliomics/removed`` together with its labels, which are then no labels of the new one; their versions stay in
        the history. Of uploads at the same time one is first, and the others find it there.

        Raises :class:`InputError` for a file that cannot be read or is a mask, for an id that another study has, also
        in other letters' case, and for one under which there are labels of another image.
        """
        try:
            volume = read_volume(source)
        except InputError as error:
            reason = str(error).replace(str(source), "the uploaded file")
            raise InputError(f"image '{study_id}' was refused: {reason}") from error
        check_is_image(volume, f"image '{study_id}'")
        target = self._workspace.studies / f"{study_id}{suffix_of(source)}"
        with locked(self._workspace.root / "images.lock", self._workspace.studies):
            self._check_id(study_id, target)
            if not target.exists():
                self._check_no_strange_labels(study_id, source)
                with self._index.writing(target.name):
                    _place(source, target)
                return Added(study_id)
            if sha256_of(target) == sha256_of(source) or _is_image_of(target, volume):
                return Added(study_id)
            tags = self._labels.tags(study_id)
            if not replace:
                labels = f" and has labels ({', '.join(tags)})" if tags else ""
                raise InputError(
                    f"study '{study_id}' exists{labels}, and its image is another; upload under another id, or replace "
                    "it with replace=true, which moves the image that is there and its labels to .gliomics/removed"
                )
            with self._index.writing(target.name):
                return self._replace(source, target, study_id, tags)

    def _replace(self, source: Path, target: Path, study_id: str, tags: list[str]) -> Added:
        removed = self._workspace.removed_folder(study_id)
        try:
            with atomic_path(target) as temporary:  # what may fail on a full disk comes before anything is removed
                shutil.copyfile(source, temporary)
                _place(target, removed / target.name)
                for tag in tags:
                    label = self._labels.path(study_id, tag)
                    _place(label, removed / "labels" / tag / label.name)
                    self._labels.adopted(study_id, tag)
                for tag in tags:
                    self._labels.remove(study_id, tag)
        except BaseException:
            if self._labels.tags(study_id) == tags:  # nothing was removed, and so nothing is kept aside
                shutil.rmtree(removed, ignore_errors=True)
            raise
        return Added(study_id, removed, tags)

    def _check_id(self, study_id: str, target: Path) -> None:
        """Refuse an id that anything but the image ``target`` has."""
        same = self._index.with_id_like(study_id)
        if same is not None and (same.id != study_id or list(same.sequences.values()) != [target]):
            raise InputError(
                f"study '{same.id}' exists already and is not a single {suffix_of(target)} image named '{study_id}'; "
                "upload under another id, or remove that study first"
            )
        for name in self._index.entries_named(study_id):
            if name != target.name:
                raise InputError(f"'{name}' is there already; upload under another id than '{study_id}'")

    def _check_no_strange_labels(self, study_id: str, source: Path) -> None:
        """Refuse an id under which there are labels, unless these were drawn on this very image."""
        digest = sha256_of(source)
        for tag in self._labels.all_tags():
            if study_id not in self._labels.labelled(tag):
                continue
            version = self._labels.current(study_id, tag)
            if version is None or digest not in version.images.values():
                raise InputError(
                    f"there is a label '{tag}' for '{study_id}', which was not drawn on this image; upload the image "
                    "under another id, or remove the label first: "
                    f"DELETE /datastore/label?id={study_id}&tag={tag}"
                )


def _is_image_of(path: Path, volume: Volume) -> bool:
    """Whether a file holds the same voxels at the same places; not of a file that is damaged."""
    try:
        stored = read_volume(path)
    except InputError:
        return False
    same_place = stored.placed == volume.placed and np.array_equal(stored.affine, volume.affine)
    return same_place and np.array_equal(stored.array, volume.array)


def _place(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
