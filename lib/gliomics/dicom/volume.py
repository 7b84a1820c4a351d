"""From a series to a volume: frames checked to be one regular stack, and their voxels.

Voxels of files of one image are read with SimpleITK, which decodes compressed transfer syntaxes and applies the
rescale slope; those of multi-frame files, and of files without meta information, with pydicom. The affine follows
from Image Position and Image Orientation (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.filereader import read_preamble
from pydicom.pixel_data_handlers.util import apply_modality_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from gliomics.dicom.headers import READ_ERRORS
from gliomics.dicom.records import Frame, Series
from gliomics.errors import GeometryError, InputError
from gliomics.study import itk
from gliomics.study.images import MAX_VOXELS
from gliomics.study.volumes import Volume


def read_series(series: Series) -> Volume:
    """The series as a volume; raises :class:`InputError` or :class:`GeometryError` for one that is no regular stack."""
    frames = sorted_frames(series)
    planes = _planes(frames, series)
    array = np.stack([planes[id(frame)] for frame in frames], axis=-1)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    return Volume(array, _affine(frames))


def grid_of_series(series: Series) -> Volume:
    """The grid of :func:`read_series`' volume, by headers alone: every voxel is 0. Raises what that raises for them."""
    frames = sorted_frames(series)
    shape = (*frames[0].size, len(frames))
    return Volume(np.broadcast_to(np.uint8(0), shape), _affine(frames))


def _affine(frames: list[Frame]) -> npt.NDArray[np.float64]:
    """From column, row and slice to RAS millimetres."""
    first, last = frames[0], frames[-1]
    lps = np.eye(4)
    lps[:3, 0] = first.orientation[:3] * first.spacing[1]
    lps[:3, 1] = first.orientation[3:] * first.spacing[0]
    lps[:3, 2] = (last.position - first.position) / (len(frames) - 1)
    lps[:3, 3] = first.position
    affine: npt.NDArray[np.float64] = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return affine


def sorted_frames(series: Series) -> list[Frame]:
    """The frames along the normal of the image plane, checked to be one regular stack."""
    if len(series.frames) < 2:
        raise InputError(f"{series} has {len(series.frames)} images; a volume needs at least two slices")
    frames = list(series.frames)
    first = frames[0]
    for frame in frames:
        if frame.size != first.size or not np.allclose(frame.spacing, first.spacing, rtol=1e-3):
            raise GeometryError(f"{series}: {frame} and {first} differ in size or pixel spacing")
        if not np.allclose(frame.orientation, first.orientation, atol=1e-3):
            raise GeometryError(f"{series}: {frame} and {first} lie in planes of different orientation")
    if first.size[0] * first.size[1] * len(frames) > MAX_VOXELS:
        raise InputError(f"{series} has {len(frames)} images of {first.size}; at most {MAX_VOXELS} voxels are read")
    frames.sort(key=lambda frame: float(frame.position @ first.normal))
    _check_regular(frames, series)
    return frames


def _check_regular(frames: list[Frame], series: Series) -> None:
    normal = frames[0].normal
    distances = np.diff([float(frame.position @ normal) for frame in frames])
    usual = float(np.median(distances))
    if distances.min() < 0.01:
        raise InputError(f"{series} has several images at one position, which nothing tells apart; import it as NIfTI")
    if distances.max() > 1.5 * usual:
        k = int(distances.argmax())
        raise InputError(
            f"{series}: slices are missing between {frames[k]} and {frames[k + 1]}: "
            f"{distances[k]:.4g} mm apart, the others {usual:.4g} mm; copy the series again from its source"
        )
    if np.abs(np.cumsum(distances) - distances.mean() * np.arange(1, len(frames))).max() > 0.1 * usual:
        raise GeometryError(
            f"{series}: the slices are not evenly spaced ({distances.min():.4g} to {distances.max():.4g} mm)"
        )
    step = (frames[-1].position - frames[0].position) / (len(frames) - 1)
    if np.linalg.norm(step - normal * (step @ normal)) > 0.01 * usual:
        raise GeometryError(f"{series}: the slices are shifted against each other (a tilted stack); resample it first")


def _planes(frames: list[Frame], series: Series) -> dict[int, npt.NDArray[Any]]:
    """The pixels of each frame as ``(column, row)``, rescaled; each file is read once."""
    by_file: dict[Path, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_file[frame.path].append(frame)
    planes: dict[int, npt.NDArray[Any]] = {}
    for path, inside in by_file.items():
        if inside[0].index is None and _has_preamble(path):
            planes[id(inside[0])] = _read_with_itk(inside[0], series)
            continue
        dataset = _read_whole(path, series)
        if inside[0].index is None:
            pixels = apply_modality_lut(dataset.pixel_array, dataset)
            planes[id(inside[0])] = _plane(pixels, inside[0], series)
            continue
        stack = dataset.pixel_array.reshape(-1, inside[0].size[1], inside[0].size[0])
        for frame in inside:
            slope, intercept = frame.rescale
            plane = stack[frame.index or 0]
            rescaled = plane if (slope, intercept) == (1.0, 0.0) else plane * np.float32(slope) + np.float32(intercept)
            planes[id(frame)] = _plane(rescaled, frame, series)
    return planes


def _plane(pixels: npt.NDArray[Any], frame: Frame, series: Series) -> npt.NDArray[Any]:
    if pixels.shape != (frame.size[1], frame.size[0]):
        raise InputError(f"{series}: {frame} holds pixels of shape {pixels.shape}, its header says {frame.size[::-1]}")
    return pixels.T


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as file:
        return read_preamble(file, force=True) is not None


def _read_whole(path: Path, series: Series) -> pydicom.Dataset:
    """A file with its pixels decoded; one without meta information is taken for uncompressed."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            explicit = ExplicitVRLittleEndian if dataset.is_little_endian else ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if dataset.is_implicit_VR else explicit
        dataset.convert_pixel_data()
    except READ_ERRORS as error:
        raise InputError(f"{series}: the pixels of {path} cannot be read ({error})") from error
    return dataset


def _read_with_itk(frame: Frame, series: Series) -> npt.NDArray[Any]:
    try:
        image = itk.ImageFile(frame.path, "GDCMImageIO").read()
    except RuntimeError as error:
        raise InputError(f"{series}: the pixels of {frame.path} cannot be read ({itk.reason_of(error)})") from error
    if itk.typed(image).GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{series}: {frame} is a colour picture, not an MR slice")
    return _plane(np.squeeze(sitk.GetArrayFromImage(image), axis=0), frame, series)
