"""Carrying out an import: each study appears whole or not at all, and what is there already is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gliomics.dicom import read_series
from gliomics.errors import GeometryError, GliomicsError, InputError
from gliomics.files import atomic_path, suffix_of
from gliomics.intake.fourth_axis import read_position
from gliomics.intake.layouts.kaggle import read_channels, read_slice_mask, write_genomics
from gliomics.intake.plan import (
    ImageSource,
    ImportPlan,
    LeftOut,
    PlannedLabel,
    PlannedStudy,
    SeriesSource,
    SliceStack,
    Source,
)
from gliomics.preprocess import is_mask_like, lesion_mask
from gliomics.study.folder import list_studies, new_study_folder, read_study_folder, write_study_json
from gliomics.study.geometry import check_same_grid
from gliomics.study.images import read_label_names, read_mask, read_volume, write_mask, write_volume
from gliomics.study.labels import label_path
from gliomics.study.numbering import numbering_of_segments, parse_numbering
from gliomics.study.records import SourceSeries, Study
from gliomics.study.volumes import Mask, Volume

Progress = Callable[[int, int, str], None]
"""Called with the number of studies done, their total and the id of the last one."""


@dataclass
class ImportReport:
    """What an import did: the studies written, those kept as they were, and what could not be taken after all."""

    written: list[Study] = field(default_factory=list)
    kept: list[Study] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def write_plan(plan: ImportPlan, dest: Path, progress: Progress | None = None) -> ImportReport:
    """Write the studies of a plan into ``dest``.

    A study that exists with the same source is kept, with its labels; one that exists with another is reported
    and left as it is. A study or label that turns out unusable is reported, and the others go on. Raises
    :class:`InputError` when the disk is too small for the images.
    """
    dest = Path(dest)
    report = ImportReport()
    present = studies_present(dest)
    new = [study for study in plan.studies if study.id.lower() not in present]
    _check_space(new, dest)
    if plan.table is not None:
        kept_table = write_genomics(plan.table, dest)
        report.left_out += [kept_table] if kept_table else []
    for number, study in enumerate(plan.studies, start=1):
        try:
            _import(study, present.get(study.id.lower()), dest, report)
        except (GliomicsError, OSError) as error:
            report.left_out.append(LeftOut(study.id, str(error), is_open=True))
        if progress:
            progress(number, len(plan.studies), study.id)
    return report


def studies_present(dest: Path) -> dict[str, Study]:
    """The studies of a folder by their ids in lower case; none where there is no folder yet."""
    if not dest.exists():
        return {}
    return {study.id.lower(): study for study in list_studies(dest, lambda path, error: None)}


def difference(study: PlannedStudy, existing: Study) -> str | None:
    """Why a study that exists is not the planned one, None where it is."""
    recorded, planned = (
        {"patient": existing.patient_id, **existing.source},
        {"patient": study.patient_id, **_source(study)},
    )
    changed = [key for key in sorted({*recorded, *planned}) if recorded.get(key) != planned.get(key)]
    if not changed:
        return None
    what = f"{changed[0]} was {recorded.get(changed[0], 'none')!r} and is now {planned.get(changed[0], 'none')!r}"
    return (
        f"exists in {existing.folder}, made of something else ({what}), and is kept; remove its folder to import anew"
    )


def _import(study: PlannedStudy, existing: Study | None, dest: Path, report: ImportReport) -> None:
    if existing is None:
        report.written += _write(study, dest, report)
    elif reason := difference(study, existing):
        report.left_out.append(LeftOut(study.id, reason, is_open=True))
    else:
        report.kept.append(_with_label(_with_series(existing, study), study, dest, report))


def _write(study: PlannedStudy, dest: Path, report: ImportReport) -> list[Study]:
    """Write one study, and its label if that is usable."""
    volumes = _read(study, report)
    label = _read_label(study.label, study, volumes, report) if study.label else None
    numbering = _numbering(study.label, label, report) if study.label and label else None
    # The label goes first: a kill between the two leaves a label without a study, which nothing lists
    # and which the next import finds to be the same.
    if label is not None:
        _place_label(label, label_path(dest, study.id))
    with new_study_folder(dest / study.id) as folder:
        files = {name: folder / f"{name}.nii.gz" for name in volumes}
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(_store, (study.sequences[name] for name in files), volumes.values(), files.values()))
        written = Study(
            id=study.id,
            patient_id=study.patient_id,
            folder=folder,
            sequences=files,
            timepoint=study.timepoint,
            date=study.date,
            spacing_known=study.spacing_known,
            source=_source(study),
            numbering=numbering,
            series={name: series for name, series in _series(study).items() if name in files},
        )
        write_study_json(folder, [written])
    return read_study_folder(dest / study.id)


def _read(study: PlannedStudy, report: ImportReport) -> dict[str, Volume]:
    """The study's images; one that is not usable is reported. Raises :class:`InputError` where none is left."""
    slices = {name: source for name, source in study.sequences.items() if isinstance(source, SliceStack)}
    if slices:
        return read_channels(slices)
    images = {name: source for name, source in study.sequences.items() if not isinstance(source, SliceStack)}

    def read(source: ImageSource | SeriesSource) -> Volume | GliomicsError:
        try:
            volume = _read_source(source)
            _check_no_mask(volume, source)
        except GliomicsError as error:
            return error
        return volume

    with ThreadPoolExecutor(max_workers=4) as pool:  # decompressing does not hold the interpreter's lock
        results = dict(zip(images, pool.map(read, images.values()), strict=True))
    volumes = {name: result for name, result in results.items() if isinstance(result, Volume)}
    for name, result in results.items():
        if isinstance(result, GliomicsError):
            report.left_out.append(LeftOut(f"{name} of {study.id}", str(result), is_open=True))
    if not volumes:
        raise InputError("none of its images can be used, so it is not written")
    return volumes


