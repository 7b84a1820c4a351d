"""Folders of DICOM files, of one or many patients and examinations: each examination becomes a study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from gliomics.dicom import Examination, Series, find_examinations
from gliomics.intake.choices import NONE, Choices
from gliomics.intake.folder_content import FolderContent
from gliomics.intake.plan import ImportPlan, LeftOut, PlannedStudy, SeriesSource, usable_id
from gliomics.sequences import SEQUENCES, Recognition, in_order
from gliomics.study.sessions import date_in


def dicom_plan(files: FolderContent, choices: Choices, patient_id: str | None = None) -> ImportPlan:
    """The plan for the MR series below a folder; whatever is no image series of a sequence is left out by name.

    ``patient_id`` is that of examinations whose files hold none; without it they are left out, because nobody knows
    which of them are of one patient.
    """
    examinations, omissions = find_examinations(files.path(name) for name in files.dicom)
    if patient_id is not None:
        examinations = [item if item.patient_id else replace(item, patient_id=patient_id) for item in examinations]
    left_out = [LeftOut(_below(files.root, item.what), item.reason, item.is_open) for item in omissions]
    joined = _ids_of_several_patients(examinations)
    studies = []
    for study_id, examination in zip(_ids(examinations), examinations, strict=True):
        sequences = _sequences(examination.series, choices, study_id, left_out)
        if sequences and not examination.patient_id:
            reason = "its files hold no Patient ID; say the patient with --patient"
            left_out.append(LeftOut(f"{study_id}: the examination", reason, is_open=True))
        elif sequences and examination.other_dates:
            dates = " and ".join(sorted((examination.date, *examination.other_dates)))
            reason = (
                f"its files have one Study Instance UID and are of {dates}, so they are of several examinations; "
                "import the files of each by themselves"
            )
            left_out.append(LeftOut(f"{study_id}: the examination", reason, is_open=True))
        elif sequences and examination.patient_id in joined:
            reason = (
                f"the examinations of Patient ID '{examination.patient_id}' have different names or birth dates, so "
                "they are of several patients; import the folder of each by itself, with --patient"
            )
            left_out.append(LeftOut(f"{study_id}: the examination", reason, is_open=True))
        elif sequences:
            studies.append(
                PlannedStudy(
                    id=study_id,
                    patient_id=examination.patient_id,
                    sequences=dict(sequences),
                    date=date_in(examination.date),
                    notes={"format": "DICOM", **_notes(sequences)},
                )
            )
    choices.check_used(name for item in examinations for series in item.series for name in _names(series) if name)
    patients = len({item.patient_id for item in examinations})
    return ImportPlan(
        layout="DICOM",
        evidence=f"{len(files.dicom)} files, examinations: {len(examinations)}, patients: {patients}",
        studies=tuple(sorted(studies, key=lambda study: study.id)),
        left_out=tuple(left_out),
    )


def _ids_of_several_patients(examinations: Iterable[Examination]) -> set[str]:
    """Patient IDs (``ANON``, or one told for files without) that examinations of different people have."""
    by_id: dict[str, dict[tuple[str, str], Examination]] = defaultdict(dict)
    for item in examinations:
        by_id[item.patient_id][item.name, item.birth_date] = item
    return {
        patient_id
        for patient_id, items in by_id.items()
        if patient_id and any(a.is_of_another(b) for a, b in combinations(items.values(), 2))
    }


def _ids(examinations: Iterable[Examination]) -> list[str]:
    """``<patient id>_<date>`` for each examination, with a number behind where that is taken."""
    ids: list[str] = []
    for examination in examinations:
        base = "_".join(filter(None, (usable_id(examination.patient_id) or "unknown", examination.date)))
        study_id, number = base, 1
        while study_id.lower() in (earlier.lower() for earlier in ids):
            number += 1
            study_id = f"{base}-{number}"
        ids.append(study_id)
    return ids


def _sequences(
    series: Iterable[Series], choices: Choices, study: str, left_out: list[LeftOut]
) -> dict[str, SeriesSource]:
    """The series of each sequence; the others are left out, those that are undecided or doubled as open."""
    by_sequence: dict[str, list[tuple[SeriesSource, bool]]] = defaultdict(list)
    for item in series:
        choice = choices.of(_names(item))
        recognition = item.recognition
        if choice is not None:
            sequence = choice.name if choice.name in SEQUENCES else None
            recognition = Recognition(sequence, f"named {choice} at import", is_other=choice.name == NONE)
        if recognition.sequence is not None:
            by_sequence[recognition.sequence].append((SeriesSource(item, recognition.reason), choice is not None))
        elif recognition.is_other:
            left_out.append(LeftOut(f"{study}: {item}", recognition.reason))
        else:
            left_out.append(LeftOut(f"{study}: {item}", recognition.reason, is_open=True, name=_name(item)))
    sequences = {}
    for name in in_order(by_sequence):
        by_user = [source for source, is_by_user in by_sequence[name] if is_by_user]
        candidates = by_user or [source for source, _ in by_sequence[name]]
        for source, _ in by_sequence[name]:
            if source not in candidates:
                left_out.append(
                    LeftOut(f"{study}: {source.series}", f"a second {name}; {candidates[0].series} is taken")
                )
        if len(candidates) == 1:
            sequences[name] = candidates[0]
            continue
        for source in candidates:
            count = f"one of {len(candidates)} series that are {name}"
            reason = f"{count}: one study has one {name}; name it by its number or UID"
            what, selector = f"{study}: {source.series}", source.series.number or source.series.uid
            left_out.append(LeftOut(what, reason, is_open=True, name=selector, candidate=name))
    return sequences


def _names(series: Series) -> list[str]:
    """What a user can select a series by."""
    return [series.description, series.number, series.uid]


def _name(series: Series) -> str:
    return series.description or series.number or series.uid


def _notes(sequences: dict[str, SeriesSource]) -> dict[str, str]:
    frames = {source.series.frame_of_reference for source in sequences.values()}
    if len(frames) < 2:
        return {}
    return {"frames_of_reference": "the sequences have different ones; register them before resampling"}


def _below(root: Path, what: str) -> str:
    """A file as its path from the folder."""
    return what.removeprefix(f"{root}/")
