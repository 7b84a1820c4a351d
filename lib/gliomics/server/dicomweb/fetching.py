"""One examination of the archive made a study of the folder: whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from gliomics.dicom.headers import HEADER_TAGS, READ_ERRORS, number_of, text_of
from gliomics.errors import AbandonedError, InputError
from gliomics.files import move, sync_folder
from gliomics.intake.choices import NONE, Choices
from gliomics.intake.folder_content import find_files
from gliomics.intake.layouts.dicom import dicom_plan
from gliomics.intake.plan import ImportPlan, LeftOut, SeriesSource
from gliomics.intake.write import write_plan
from gliomics.server.dicomweb.client import Archive, ArchiveError, is_uid
from gliomics.server.dicomweb.listing import Listed
from gliomics.study.folder import read_study_folder, write_study_json
from gliomics.study.records import SourceSeries

HEADERS = "dicom"
"""Folder inside a study's with the headers of its DICOM files, to which results refer; their pixels are not kept."""

STUDY_UID = "study_instance_uid"
"""Where a study's ``source`` says which examination it is, and :data:`LEFT_OUT` what of it was not taken, and why."""

LEFT_OUT = "left_out"

_MOST_LEFT_OUT = 4_000

Progress = Callable[[int, int], None]
"""Called with the number of images that have arrived, and of all."""

_log = logging.getLogger(__name__)


def fetch_examination(
    archive: Archive,
    examination: Listed,
    folder: Path,
    *,
    temporary: Path,
    named: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Make ``folder`` the study of an examination, with the sequences that its headers tell.

    First come the headers of its MR series, then the images of those series that are a sequence. Nothing is left where
    anything fails. ``named`` says what undecided series are, as ``t1c=7``. Raises :class:`ArchiveError` for what the
    archive does not send, or not whole; :class:`InputError` for an examination none of whose series is a sequence of
    ours, with the reasons; :class:`AbandonedError` when ``cancelled``.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=temporary, prefix="fetch-") as name:
        here = Path(name).resolve()
        series = _fetch_headers(archive, examination, here / "headers", cancelled)
        plan = _plan(here / "headers", examination, Choices.parse(named))
        wanted = _folders_of(plan, here / "headers")
        total, arrived = sum(len(series[part][1]) for part in wanted), 0
        for part in wanted:
            uid, instances = series[part]
            for dataset in _whole_series(archive, examination.uid, uid, instances):
                if cancelled():
                    raise AbandonedError(f"fetching '{examination.id}' was cancelled; nothing of it was kept")
                _save(dataset, here / "dicom" / part / f"{arrived:05d}.dcm")
                arrived += 1
                progress(arrived, total)
        taken = Choices.parse([text for text in named if text.partition("=")[0].strip().lower() != NONE])
        _write_study(_plan(here / "dicom", examination, taken), plan.left_out, here, examination)
        _move(here / "studies" / examination.id, folder)


def _fetch_headers(
    archive: Archive, examination: Listed, folder: Path, cancelled: Callable[[], bool]
) -> dict[str, tuple[str, set[str]]]:
    """The headers of all MR series as files; by the folder of each, its UID and those of its instances."""
    series = {}
    for uid in archive.series(examination.uid, "MR"):
        if cancelled():
            raise AbandonedError(f"fetching '{examination.id}' was cancelled; nothing of it was kept")
        headers = archive.headers(examination.uid, uid)
        part = hashlib.sha256(uid.encode()).hexdigest()[:16]  # a UID from elsewhere names no folder
        series[part] = uid, {text_of(header, "SOPInstanceUID") for header in headers}
        for number, header in enumerate(headers):
            known = pydicom.Dataset({element.tag: element for element in header if element.keyword in HEADER_TAGS})
            known.file_meta = pydicom.dataset.FileMetaDataset()
            known.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            _save(known, folder / part / f"{number:05d}.dcm")
    if not series:
        raise InputError(f"examination '{examination.id}' has no MR series in the archive (any more)")
    return series


