"""Import of the public Kaggle "lgg-mri-segmentation" layout (TCGA-LGG; Buda, Saha and Mazurowski).

``kaggle_3m/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_<n>.tif`` holds one axial slice
with three channels (T1, FLAIR, contrast-enhanced T1) and ``..._<n>_mask.tif`` its tumour
mask; ``kaggle_3m/data.csv`` the genomic clusters. A channel that the examination lacks is
a copy of FLAIR there; it is left out here. The files hold no voxel size: the in-plane
spacing and, unless given, the slice spacing are 1 mm placeholders, and the studies say so.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.files import write_text
from gliomics.study.folder import new_study_folder, read_study_folder, write_study_json
from gliomics.study.images import MAX_VOXELS, write_mask, write_volume
from gliomics.study.labels import label_path
from gliomics.study.records import Study, Volume

GENOMICS_FILE = "genomics.csv"
DATASET = "lgg-mri-segmentation (Kaggle; TCGA-LGG, masks by Buda, Saha and Mazurowski)"

Progress = Callable[[int, int, str], None]
"""Called with the number of patients done, their total and the id of the last one."""

_CHANNELS = {"t1": 0, "flair": 1, "t1c": 2}
_PATIENT = re.compile(r"TCGA_(?P<site>[A-Z0-9]{2})_(?P<number>[A-Z0-9]{4})_(?P<date>\d{8})")
_FOLDERS = (".", "kaggle_3m", "lgg-mri-segmentation/kaggle_3m")
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Patient:
    """The files of one patient folder: slice and mask of each slice number, in order."""

    id: str
    slices: list[Path]
    masks: list[Path]

    @property
    def patient_id(self) -> str:
        return "-".join(self.id.split("_")[:3])

    @property
    def date(self) -> str:
        day = self.id.rsplit("_", 1)[1]
        return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def import_lgg(
    source: Path, dest: Path, *, slice_spacing: float | None = None, progress: Progress | None = None
) -> list[Study]:
    """Turn the Kaggle layout under ``source`` into studies under ``dest``.

    Writes per patient ``dest/<id>/`` (``t1``, ``flair``, ``t1c`` where they exist, uint8)
    and ``dest/labels/final/<id>.nii.gz`` (1 is tumour), and ``dest/genomics.csv`` from
    ``data.csv`` with a leading column ``patient_id``. ``source`` is ``kaggle_3m`` or a
    folder that contains it. ``slice_spacing`` in mm.

    Every folder is checked before the first is written. A study appears whole or not at
    all; one that exists already is kept as it is, with its label, so that an interrupted
    import can be run again. Raises :class:`InputError` naming the file that is missing,
    unreadable or of another size, and when an existing study has another slice spacing.
    """
    if slice_spacing is not None and not (math.isfinite(slice_spacing) and slice_spacing > 0):
        raise InputError(f"slice spacing {slice_spacing} is not usable; give millimetres above 0")
    root, dest = _find_root(Path(source)), Path(dest)
    patients = [_patient(folder) for folder in _patient_folders(root)]
    for patient in patients:
        _check_existing(dest / patient.id, _source(slice_spacing))
    _import_genomics(root, dest)
    studies = []
    for done, patient in enumerate(patients, start=1):
        if not (dest / patient.id).exists():
            _import_patient(patient, dest, slice_spacing)
        studies += read_study_folder(dest / patient.id)
        if progress:
            progress(done, len(patients), patient.id)
    return studies


def _find_root(source: Path) -> Path:
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; give the unpacked 'lgg-mri-segmentation' download")
    for folder in _FOLDERS:
        if (source / folder).is_dir() and any(_patient_folders(source / folder)):
            return source / folder
    raise InputError(
        f"{source} holds no patient folders named like TCGA_CS_4941_19960909, nor does a kaggle_3m folder in it; "
        "give the unpacked 'lgg-mri-segmentation' download"
    )


def _patient_folders(root: Path) -> Iterator[Path]:
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and _PATIENT.fullmatch(folder.name):
            yield folder


def _patient(folder: Path) -> _Patient:
    """Find a patient's slices and masks, ordered by slice number; gaps and missing masks are refused."""
    pattern = re.compile(re.escape(folder.name) + r"_(\d+)(_mask)?\.tif", re.IGNORECASE)
    slices: dict[int, Path] = {}
    masks: dict[int, Path] = {}
    for path in folder.iterdir():
        match = pattern.fullmatch(path.name)
        if match:
            (masks if match[2] else slices)[int(match[1])] = path
    if not slices:
        raise InputError(f"{folder} holds no slices; expected {folder.name}_1.tif, {folder.name}_2.tif, ...")
    last = max([*slices, *masks])
    for number in range(1, last + 1):
        name = f"{folder.name}_{number}"
        if number not in slices:
            raise InputError(f"{folder / name}.tif is missing: slices go up to {last}; unpack it again")
        if number not in masks:
            raise InputError(f"{folder / name}_mask.tif is missing: the slice has no mask; unpack it again")
    order = sorted(slices)
    return _Patient(folder.name, [slices[n] for n in order], [masks[n] for n in order])


