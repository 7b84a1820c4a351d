"""Where labels and masks lie beside the studies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import check_file, check_inside, is_file, lies_inside, safe_name
from gliomics.study.images import IMAGE_SUFFIXES, MAX_FILE_BYTES
from gliomics.study.segments import NAMED

MASK_SUFFIXES = (NAMED, *IMAGE_SUFFIXES)
"""File types of masks: those of images, and 3D Slicer's segmentations."""

_NOTES = (".json", ".csv", ".tsv", ".txt", ".md", ".pdf", ".log", ".yaml", ".yml", ".lock")
"""Types of files that lie beside masks and nobody takes for one."""

LABELS_FOLDER = "labels"
"""Folder of the labels inside a studies folder (MONAI Label's convention)."""

FINAL = "final"
"""Tag of the labels that models learn from."""


def label_path(root: Path, study_id: str, tag: str = FINAL) -> Path:
    """Where a study's label is written: ``root/labels/<tag>/<study id>.nii.gz``.

    Raises :class:`InputError` for unsafe names, and where a link leads out of ``root``.
    """
    return check_inside(labels_folder(root, tag) / f"{safe_name(study_id, 'study id')}.nii.gz", Path(root))


def labels_folder(root: Path, tag: str = FINAL) -> Path:
    """The folder of a studies folder's labels, ``root/labels/<tag>``; an unsafe tag is refused."""
    return Path(root) / LABELS_FOLDER / safe_name(tag, "label tag")


def find_label(root: Path, study_id: str, tag: str = FINAL) -> Path | None:
    """A study's label in a studies folder, as :func:`find_mask`; what a link brings from elsewhere is an error."""
    return find_mask(labels_folder(root, tag), study_id, root)


def find_mask(folder: Path, study_id: str, root: Path | None = None) -> Path | None:
    """A study's mask in a folder, ``<study id>`` and one of :data:`MASK_SUFFIXES`; None if there is none.

    Raises :class:`InputError` if there are several, because which one is meant is not known, and for something else
    in its place: a folder, a pipe, a file larger than any mask, or a link that leads out of ``root``, if that is given.
    """
    names = [Path(folder) / f"{study_id}{suffix}" for suffix in MASK_SUFFIXES]
    paths = [path for path in names if is_file(path) and (root is None or lies_inside(path, root))]
    if len(paths) > 1:
        raise InputError(f"study '{study_id}' has several masks: {', '.join(path.name for path in paths)}; keep one")
    for path in names:
        if not paths and os.path.lexists(path):
            check_file(path if root is None else check_inside(path, root))
    return check_file(paths[0], MAX_FILE_BYTES) if paths else None


def study_of_mask(name: str) -> str | None:
    """The id of the study whose mask a file of this name is; None when its type is none of a mask."""
    suffix = next((suffix for suffix in MASK_SUFFIXES if name.endswith(suffix) and len(name) > len(suffix)), None)
    return None if suffix is None else name[: -len(suffix)]


def is_note(name: str) -> bool:
    """Whether a file beside masks is hidden, a table or a text, which nobody takes for one."""
    return name.startswith(".") or name.lower().endswith(_NOTES)


def unused_masks(folder: Path, study_ids: Iterable[str]) -> dict[str, str]:
    """The files of a folder of masks that are of none of the studies, by name, each with the reason.

    Hidden files, tables and texts are not among them.
    """
    return unused_names((path.name for path in Path(folder).iterdir()), study_ids)


def unused_names(names: Iterable[str], study_ids: Iterable[str]) -> dict[str, str]:
    """As :func:`unused_masks`, of names in a folder of masks."""
    ids = set(study_ids)
    by_case = {study_id.lower(): study_id for study_id in ids}
    unused: dict[str, str] = {}
    masks: dict[str, list[str]] = {}
    for name in sorted(names):
        if is_note(name):
            continue
        study_id = study_of_mask(name)
        if study_id is None:
            unused[name] = f"it is no file of the types {', '.join(MASK_SUFFIXES)}"
        elif study_id not in ids:
            unused[name] = _without_study(name, study_id, by_case)
        else:
            masks.setdefault(study_id, []).append(name)
    for study_id, of_study in masks.items():
        if len(of_study) > 1:
            reason = f"study '{study_id}' has several masks: {', '.join(of_study)}; keep one"
            unused |= dict.fromkeys(of_study, reason)
    return unused


def misplaced_labels(root: Path) -> dict[str, str]:
    """Masks that lie where no label is looked for, as ``labels/...``, each with the reason.

    They lie in ``labels`` itself, or in a folder whose name differs from ``final`` by the case of its letters.
    """
    folder = Path(root) / LABELS_FOLDER
    return misplaced_names({path.name: path.is_dir() for path in folder.iterdir()} if folder.is_dir() else {})


def misplaced_names(is_folder: Mapping[str, bool]) -> dict[str, str]:
    """As :func:`misplaced_labels`, of names in ``labels``, which are folders or files."""
    misplaced: dict[str, str] = {}
    for name in sorted(is_folder):
        if not is_folder[name] and study_of_mask(name) is not None and not name.startswith("."):
            misplaced[f"{LABELS_FOLDER}/{name}"] = f"it has no tag; move it to {LABELS_FOLDER}/{FINAL}"
        elif is_folder[name] and name != FINAL and name.lower() == FINAL:
            misplaced[f"{LABELS_FOLDER}/{name}"] = f"the tag is written '{name}', not '{FINAL}'; rename the folder"
    return misplaced


def _without_study(name: str, stem: str, by_case: Mapping[str, str]) -> str:
    """Why a mask is of no study, with the name that it may have been meant to have."""
    parts = re.split(r"([-_. ])", stem)
    starts = ["".join(parts[:count]) for count in range(len(parts), 0, -2)]
    likely_id = next((by_case[start.lower()] for start in starts if start.lower() in by_case), None)
    suffix = name[len(stem) :]
    hint = f"; if it is of study '{likely_id}', name it {likely_id}{suffix}" if likely_id is not None else ""
    return f"there is no study '{stem}'{hint}"
