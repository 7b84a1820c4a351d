"""Real DICOM MR files for tests, written with pydicom."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
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
