"""Reading and writing of images and masks: NIfTI through nibabel, NRRD through SimpleITK.

A file is judged by its header before a voxel is decompressed, so that a small file
that claims a huge image costs nothing. Affines are rounded to single precision, the
precision of a NIfTI header: a grid read from either format, or written and read
again, compares equal bit for bit.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from nibabel.volumeutils import apply_read_scaling

from gliomics.errors import GeometryError, InputError, StorageError
from gliomics.files import atomic_path, check_file, open_file, suffix_of
from gliomics.study import itk
from gliomics.study.nifti import affine_of, new_image, open_maybe_gzip, read_header, scaling_of, voxel_offset
from gliomics.study.segments import NAMED, header_of, label_map, label_names, segments_of
from gliomics.study.volumes import Mask, Volume

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd")
"""File types of images and masks."""

MAX_VOXELS = 512 * 512 * 512
"""Largest image that is read; a header that claims more is refused."""

MAX_BYTES = 4 * MAX_VOXELS
"""Most memory that the voxels of a file may take as they are stored: half a GiB."""

MAX_FILE_BYTES = 2 * MAX_BYTES
"""Largest file of an image or a mask; a larger one cannot be one that is read, and is not opened."""

MOST_LABELS = 16
"""A mask with more values than this is an image, an atlas, or probabilities in steps."""

_MAX_HEADER_BYTES = 1 << 20
_PIECE = 1 << 22
_EIGHT_BYTE_PIXELS = (sitk.sitkFloat64, sitk.sitkInt64, sitk.sitkUInt64)
_NEGLIGIBLE = 1e-12
_MASK_TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64)
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_ROUNDING = 1.01e-4  # 0.9999 in single precision, too
_MOST_ROUNDING = 0.01
"""Label values are off by half a step of the header's scale, at most by this."""


def read_volume(path: Path) -> Volume:
    """Read a 3-D image (NIfTI or NRRD), voxel type kept unless the header scales the values.

    A 4-D file whose last axis has one entry counts as 3-D. Raises :class:`InputError`
    naming the file when it is missing, empty, truncated, longer than its header says,
    not a single-valued 3-D image, larger than :data:`MAX_VOXELS` or :data:`MAX_BYTES`,
    without usable geometry, or holds NaN or infinite values.
    """
    volume = _read(Path(path)).volume
    _check_finite(volume.array, str(path))
    return volume


def read_mask(path: str | Path) -> Mask:
    """Read a mask: label values as stored, in the smallest integer type that holds them.

    Values that a header's scale leaves beside an integer, by 1e-4 or half a step of the scale, are that integer. The
    segments of a ``.seg.nrrd`` file become one label map, with the values of :func:`read_label_names`. Raises
    :class:`InputError` as :func:`read_volume` does, and for what is no mask: NaN, fractional or negative values, more
    than :data:`MOST_LABELS` of them, and segments that overlap.
    """
    stored = _read(Path(path), as_mask=True)
    return stored.volume.with_array(_as_labels(stored.volume.array, str(path), stored.step))


def read_label_names(path: Path) -> dict[int, str]:
    """The names of a mask's values, as 3D Slicer writes them into ``.seg.nrrd``; none in files of other types.

    Raises :class:`InputError` as :func:`read_mask` does.
    """
    if suffix_of(Path(path)) != ".nrrd":
        return {}
    return _read(Path(path), as_mask=True).label_names


def write_volume(volume: Volume, path: str | Path, *, finite: bool = True) -> None:
    """Write an image, atomically; ``.nii.gz``, ``.nii`` or ``.nrrd`` by the name, the voxel type kept.

    With ``finite`` false, as of a map, voxels may be NaN, which images to be measured must not have.
    """
    path = Path(path)
    _check_suffix(path)
    if finite:
        _check_finite(volume.array, str(path))
    _check_affine(volume.affine, str(path))
    volume = volume.with_array(_storable(volume.array, str(path)))
    with atomic_path(path) as temporary:
        if suffix_of(path) == ".nrrd":
            _write_nrrd(volume, temporary, {})
        else:
            nib.save(new_image(volume.array, volume.affine), temporary)


