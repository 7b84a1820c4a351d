"""Real DICOM MR files for tests, written with pydicom."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4.1"
STUDY_UID = generate_uid(entropy_srcs=["study"])
TIMES = {
    "t1": {"RepetitionTime": 600, "EchoTime": 12},
    "t2": {"RepetitionTime": 4500, "EchoTime": 95},
    "flair": {"RepetitionTime": 9000, "EchoTime": 120, "InversionTime": 2500},
}
"""Usual acquisition times in ms."""

OBLIQUE = Rotation.from_euler("xyz", [8, -15, 21], degrees=True).as_matrix()


def series_pixels(slices: int = 6, rows: int = 10, columns: int = 8, seed: int = 0) -> npt.NDArray[np.uint16]:
    """Pixels ``(slice, row, column)`` that are all different."""
    return (
        np.random.default_rng(seed)
        .permutation(slices * rows * columns)
        .astype(np.uint16)
        .reshape(slices, rows, columns)
    )


def write_series(
    folder: Path,
    number: int,
    description: str,
    *,
    pixels: npt.NDArray[np.uint16] | None = None,
    axes: npt.NDArray[np.float64] | None = None,
    spacing: tuple[float, float, float] = (0.8, 0.9, 5.5),
    skip: tuple[int, ...] = (),
    **attributes: Any,
) -> Path:
    """Write a series, one file per slice with shuffled names; ``axes`` columns are row, column and slice direction.

    ``spacing`` is column spacing, row spacing and slice distance in mm; ``skip`` leaves slices out.
    """
    pixels = series_pixels(seed=number) if pixels is None else pixels
    axes = np.eye(3) if axes is None else axes
    origin = np.array([-90.0, -120.5, -33.25])
    target = folder / f"series{number}"
    target.mkdir(parents=True, exist_ok=True)
    for k, plane in enumerate(pixels):
        if k in skip:
            continue
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MR_IMAGE_STORAGE
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(folder), str(number), str(k)])
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        file.is_little_endian, file.is_implicit_VR = True, False
        file.SOPClassUID, file.SOPInstanceUID = MR_IMAGE_STORAGE, meta.MediaStorageSOPInstanceUID
        file.Modality, file.PatientID, file.PatientName = "MR", "SUBJ/01", "Doe^Jane"
        file.PatientBirthDate, file.StudyDate = "19500101", "20210304"
        file.StudyInstanceUID = STUDY_UID
        file.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(number)])
        file.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
        file.SeriesNumber, file.InstanceNumber, file.SeriesDescription = number, k + 1, description
        file.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        file.Rows, file.Columns = plane.shape
        file.PixelSpacing = [spacing[1], spacing[0]]
        file.SliceThickness = spacing[2]
        file.ImageOrientationPatient = [round(float(value), 12) for value in axes[:, :2].T.ravel()]
        file.ImagePositionPatient = [round(float(value), 9) for value in origin + axes[:, 2] * spacing[2] * k]
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated = file.BitsStored = 16
        file.HighBit, file.PixelRepresentation = 15, 0
        file.PixelData = plane.tobytes()
        for name, value in attributes.items():
            setattr(file, name, value)
        file.save_as(target / f"IM{zlib.crc32(str(k).encode()):010d}", write_like_original=False)
    return target


def change(series: Path, **attributes: Any) -> None:
    """Set attributes of every file of a series; a value of None removes one."""
    for path in series.iterdir():
        file = dcmread(path)
        for name, value in attributes.items():
            if value is None:
                delattr(file, name)
            else:
                setattr(file, name, value)
        file.save_as(path)


def write_enhanced(
    folder: Path,
    number: int,
    description: str,
    *,
    pixels: npt.NDArray[np.uint16],
    axes: npt.NDArray[np.float64] | None = None,
    spacing: tuple[float, float, float] = (0.8, 0.9, 5.5),
    echoes: tuple[float, ...] = (12.0,),
    repetition_time: float = 600.0,
    rescale: tuple[float, float] | None = None,
    **attributes: Any,
) -> Path:
    """Write an Enhanced MR object: all slices of all echoes as frames of one file, the last slice first."""
    series = write_series(folder, number, description, pixels=pixels[:1], axes=axes, spacing=spacing)
    (path,) = series.iterdir()
    file = dcmread(path)
    axes = np.eye(3) if axes is None else axes
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(file, name)
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = ENHANCED_MR_IMAGE_STORAGE
    file.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared = Dataset()
    shared.PlaneOrientationSequence = [
        _item(ImageOrientationPatient=[round(float(v), 12) for v in axes[:, :2].T.ravel()])
    ]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=[spacing[1], spacing[0]], SliceThickness=spacing[2])]
    shared.MRTimingAndRelatedParametersSequence = [_item(RepetitionTime=repetition_time)]
    file.SharedFunctionalGroupsSequence = [shared]
    origin = np.array([-90.0, -120.5, -33.25])
    groups, planes = [], []
    for k in reversed(range(len(pixels))):
        for echo in echoes:
            position = [round(float(v), 9) for v in origin + axes[:, 2] * spacing[2] * k]
            group = Dataset()
            group.PlanePositionSequence = [_item(ImagePositionPatient=position)]
            group.MREchoSequence = [_item(EffectiveEchoTime=echo)]
            group.FrameContentSequence = [_item(StackID="1", InStackPositionNumber=k + 1)]
            if rescale:
                slope, intercept = rescale
                group.PixelValueTransformationSequence = [
                    _item(RescaleSlope=slope * (k + 1), RescaleIntercept=intercept, RescaleType="US")
                ]
            groups.append(group)
            planes.append(pixels[k])
    file.PerFrameFunctionalGroupsSequence = groups
    file.NumberOfFrames = len(planes)
    file.PixelData = np.stack(planes).tobytes()
    for name, value in attributes.items():
        setattr(file, name, value)
    file.save_as(path)
    return series


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return item


def without_preamble(path: Path, *, big_endian: bool = False, implicit: bool = False) -> None:
    """Rewrite a file as its bare data set: no preamble, no meta information."""
    file = dcmread(path)
    pixels = file.pixel_array
    bare = Dataset()
    bare.update(file)
    bare.is_little_endian, bare.is_implicit_VR = not big_endian, implicit
    if big_endian:
        bare.PixelData = pixels.astype(">u2").tobytes()
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = not big_endian, implicit
    write_dataset(buffer, bare)
    path.write_bytes(buffer.getvalue())
