"""A request's segment as files for other programs, in one archive."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gliomics.errors import InputError
from gliomics.server.storage import temporary_file
from gliomics.server.tasks.reading import ReadingTask
from gliomics.study.images import read_label_names
from gliomics.study.records import Study


def write_archive(
    task: ReadingTask, study: Study, request: Mapping[str, Any], formats: Sequence[str], temporary: Path
) -> Path:
    """A ZIP archive in ``temporary`` with a file for each format.

    The segment is measured as ``task`` measures it; with the option ``regions`` "all" it is the whole tumour, and
    tables have its other regions, too. Option ``segments``: the name of each value of the label, which a
    DICOM Segmentation has. Raises the errors of the task and of :func:`~gliomics.export.write.write_exports`.
    """
    from gliomics.export.write import write_exports
    from gliomics.report.examine import ExaminedSegment, names_of_parts

    labelled, regions = task.read(study, request)
    names = names_of_parts(labelled.numbering, read_label_names(Path(request["label"])))
    if len(labelled.numbering.labels) == 1:  # the segment by the name that it was sent with
        names = dict.fromkeys(labelled.numbering.labels, regions[0][0].features.region)
    user = request.get("user")
    segment, *parts = (
        ExaminedSegment(
            study=study,
            volumes=labelled.images.volumes,
            label=labelled.label,
            names=_names(request) or names,
            mask=measured.mask,
            origin=f"sent to the server for this export{f' by {user}' if user else ''}",
            features=measured.features,
            reading=reading,
        )
        for measured, reading in regions
    )
    with tempfile.TemporaryDirectory(dir=temporary, prefix="export-") as folder:
        files = write_exports(segment, formats, Path(folder), parts=parts)
        with (
            temporary_file(temporary, f"{study.id}-", ".zip") as path,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for file in files.values():
                archive.write(file, file.name)
    return path


def _names(request: Mapping[str, Any]) -> dict[int, str]:
    """The option ``segments`` the other way round."""
    segments = request.get("segments")
    if segments is None:
        return {}
    if not isinstance(segments, dict) or not all(type(value) is int and value > 0 for value in segments.values()):
        raise InputError(f"segments is {str(segments)[:80]}; expected the value of each segment by its name")
    return {value: str(name) for name, value in segments.items()}