def _write_nrrd(volume: Volume, path: Path, fields: Mapping[str, str]) -> None:
    """Write an NRRD file and read it again: ITK says nothing of a disk that is full."""
    image = to_sitk(volume)
    for key, text in fields.items():
        itk.typed(image).SetMetaData(key, text)
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
        _read_nrrd(path, as_mask=False)
    except (RuntimeError, InputError) as error:
        with path.open("ab") as file:  # the file system's own error, where there is one
            file.write(bytes(_PIECE))
            os.fsync(file.fileno())
        raise StorageError(f"{path.name} could not be written; look whether the disk is full") from error


def write_mask(mask: Mask, path: str | Path) -> None:
    """Write a mask in the smallest integer type that holds its label values, atomically."""
    write_volume(mask.with_array(_as_labels(mask.array, str(path))), path)


def write_segments(mask: Mask, names: Mapping[str, int], path: str | Path) -> None:
    """Write a mask whose values have names as a ``.seg.nrrd`` file, which 3D Slicer opens as segments; atomically."""
    path = Path(path)
    if not path.name.endswith(NAMED):
        raise InputError(f"{path.name} cannot hold the names of segments; name the file .seg.nrrd")
    _check_affine(mask.affine, str(path))
    labels = _as_labels(mask.array, str(path))
    with atomic_path(path) as temporary:
        _write_nrrd(mask.with_array(labels), temporary, header_of(names))


def to_sitk(volume: Volume) -> sitk.Image:
    """The volume as a SimpleITK image (RAS affine to LPS origin, spacing and direction).

    Raises :class:`GeometryError` when the affine has shear, which ITK cannot hold.
    """
    _check_affine(volume.affine, "the image")
    spacing = np.array(volume.spacing)
    direction = _LPS_TO_RAS @ volume.affine[:3, :3] / spacing
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-4):
        raise GeometryError(
            "the image's axes are not perpendicular (its affine has shear); resample it to a regular grid"
        )
    direction[np.abs(direction) < _NEGLIGIBLE] = 0.0  # ITK inverts the matrix wrongly when an entry is about 1e-296
    image = sitk.GetImageFromArray(np.ascontiguousarray(_storable(volume.array, "the image").transpose(2, 1, 0)))
    typed = itk.typed(image)
    typed.SetSpacing(spacing.tolist())
    typed.SetDirection(direction.ravel().tolist())
    typed.SetOrigin((_LPS_TO_RAS @ volume.affine[:3, 3]).tolist())
    return image


def from_sitk(image: sitk.Image) -> Volume:
    """The 3-D SimpleITK image as a volume (LPS geometry to a RAS affine)."""
    typed = itk.typed(image)
    dimensions, components = typed.GetDimension(), typed.GetNumberOfComponentsPerPixel()
    if dimensions != 3 or components != 1:
        raise InputError(
            f"expected a 3-D image with one value per voxel; this one has {dimensions} dimensions "
            f"and {components} values per voxel"
        )
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), _ras_affine(typed))


def _ras_affine(image: itk.ItkImage) -> npt.NDArray[np.float64]:
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = _LPS_TO_RAS @ direction * np.array(image.GetSpacing())
    affine[:3, 3] = _LPS_TO_RAS @ np.array(image.GetOrigin())
    return affine


@dataclass(frozen=True)
class _Stored:
    """A volume as its file holds it: ``step`` is the header's scale of values, 0 where there is none."""

    volume: Volume
    step: float = 0.0
    label_names: dict[int, str] = field(default_factory=dict)


def _read(path: Path, as_mask: bool = False) -> _Stored:
    suffix = _check_suffix(path)
    if check_file(path, MAX_FILE_BYTES).stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy it again from its source")
    stored = _read_nrrd(path, as_mask) if suffix == ".nrrd" else _read_nifti(path)
    with np.errstate(over="ignore"):
        affine = stored.volume.affine.astype(np.float32).astype(np.float64)
    affine[np.abs(affine) < _NEGLIGIBLE] = 0.0
    _check_affine(affine, str(path))
    return replace(stored, volume=Volume(stored.volume.array, affine, stored.volume.placed))