def _plan(folder: Path, examination: Listed, choices: Choices) -> ImportPlan:
    """What the recogniser makes of an examination's files; :class:`InputError` where that is not one study."""
    plan = dicom_plan(find_files(folder), choices)
    if len(plan.studies) != 1:
        reasons = "; ".join(f"{item.what}: {item.reason}" for item in plan.left_out)[:1000]
        count = "none of its series can be taken" if not plan.studies else "its series are of several patients"
        raise InputError(f"examination '{examination.id}' of the archive cannot be used: {count}. {reasons}")
    study = plan.studies[0]
    left_out = tuple(replace(item, what=item.what.replace(study.id, examination.id)) for item in plan.left_out)
    return replace(plan, studies=(replace(study, id=examination.id),), left_out=left_out)


def _folders_of(plan: ImportPlan, root: Path) -> list[str]:
    """The folders, one of each series, that the images of a plan lie in."""
    sources = [source for source in plan.studies[0].sequences.values() if isinstance(source, SeriesSource)]
    return sorted({path.relative_to(root).parts[0] for source in sources for path in source.files})


def _whole_series(archive: Archive, examination: str, uid: str, expected: set[str]) -> Iterable[pydicom.Dataset]:
    """The instances of a series, each once and with all its pixels; :class:`ArchiveError` where one is missing."""
    missing = set(expected)
    for dataset in archive.instances(examination, uid):
        instance = text_of(dataset, "SOPInstanceUID")
        if not is_uid(instance) or not _has_all_pixels(dataset):
            raise ArchiveError(
                f"the archive sent an image of series {uid} only in part; it is fetched again when asked"
            )
        if instance in missing:
            missing.discard(instance)
            yield dataset
    if missing:
        raise ArchiveError(
            f"the archive sent {len(expected) - len(missing)} of {len(expected)} images of series {uid}; nothing was "
            "kept: try again, and look whether the archive has all of them"
        )


def _has_all_pixels(dataset: pydicom.Dataset) -> bool:
    """Whether an instance has pixels, and as many bytes as its header says if they are not compressed."""
    try:
        pixels = dataset.PixelData
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            return len(pixels) > 0
        names = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames")
        rows, columns, samples, frames = (int(number_of(dataset, name, 1)) for name in names)
        return len(pixels) >= rows * columns * samples * frames * int(dataset.BitsAllocated) // 8
    except READ_ERRORS:
        return False


def _save(dataset: pydicom.Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        dataset.save_as(path)
    except READ_ERRORS as error:
        if isinstance(error, OSError):
            raise
        raise ArchiveError(f"the archive sent an image that cannot be read: {str(error)[:200]}") from error


def _write_study(plan: ImportPlan, left_out: tuple[LeftOut, ...], here: Path, examination: Listed) -> None:
    """The study of a plan in ``here/studies``, with what it came from and the headers of its files."""
    report = write_plan(plan, here / "studies")
    reasons = [f"{item.what}: {item.reason}" for item in (*left_out, *report.left_out) if item.is_open]
    if not report.written:
        raise InputError(f"examination '{examination.id}' of the archive cannot be used: {'; '.join(reasons)[:1000]}")
    study = report.written[0]
    headers = study.folder / HEADERS
    for name, series in study.series.items():
        source = plan.studies[0].sequences[name]
        for path in source.files:
            _save_header(path, headers / path.relative_to(here / "dicom"))
        study.series[name] = SourceSeries(
            series.uid, series.number, headers / series.folder.relative_to(here / "dicom")
        )
    notes = {STUDY_UID: examination.uid, **({LEFT_OUT: "; ".join(reasons)[:_MOST_LEFT_OUT]} if reasons else {})}
    write_study_json(study.folder, [replace(study, source={**study.source, **notes})])


def _save_header(path: Path, target: Path) -> None:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(target)


def _move(written: Path, folder: Path) -> None:
    read_study_folder(written)
    sync_folder(written)
    if folder.exists():
        raise InputError(f"{folder.name} is there already; remove it first")
    move(written, folder)
    sync_folder(folder.parent)
