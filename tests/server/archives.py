"""Examinations as an archive has them: sample studies as DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import generate_uid

from gliomics.bundled import bundled
from gliomics.study import read_volume
from tests.unit.dicom.dicom_files import write_series

NAMES = {"flair": "AX T2 FLAIR", "t1": "AX T1", "t1c": "AX T1 POST", "t2": "AX T2"}


def study_uid(patient: str) -> str:
    """The Study Instance UID of a patient's examination."""
    return str(generate_uid(entropy_srcs=["examination", patient]))


def series_uid(patient: str, sequence: str) -> str:
    """The Series Instance UID of one of its sequences."""
    return str(generate_uid(entropy_srcs=["series of", patient, sequence]))


def write_examination(folder: Path, patient: str, sample: str = "sample-01", *sequences: str) -> None:
    """Write sequences of a sample study (all unless named) as the DICOM files of an examination, each of all slices."""
    for number, (sequence, description) in enumerate(NAMES.items(), start=1):
        if sequences and sequence not in sequences:
            continue
        volume = read_volume(bundled("sample_studies") / sample / f"{sequence}.nii.gz")
        pixels = (np.clip(volume.array, 0, None) * (4000.0 / volume.array.max())).astype(np.uint16).transpose(2, 1, 0)
        axes = (np.diag([-1.0, -1.0, 1.0]) @ volume.affine[:3, :3]) / volume.spacing
        series = write_series(
            folder / patient.replace("/", "-"), number, description, pixels=pixels, axes=axes, spacing=volume.spacing,
            PatientID=patient, StudyInstanceUID=study_uid(patient), SeriesInstanceUID=series_uid(patient, sequence),
            FrameOfReferenceUID=generate_uid(entropy_srcs=["frame of", patient]),
        )  # fmt: skip
        for path in series.iterdir():
            file = pydicom.dcmread(path)
            file.SOPInstanceUID = generate_uid(entropy_srcs=[patient, sequence, path.name])
            file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
            file.save_as(path)
