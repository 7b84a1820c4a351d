"""Studies as folders: ``study.json`` and one image file per sequence.

``<root>/<id>/study.json`` names the files; a single image file ``<root>/<name>.nii.gz``
is a study of one sequence. ``labels/``, ``truth/`` and hidden folders are no studies.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gliomics.errors import GliomicsError, InputError, UnknownNameError, printable
from gliomics.files import (
    check_file,
    check_inside,
    is_file,
    is_folder,
    lies_inside,
    move,
    safe_name,
    suffix_of,
    sync_folder,
    write_json,
)
from gliomics.sequences import canonical_sequence
from gliomics.study.conventions import patient_and_role
from gliomics.study.description import parse_description
from gliomics.study.images import IMAGE_SUFFIXES, MAX_FILE_BYTES
from gliomics.study.no_study import NOT_STUDIES, STUDY_FILE, why_no_study
from gliomics.study.numbering import parse_numbering
from gliomics.study.records import UNNAMED_SEQUENCE, SourceSeries, Study

OnError = Callable[[Path, GliomicsError], None]

_LOGGER = logging.getLogger(__name__)


def read_study_folder(folder: Path, root: Path | None = None) -> list[Study]:
    """The studies of one folder, one per time point, the first with the folder's own id.

    Files are checked to exist inside the folder, not read. Links may lead anywhere inside ``root``, the folder of
    studies, or inside the study's own folder when None. Raises :class:`InputError`
    naming ``study.json`` and what is wrong in it; for a folder of DICOM or loose images,
    how to turn it into a study.
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise InputError(f"{folder} is not a folder; expected a study folder with {STUDY_FILE}")
    if not os.path.lexists(folder / STUDY_FILE):
        raise InputError(why_no_study(folder) or f"{folder} has no {STUDY_FILE}; expected a study folder")
    root = root or folder
    content, timepoints = parse_description(check_inside(folder / STUDY_FILE, root))
    base_id = safe_name(content.id, f"{folder / STUDY_FILE}: study id")
    studies = []
    for position, timepoint in enumerate(timepoints):
        name = safe_name(timepoint.name, f"{folder / STUDY_FILE}: time point name")
        studies.append(
            Study(
                id=base_id if position == 0 else safe_name(f"{base_id}_{name}", "study id"),
                patient_id=content.patient_id,
                folder=folder,
                sequences=_sequence_paths(folder, timepoint.sequences, root),
                timepoint=name,
                date=timepoint.date,
                spacing_known=content.spacing_known,
                source=dict(content.source),
                numbering=content.numbering,
                series={
                    name: SourceSeries(item.uid, item.number, folder / item.folder)
                    for name, item in timepoint.dicom_series.items()
                },
            )
        )
    names = [study.timepoint.lower() for study in studies]
    if len(set(names)) < len(names):
        raise InputError(f"{folder / STUDY_FILE} names a time point twice ({', '.join(names)}); give each its own name")
    return studies


def list_studies(root: str | Path, on_error: OnError | None = None) -> list[Study]:
    """All studies of a studies folder, sorted by folder or file name.

    A broken one does not hide the others: it is handed to ``on_error`` with its path
    (without ``on_error`` it is logged as a warning). Ids that differ only by case count
    as one, because their labels would be one file on many computers. Raises
    :class:`InputError` when ``root`` is not a folder.
    """
    readings = ((entry, read_or_error(entry)) for entry in _entries(root))
    return list(one_of_each_id(readings, on_error or _log_error).values())


Reading = list[Study] | GliomicsError
"""The studies of an entry of a studies folder, or why it cannot be used."""


def read_or_error(entry: Path) -> Reading:
    """By :func:`read_entry`; its error, whatever it is, for which one entry must not hide the others."""
    try:
        return read_entry(entry)
    except GliomicsError as error:
        return error
    except Exception as error:
        _LOGGER.debug("%s cannot be read", printable(str(entry)), exc_info=True)
        return InputError(f"{entry} cannot be read ({type(error).__name__}: {str(error)[:200]})")


