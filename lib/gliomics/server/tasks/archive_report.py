"""What is measured of a final label for the archive: each of its segments, as a DICOM SR beside its Segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom

from gliomics.server.dicomweb.exchange import names_of_label
from gliomics.server.store.labels import LabelVersion
from gliomics.server.tasks.reading import ReadingTask
from gliomics.study.images import read_mask
from gliomics.study.numbering import numbering_of_segments
from gliomics.study.records import Study

if TYPE_CHECKING:
    from gliomics.export.structured_report import MeasuredSegment


def report_of_label(
    task: ReadingTask, study: Study, label: Path, version: LabelVersion, segmentation: Path
) -> pydicom.Dataset:
    """The report of the segments of a Segmentation, the file of which is ``segmentation``, measured as ``task`` does.

    Raises the errors of the task, and :class:`InputError` where the images' headers lack what a report needs.
    """
    from highdicom.seg import segread

    from gliomics.dicom.source import find_source
    from gliomics.export.structured_report import MeasuredSegment, measurement_report

    mask = read_mask(label)
    names = names_of_label(study, mask, version.info)
    numbering = numbering_of_segments(names)
    segments: list[MeasuredSegment] = []
    for value in version.voxels:
        options: dict[str, Any] = {"label": str(label), "label_value": int(value), "region": "tumour"}
        options |= {"numbering": numbering.name} if numbering is not None and len(version.voxels) > 1 else {}
        _, [(measured, reading)] = task.read(study, options)
        segments.append(MeasuredSegment(int(value), measured.features, reading))
    return measurement_report(segread(segmentation), find_source(study, mask).instances, segments)
