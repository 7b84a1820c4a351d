"""What is measured and estimated of a final label for the archive, as a DICOM SR beside its Segmentation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pydicom

from gliomics.errors import GliomicsError
from gliomics.reading.record import Reading
from gliomics.server.dicomweb.exchange import names_of_label
from gliomics.server.store.labels import LabelVersion
from gliomics.server.tasks.reading import ReadingTask
from gliomics.study.images import read_mask
from gliomics.study.numbering import numbering_of_segments
from gliomics.study.records import Study

_log = logging.getLogger(__name__)


def report_of_label(
    tasks: tuple[ReadingTask, ReadingTask], study: Study, label: Path, version: LabelVersion, segmentation: Path
) -> pydicom.Dataset:
    """The report of the segments of a Segmentation, the file of which is ``segmentation``.

    The first of ``tasks`` measures each segment by itself, the second estimates what it can of the whole tumour. Raises
    the errors of the first, and :class:`InputError` where the images' headers lack what a report needs.
    """
    from highdicom.seg import segread

    from gliomics.dicom.source import find_source
    from gliomics.export.structured_report import MeasuredSegment, measurement_report

    measuring, estimating = tasks
    mask = read_mask(label)
    numbering = numbering_of_segments(names_of_label(study, mask, version.info))
    common: dict[str, Any] = {"label": str(label)}
    if numbering is not None and len(version.voxels) > 1:
        common["numbering"] = numbering.name
    segments: list[MeasuredSegment] = []
    for value in version.voxels:
        _, [(measured, reading)] = measuring.read(study, {**common, "label_value": int(value), "region": "tumour"})
        segments.append(MeasuredSegment(int(value), measured.features, reading))
    whole = _whole(estimating, study, common)
    return measurement_report(segread(segmentation), find_source(study, mask).instances, segments, whole)


def _whole(task: ReadingTask, study: Study, options: dict[str, Any]) -> Reading | None:
    """The reading of the whole tumour; None where the label does not tell how far that reaches."""
    try:
        _, [(_, reading)] = task.read(study, {**options, "region": "tumour"})
    except GliomicsError as error:
        _log.info("nothing is estimated of study '%s' for the archive: %s", study.id, error)
        return None
    return reading
