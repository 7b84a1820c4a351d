"""Labels of studies on disk, with every version that was ever saved."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.files import (
    Hashes,
    atomic_path,
    check_file,
    check_inside,
    fault_of,
    is_file,
    is_folder,
    is_safe_name,
    lies_inside,
    safe_name,
    sha256_of,
)
from gliomics.server.gate.values import check_length
from gliomics.server.index.label_files import LabelFiles
from gliomics.server.store.kept_records import KeptRecords, in_place, locked
from gliomics.study.images import MAX_FILE_BYTES, read_label_names, read_mask, write_mask
from gliomics.study.labels import LABELS_FOLDER, MASK_SUFFIXES, find_label, label_path, labels_folder
from gliomics.study.volumes import Mask

PARTIAL = "partial"
"""Tag of labels of which some slices are annotated; the label's ``slices_done`` says which."""

_SUFFIX = ".nii.gz"
"""Type of the labels that are saved; those put there by hand may have others."""

_TRIES = 100
"""How often files that are removed by hand while they are read are looked for again."""

_MOST_VERSIONS = 1_000_000_000
"""A number from here on is no version, nor a part of a file's name."""

_VERSION = re.compile(r"([0-9]{1,9})\.(json|seg\.nrrd|nii\.gz|nii|nrrd)")
"""Files of versions: their records and their images."""

Images = Callable[[str], Mapping[str, Path]]
"""The files of a study's sequences, by its id."""


@dataclass(frozen=True)
class LabelVersion:
    """One saved version of a label: which, when, by whom, and its voxels per label value."""

    study_id: str
    tag: str
    version: int
    saved: str
    """UTC time in ISO 8601."""
    user: str | None
    voxels: dict[str, int]
    sha256: str
    info: dict[str, Any] = field(default_factory=dict)
    """What the client sent with it: model and version it started from, segment names, client id, ..."""
    images: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each sequence's file when the label was saved; empty where that is not known."""

    def to_json(self) -> dict[str, Any]:
        """The version as JSON-ready values."""
        return {"format": 1, **self.__dict__}