def _check_no_mask(volume: Volume, source: ImageSource | SeriesSource) -> None:
    """Refuse an image whose voxels are those of a mask, whatever it is called (``FLAIR_lesion``)."""
    if is_mask_like(volume) and volume.array.min() != volume.array.max():
        values = ", ".join(f"{value:g}" for value in np.unique(volume.array))
        selector = source.series.number if isinstance(source, SeriesSource) else source.path.name
        raise InputError(
            f"holds only {values}, as a mask does and no image; say --sequence label='{selector}' if it is the "
            f"tumour's, else --sequence none='{selector}'"
        )


def _read_source(source: ImageSource | SeriesSource) -> Volume:
    if isinstance(source, SeriesSource):
        return read_series(source.series)
    return read_volume(source.path) if source.position is None else read_position(source.path, source.position)


def _read_label(
    label: PlannedLabel, study: PlannedStudy, volumes: dict[str, Volume], report: ImportReport
) -> Mask | None:
    """The mask on the grid of one of the study's images; None where it is not usable, which is reported."""
    source = label.source
    try:
        mask = read_slice_mask(source) if isinstance(source, SliceStack) else read_mask(source.path)
        errors = []
        for volume in volumes.values():
            try:
                if isinstance(source, SliceStack):  # its files hold no geometry: it fits as it is or not at all
                    check_same_grid(mask, volume, source.files[0].name, "its image")
                return lesion_mask(mask, volume, source.files[0].name)
            except GeometryError as error:
                errors.append(error)
        raise errors[0]
    except GliomicsError as error:
        report.left_out.append(LeftOut(source.files[0].name, f"is no label of '{study.id}': {error}", is_open=True))
        return None


