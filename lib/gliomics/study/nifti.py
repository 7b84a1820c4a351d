"""What a NIfTI header says, refused where it cannot be: sizes, type, place, scale and offset of the voxels."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, cast

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.spatialimages import HeaderDataError

from gliomics.errors import GeometryError, InputError
from gliomics.files import open_file

_UNHEARD = logging.Logger("nifti headers")
"""Where nibabel says what it mends in headers and which errors it raises, which would be on the terminal otherwise."""

_UNHEARD.addHandler(logging.NullHandler())

_MILLIMETRES = {1: 1000.0, 3: 0.001}


class NiftiHeader(Protocol):
    """What is asked of a header of nibabel, whose methods have no types."""

    @property
    def binaryblock(self) -> bytes: ...
    def __getitem__(self, field: str, /) -> Any: ...
    def check_fix(self, logger: logging.Logger) -> None: ...
    def get_data_shape(self) -> tuple[int, ...]: ...
    def get_data_dtype(self) -> np.dtype[np.generic]: ...
    def get_slope_inter(self) -> tuple[float, float] | tuple[None, None]: ...
    def get_best_affine(self) -> npt.NDArray[np.float64]: ...
    def set_xyzt_units(self, xyz: str) -> None: ...


class NiftiImage(Protocol):
    """What is asked of an image of nibabel."""

    @property
    def header(self) -> NiftiHeader: ...
    def set_sform(self, affine: npt.NDArray[np.float64], code: int) -> None: ...
    def set_qform(self, affine: npt.NDArray[np.float64], code: int) -> None: ...


_new_image: Callable[..., nib.Nifti1Image] = nib.Nifti1Image


def voxel_offset(header: NiftiHeader, path: Path, most: int) -> int:
    """The byte where the voxels begin: behind the header, and at most at ``most``."""
    offset = float(header["vox_offset"])
    if not len(header.binaryblock) <= offset <= most:
        raise InputError(f"{path} is not usable NIfTI: its voxels are said to begin at byte {offset:g}")
    return int(offset)


def scaling_of(header: NiftiHeader, path: Path) -> tuple[float | None, float]:
    """The scale and the shift of the stored values, or None and 0 where they are the voxels'."""
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise InputError(
            f"{path} is not usable NIfTI: its values are scaled by {float(header['scl_slope']):g} and shifted by "
            f"{float(header['scl_inter']):g}; save it again from its source"
        ) from error
    return (None, 0.0) if slope is None or intercept is None else (float(slope), float(intercept))


def affine_of(header: NiftiHeader, path: Path) -> npt.NDArray[np.float64]:
    """From voxel indices to millimetres, whatever the header's unit."""
    with np.errstate(all="ignore"):  # what is not finite is refused where the file is read
        try:
            affine = np.array(header.get_best_affine(), dtype=np.float64)
        except (HeaderDataError, ValueError) as error:
            raise GeometryError(f"{path} has no usable geometry ({error}); save it again from its source") from error
        return in_millimetres(affine, header)


def in_millimetres(affine: npt.NDArray[np.float64], header: NiftiHeader) -> npt.NDArray[np.float64]:
    """An affine in the header's unit of length, in millimetres."""
    scale = _MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
    return np.vstack([affine[:3] * scale, affine[3:]])


def open_maybe_gzip(path: Path) -> IO[bytes]:
    """The content of a file, unpacked where it is packed by gzip."""
    stream = open_file(path)
    if stream.read(2) != b"\x1f\x8b":
        stream.seek(0)
        return stream
    stream.close()
    return cast(IO[bytes], gzip.open(path, "rb"))


def read_header(start: bytes, path: Path) -> NiftiHeader:
    """The header at the ``start`` of a file: of one file with one real number per voxel; else :class:`InputError`."""
    version_2 = start[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    kind: tuple[Callable[..., NiftiHeader], int] = (nib.Nifti2Header, 540) if version_2 else (nib.Nifti1Header, 348)
    new_header, length = kind
    if len(start) < length:
        raise InputError(f"{path} is not a NIfTI image: it holds {len(start)} bytes, less than a header")
    try:
        header = new_header(start[:length], check=False)
        header.check_fix(logger=_UNHEARD)
        magic, dtype = bytes(header["magic"]), header.get_data_dtype()
    except (HeaderDataError, ValueError, KeyError, OverflowError) as error:
        raise InputError(f"{path} is not a NIfTI image ({error}); give a .nii, .nii.gz or .nrrd file") from error
    if not magic.startswith(b"n+"):
        raise InputError(f"{path} is not a one-file NIfTI image (its magic is {magic!r}); convert it to .nii.gz")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{path} holds {_kind_of(dtype)}; expected one real number per voxel")
    return header


def _kind_of(dtype: np.dtype[np.generic]) -> str:
    if dtype.names:
        return "a colour image"
    return f"values of type {dtype}"


def new_image(array: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> nib.Nifti1Image:
    """An image to be written: its grid in both forms of the header, in the first alone where its axes have shear."""
    image = _new_image(array, affine, dtype=array.dtype)
    typed: NiftiImage = image
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    perpendicular = np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)
    typed.set_sform(affine, code=1)
    typed.set_qform(affine, code=1 if perpendicular else 0)
    typed.header.set_xyzt_units("mm")
    return image
