"""From DICOM files to examinations and their series, with everything that is left out by name."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pydicom

from gliomics.dicom.frames import acquisition_of, frames_of
from gliomics.dicom.headers import READ_ERRORS, DicomHeader, read_header
from gliomics.dicom.records import Examination, Frame, Omission, Series
from gliomics.dicom.split import join_single_images, split_series
from gliomics.errors import GeometryError

_Key = tuple[str, str]
_PERSON = ("PatientName", "PatientBirthDate")


def find_examinations(paths: Iterable[Path]) -> tuple[list[Examination], list[Omission]]:
    """The examinations that DICOM files hold, and what among them is no image series.

    Files are grouped by Patient ID and Study Instance UID, then by Series Instance UID; a series of several images at
    each position is divided, one of a single image per series is put together. Only headers are read.
    """
    headers, unreadable = _read(paths)
    omissions = [
        Omission(str(path), f"cannot be read as DICOM ({reason}); copy it again from its source", is_open=True)
        for path, reason in unreadable.items()
    ]
    images: dict[_Key, list[DicomHeader]] = defaultdict(list)
    objects: dict[tuple[str, str, str], list[DicomHeader]] = defaultdict(list)
    for header in headers:
        if header.no_image:
            objects[header.no_image, header.text("SeriesNumber"), _description(header)].append(header)
        else:
            images[header.text("PatientID"), header.text("StudyInstanceUID")].append(header)
    for (kind, number, description), files in sorted(objects.items()):
        what = f"series {number} '{description}'" if number or description else files[0].path.name
        count = f"{len(files)} files, " if len(files) > 1 else ""
        omissions.append(Omission(what, f"no MR image: {count}{kind}"))
    examinations = []
    for (patient, study), files in sorted(images.items()):
        files, copies = _without_copies(files)
        omissions += copies
        dates = [text for header in files if re.fullmatch(r"\d{8}", text := header.text("StudyDate"))]
        date, *other_dates = dict.fromkeys(dates) or [""]
        series = _series(files, list(unreadable))
        name, birth_date = (next(filter(None, (header.text(tag) for header in files)), "") for tag in _PERSON)
        examinations.append(Examination(patient, study, date, tuple(series), name, birth_date, tuple(other_dates)))
    return examinations, omissions


def _read(paths: Iterable[Path]) -> tuple[list[DicomHeader], dict[Path, str]]:
    headers, unreadable = [], {}
    for path in paths:
        try:
            headers.append(read_header(path))
        except ValueError as error:
            unreadable[path] = str(error)
    return headers, unreadable


def _description(header: DicomHeader) -> str:
    return header.text("SeriesDescription") or header.text("ProtocolName")


def _without_copies(headers: list[DicomHeader]) -> tuple[list[DicomHeader], list[Omission]]:
    """Each image once: files of the same pixels and one SOP Instance UID, or one place in a series, are copies."""
    originals: dict[tuple[str, ...], DicomHeader] = {}
    images, copies = [], []
    for header in headers:
        keys = [key for key in (_identity(header), _place(header)) if any(key[1:])]
        candidates = [originals[key] for key in keys if key in originals]
        original = next((item for item in candidates if _pixels_hash(item.path) == _pixels_hash(header.path)), None)
        if original is None:
            images.append(header)
            originals.update({key: header for key in keys if key not in originals})
        else:
            copies.append((header.path, original.path))
    if not copies:
        return images, []
    path, original_path = copies[0]
    reason = f"copies of images that are taken (the same instance and pixels), e.g. of {original_path.name}"
    return images, [Omission(f"{len(copies)} files, e.g. {path.parent.name}/{path.name}", reason)]


def _identity(header: DicomHeader) -> tuple[str, ...]:
    return "instance", header.text("SOPInstanceUID")


def _place(header: DicomHeader) -> tuple[str, ...]:
    names = ("InstanceNumber", "ImagePositionPatient", "AcquisitionTime", "EchoTime", "ImageType",
             "TemporalPositionIdentifier", "DiffusionBValue")  # fmt: skip
    return "place", *_series_key(header), *(header.text(name) for name in names)


def _series_key(header: DicomHeader) -> tuple[str, ...]:
    """What the files of one series share; some anonymisers give all series of an examination one UID."""
    return header.text("SeriesInstanceUID"), header.text("SeriesNumber"), _description(header)


def _pixels_hash(path: Path) -> bytes:
    """A hash of a file's pixels, of the whole file where they cannot be told apart."""
    try:
        pixels = pydicom.dcmread(path, force=True, specific_tags=["PixelData"]).get("PixelData")
    except READ_ERRORS:
        pixels = None
    return hashlib.sha256(pixels if isinstance(pixels, bytes) else path.read_bytes()).digest()


def _series(headers: list[DicomHeader], unreadable: list[Path]) -> list[Series]:
    groups: dict[tuple[str, ...], list[DicomHeader]] = defaultdict(list)
    for header in headers:
        groups[_series_key(header)].append(header)
    joined = join_single_images([_one_series(files) for files in groups.values()])
    parts = [part for series in joined for part in split_series(series)]
    return sorted((_beside(part, unreadable) for part in parts), key=_sort_key)


def _sort_key(series: Series) -> tuple[int, str, str]:
    return len(series.number.split(".")[0]), series.number, series.uid


def _one_series(headers: list[DicomHeader]) -> Series:
    first = headers[0]
    acquisition = acquisition_of(first)
    agent = acquisition.contrast_agent or next(
        (text for header in headers if (text := header.text("ContrastBolusAgent"))), ""
    )
    frames: list[Frame] = []
    problem = ""
    for header in headers:
        try:
            frames += frames_of(header)
        except GeometryError as error:
            problem = problem or str(error)
    return Series(
        uid=first.text("SeriesInstanceUID"),
        number=first.text("SeriesNumber"),
        description=_description(first),
        acquisition=replace(acquisition, contrast_agent=agent),
        frames=tuple(frames),
        frame_of_reference=first.text("FrameOfReferenceUID"),
        problem=problem,
    )


def _beside(series: Series, unreadable: list[Path]) -> Series:
    """A series with a file beside its own that cannot be read may lack a slice, which no gap would show."""
    folders = {path.parent for path in series.files}
    neighbour = next((path for path in unreadable if path.parent in folders), None)
    if neighbour is None or series.problem:
        return series
    return replace(series, problem=f"{neighbour.name} beside its files cannot be read, so an image may be missing")