def _source(slice_spacing: float | None) -> dict[str, str]:
    return {
        "dataset": DATASET,
        "in_plane_spacing": "unknown (1 mm placeholder)",
        "slice_spacing": f"{slice_spacing:g} mm (given at import)" if slice_spacing else "unknown (1 mm placeholder)",
    }


def _check_existing(folder: Path, source: dict[str, str]) -> None:
    """Refuse to mix studies of two slice spacings in one folder."""
    if folder.exists():
        found = read_study_folder(folder)[0].source.get("slice_spacing", "none recorded")
        if found != source["slice_spacing"]:
            raise InputError(
                f"{folder} exists with slice spacing {found}, not {source['slice_spacing']}; import into a new folder"
            )


def _import_patient(patient: _Patient, dest: Path, slice_spacing: float | None) -> None:
    channels = _stack(patient.slices, channels=3)
    mask = _stack(patient.masks, channels=1)[..., 0]
    if mask.shape != channels.shape[:3]:
        raise InputError(
            f"{patient.masks[0]} has {mask.shape[:2]} pixels; its slice has {channels.shape[:2]}; unpack it again"
        )
    grid = np.diag([-1.0, -1.0, slice_spacing or 1.0, 1.0])
    volumes = {name: Volume(channels[..., channel], grid) for name, channel in _CHANNELS.items()}
    flair = volumes["flair"].array
    present = {name: v for name, v in volumes.items() if name == "flair" or not np.array_equal(v.array, flair)}
    # The label goes first: a kill between the two leaves a label without a study, which nothing lists
    # and which the next import replaces.
    write_mask(Volume((mask > 0).astype(np.uint8), grid), label_path(dest, patient.id))
    with new_study_folder(dest / patient.id) as folder:
        for name, volume in present.items():
            write_volume(volume, folder / f"{name}.nii.gz")
        study = Study(
            id=patient.id,
            patient_id=patient.patient_id,
            folder=folder,
            sequences={name: folder / f"{name}.nii.gz" for name in present},
            date=patient.date,
            spacing_known=False,
            source=_source(slice_spacing),
        )
        write_study_json(folder, [study])


def _stack(paths: list[Path], channels: int) -> npt.NDArray[np.uint8]:
    """The slices as ``(column, row, slice, channel)``: right to left, front to back, feet to head."""
    first = _read_tiff(paths[0], channels)
    if first.size * len(paths) > MAX_VOXELS * channels:
        raise InputError(f"{paths[0]} is too large: {len(paths)} slices of {first.shape[:2]} pixels")
    stack = np.empty((*first.shape, len(paths)), dtype=np.uint8)
    for k, path in enumerate(paths):
        slice_ = first if k == 0 else _read_tiff(path, channels)
        if slice_.shape != first.shape:
            raise InputError(f"{path} has {slice_.shape[:2]} pixels; {paths[0].name} has {first.shape[:2]}")
        stack[..., k] = slice_
    return stack.transpose(1, 0, 3, 2)


def _read_tiff(path: Path, channels: int) -> npt.NDArray[np.uint8]:
    """The pixels of one 8-bit TIFF as ``(row, column, channel)``."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("TIFFImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        found = (reader.GetDimension(), reader.GetNumberOfComponents(), reader.GetPixelID())
        expected = (2, channels, sitk.sitkUInt8 if channels == 1 else sitk.sitkVectorUInt8)
        if found != expected:
            kind = sitk.GetPixelIDValueAsString(found[2])
            raise InputError(
                f"{path} has {found[0]} dimensions and {found[1]} channels of {kind}; expected a slice with "
                f"{channels} channel{'s' if channels > 1 else ''} of 8 bits"
            )
        if math.prod(reader.GetSize()) > MAX_VOXELS:
            raise InputError(f"{path} claims {reader.GetSize()} pixels; expected a slice of about 256 x 256")
        pixels = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise InputError(f"{path} is not a readable TIFF image; unpack it again") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def _import_genomics(root: Path, dest: Path) -> None:
    table = root / "data.csv"
    if not table.is_file():
        _LOGGER.warning("%s is missing: no %s is written; subtype models need it for training", table, GENOMICS_FILE)
        return
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{table} cannot be read as text: {error}") from error
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows or rows[0][0] != "Patient":
        raise InputError(f"{table} must begin with a header whose first column is 'Patient'; unpack it again")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["patient_id", *rows[0]])
    writer.writerows([row[0].replace("_", "-"), *row] for row in rows[1:])
    write_text(dest / GENOMICS_FILE, out.getvalue())
