"""Import of a folder of DICOM MR series as a study.

Headers are read with pydicom, voxels with SimpleITK (which decodes compressed transfer
syntaxes and applies the rescale slope). The affine follows from Image Position and
Image Orientation (DICOM PS3.3 C.7.6.2.1.1). Nothing that identifies a person is copied
but the Patient ID, for which another id can be given.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage

from gliomics.errors import GeometryError, InputError
from gliomics.files import safe_name
from gliomics.sequences import Acquisition, canonical_sequence
from gliomics.study.dicom_series import Series
from gliomics.study.folder import new_study_folder, read_study_folder, write_study_json
from gliomics.study.images import MAX_VOXELS, write_volume
from gliomics.study.records import SEQUENCES, Study, Volume

_LOGGER = logging.getLogger(__name__)
_TAGS = [
    "Modality", "PatientID", "StudyInstanceUID", "StudyDate", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "ProtocolName", "RepetitionTime", "EchoTime", "InversionTime", "ContrastBolusAgent", "ImageType",
    "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
    "NumberOfFrames",
]  # fmt: skip


@dataclass(frozen=True)
class _Slice:
    path: Path
    position: npt.NDArray[np.float64]
    orientation: npt.NDArray[np.float64]
    spacing: npt.NDArray[np.float64]
    size: tuple[int, int]

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        return np.cross(self.orientation[:3], self.orientation[3:])


def import_dicom(
    source: Path,
    dest: Path,
    *,
    sequences: Mapping[str, str] | None = None,
    study_id: str | None = None,
    patient_id: str | None = None,
) -> Study:
    """Make the study ``dest/<id>/`` of the MR series under ``source`` (searched through all subfolders).

    Sequences are recognised by :func:`gliomics.sequences.recognise`; a series that
    is certainly none of ours (localizer, diffusion, ...) is left out and noted in the
    study's ``source``. With ``sequences`` (sequence to series number, series UID or series
    description) exactly those are imported. The id is ``<patient id>_<date>`` unless
    ``study_id`` is given; the patient id is the Patient ID unless ``patient_id`` is given.

    Raises :class:`InputError` listing the series and how to name them when one is undecided or
    two are the same sequence; also for several patients or examinations, missing slices,
    several images at one position, multi-frame files and an id that exists.
    """
    source, dest = Path(source), Path(dest)
    headers = _read_headers(source)
    study_date = _check_one_examination(source, headers)
    series = _group(headers)
    chosen, notes = _choose(series, sequences) if sequences else _recognise_all(source, series)
    by_path = dict(headers)
    patient_id = patient_id or _text(headers[0][1], "PatientID")
    if not patient_id:
        raise InputError(f"the files in {source} have no Patient ID; give a patient id (--patient)")
    study_id = safe_name(study_id or _default_id(patient_id, study_date), "study id")
    slices = {name: _sorted_slices(item, by_path) for name, item in chosen.items()}
    if len({_text(by_path[item.files[0]], "FrameOfReferenceUID") for item in chosen.values()}) > 1:
        notes["frames_of_reference"] = "the sequences have different ones; register them before resampling"
        _LOGGER.warning("study '%s': %s", study_id, "its " + notes["frames_of_reference"].removeprefix("the "))
    with new_study_folder(dest / study_id) as folder:
        for name, files in slices.items():
            write_volume(_load(files, chosen[name]), folder / f"{name}.nii.gz")
        study = Study(
            id=study_id,
            patient_id=patient_id,
            folder=folder,
            sequences={name: folder / f"{name}.nii.gz" for name in slices},
            date=f"{study_date[:4]}-{study_date[4:6]}-{study_date[6:]}" if study_date else None,
            source={"format": "DICOM", **notes},
        )
        write_study_json(folder, [study])
    return read_study_folder(dest / study_id)[0]


def _read_headers(source: Path) -> list[tuple[Path, pydicom.Dataset]]:
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; give a folder of DICOM files")
    headers: list[tuple[Path, pydicom.Dataset]] = []
    others: set[str] = set()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
        except InvalidDicomError:
            continue
        except (OSError, EOFError, ValueError, NotImplementedError, struct.error) as error:
            raise InputError(f"{path} cannot be read as DICOM ({error}); copy it again from its source") from error
        modality = _text(dataset, "Modality")
        if modality == "MR":
            headers.append((path, dataset))
        elif modality:
            others.add(modality)
        elif dataset.file_meta.get("MediaStorageSOPClassUID") != MediaStorageDirectoryStorage:
            raise InputError(f"{path} is DICOM without a modality, so it is damaged; copy it again from its source")
    if not headers:
        found = f"only {', '.join(sorted(others))}" if others else "no DICOM files"
        raise InputError(f"{source} holds no DICOM MR series ({found}); give the folder of one MR examination")
    return headers


def _check_one_examination(source: Path, headers: list[tuple[Path, pydicom.Dataset]]) -> str:
    examinations = {(_text(d, "PatientID"), _text(d, "StudyInstanceUID")): _text(d, "StudyDate") for _, d in headers}
    if len(examinations) > 1:
        dates = ", ".join(
            f"{patient} of {date or 'unknown date'}" for (patient, _), date in sorted(examinations.items())
        )
        raise InputError(f"{source} holds {len(examinations)} examinations ({dates}); import each from its own folder")
    date = next(iter(examinations.values()))
    return date if re.fullmatch(r"\d{8}", date) else ""


def _default_id(patient_id: str, study_date: str) -> str:
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", patient_id).strip("-.")
    return f"{name}_{study_date}" if study_date else name


def _group(headers: Iterable[tuple[Path, pydicom.Dataset]]) -> list[Series]:
    groups: dict[str, Series] = {}
    for path, dataset in headers:
        uid = _text(dataset, "SeriesInstanceUID")
        if uid not in groups:
            groups[uid] = Series(
                uid=uid,
                number=_text(dataset, "SeriesNumber"),
                description=_text(dataset, "SeriesDescription") or _text(dataset, "ProtocolName"),
                acquisition=Acquisition(
                    repetition_time=_time(dataset, "RepetitionTime"),
                    echo_time=_time(dataset, "EchoTime"),
                    inversion_time=_time(dataset, "InversionTime"),
                    contrast_agent=_text(dataset, "ContrastBolusAgent"),
                    image_type=tuple(str(value).upper() for value in _value(dataset, "ImageType") or ()),
                    protocol_name=_text(dataset, "ProtocolName"),
                ),
            )
        groups[uid].files.append(path)
    return sorted(groups.values(), key=lambda series: (len(series.number), series.number, series.uid))


def _recognise_all(source: Path, series: list[Series]) -> tuple[dict[str, Series], dict[str, str]]:
    """The series of each sequence and a note per sequence; anything undecided is refused."""
    recognised = [(item, item.recognition) for item in series]
    names = [found.sequence for _, found in recognised if found.sequence]
    undecided = any(not found.sequence and not found.is_other for _, found in recognised)
    if undecided or not names or len(set(names)) < len(names):
        listed = "; ".join(
            f"{item}: {found.sequence or ('left out' if found.is_other else 'undecided')} ({found.reason})"
            for item, found in recognised
        )
        problem = "the sequences are not clear" if undecided or names else "no sequence is recognised"
        raise InputError(
            f"{source}: {problem}. {listed}. Name the series to import by number, "
            f"e.g. --sequence flair={series[0].number or series[0].uid}"
        )
    chosen = {found.sequence: item for item, found in recognised if found.sequence}
    notes = {found.sequence: f"{item} ({found.reason})" for item, found in recognised if found.sequence}
    left_out = [f"{item} ({found.reason})" for item, found in recognised if found.is_other]
    return chosen, notes | ({"left_out": "; ".join(left_out)} if left_out else {})


def _choose(series: list[Series], sequences: Mapping[str, str]) -> tuple[dict[str, Series], dict[str, str]]:
    chosen: dict[str, Series] = {}
    for written_name, selector in sequences.items():
        name = canonical_sequence(written_name)
        if name is None or name in chosen:
            problem = "given twice" if name else "not known"
            raise InputError(f"sequence '{written_name}' is {problem}; the sequences are {', '.join(SEQUENCES)}")
        matches = [s for s in series if selector in (s.number, s.uid) or selector.lower() == s.description.lower()]
        if len(matches) != 1:
            listed = "; ".join(f"{item} (UID {item.uid})" for item in series)
            raise InputError(f"{len(matches)} series match '{selector}' for '{name}'; expected one of: {listed}")
        if matches[0] in chosen.values():
            raise InputError(f"{matches[0]} is named for two sequences; a series is one sequence")
        chosen[name] = matches[0]
    return chosen, {name: f"{item} (named at import)" for name, item in chosen.items()}


def _sorted_slices(series: Series, headers: Mapping[Path, pydicom.Dataset]) -> list[_Slice]:
    """The slices along the normal of the image plane, checked to be one regular stack."""
    slices = [_slice(path, headers[path], series) for path in series.files]
    first = slices[0]
    for item in slices:
        if item.size != first.size or not np.allclose(item.spacing, first.spacing, rtol=1e-3):
            raise GeometryError(f"{series}: {item.path.name} and {first.path.name} differ in size or pixel spacing")
        if not np.allclose(item.orientation, first.orientation, atol=1e-3):
            raise GeometryError(
                f"{series}: {item.path.name} and {first.path.name} lie in planes of different orientation"
            )
    if len(slices) < 2:
        raise InputError(f"{series} has one image; a volume needs at least two slices")
    if first.size[0] * first.size[1] * len(slices) > MAX_VOXELS:
        raise InputError(f"{series} has {len(slices)} images of {first.size}; at most {MAX_VOXELS} voxels are read")
    slices.sort(key=lambda item: float(item.position @ first.normal))
    distances = np.diff([float(item.position @ first.normal) for item in slices])
    usual = float(np.median(distances))
    if distances.min() < 0.01:
        raise InputError(
            f"{series} has several images at one position (echoes or time points); import one of them as NIfTI"
        )
    if distances.max() > 1.5 * usual:
        k = int(distances.argmax())
        raise InputError(
            f"{series}: slices are missing between {slices[k].path.name} and {slices[k + 1].path.name}: "
            f"{distances[k]:.4g} mm apart, the others {usual:.4g} mm; copy the series again from its source"
        )
    if np.abs(np.cumsum(distances) - distances.mean() * np.arange(1, len(slices))).max() > 0.1 * usual:
        raise GeometryError(
            f"{series}: the slices are not evenly spaced ({distances.min():.4g} to {distances.max():.4g} mm)"
        )
    step = (slices[-1].position - slices[0].position) / (len(slices) - 1)
    if np.linalg.norm(step - first.normal * (step @ first.normal)) > 0.01 * usual:
        raise GeometryError(f"{series}: the slices are shifted against each other (a tilted stack); resample it first")
    return slices


def _slice(path: Path, dataset: pydicom.Dataset, series: Series) -> _Slice:
    if _number(dataset, "NumberOfFrames", 1.0) > 1:
        raise InputError(f"{series}: {path.name} is a multi-frame file; convert it to NIfTI (dcm2niix) first")
    values = {}
    for name, length in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2)):
        numbers = _numbers(dataset, name)
        if len(numbers) != length or not np.isfinite(numbers).all():
            raise GeometryError(f"{series}: {path.name} has no usable {name}; it cannot be placed in space")
        values[name] = numbers
    return _Slice(
        path=path,
        position=values["ImagePositionPatient"],
        orientation=values["ImageOrientationPatient"],
        spacing=values["PixelSpacing"],
        size=(int(_number(dataset, "Columns", 0)), int(_number(dataset, "Rows", 0))),
    )


def _load(slices: list[_Slice], series: Series) -> Volume:
    planes = [_pixels(item, series) for item in slices]
    array = np.stack(planes, axis=-1)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    first, last = slices[0], slices[-1]
    lps = np.eye(4)
    lps[:3, 0] = first.orientation[:3] * first.spacing[1]
    lps[:3, 1] = first.orientation[3:] * first.spacing[0]
    lps[:3, 2] = (last.position - first.position) / (len(slices) - 1)
    lps[:3, 3] = first.position
    return Volume(array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)


def _pixels(item: _Slice, series: Series) -> npt.NDArray[Any]:
    """The pixels of one file as ``(column, row)``, rescaled."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(item.path))
    try:
        image = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise InputError(f"{series}: the pixels of {item.path} cannot be read ({reason})") from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{series}: {item.path.name} is a colour picture, not an MR slice")
    return sitk.GetArrayFromImage(image).reshape(item.size[1], item.size[0]).T


def _value(dataset: pydicom.Dataset, name: str) -> Any:
    """An attribute's value; None when it is absent, empty or not what its type says."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, OverflowError):
        return None
    return None if value == "" else value


def _text(dataset: pydicom.Dataset, name: str) -> str:
    value = _value(dataset, name)
    return "" if value is None else str(value).strip()


def _numbers(dataset: pydicom.Dataset, name: str) -> npt.NDArray[np.float64]:
    value = _value(dataset, name)
    return np.atleast_1d(np.asarray([] if value is None else value, dtype=np.float64))


def _number(dataset: pydicom.Dataset, name: str, default: float) -> float:
    numbers = _numbers(dataset, name)
    return float(numbers[0]) if numbers.size else default


def _time(dataset: pydicom.Dataset, name: str) -> float | None:
    """A time in ms; scanners write 0 for one that does not apply."""
    value = _number(dataset, name, 0.0)
    return value if value > 0 else None