def _read_nifti(path: Path) -> _Stored:
    try:
        with open_maybe_gzip(path) as stream:
            start = stream.read(540)
            header = read_header(start, path)
            shape, dtype = header.get_data_shape(), header.get_data_dtype()
            _check_size(shape, dtype.itemsize, str(path))
            offset = voxel_offset(header, path, _MAX_HEADER_BYTES)
            expected = math.prod(shape) * dtype.itemsize
            content = bytearray((start + stream.read(max(0, offset - len(start))))[offset:])
            # Piece by piece: one large read holds what it decompresses twice.
            while len(content) <= expected and (piece := stream.read(min(_PIECE, expected + 1 - len(content)))):
                content += piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is truncated or damaged ({error}); copy it again from its source") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) != expected:
        content_size = f"{offset + len(content)} bytes" if len(content) < expected else "more"
        raise InputError(
            f"{path} does not hold what its header says: {offset + expected} bytes expected, {content_size} found"
        )
    array = np.frombuffer(content, dtype).reshape(shape, order="F")
    slope, intercept = scaling_of(header, path)
    if slope is not None:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite voxels are refused where they are read
            array = apply_read_scaling(array, np.float64(slope), np.float64(intercept))
    placed = bool(header["sform_code"] or header["qform_code"])
    volume = Volume(
        array.reshape(array.shape[:3]).astype(array.dtype.newbyteorder("="), copy=False),
        affine_of(header, path),
        placed,
    )
    scaled = slope is not None and dtype.kind in "iu"
    return _Stored(volume, abs(slope) if slope is not None and scaled else 0.0)


def _read_nrrd(path: Path, as_mask: bool) -> _Stored:
    placed = _check_nrrd_header(path)
    file = itk.ImageFile(path, "NrrdImageIO")
    try:
        header = file.header()
        components, size = header.components, header.size
        fields = {key: value for key, value in header.fields.items() if key.startswith("Segment")}
        segments = segments_of(fields, components, str(path)) if as_mask else []
        if components != 1 and not segments:
            raise InputError(
                f"{path} holds {components} values per voxel (a colour image or overlapping segments); expected one"
            )
        bytes_per_value = 8 if header.pixel_type in _EIGHT_BYTE_PIXELS else 4
        _check_size(size, bytes_per_value * components, str(path))
        image = file.read([*size[:3], *[0] * (len(size) - 3)] if len(size) > 3 else None)
        if components == 1:
            return _Stored(replace(from_sitk(image), placed=placed), label_names=label_names(segments))
        layers = sitk.GetArrayFromImage(image).transpose(2, 1, 0, 3)
        volume = Volume(label_map(layers, segments, str(path)), _ras_affine(itk.typed(image)), placed)
        return _Stored(volume, label_names=label_names(segments))
    except RuntimeError as error:
        raise InputError(
            f"{path} is not a readable NRRD image ({itk.reason_of(error)}); copy it again from its source"
        ) from error


def _check_nrrd_header(path: Path) -> bool:
    """Whether a header says where the image lies.

    Refused is one that takes its voxels from another file, which could lie anywhere, or from deep in this one: to skip
    bytes, ITK decompresses them, and to count them from the end, all there are.
    """
    with open_file(path) as file:
        head = file.read(_MAX_HEADER_BYTES)
    if not head.startswith(b"NRRD"):
        raise InputError(f"{path} is not an NRRD image; give a .nii, .nii.gz or .nrrd file")
    lines, _, voxels = head.replace(b"\r\n", b"\n").partition(b"\n\n")
    names: set[bytes] = set()
    for line in lines.split(b"\n"):
        name, _, value = line.lower().replace(b" ", b"").replace(b"\t", b"").partition(b":")
        if name == b"datafile":
            raise InputError(f"{path} keeps its voxels in another file; save it as one .nrrd or .nii.gz file")
        if name in (b"byteskip", b"lineskip") and value != b"0":
            raise InputError(f"{path} has bytes before its voxels that are to be skipped; save it again as .nrrd")
        names.add(name)
    if not voxels or b"\r" in lines or b"\0" in lines:
        raise InputError(f"{path} is not a readable NRRD image: its header has no end; save it as one .nrrd file")
    return {b"spacedirections", b"spaceorigin"} <= names