def one_of_each_id(readings: Iterable[tuple[Path, Reading]], on_error: OnError) -> dict[str, Study]:
    """The studies of entries in this order, by id in lower case; ``on_error`` is told why an entry is left out.

    An id, in letters of any case, is that of the first study that has it.
    """
    by_id: dict[str, Study] = {}
    for entry, reading in readings:
        if isinstance(reading, GliomicsError):
            on_error(entry, reading)
            continue
        for study in reading:
            owner = by_id.setdefault(study.id.lower(), study)
            if owner is not study:
                reason = f"study id '{study.id}' of {entry} is taken by {_home(owner)}; give one of them another id"
                on_error(entry, InputError(reason))
                break
    return by_id


def open_studies(path: Path, on_error: OnError | None = None) -> list[Study]:
    """The studies that a person points at: a studies folder, one study's folder or one image file.

    Raises :class:`InputError` when there is none.
    """
    path = Path(path)
    if is_file(path):
        return read_entry(path)
    if os.path.lexists(path / STUDY_FILE):
        return read_study_folder(path)
    broken: list[tuple[Path, GliomicsError]] = []
    studies = list_studies(path, lambda entry, error: broken.append((entry, error)))
    if not studies:
        layout = why_no_study(path)
        if layout is not None:
            raise InputError(layout)
    for entry, error in broken:
        (on_error or _log_error)(entry, error)
    if not studies:
        raise InputError(f"{path} holds no study; expected folders with {STUDY_FILE}, or image files")
    return studies


