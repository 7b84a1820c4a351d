"""What a request is about: a study of the store, or images that came with the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gliomics.answers.images import read_sent_mask
from gliomics.errors import InputError
from gliomics.files import suffix_of
from gliomics.preprocess import axial, lesion_mask_of_study
from gliomics.study.conventions import patient_and_role
from gliomics.study.images import IMAGE_SUFFIXES
from gliomics.study.numbering import numbering_of_mask
from gliomics.study.records import UNNAMED_SEQUENCE, Study
from gliomics.study.volumes import Mask


def study_of_upload(path: Path, study_id: str) -> Study:
    """Images that were uploaded for one session: a single image, or a folder of ``<sequence>.nii.gz``."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if suffix_of(file) in IMAGE_SUFFIXES)
        sequences = {sequence_of_file(file.name): file for file in files}
        if len(sequences) < len(files) or not files:
            names = ", ".join(file.name for file in files) or "none"
            raise InputError(f"expected one file per sequence, named <sequence>.nii.gz; found {names}")
        return Study(id=study_id, patient_id=study_id, folder=path, sequences=sequences)
    _, role = patient_and_role(path.name[: -len(suffix_of(path))])
    if role.mask_rank is not None or role.is_other:
        raise InputError(
            f"the uploaded file {path.name!r} is not an image to work on ({role.reason}); send the MR image"
        )
    sequence = role.sequence or UNNAMED_SEQUENCE
    return Study(id=study_id, patient_id=study_id, folder=path.parent, sequences={sequence: path})


def sequence_of_file(name: str) -> str:
    """The sequence that a file of a several-file upload is; :class:`InputError` when its name is none."""
    path = Path(name)
    suffix = suffix_of(path)
    stem = name[: -len(suffix)] if suffix else name
    sequence = patient_and_role(stem)[1].sequence
    if sequence is None or suffix not in IMAGE_SUFFIXES:
        raise InputError(
            f"the uploaded file {name!r} is not named after a sequence; "
            "name the files flair.nii.gz, t1.nii.gz, t1c.nii.gz, t2.nii.gz"
        )
    return sequence


def read_label(path: Path, study: Study, name: str, *, allow_empty: bool = False) -> Mask:
    """A label that came with a request, on the grid of one of the study's sequences.

    Errors name the study, not the path.
    """
    name = f"{name} of study '{study.id}'"
    mask = read_sent_mask(path, name)
    return lesion_mask_of_study(mask, study, name, sequence=study.default_sequence, allow_empty=allow_empty)


def with_numbering_of_segments(study: Study, info: Mapping[str, Any]) -> Study:
    """The study, numbered as the segments of its label are named: ``info`` is what was sent with the label."""
    segments = info.get("segments")
    if not isinstance(segments, dict) or not all(type(value) is int and value > 0 for value in segments.values()):
        return study
    names = {value: str(name) for name, value in segments.items()}
    numbering = numbering_of_mask(names, f"the label of study '{study.id}'", segments=names)
    return replace(study, numbering=numbering.name) if numbering.source == "names of the segments" else study


def check_slices(slices: Any, mask: Mask, study_id: str) -> None:
    """Raise :class:`InputError` unless ``slices`` are numbers of axial slices of the mask, at least one."""
    count = mask.shape[axial(mask)[0]]
    whole = isinstance(slices, list) and all(type(number) is int and 0 <= number < count for number in slices)
    if not whole or not slices:
        raise InputError(
            f"slices_done of study '{study_id}' is {str(slices)[:80]}; expected the numbers, 0 to {count - 1}, of the "
            "axial slices that were annotated, at least one"
        )