def _storable(array: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
    """The array in a type that both file formats have."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise InputError(f"{name} cannot be stored: its voxels are of type {array.dtype}; expected real numbers")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _as_labels(array: npt.NDArray[np.generic], name: str, step: float = 0.0) -> npt.NDArray[np.generic]:
    if array.dtype.kind == "f":
        array = _rounded(array, name, step)
    elif array.dtype.kind not in "iub":
        raise InputError(f"{name} is not a mask: its values are of type {array.dtype}; expected integers")
    voxels = array.ravel(order="K")  # as they are stored, which is several times as fast
    values = np.unique(voxels[voxels != 0])
    low, high = (int(values[0]), int(values[-1])) if values.size else (0, 0)
    if low < 0:
        raise InputError(
            f"{name} is not a mask: it has negative values, down to {low}; expected 0 for background and 1, 2, ... for "
            "labels"
        )
    if values.size > MOST_LABELS:
        raise InputError(
            f"{name} is not a tumour's mask: it has {values.size} different values, up to {high}, and at most "
            f"{MOST_LABELS} are labels; is it an image, an atlas or a map of probabilities? give the mask that was "
            "drawn on the image"
        )
    for mask_type in _MASK_TYPES:
        if high <= np.iinfo(mask_type).max:
            return array.astype(mask_type)
    raise InputError(f"{name} is not a mask: its label values reach {high}; expected values below 2^63")


def _rounded(array: npt.NDArray[np.generic], name: str, step: float) -> npt.NDArray[np.generic]:
    """Floating-point values as the integers that they stand for."""
    _check_finite(array, name)
    values = array.astype(np.float64, copy=False)
    integers = np.rint(values)
    if (np.abs(integers) >= 2.0**63).any():
        raise InputError(
            f"{name} is not a mask: its label values reach {np.abs(integers).max():g}; expected values below 2^63"
        )
    tolerance = min(max(_ROUNDING, 0.501 * step), _MOST_ROUNDING)
    single = np.minimum(4 * np.finfo(np.float32).eps * np.abs(values), 0.1)  # large values in single precision
    fractions = values[np.abs(values - integers) > np.maximum(tolerance, single)]
    if not fractions.size:
        return integers.astype(np.int64)
    message = (
        f"{name} is not a mask: {fractions.size} voxels are not integers (the first is {fractions[0]:.9g}, values go "
        f"from {values.min():.9g} to {values.max():.9g}); expected label values 0, 1, 2, ..."
    )
    if values.min() >= 0 and values.max() <= 1 + _ROUNDING:
        message += (
            "; if it is a probability map, make a mask of it first, in 3D Slicer with Segment Editor, Threshold from "
            "0.5, or in Python with write_mask(map.with_array(map.array > 0.5), path)"
        )
    raise InputError(message)


def _check_suffix(path: Path) -> str:
    suffix = suffix_of(path)
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(f"{path} has type {suffix or '(none)'}; expected {', '.join(IMAGE_SUFFIXES)}")
    return suffix


def _check_size(shape: tuple[int, ...], bytes_per_voxel: int, name: str) -> None:
    sizes = [int(size) for size in shape]
    if len(sizes) < 3 or any(size != 1 for size in sizes[3:]):
        raise InputError(f"{name} has {len(sizes)} dimensions {tuple(sizes)}; expected one 3-D image")
    if any(size < 1 for size in sizes):
        raise InputError(f"{name} claims an impossible size {tuple(sizes)}; copy it again from its source")
    if math.prod(sizes) > MAX_VOXELS:
        raise InputError(f"{name} claims {tuple(sizes)} voxels; at most {MAX_VOXELS} (512 x 512 x 512) are read")
    if math.prod(sizes) * bytes_per_voxel > MAX_BYTES:
        raise InputError(
            f"{name} claims {tuple(sizes)} voxels of {bytes_per_voxel} bytes; at most {MAX_BYTES} bytes are read: "
            "save it with a smaller type, such as float32 or uint8"
        )


def _check_affine(affine: npt.NDArray[np.float64], name: str) -> None:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GeometryError(f"{name} has no usable geometry: its affine {affine[:3].tolist()} cannot be inverted")


def _check_finite(array: npt.NDArray[np.generic], name: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(f"{name} has {count} voxels that are NaN or infinite; set them to 0 and save it again")