class LabelStore:
    """Current labels in ``labels/<tag>/<study id>.nii.gz``, their versions in ``history/<study id>/<tag>/<n>``.

    A label that was put there by hand may have another type of :data:`~gliomics.study.labels.MASK_SUFFIXES`; if there
    are two for a study, neither is its label.

    A save writes the version's image, then its record, then the current label, each
    atomically, under a lock per study that also holds between processes. A kill at any
    moment leaves the old label or the new one whole, and maybe an image without a record,
    whose number is not used again. A save that fails leaves no version. A version whose record is broken is not
    listed, and its image stays.
    """

    def __init__(
        self, studies: Path, history: Path, images: Images | None = None, records: KeptRecords | None = None
    ) -> None:
        self.studies = studies
        self._records = records or KeptRecords(studies)
        self._history = history
        self._images = images
        self.files = LabelFiles(studies)
        self._hashes = Hashes()

    def path(self, study_id: str, tag: str) -> Path:
        """Path of the current label; :class:`UnknownNameError` when there is none, InputError when there are two.

        :class:`InputError`, too, for something else in its place, and a link that leads out of the studies folder.
        """
        files = self.files.of(tag)
        if study_id in files.labelled:
            listed = self.files.watched(tag).folder / files.name_of(study_id)
            if is_file(listed) and lies_inside(listed, self.studies):
                return listed
        path = find_label(self.studies, safe_name(study_id, "study id"), tag)
        if path is None:
            tags = ", ".join(self.tags(study_id)) or "none"
            raise UnknownNameError(f"study '{study_id}' has no label '{tag}'; its labels: {tags}")
        return path

    def tags(self, study_id: str) -> list[str]:
        """Tags under which a study has a label."""
        return [tag for tag in self.all_tags() if study_id in self.labelled(tag)]

    def all_tags(self) -> list[str]:
        """Every tag that has a folder."""
        return self.files.tags()

    def labelled(self, tag: str) -> frozenset[str]:
        """Ids that have a label with this tag, whether or not their study still exists."""
        return self.files.of(tag).labelled

    def changed_images(self, study_id: str, version: LabelVersion | None, *, read: bool = True) -> list[str]:
        """The sequences that have another file now than when a version was saved; none where it is not known.

        A sequence that was added or removed since counts for nothing; without ``read``, nor does a file that was not
        read since it changed last.
        """
        if version is None or self._images is None or not version.images:
            return []
        hash_of = self._hashes.of if read else self._hashes.computed
        now = {name: hash_of(path) for name, path in self._images(study_id).items() if name in version.images}
        return [name for name, digest in now.items() if digest not in (None, version.images[name])]

    def sha256(self, study_id: str, tag: str) -> str:
        """Hex SHA-256 of the current label's file."""
        return self._hashes.of(self.path(study_id, tag))

    def image_hashes(self, study_id: str) -> dict[str, str]:
        """SHA-256 by sequence; nothing for a study that is gone or cannot be read."""
        try:
            images = self._images(study_id) if self._images is not None else {}
            return {name: self._hashes.of(check_file(path, MAX_FILE_BYTES)) for name, path in images.items()}
        except (GliomicsError, OSError):
            return {}

    def save(
        self, study_id: str, tag: str, mask: Mask, info: Mapping[str, Any], images: dict[str, str] | None = None
    ) -> LabelVersion:
        """Keep ``mask`` as the next version and make it current; the caller has checked it against the study.

        ``images`` are the :meth:`image_hashes` of before that check; those of now when None.
        """
        current = label_path(self.studies, study_id, tag)
        with self._locked(study_id), in_place(current.parent, self.studies), self._writing(study_id, tag):
            if (fault := fault_of(current, self.studies, MAX_FILE_BYTES)) and os.path.lexists(current):
                raise InputError(fault)
            self._adopt(study_id, tag)
            version = self._keep(
                study_id, tag, lambda path: write_mask(mask, path), voxels=_voxels(mask), info=info, images=images
            )
            image = self.version_path(study_id, tag, version.version)
            try:
                _copy(image, current)
            except BaseException:
                _record_path(image.parent, version.version).unlink(missing_ok=True)
                image.unlink(missing_ok=True)
                raise
            for path in self._files(study_id, tag):
                if path != current:
                    path.unlink(missing_ok=True)
        return version

    def remove(self, study_id: str, tag: str) -> None:
        """Remove the current label; its versions stay in the history."""
        self.path(study_id, tag)
        with self._locked(study_id), self._writing(study_id, tag):
            self._adopt(study_id, tag)
            for path in self._files(study_id, tag):
                path.unlink(missing_ok=True)

    def versions(self, study_id: str, tag: str) -> list[LabelVersion]:
        """The saved versions, oldest first; a current label that was put there by hand is not among them."""
        records = (self._version(study_id, tag, number) for number in self._numbers(study_id, tag))
        return [version for version in records if version is not None]

    def look_at_records(self) -> None:
        """Read the record of every version once, in no hurry, so that it is known which are broken."""
        for folder in sorted(self._history.glob("*/*")) if lies_inside(self._history, self.studies) else []:
            started = time.monotonic()
            if is_folder(folder) and is_safe_name(folder.name) and is_safe_name(folder.parent.name):
                self.versions(folder.parent.name, folder.name)
            time.sleep(time.monotonic() - started)

    def version_path(self, study_id: str, tag: str, version: int) -> Path:
        """The image of one version; :class:`UnknownNameError` when it does not exist."""
        names = [f"{version:04d}{suffix}" for suffix in (_SUFFIX, *MASK_SUFFIXES) if 0 < version < _MOST_VERSIONS]
        paths = (self._folder(study_id, tag) / name for name in names)
        path = next((path for path in paths if os.path.lexists(path)), None)
        if path is None:
            count = len(self.versions(study_id, tag))
            raise UnknownNameError(f"label '{tag}' of study '{study_id}' has no version {version}; it has {count}")
        return check_file(check_inside(path, self.studies), MAX_FILE_BYTES)

    def current(self, study_id: str, tag: str) -> LabelVersion | None:
        """The version that the current label is, or None when it was put there by hand."""
        digest = self.sha256(study_id, tag)
        records = (self._version(study_id, tag, number) for number in reversed(self._numbers(study_id, tag)))
        return next((version for version in records if version is not None and version.sha256 == digest), None)

    def adopted(self, study_id: str, tag: str) -> LabelVersion:
        """The version that the current label is; one that was put there by hand is kept as a version first."""
        with self.held(study_id, tag) as (_, version):
            return version

    @contextmanager
    def held(self, study_id: str, tag: str) -> Iterator[tuple[int | None, LabelVersion]]:
        """As :meth:`adopted`, and while the block runs no other label takes its place.

        The number is the version that it was before: None for one that was put there by hand.
        """
        self.path(study_id, tag)
        with self._locked(study_id):
            before = self.current(study_id, tag)
            if before is None:
                self._adopt(study_id, tag)
            version = before or self.current(study_id, tag)
            if version is None:
                raise UnknownNameError(f"label '{tag}' of study '{study_id}' was removed just now")
            yield (None if before is None else before.version), version

    def update_info(self, study_id: str, tag: str, info: Mapping[str, Any]) -> None:
        """Add to what is noted about the current label."""
        self.path(study_id, tag)
        with self._locked(study_id):
            self._adopt(study_id, tag)
            version = self.current(study_id, tag)
            if version is not None:
                version.info.update(info)
                check_length(version.info, f"what is noted about label '{tag}' of study '{study_id}'")
                self._records.write(_record_path(self._folder(study_id, tag), version.version), version.to_json())

    def _numbers(self, study_id: str, tag: str) -> list[int]:
        """The numbers of the versions that have a record, the lowest first."""
        return sorted({number for number, suffix in self._kept_files(study_id, tag) if suffix == "json"})

    def _kept_files(self, study_id: str, tag: str) -> list[tuple[int, str]]:
        """The number and type of each file of a version, whatever it is."""
        folder = self._folder(study_id, tag)
        try:
            with os.scandir(folder) as entries:
                files = [_VERSION.fullmatch(entry.name) for entry in entries]
        except FileNotFoundError:
            return []
        except OSError as error:
            self._records.note(folder, f"{folder} cannot be listed: {error.strerror}")
            return []
        return [(int(file[1]), file[2]) for file in files if file]

    def _version(self, study_id: str, tag: str, number: int) -> LabelVersion | None:
        """A version by its record; None for a record that is broken."""
        return self._records.read(_record_path(self._folder(study_id, tag), number), LabelVersion)

    def _keep(
        self,
        study_id: str,
        tag: str,
        write: Callable[[Path], None],
        *,
        voxels: dict[str, int],
        info: Mapping[str, Any],
        suffix: str = _SUFFIX,
        images: dict[str, str] | None = None,
    ) -> LabelVersion:
        folder = self._folder(study_id, tag)
        number = 1 + max((number for number, _ in self._kept_files(study_id, tag)), default=0)
        image = folder / f"{number:04d}{suffix}"
        version = LabelVersion(
            study_id=study_id,
            tag=tag,
            version=number,
            saved=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            user=_user(info),
            voxels=voxels,
            sha256="",
            info=dict(info),
            images=self.image_hashes(study_id) if images is None else images,
        )
        _check_record(version)
        try:
            with in_place(folder, self.studies):
                write(image)
            version = replace(version, sha256=sha256_of(image))
            self._records.write(_record_path(folder, number), version.to_json())
        except BaseException:  # also where the disk is full after the image
            image.unlink(missing_ok=True)
            raise
        return version

    def _adopt(self, study_id: str, tag: str) -> None:
        """Keep labels that were put there by hand as versions, byte for byte, before they are replaced."""
        for tries_left in reversed(range(_TRIES)):
            digests = {version.sha256 for version in self.versions(study_id, tag)}
            try:
                for current in self._files(study_id, tag):
                    self._adopt_file(study_id, tag, current, digests)
                return
            except (InputError, FileNotFoundError) as error:  # removed by hand meanwhile; another may be there by now
                if not tries_left or not isinstance(error.__cause__ or error, FileNotFoundError):
                    raise

    def _adopt_file(self, study_id: str, tag: str, current: Path, digests: set[str]) -> None:
        if sha256_of(check_file(current, MAX_FILE_BYTES)) not in digests:
            note: dict[str, Any] = {"source": f"found in {LABELS_FOLDER}/{tag}", "origin": {"kind": "imported"}}
            if (broken := self._with_broken_record(study_id, tag, sha256_of(current))) is not None:
                note = {"source": f"version {broken}, whose record is broken", "origin": {"kind": "unknown"}}
            try:
                voxels = _voxels(read_mask(current))
                note |= {"segments": segments} if (segments := segment_values(current)) else {}
            except InputError:  # not a mask, but the user's file all the same
                voxels = {}
            suffix = current.name[len(study_id) :]
            self._keep(study_id, tag, functools.partial(_copy, current), voxels=voxels, info=note, suffix=suffix)

    def _with_broken_record(self, study_id: str, tag: str, digest: str) -> int | None:
        """The version with a broken record whose image is a file with this SHA-256."""
        for number in reversed(self._numbers(study_id, tag)):
            if self._version(study_id, tag, number) is None:
                with contextlib.suppress(GliomicsError):
                    if sha256_of(self.version_path(study_id, tag, number)) == digest:
                        return number
        return None

    def _writing(self, study_id: str, tag: str) -> AbstractContextManager[None]:
        """While the files of a label are written or removed."""
        return self.files.watched(tag).writing(*(f"{study_id}{suffix}" for suffix in MASK_SUFFIXES))

    def _files(self, study_id: str, tag: str) -> list[Path]:
        """The label files of a study, which should be one at most."""
        folder, name = labels_folder(self.studies, tag), safe_name(study_id, "study id")
        paths = (folder / f"{name}{suffix}" for suffix in MASK_SUFFIXES)
        return [path for path in paths if is_file(path) and lies_inside(path, self.studies)]

    def _folder(self, study_id: str, tag: str) -> Path:
        return self._history / safe_name(study_id, "study id") / safe_name(tag, "label tag")

    @contextmanager
    def _locked(self, study_id: str) -> Iterator[None]:
        with locked(self._history / safe_name(study_id, "study id") / ".lock", self.studies):
            yield


def _check_record(version: LabelVersion) -> None:
    """Raise :class:`InputError` for a version whose record could not be written or read again."""
    try:
        json.dumps(version.to_json(), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"what was sent with label '{version.tag}' of study '{version.study_id}' cannot be kept: {error}"
        ) from error


def _record_path(folder: Path, version: int) -> Path:
    return folder / f"{version:04d}.json"


def segment_values(path: Path) -> dict[str, int]:
    """The value of each named segment of a label file, as the panel sends it with a label; none without names."""
    return {name: value for value, name in read_label_names(path).items()}


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _voxels(mask: Mask) -> dict[str, int]:
    values, counts = np.unique(mask.array, return_counts=True)
    return {str(value): int(count) for value, count in zip(values.tolist(), counts.tolist(), strict=True) if value}


def _user(info: Mapping[str, Any]) -> str | None:
    user = info.get("user") or info.get("client_id")
    return None if user is None else str(user)
