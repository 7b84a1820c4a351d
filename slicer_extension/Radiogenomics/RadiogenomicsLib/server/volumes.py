"""Images as arrays with their place in space, and NIfTI-1 files of them.

The panel writes and reads its files itself, in the thread of a job, so that neither compression nor disk stops the
application. SimpleITK, which 3D Slicer has, reads a truncated file as if it were whole and straightens a sheared grid,
both without an error; here the one is refused and the other kept.

Source of the format: https://nifti.nimh.nih.gov/nifti-1 (``nifti1.h``).
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from slicer.i18n import tr as _

from gliomics.errors import InputError

HEADER_BYTES = 348
MAX_VOXELS = 512 * 512 * 512
"""A file that claims more voxels than this is refused before anything is allocated."""

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_CODES = {np.dtype(name): code for code, name in _TYPES.items()}


class VolumeError(InputError):
    """An image, a segmentation or their geometry is not usable; the message says which and what to do."""


@dataclass(frozen=True)
class OrientedImage:
    """``array`` indexed [k, j, i] as 3D Slicer's are, and ``ijkToRas``, 4 x 4, from voxel indices to millimetres."""

    array: np.ndarray
    ijkToRas: np.ndarray

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in millimetres along i, j, k."""
        x, y, z = np.linalg.norm(self.ijkToRas[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @cached_property
    def digest(self) -> str:
        """A hash of the voxels and their type. It takes a while, so jobs ask for it before the panel does."""
        array = np.ascontiguousarray(self.array)
        return hashlib.blake2b(array.data, digest_size=16, person=array.dtype.str.encode()).hexdigest()


def describeGrid(volume: OrientedImage) -> str:
    """The grid in words, for messages: dimensions and spacing along i, j, k."""
    size = " x ".join(str(n) for n in volume.array.shape[::-1])
    return _("{size} voxels of {spacing} mm").format(size=size, spacing=" x ".join(f"{s:.4g}" for s in volume.spacing))


def sameGrid(a: OrientedImage, b: OrientedImage) -> bool:
    """Whether two volumes have the same voxels: corners agree within a hundredth of the smallest voxel size."""
    if a.array.shape != b.array.shape:
        return False
    k, j, i = a.array.shape
    corners = np.array([[x, y, z, 1.0] for x in (0, i) for y in (0, j) for z in (0, k)]).T
    distance = np.abs((a.ijkToRas - b.ijkToRas) @ corners).max()
    return bool(distance <= 0.01 * min(a.spacing))


def writeNifti(volume: OrientedImage, path: Path) -> None:
    """Write ``volume`` as NIfTI-1 (gzip-compressed if the name ends in ``.gz``), geometry exact in both codes."""
    array = volume.array.astype(np.uint8) if volume.array.dtype == np.bool_ else volume.array
    if array.dtype.newbyteorder("=") not in _CODES:
        raise VolumeError(
            _("voxels of type {dtype} cannot be written; convert the volume to float first").format(dtype=array.dtype)
        )
    quaternion, offset, zooms, handedness = _quaternion(volume.ijkToRas)
    header = bytearray(HEADER_BYTES + 4)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *array.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, _CODES[array.dtype.newbyteorder("=")], array.dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, handedness, *zooms, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, HEADER_BYTES + 4, 1.0, 0.0)
    struct.pack_into("<B", header, 123, 2)  # millimetres
    struct.pack_into("<2h", header, 252, 1 if _orthogonal(volume.ijkToRas) else 0, 1)
    struct.pack_into("<6f", header, 256, *quaternion, *offset)
    struct.pack_into("<12f", header, 280, *volume.ijkToRas[:3].ravel())
    header[344:348] = b"n+1\0"
    voxels = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    content = bytes(header) + voxels
    path.write_bytes(gzip.compress(content, compresslevel=1) if path.name.endswith(".gz") else content)


def readNifti(path: Path) -> OrientedImage:
    """Read a 3-D NIfTI-1 image; anything else raises :class:`VolumeError` naming the file."""
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            header = file.read(HEADER_BYTES)
            order, shape, dtype = _layout(header, path)
            file.read(int(struct.unpack_from(order + "f", header, 108)[0]) - HEADER_BYTES)
            voxels = file.read(int(np.prod(shape)) * dtype.itemsize)
    except (OSError, EOFError) as error:
        raise VolumeError(_("{name} cannot be read: {error}").format(name=path.name, error=error)) from error
    if len(voxels) < int(np.prod(shape)) * dtype.itemsize:
        raise VolumeError(_("{name} is truncated: it ends before its last voxel").format(name=path.name))
    array = np.frombuffer(voxels, dtype).reshape(shape[::-1]).astype(dtype.newbyteorder("="))
    slope, intercept = struct.unpack_from(order + "2f", header, 112)
    if slope not in (0.0, 1.0) or intercept != 0.0:
        array = array.astype(np.float32) * np.float32(slope or 1.0) + np.float32(intercept)
    return OrientedImage(array, _affine(header, order, path))


def _layout(header: bytes, path: Path) -> tuple[str, tuple[int, ...], np.dtype]:
    order = next((o for o in "<>" if len(header) == HEADER_BYTES and struct.unpack_from(o + "i", header)[0] == 348), "")
    if not order or header[344:347] != b"n+1":
        raise VolumeError(_("{name} is not a NIfTI-1 file").format(name=path.name))
    dimensions = struct.unpack_from(order + "8h", header, 40)
    shape = dimensions[1 : 1 + dimensions[0]]
    if dimensions[0] < 3 or any(n != 1 for n in shape[3:]) or min(shape[:3]) < 1:
        raise VolumeError(
            _("{name} is not a 3-D image: its dimensions are {shape}").format(name=path.name, shape=shape)
        )
    if shape[0] * shape[1] * shape[2] > MAX_VOXELS:
        raise VolumeError(
            _("{name} claims {shape} voxels, more than the {most} that are accepted").format(
                name=path.name, shape=shape[:3], most=MAX_VOXELS
            )
        )
    code = struct.unpack_from(order + "h", header, 70)[0]
    if code not in _TYPES:
        raise VolumeError(
            _("{name} holds voxels of NIfTI type {code}, which is not a number per voxel").format(
                name=path.name, code=code
            )
        )
    return order, shape[:3], np.dtype(order + _TYPES[code])


def _affine(header: bytes, order: str, path: Path) -> np.ndarray:
    qform, sform = struct.unpack_from(order + "2h", header, 252)
    affine = np.eye(4)
    if sform > 0:
        affine[:3] = np.reshape(struct.unpack_from(order + "12f", header, 280), (3, 4))
    elif qform > 0:
        b, c, d, *offset = struct.unpack_from(order + "6f", header, 256)
        a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
        handedness, *zooms = struct.unpack_from(order + "4f", header, 76)
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        affine[:3, :3] = rotation @ np.diag([zooms[0], zooms[1], zooms[2] * (-1 if handedness < 0 else 1)])
        affine[:3, 3] = offset
    else:
        raise VolumeError(
            _("{name} does not say where it lies in space (it has neither qform nor sform)").format(name=path.name)
        )
    return affine


def _orthogonal(affine: np.ndarray) -> bool:
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(directions.T @ directions, np.eye(3), atol=1e-4))


def _quaternion(affine: np.ndarray) -> tuple[list[float], list[float], list[float], float]:
    """(b, c, d), offset, voxel sizes and handedness of NIfTI's qform, for the rotation nearest to ``affine``."""
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    left, _scales, right = np.linalg.svd(affine[:3, :3] / zooms)
    rotation = left @ right
    handedness = -1.0 if np.linalg.det(rotation) < 0 else 1.0
    rotation[:, 2] *= handedness
    # The quaternion is the eigenvector of the largest eigenvalue of a symmetric matrix (Bar-Itzhack 2000).
    xx, yx, zx, xy, yy, zy, xz, yz, zz = rotation.T.ravel()
    matrix = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    vectors = np.linalg.eigh(matrix)[1]
    *imaginary, real = vectors[:, -1].tolist()
    sign = 1.0 if real >= 0 else -1.0
    return [sign * part for part in imaginary], affine[:3, 3].tolist(), zooms.tolist(), handedness
