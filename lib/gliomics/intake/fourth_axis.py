"""Image files that hold several volumes on a fourth axis, one sequence each."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from gliomics.errors import InputError
from gliomics.files import suffix_of
from gliomics.study import itk
from gliomics.study.images import MAX_BYTES, MAX_VOXELS, from_sitk
from gliomics.study.nifti import in_millimetres
from gliomics.study.volumes import Volume

_UNREADABLE = (ImageFileError, HeaderDataError, OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError)


def volumes_in(path: Path) -> int:
    """How many 3-D volumes an image file holds by its header: 1, or the length of its fourth axis.

    Raises :class:`InputError` for a file whose header cannot be read.
    """
    try:
        shape = _nrrd_shape(path) if suffix_of(path) == ".nrrd" else _nifti(path).shape
    except _UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as an image ({_reason(error)}); copy it again from its source"
        ) from error
    return math.prod(int(size) for size in shape[3:])


def time_in_header(path: Path) -> str:
    """The time of the day that dcm2niix writes into the description of a NIfTI file; empty where there is none."""
    if suffix_of(path) == ".nrrd":
        return ""
    try:
        description = bytes(_nifti(path).header["descrip"]).decode("ascii", "replace")
    except _UNREADABLE:
        return ""
    match = re.search(r"\bTime=(\d{6}(?:\.\d*)?)", description)
    return match[1] if match else ""


def read_position(path: Path, position: int) -> Volume:
    """The volume at ``position`` on the fourth axis, voxel type kept unless the header scales the values.

    Raises :class:`InputError` for a file that is damaged, of more than four axes or larger than
    :data:`~gliomics.study.images.MAX_VOXELS` for each volume.
    """
    try:
        if suffix_of(path) == ".nrrd":
            _check_shape(path, _nrrd_shape(path))
            volumes = sitk.ReadImage(str(path))
            if itk.typed(volumes).GetDimension() == 4:
                return from_sitk(volumes[:, :, :, position])
            return from_sitk(itk.component_of(volumes, position))
        image = _nifti(path)
        _check_shape(path, image.shape)
        array = np.asarray(image.dataobj[..., position])
        affine = in_millimetres(np.array(image.affine, dtype=np.float32).astype(np.float64), image.header)
    except _UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"volume {position + 1} of {path} cannot be read ({_reason(error)}); copy the file again from its source"
        ) from error
    return Volume(array.astype(np.float32) if array.dtype == np.float64 else array, affine)


def _nifti(path: Path) -> nib.Nifti1Image:
    image = nib.load(path)
    if not isinstance(image, nib.Nifti1Image):
        raise InputError(f"{path} is not a one-file NIfTI image; convert it to .nii.gz")
    return image


def _nrrd_shape(path: Path) -> tuple[int, ...]:
    header = itk.ImageFile(path, "NrrdImageIO").header()
    return (*header.size, *([header.components] if header.components > 1 else []))


def _check_shape(path: Path, shape: tuple[int, ...]) -> None:
    if len(shape) != 4:
        raise InputError(f"{path} has {len(shape)} dimensions {tuple(shape)}; expected volumes on a fourth axis")
    if math.prod(shape[:3]) > MAX_VOXELS or math.prod(shape) > MAX_BYTES:
        raise InputError(f"{path} claims {tuple(shape)} voxels; at most {MAX_VOXELS} are read for each volume")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[-200:]
