"""Folders of DICOM files, of one or many patients and examinations: each examination becomes a study."""

from __future__ import annotations

import os
from collections import defaultdict

from gliomics.dicom import Examination, Series, find_examinations
from gliomics.intake.assemble import usable_id
from gliomics.intake.choices import NONE, Choices
from gliomics.intake.files import Files
from gliomics.intake.plan import ImportPlan, LeftOut, PlannedStudy, SeriesSource
from gliomics.sequences import Recognition


def dicom_plan(files: Files, choices: Choices) -> ImportPlan:
    """The plan for the MR series below a folder; whatever is no image series of a sequence is left out by name."""
    examinations, omissions = find_examinations(files.path(name) for name in files.dicom)
    left_out = [LeftOut(_relative(item.what, files), item.reason, item.is_open) for item in omissions]
    names = [name for item in examinations for series in item.series for name in (series.number, series.description)]
    studies = []
    for study_id, examination in _ids(examinations).items():
        sequences = _sequences(list(examination.series), choices, study_id, left_out)
        date = examination.date
        if sequences:
            studies.append(
                PlannedStudy(
                    id=study_id,
                    patient_id=examination.patient_id or study_id,
                    sequences=dict(sequences),
                    date=f"{date[:4]}-{date[4:6]}-{date[6:]}" if date else None,
                    notes={"format": "DICOM", **_frames_of_reference(sequences)},
                )
            )
    choices.check_used(names)
    return ImportPlan(
        layout="DICOM",
        evidence=f"{len(examinations)} examinations of {len({item.patient_id for item in examinations})} patients",
        studies=tuple(studies),
        left_out=tuple(left_out),
    )


def _relative(what: str, files: Files) -> str:
    """A file's path from the folder that is imported; what is no path stays as it is."""
    return what.removeprefix(f"{files.root}{os.sep}")


def _frames_of_reference(sequences: dict[str, SeriesSource]) -> dict[str, str]:
    """A note where the sequences do not lie in one coordinate system."""
    if len({source.series.frame_of_reference for source in sequences.values()}) == 1:
        return {}
    return {"frames_of_reference": "the sequences have different ones; register them before resampling"}


def _ids(examinations: list[Examination]) -> dict[str, Examination]:
    """The examinations by ``<patient id>_<date>``, with a number behind where that is not one."""
    ids: dict[str, Examination] = {}
    for item in sorted(examinations, key=lambda item: (item.patient_id, item.date, item.study_uid)):
        base = "_".join(filter(None, (usable_id(item.patient_id), item.date))) or "unknown"
        taken = {name.lower() for name in ids}
        number = 1
        while (name := base if number == 1 else f"{base}-{number}").lower() in taken:
            number += 1
        ids[name] = item
    return ids


def _sequences(series: list[Series], choices: Choices, study: str, left_out: list[LeftOut]) -> dict[str, SeriesSource]:
    """The series of each sequence; the others are left out, those that are undecided or doubled as open."""
    by_sequence: dict[str, list[tuple[SeriesSource, bool]]] = defaultdict(list)
    for item in series:
        choice = choices.of([item.number, item.uid, item.description])
        recognition = item.recognition
        if choice is not None:
            recognition = Recognition(
                None if choice.name == NONE else choice.name, f"named {choice} at import", is_other=choice.name == NONE
            )
        if recognition.sequence is None:
            is_open = not recognition.is_other
            left_out.append(LeftOut(f"{study}: {item}", recognition.reason, is_open, _name(item) if is_open else None))
        else:
            by_sequence[recognition.sequence].append((SeriesSource(item, recognition.reason), choice is not None))
    sequences = {}
    for name, found in by_sequence.items():
        taken = [source for source, chosen in found if chosen] or [source for source, _ in found]
        for source, _ in found:
            if source not in taken:
                left_out.append(LeftOut(f"{study}: {source.series}", f"a second {name}; {taken[0].series} is taken"))
        if len(taken) == 1:
            sequences[name] = taken[0]
            continue
        for source in taken:
            reason = f"one of {len(taken)} series that are {name}: one study has one {name}"
            left_out.append(
                LeftOut(f"{study}: {source.series}", reason, is_open=True, name=_name(source.series), candidate=name)
            )
    return {name: sequences[name] for name in ("t1", "t1c", "t2", "flair") if name in sequences}


def _name(series: Series) -> str:
    return series.description or series.number or series.uid
