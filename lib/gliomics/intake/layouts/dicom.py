"""Folders of DICOM files, of one or many patients and examinations: each examination becomes a study."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pydicom

from gliomics.intake.assemble import usable_id
from gliomics.intake.choices import NONE, Choices
from gliomics.intake.files import Files
from gliomics.intake.plan import ImportPlan, LeftOut, PlannedStudy, SeriesSource
from gliomics.sequences import Recognition
from gliomics.study.dicom import _TAGS, _group, _load, _read_headers, _sorted_slices, _text
from gliomics.study.dicom_series import Series
from gliomics.study.records import Volume

_Header = tuple[Path, pydicom.Dataset]


def dicom_plan(files: Files, choices: Choices) -> ImportPlan:
    """The plan for the MR series below a folder; whatever is no image series of a sequence is left out by name."""
    examinations: dict[tuple[str, str], list[_Header]] = defaultdict(list)
    for path, header in _read_headers(files.root):
        examinations[_text(header, "PatientID"), _text(header, "StudyInstanceUID")].append((path, header))
    left_out: list[LeftOut] = []
    names: list[str] = []
    studies = []
    ids = _ids({key: _text(headers[0][1], "StudyDate") for key, headers in examinations.items()})
    for key, headers in sorted(examinations.items()):
        series = _group(headers)
        names += [name for item in series for name in (item.number, item.description)]
        sequences = _sequences(series, choices, ids[key], left_out)
        date = _text(headers[0][1], "StudyDate")
        if sequences:
            studies.append(
                PlannedStudy(
                    id=ids[key],
                    patient_id=key[0] or ids[key],
                    sequences=dict(sequences),
                    date=f"{date[:4]}-{date[4:6]}-{date[6:]}" if re.fullmatch(r"\d{8}", date) else None,
                    notes={"format": "DICOM"},
                )
            )
    choices.check_used(names)
    return ImportPlan(
        layout="DICOM",
        evidence=f"{len(examinations)} examinations of {len({patient for patient, _ in examinations})} patients",
        studies=tuple(studies),
        left_out=tuple(left_out),
    )


def _ids(dates: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """``<patient id>_<date>`` for each examination, with a number behind where that is not one."""
    ids: dict[tuple[str, str], str] = {}
    for key, date in sorted(dates.items(), key=lambda item: (item[0][0], item[1], item[0][1])):
        base = "_".join(filter(None, (usable_id(key[0]), date))) or "unknown"
        taken = {name.lower() for name in ids.values()}
        ids[key] = next(
            name
            for number in range(1, len(dates) + 2)
            if (name := base if number == 1 else f"{base}-{number}").lower() not in taken
        )
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


def read_series(series: Series) -> Volume:
    """The series as a volume; raises :class:`InputError` or :class:`GeometryError` for one that is no regular stack."""
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS) for path in series.files}
    return _load(_sorted_slices(series, headers), series)