def find_study(root: Path, study_id: str) -> Study:
    """The study with this id.

    Raises :class:`UnknownNameError` with the nearest ids that exist, or the study's own
    :class:`InputError` when its folder is broken.
    """
    safe_name(study_id, "study id")
    folder = Path(root) / study_id
    if is_file(folder / STUDY_FILE) and study_id not in NOT_STUDIES:
        for study in read_entry(folder):
            if study.id == study_id:
                return study
    broken: dict[str, GliomicsError] = {}
    studies = {study.id: study for study in list_studies(root, lambda path, error: broken.update({path.name: error}))}
    if study_id in studies:
        return studies[study_id]
    for name, error in broken.items():
        if study_id == name or name in [study_id + suffix for suffix in IMAGE_SUFFIXES]:
            raise error
    near = get_close_matches(study_id, studies, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has {len(studies)} studies"
    raise UnknownNameError(f"no study '{study_id}' in {root}; {hint}")


def write_study_json(folder: Path, studies: Sequence[Study]) -> Path:
    """Write ``study.json`` for the time points of one patient; :func:`read_study_folder` gives them back.

    Raises :class:`InputError` when they do not belong together or a file lies outside ``folder``.
    """
    if not studies:
        raise InputError(f"{folder} gets no {STUDY_FILE}: there is no study to describe")
    first = studies[0]
    for position, study in enumerate(studies):
        expected = first.id if position == 0 else f"{first.id}_{study.timepoint}"
        if study.id != expected:
            raise InputError(
                f"time point '{study.timepoint}' of '{first.id}' must have id '{expected}', not '{study.id}'"
            )
        for name in ("patient_id", "spacing_known", "source", "numbering"):
            if getattr(study, name) != getattr(first, name):
                raise InputError(f"time points '{first.id}' and '{study.id}' differ in {name}; write two study folders")
    value: dict[str, Any] = {
        "format": 1,
        "id": safe_name(first.id, "study id"),
        "patient_id": first.patient_id,
        "spacing_known": first.spacing_known,
        "source": first.source,
    }
    if first.numbering is not None:
        value["numbering"] = parse_numbering(first.numbering).name
    if len(studies) == 1 and first.timepoint == "baseline" and first.date is None:
        value |= _sequences_json(Path(folder), first)
    else:
        value["timepoints"] = [
            {
                "name": safe_name(study.timepoint, "time point name"),
                "date": study.date,
                **_sequences_json(Path(folder), study),
            }
            for study in studies
        ]
    write_json(Path(folder) / STUDY_FILE, value)
    return Path(folder) / STUDY_FILE


@contextlib.contextmanager
def new_study_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder beside ``folder`` to fill; on success it becomes ``folder``, which must not exist.

    The hidden folder's name is fixed, so that what a killed run left behind is cleared by the next.
    """
    if folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} exists; remove it or choose another study id")
    staging = folder.parent / f".incomplete-{folder.name}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(parents=True)  # Ctrl-C may come just after it
        yield staging
        sync_folder(staging)
        move(staging, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _entries(root: str | Path) -> list[Path]:
    """What may be a study: everything visible but files of other types than images."""
    root = Path(root)
    if not is_folder(root):
        raise InputError(f"{root} is not a folder; give the folder that holds the studies")
    with os.scandir(root) as entries:
        return sorted(root / entry.name for entry in entries if may_be_study(entry.name, is_file=_is_file(entry)))


def may_be_study(name: str, *, is_file: bool) -> bool:
    """Whether an entry of a studies folder may be a study: what is visible, but for files that are no images."""
    if name.startswith(".") or name in NOT_STUDIES:
        return False
    return not is_file or suffix_of(Path(name)) in IMAGE_SUFFIXES


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False


def read_entry(entry: Path) -> list[Study]:
    """The studies of one entry of a studies folder: a folder or an image; none of a folder that holds no images.

    Raises :class:`InputError` for anything else, for what cannot be read, and for a link that leads out.
    """
    check_inside(entry, entry.parent)
    try:
        if not is_folder(entry):
            return [_single_image(check_file(entry, MAX_FILE_BYTES))]
        if _is_there(entry / STUDY_FILE):
            return read_study_folder(entry, entry.parent)
        reason = why_no_study(entry)
    except OSError as error:
        raise InputError(f"{error.filename or entry} cannot be read: {error.strerror}") from error
    if reason:
        raise InputError(reason)
    return []


def _is_there(path: Path) -> bool:
    """Whether there is anything of this name; :class:`OSError` where that cannot be told."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _single_image(path: Path) -> Study:
    stem = safe_name(path.name[: -len(suffix_of(path))], f"{path}: study id")
    patient, role = patient_and_role(stem)
    if role.mask_rank is not None or role.is_other:
        what = "a mask, not an image" if role.mask_rank is not None else f"none of the sequences ({role.reason})"
        raise InputError(
            f"{path} is {what} by its name, so it is no study; to use a folder of images and masks, run: "
            f"gliomics import {path.parent} OUT"
        )
    return Study(id=stem, patient_id=patient, folder=path.parent, sequences={role.sequence or UNNAMED_SEQUENCE: path})


def _home(study: Study) -> Path:
    single = next(iter(study.sequences.values()))
    return study.folder if is_file(study.folder / STUDY_FILE) else single


def _sequence_paths(folder: Path, sequences: dict[str, str], root: Path) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    where = folder / STUDY_FILE
    for written_name, file in sequences.items():
        name = canonical_sequence(written_name) or safe_name(written_name.lower(), f"{where}: sequence name")
        if name in paths:
            raise InputError(f"{where} names sequence '{name}' twice (as '{written_name}'); keep one")
        path, description = folder / file, f"{where}: file {file!r} of sequence '{name}'"
        if "\0" in file or Path(file).is_absolute() or ".." in Path(file).parts:
            raise InputError(f"{description} lies outside the study's folder; copy it inside")
        try:
            check_inside(path, root)
        except InputError as error:
            raise InputError(f"{description}: {error}") from error
        if suffix_of(path) not in IMAGE_SUFFIXES:
            raise InputError(f"{description} must end in {', '.join(IMAGE_SUFFIXES)}")
        if not os.path.lexists(path):
            raise InputError(f"{description} does not exist")
        check_file(path, MAX_FILE_BYTES)
        paths[name] = path
    return paths


def _sequences_json(folder: Path, study: Study) -> dict[str, Any]:
    """The files of the sequences, and the DICOM series that these were made of."""
    value: dict[str, Any] = {"sequences": _relative_paths(folder, study)}
    if study.series:
        value["dicom_series"] = {
            name: {"uid": series.uid, "number": series.number, "folder": _series_folder(folder, series)}
            for name, series in study.series.items()
        }
    return value


def _series_folder(folder: Path, series: SourceSeries) -> str:
    """Where a series lies: inside the study's folder as from there, so that both can be moved."""
    inside = series.folder.is_relative_to(folder)
    return series.folder.relative_to(folder).as_posix() if inside else str(series.folder)


def _relative_paths(folder: Path, study: Study) -> dict[str, str]:
    relative = {}
    for name, path in study.sequences.items():
        if not lies_inside(path, folder):
            raise InputError(f"{path} of study '{study.id}' lies outside {folder}; copy it inside")
        relative[name] = path.resolve().relative_to(folder.resolve()).as_posix()
    return relative


def _log_error(path: Path, error: GliomicsError) -> None:
    _LOGGER.warning("left out %s: %s", printable(str(path)), error)
