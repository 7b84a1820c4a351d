"""What a folder without ``study.json`` holds, and how to make studies of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import open_file, suffix_of
from gliomics.sequences import in_order
from gliomics.study.conventions import patient_and_role, plain_role, role_of, subject_of
from gliomics.study.images import IMAGE_SUFFIXES
from gliomics.study.labels import LABELS_FOLDER

STUDY_FILE = "study.json"
NOT_STUDIES = (LABELS_FOLDER, "truth")
"""Folders inside a studies folder that hold masks, not studies."""

_FILES_LOOKED_AT = 500
"""How many files of a folder without studies are looked at to say what it holds."""

_LEVELS_LOOKED_AT = 12
"""How deep they may lie."""


def why_no_study(folder: Path) -> str | None:
    """How to make studies of a folder without ``study.json``; None if neither it nor its folders hold images."""
    files = list(islice(_visible_files(folder), _FILES_LOOKED_AT))
    images = [path for path in files if suffix_of(path) in IMAGE_SUFFIXES]
    command = f"gliomics import {folder} OUT"
    if not images:
        dicom = any(looks_like_dicom(path) for path in files[:20])
        return f"{folder} holds DICOM files, not a study; run: {command}" if dicom else None
    subjects = (subject_of(_stem(path), path.parent.name) for path in images)
    subject = next(filter(None, subjects), None)
    layout = f"images named as in {subject.convention.name}" if subject else "images"
    listed = ", ".join(path.relative_to(folder).as_posix() for path in images[:3])
    return f"{folder} holds {layout} ({listed}) but no {STUDY_FILE}; run: {command}{_suggestion(folder, images)}"


def why_no_studies(root: Path) -> str | None:
    """How to make studies of a folder in which none lies, but DICOM files or images in folders do; None otherwise."""
    for entry in root.iterdir():
        is_image = not entry.name.startswith(".") and suffix_of(entry) in IMAGE_SUFFIXES
        if is_image or os.path.lexists(entry / STUDY_FILE):
            return None
    return why_no_study(root)


def looks_like_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does: with its preamble, or without one with an element of group 2 or 8."""
    try:
        with open_file(path) as file:
            start = file.read(132)
    except (InputError, OSError):
        return False
    if start[128:] == b"DICM":
        return True
    group, element = start[:2], start[2:4]
    little = group in (b"\x08\x00", b"\x02\x00") and element[1:] == b"\x00"
    return len(start) == 132 and (little or (group == b"\x00\x08" and element[:1] == b"\x00"))


def _suggestion(folder: Path, images: list[Path]) -> str:
    """The description to write for the folder, or its first, if its images are clearly one study's; else nothing."""
    home = images[0].parent
    if home != folder and home.parent != folder:
        return ""
    of_study = [path for path in images if path.parent == home]
    sequences, patient = _one_study(of_study)
    if not sequences:
        return ""
    value = {"format": 1, "id": home.name, "patient_id": patient or home.name, "sequences": sequences}
    where = f"write {STUDY_FILE}" if home == folder else f"write {STUDY_FILE} into {home.name} and the others"
    return f", or {where}, e.g. {json.dumps(value)}"


def _one_study(images: list[Path]) -> tuple[dict[str, str], str]:
    """The files whose names tell their sequence, and the patient; none unless they are one study's without doubt."""
    sequences: dict[str, str] = {}
    studies = set()
    patient = ""
    for path in images:
        stem = _stem(path)
        subject = subject_of(stem, path.parent.name)
        role = role_of(subject) if subject is not None else plain_role(stem)
        if role.sequence is None or role.variant:
            continue
        if role.sequence in sequences:
            return {}, ""
        sequences[role.sequence] = path.name
        prefix = patient_and_role(stem)[0]
        studies.add(subject.study if subject is not None else prefix if prefix != stem else "")
        patient = subject.patient if subject is not None else ""
    ordered = {name: sequences[name] for name in in_order(sequences)}
    return (ordered, patient) if len(studies) == 1 else ({}, "")


def _stem(path: Path) -> str:
    return path.name[: -len(suffix_of(path))]


def _visible_files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder, onerror=_raise):
        deep = len(Path(top).relative_to(folder).parts) >= _LEVELS_LOOKED_AT
        shown = (name for name in folders if not name.startswith(".") and name not in NOT_STUDIES)
        folders[:] = [] if deep or STUDY_FILE in names else sorted(shown)
        if STUDY_FILE in names:
            continue
        yield from (Path(top) / name for name in sorted(names) if not name.startswith("."))


def _raise(error: OSError) -> None:
    """A folder that cannot be listed is said, not taken for an empty one."""
    raise error
