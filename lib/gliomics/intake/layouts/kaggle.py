"""The public Kaggle "lgg-mri-segmentation" layout (TCGA-LGG; Buda, Saha and Mazurowski).

``kaggle_3m/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_<n>.tif`` holds one axial slice
with three channels (T1, FLAIR, contrast-enhanced T1) and ``..._<n>_mask.tif`` its tumour
mask; ``kaggle_3m/data.csv`` the genomic clusters. A channel that the examination lacks is
a copy of FLAIR there; it is left out. The files hold no voxel size: the in-plane spacing
and, unless given, the slice spacing are 1 mm placeholders, and the studies say so.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.csv_files import read_csv, write_rows
from gliomics.errors import InputError
from gliomics.files import write_text
from gliomics.intake.plan import ImportPlan, LeftOut, PlannedLabel, PlannedStudy, SliceStack
from gliomics.study import itk
from gliomics.study.images import MAX_VOXELS
from gliomics.study.volumes import Mask, Volume

TABLE, GENOMICS_FILE = "data.csv", "genomics.csv"
DATASET = "lgg-mri-segmentation (Kaggle; TCGA-LGG, masks by Buda, Saha and Mazurowski)"

_CHANNELS = {"t1": 0, "flair": 1, "t1c": 2}
_PATIENT = re.compile(r"TCGA_(?P<site>[A-Z0-9]{2})_(?P<number>[A-Z0-9]{4})_(?P<date>\d{8})")
_FOLDERS = (".", "kaggle_3m", "lgg-mri-segmentation/kaggle_3m", "lgg-mri-segmentation")


def kaggle_plan(source: Path, slice_spacing: float | None = None) -> ImportPlan | None:
    """The plan for the Kaggle layout below ``source`` (``kaggle_3m`` or a folder that contains it); None without one.

    ``slice_spacing`` in mm. A patient with a missing slice or mask is left out. Raises :class:`InputError` for a
    slice spacing that is none.
    """
    if slice_spacing is not None and not (math.isfinite(slice_spacing) and slice_spacing > 0):
        raise InputError(f"slice spacing {slice_spacing} is not usable; give millimetres above 0")
    root = next((source / name for name in _FOLDERS if _holds_slices(source / name)), None)
    if root is None:
        return None
    studies: list[PlannedStudy] = []
    strangers = [entry for entry in sorted(root.iterdir()) if not _PATIENT.fullmatch(entry.name)]
    left_out = [
        LeftOut(entry.name, "not named as a patient's folder of this set")
        for entry in strangers
        if entry.name != TABLE and not entry.name.startswith(".")
    ]
    for folder in _patient_folders(root):
        try:
            studies.append(_study(folder, slice_spacing))
        except InputError as error:
            left_out.append(LeftOut(folder.name, str(error), is_open=True))
    table = root / TABLE
    if not table.is_file():
        reason = f"is missing: no {GENOMICS_FILE} is written; subtype models need it for training"
        left_out.append(LeftOut(TABLE, reason))
    return ImportPlan(
        layout="Kaggle lgg-mri-segmentation",
        evidence="folders of slices such as TCGA_CS_4941_19960909; channels that copy FLAIR are left out",
        studies=tuple(studies),
        left_out=tuple(left_out),
        table=table if table.is_file() else None,
    )


def read_channels(stacks: Mapping[str, SliceStack]) -> dict[str, Volume]:
    """The channels of one patient's slices as volumes, without those that are copies of FLAIR.

    Raises :class:`InputError` naming the file that is unreadable or of another size.
    """
    flair = stacks["flair"]
    pixels = _stack(flair.files, flair.channels)
    volumes = {name: _volume(pixels, stack) for name, stack in stacks.items()}
    copied = volumes["flair"].array
    return {name: v for name, v in volumes.items() if name == "flair" or not np.array_equal(v.array, copied)}


def read_slice_mask(stack: SliceStack) -> Mask:
    """The mask of one patient: 1 where its pictures are not black."""
    mask = _volume(_stack(stack.files, stack.channels), stack)
    return mask.with_array((mask.array > 0).astype(np.uint8))


def _volume(pixels: npt.NDArray[np.uint8], stack: SliceStack) -> Volume:
    """One channel: right to left, front to back, feet to head."""
    return Volume(pixels[..., stack.channel], np.diag([-1.0, -1.0, stack.slice_spacing, 1.0]))


def genomics_text(table: Path) -> str:
    """The text of ``genomics.csv`` from ``data.csv``: a column ``patient_id`` in front.

    Raises :class:`InputError` when the table is not the data set's.
    """
    rows = [row for _, row in read_csv(table)]
    if not rows or rows[0][0] != "Patient":
        raise InputError(f"{table} must begin with a header whose first column is 'Patient'; unpack it again")
    out = io.StringIO()
    write_rows(out, [["patient_id", *rows[0]], *([row[0].replace("_", "-"), *row] for row in rows[1:])])
    return out.getvalue()


def _patient_folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        for folder in sorted(root.iterdir()):
            if folder.is_dir() and _PATIENT.fullmatch(folder.name):
                yield folder


def _holds_slices(root: Path) -> bool:
    return any(any(folder.glob("*.[tT][iI][fF]")) for folder in _patient_folders(root))


def _study(folder: Path, slice_spacing: float | None) -> PlannedStudy:
    slices, masks = _slices(folder)
    patient, day = folder.name.rsplit("_", 1)
    return PlannedStudy(
        id=folder.name,
        patient_id=patient.replace("_", "-"),
        sequences={name: SliceStack(slices, 3, channel, slice_spacing or 1.0) for name, channel in _CHANNELS.items()},
        label=PlannedLabel(SliceStack(masks, 1, 0, slice_spacing or 1.0), ("whole",)),
        date=f"{day[:4]}-{day[4:6]}-{day[6:]}",
        spacing_known=False,
        notes={
            "dataset": DATASET,
            "in_plane_spacing": "unknown (1 mm placeholder)",
            "slice_spacing": f"{slice_spacing:g} mm (given at import)"
            if slice_spacing
            else "unknown (1 mm placeholder)",
        },
    )


def _slices(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """A patient's slices and masks, ordered by slice number; gaps and missing masks are refused."""
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
    return tuple(slices[n] for n in order), tuple(masks[n] for n in order)


