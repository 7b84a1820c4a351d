"""The DICOM series that a study's mask lies on: found by what the import noted, or by the voxels themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from gliomics.dicom.examinations import find_examinations
from gliomics.dicom.headers import READ_ERRORS
from gliomics.dicom.records import Series
from gliomics.dicom.volume import grid_of_series, read_series
from gliomics.errors import GeometryError, GliomicsError, InputError
from gliomics.study.geometry import on_grid_of
from gliomics.study.images import read_volume
from gliomics.study.records import SourceSeries, Study
from gliomics.study.volumes import Mask, Volume

_AGAIN = "name the folder that holds them with gliomics export --dicom FOLDER"
_REMEDY = f"import the study from its DICOM files (gliomics import FOLDER STUDIES), or {_AGAIN}"


@dataclass(frozen=True)
class SourceImages:
    """A series with the headers of its instances, and the mask on its grid; ``sequence`` is what the study calls it."""

    sequence: str
    series: Series
    instances: list[pydicom.Dataset]
    mask: Mask


def find_source(study: Study, mask: Mask, folder: Path | None = None) -> SourceImages:
    """The series of one of the study's sequences on whose voxels the mask lies.

    It is looked for in the folder that the import noted, or in ``folder``. A study of which no import noted its series
    is known by its voxels: the series in ``folder`` must have the grid and the values of one of its images. Raises
    :class:`InputError` for a study that did not come from DICOM, for files that are no longer there and for voxels
    that several series have, and :class:`GeometryError` for a mask on another grid. Errors name no folder.
    """
    if folder is None and not study.series:
        raise InputError(
            f"it is not known which DICOM series study '{study.id}' was made of, and DICOM files of results belong to "
            f"their images: {_REMEDY}"
        )
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder that holds the DICOM files of study '{study.id}'")
    order = [study.default_sequence, *(name for name in study.sequences if name != study.default_sequence)]
    refusals: list[GeometryError] = []
    candidates = _noted(study, order, folder) if study.series else _by_voxels(study, order, folder or Path())
    for sequence, series in candidates:
        try:
            placed = on_grid_of(mask, grid_of_series(series), f"the mask of study '{study.id}'", str(series))
        except GeometryError as error:
            refusals.append(error)
        else:
            return SourceImages(sequence, series, [_header(path, study) for path in series.files], placed)
    if refusals:
        raise refusals[0]
    raise InputError(
        f"none of the DICOM series there has the voxels of study '{study.id}', as far as its images were not changed "
        f"since they were converted: give the folder of this examination, or {_REMEDY}"
    )


def _noted(study: Study, order: list[str], folder: Path | None) -> Iterator[tuple[str, Series]]:
    """The series that the import noted, in this order; an :class:`InputError` where none of them is there any more."""
    in_folder: dict[Path, list[Series]] = {}
    any_found = False
    for sequence in order:
        noted = study.series.get(sequence)
        if noted is None:
            continue
        place = folder or noted.folder
        if place not in in_folder:
            in_folder[place] = _series_in(place)
        series = [item for item in in_folder[place] if _is_noted(item, noted)]
        if len(series) == 1:
            any_found = True
            yield sequence, series[0]
    if not any_found:
        where = "in the folder named" if folder is not None else "where they were when it was imported"
        raise InputError(
            f"the DICOM files of study '{study.id}' are not {where}: import them again from where they are now, or "
            f"{_AGAIN}"
        )


def _is_noted(series: Series, noted: SourceSeries) -> bool:
    return series.uid == noted.uid and noted.number in ("", series.number)


def _by_voxels(study: Study, order: list[str], folder: Path) -> Iterator[tuple[str, Series]]:
    """The series that have the voxels of one of the study's images."""
    series = _series_in(folder)
    for sequence in order:
        image = read_volume(study.path(sequence))
        same = [item for item in series if _has_voxels(item, image)]
        if len({item.uid for item in same}) > 1:
            listed = ", ".join(f"{item} ({item.uid})" for item in same[:3])
            raise InputError(
                f"several DICOM series have the voxels of {sequence} of study '{study.id}': {listed}; give a folder "
                "that holds one of them"
            )
        if same:
            yield sequence, same[0]


def _has_voxels(series: Series, image: Volume) -> bool:
    try:
        on_grid = on_grid_of(Mask(image.array, image.affine), grid_of_series(series), "the image")
        return bool(np.allclose(on_grid.array, read_series(series).array, rtol=1e-4, atol=1e-3))
    except GliomicsError:
        return False


def _series_in(folder: Path) -> list[Series]:
    """All MR series below a folder that are volumes."""
    if not folder.is_dir():
        return []
    examinations, _ = find_examinations(sorted(path for path in folder.rglob("*") if path.is_file()))
    return [series for examination in examinations for series in examination.series if series.frames]


def _header(path: Path, study: Study) -> pydicom.Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except READ_ERRORS as error:
        raise InputError(f"a DICOM file of study '{study.id}' cannot be read ({error}); copy it again") from error