def _numbering(label: PlannedLabel, mask: Mask, report: ImportReport) -> str | None:
    """The numbering by the names of the mask's segments, else the layout's that explains its values.

    That none of the layout's does, or that two do which say different things of them, is reported.
    """
    values = {int(value) for value in np.unique(mask.array) if value > 0}
    names = read_label_names(label.source.path) if isinstance(label.source, ImageSource) else {}
    named = numbering_of_segments(names) if names else None
    if named is not None and named.explains(values):
        return named.name
    explaining = [name for name in label.numberings if parse_numbering(name).explains(values)]
    if len({tuple(parse_numbering(name).parts[value] for value in sorted(values)) for name in explaining}) == 1:
        return explaining[0]
    if label.numberings:
        listed = ", ".join(map(str, sorted(values)))
        what = f"may be {' or '.join(explaining)}" if explaining else f"is not {' or '.join(label.numberings)}"
        reason = f"holds {listed}, which {what}: its numbering is not recorded; say it with --numbering"
        report.left_out.append(LeftOut(label.source.files[0].name, reason, is_open=True))
    return None


def _series(study: PlannedStudy) -> dict[str, SourceSeries]:
    """The DICOM series of the sequences, each with the folder that holds all its files."""
    return {
        name: SourceSeries(source.series.uid, source.series.number, _folder_of(source.files))
        for name, source in study.sequences.items()
        if isinstance(source, SeriesSource)
    }


def _folder_of(files: tuple[Path, ...]) -> Path:
    return Path(os.path.commonpath([path.parent.resolve() for path in files]))


def _with_series(existing: Study, study: PlannedStudy) -> Study:
    """A study that is kept, with where its DICOM files are now."""
    series = {name: item for name, item in _series(study).items() if name in existing.sequences}
    if series == existing.series:
        return existing
    moved = replace(existing, series=series)
    write_study_json(existing.folder, [moved])
    return moved


def _with_label(existing: Study, study: PlannedStudy, dest: Path, report: ImportReport) -> Study:
    """A study that is kept, with the label or its numbering where they were missing and are there now."""
    path, planned = label_path(dest, existing.id), study.label
    if planned is None or (path.is_file() and (existing.numbering is not None or not planned.numberings)):
        return existing
    if path.is_file():
        label: Mask | None = read_mask(path)
    else:
        label = _read_label(
            planned, study, {name: read_volume(file) for name, file in existing.sequences.items()}, report
        )
        if label is not None:
            write_mask(label, path)
    numbering = None if label is None else _numbering(planned, label, report)
    if numbering is None or numbering == existing.numbering:
        return existing
    numbered = replace(existing, numbering=numbering)
    write_study_json(existing.folder, [numbered])
    return numbered


def _place_label(mask: Mask, path: Path) -> None:
    """Write a label; one that is there with other voxels is a user's and is not replaced."""
    if path.is_file():
        present = read_mask(path)
        if not np.array_equal(present.array, mask.array):
            raise InputError(f"{path} exists without its study and differs from the mask; move it elsewhere first")
        return
    write_mask(mask, path)


def _store(source: Source, volume: Volume, path: Path) -> None:
    """A compressed NIfTI file is copied as it is, everything else written as one."""
    if isinstance(source, ImageSource) and source.position is None and _is_compressed_nifti(source.path):
        with atomic_path(path) as temporary:
            shutil.copyfile(source.path, temporary)
    else:
        write_volume(volume, path)


def _is_compressed_nifti(path: Path) -> bool:
    with path.open("rb") as file:
        return suffix_of(path) == ".nii.gz" and file.read(2) == b"\x1f\x8b"


def _source(study: PlannedStudy) -> dict[str, str]:
    """Where a study comes from, as its study.json says it: files by name and size, and the notes."""
    files = {}
    for name, source in study.sequences.items():
        if isinstance(source, ImageSource):
            files[name] = f"{source} ({source.path.stat().st_size} bytes)"
        elif isinstance(source, SeriesSource):
            files[name] = str(source)
    return {**study.notes, **files}


def _check_space(studies: list[PlannedStudy], dest: Path) -> None:
    bytes_needed = sum(study.size for study in studies)
    place = next(folder for folder in (dest.absolute(), *dest.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if bytes_needed > free:
        raise InputError(
            f"{dest} has {free / 1e9:.1f} GB free, and the images to copy take {bytes_needed / 1e9:.1f} GB; "
            "give a folder on a larger disk"
        )