def _stack(paths: tuple[Path, ...], channels: int) -> npt.NDArray[np.uint8]:
    """The slices as ``(column, row, slice, channel)``."""
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
    file = itk.ImageFile(path, "TIFFImageIO")
    try:
        header = file.header()
        dimensions, pixel_type = len(header.size), sitk.sitkUInt8 if channels == 1 else sitk.sitkVectorUInt8
        if (dimensions, header.components, header.pixel_type) != (2, channels, pixel_type):
            kind = itk.pixel_type_name(header.pixel_type)
            raise InputError(
                f"{path} has {dimensions} dimensions and {header.components} channels of {kind}; expected a slice with "
                f"{channels} channel{'s' if channels > 1 else ''} of 8 bits"
            )
        if math.prod(header.size) > MAX_VOXELS:
            raise InputError(f"{path} claims {header.size} pixels; expected a slice of about 256 x 256")
        pixels = sitk.GetArrayFromImage(file.read())
    except RuntimeError as error:
        raise InputError(f"{path} is not a readable TIFF image; unpack it again") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def write_genomics(table: Path, dest: Path) -> LeftOut | None:
    """Write ``dest/genomics.csv``; one that is there with other content is kept, and that is returned as left out."""
    text, path = genomics_text(table), dest / GENOMICS_FILE
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            return LeftOut(table.name, f"{path} exists with other content and is kept", is_open=True)
        return None
    write_text(path, text)
    return None
