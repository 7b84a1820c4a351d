"""The files of one segment, in the formats that are asked for; all of them appear, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pydicom

from gliomics.csv_files import write_csv
from gliomics.dicom.segmentation import Region, segmentation_of
from gliomics.dicom.source import SourceImages, find_source
from gliomics.errors import InputError
from gliomics.export.structured_report import MeasuredSegment, measurement_report
from gliomics.export.tables import long_table, tables_of_all
from gliomics.export.workbook import write_workbook
from gliomics.files import write_bytes
from gliomics.reading.exports import DICOM_FORMATS, EXPORT_SUFFIXES, export_name, with_referred
from gliomics.report.examine import ExaminedSegment
from gliomics.report.html import Report, write_report
from gliomics.study.geometry import on_grid_of
from gliomics.study.volumes import Mask


def export_names(segment: ExaminedSegment, formats: Sequence[str]) -> dict[str, str]:
    """The file name of each format that is written, a Segmentation beside a report; :class:`InputError` for others."""
    if unknown := [name for name in formats if name not in EXPORT_SUFFIXES]:
        raise InputError(f"there is no export format {unknown[0]!r}; there are {', '.join(EXPORT_SUFFIXES)}")
    if not formats:
        raise InputError(f"no export format is named; give one or several of {', '.join(EXPORT_SUFFIXES)}")
    title = segment.reading.title
    return {name: export_name(segment.study.id, title, name) for name in with_referred(list(formats))}


def write_exports(
    segment: ExaminedSegment,
    formats: Sequence[str],
    folder: Path,
    *,
    dicom: Path | None = None,
    parts: Sequence[ExaminedSegment] = (),
) -> dict[str, Path]:
    """Write a segment into ``folder`` in each format; the files by format.

    ``parts`` are other regions of the same label, which tables have besides.
    ``dicom`` is the folder with the study's DICOM files where they are not where the import found them. Nothing is
    written unless all can be made. Raises the errors of :func:`~gliomics.dicom.source.find_source` for DICOM.
    """
    names = export_names(segment, formats)
    with tempfile.TemporaryDirectory(prefix="gliomics-export-") as temporary:
        staged = {name: Path(temporary) / file for name, file in names.items()}
        if "seg" in staged:
            source = find_source(segment.study, segment.label, dicom)
            _write_dicom(segment, source, {name: staged[name] for name in DICOM_FORMATS if name in staged})
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        if "csv" in staged:
            tables = [long_table(each, created) for each in (segment, *parts)]
            rows = [dict(zip(table.columns, row, strict=True)) for table in tables for row in table.rows]
            write_csv(staged["csv"], rows, tables[0].columns)
        title = f"{segment.reading.title} of {segment.study.id}"
        if "xlsx" in staged:
            tables = tables_of_all([segment, *parts], created)
            write_workbook(staged["xlsx"], tables, title=title, notice=segment.reading.notice)
        if "html" in staged:
            introduction = "Made from the images and the mask named below."
            write_report(staged["html"], Report(title=title, cases=[segment.case()], introduction=introduction))
        for path in staged.values():
            write_bytes(folder / path.name, path.read_bytes())
    return {name: folder / file for name, file in names.items()}


def _write_dicom(segment: ExaminedSegment, source: SourceImages, paths: dict[str, Path]) -> None:
    """The Segmentation of the label, in which the measured region is a segment, and the report of that."""
    measured = on_grid_of(segment.mask, source.mask, "the measured region")
    values = [int(value) for value in np.unique(source.mask.array) if value > 0]
    number = _number_of(measured, source.mask, values)
    title = segment.reading.title
    names = {values[0]: title, **segment.names} if len(values) == 1 and number is not None else segment.names
    segmentation = segmentation_of(
        source.mask,
        source.instances,
        names,
        drawn="AUTOMATIC" if segment.is_automatic else "SEMIAUTOMATIC",
        description=f"{title}, by Gliomics",
        region=None if number is not None else Region(title, measured),
    )
    if number is None:
        number = len(segmentation.SegmentSequence)
    if "sr" in paths:
        headers: list[pydicom.Dataset] = source.instances
        group = MeasuredSegment(number, segment.features, segment.reading)
        report = measurement_report(segmentation, headers, [group], segment.reading)
        report.save_as(paths["sr"])
    segmentation.save_as(paths["seg"])


def _number_of(region: Mask, label: Mask, values: Sequence[int]) -> int | None:
    """The value of a label whose voxels are the region's."""
    inside = region.array > 0
    return next((value for value in values if np.array_equal(label.array == value, inside)), None)
