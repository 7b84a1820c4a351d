"""Headers of DICOM files: read with or without preamble, and told apart by what kind of object they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID

MR_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR Image Storage",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR Image Storage",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR Image Storage",
}
_PRIVATE = {"1.3.12.2.1107.5.9": "Siemens non-image object", "1.3.46.670589": "Philips private object",
            "1.2.840.113619": "GE private object", "1.2.392.200036": "Canon private object"}  # fmt: skip
HEADER_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "PatientName", "PatientBirthDate",
    "StudyInstanceUID", "StudyDate", "SeriesInstanceUID",
    "SeriesNumber", "SeriesDescription", "ProtocolName", "RepetitionTime", "EchoTime", "InversionTime",
    "ContrastBolusAgent", "ContrastBolusVolume", "ContrastBolusAgentSequence", "ContrastBolusIngredient",
    "ContrastBolusRoute", "ContrastBolusTotalDose", "ContrastFlowRate", "ContrastBolusStartTime", "ImageType",
    "ScanningSequence", "EchoPulseSequence",
    "AcquisitionContrast", "ComplexImageComponent", "BodyPartExamined", "DiffusionBValue",
    "NumberOfTemporalPositions", "TemporalPositionIdentifier", "AcquisitionNumber", "AcquisitionTime", "TriggerTime",
    "InstanceNumber", "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows",
    "Columns", "SamplesPerPixel", "NumberOfFrames", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]  # fmt: skip
"""What examinations, series and their places in space are told by."""

READ_ERRORS = (OSError, EOFError, ValueError, TypeError, OverflowError, NotImplementedError, RuntimeError, KeyError,
               AttributeError, struct.error, InvalidDicomError, BytesLengthException)  # fmt: skip
"""What pydicom raises for files that are cut off or damaged."""


@dataclass(frozen=True)
class DicomHeader:
    """The header of a file, without pixels."""

    path: Path
    dataset: pydicom.Dataset

    def value(self, name: str) -> Any:
        """An attribute's value; None when it is absent, empty or not what its type says."""
        return value_of(self.dataset, name)

    def text(self, name: str) -> str:
        """An attribute as text, empty when it is absent."""
        return text_of(self.dataset, name)

    @property
    def sop_class(self) -> str:
        """The UID of the object's kind, from its file's meta information where the object does not say it."""
        meta = getattr(self.dataset, "file_meta", None) or pydicom.Dataset()
        return self.text("SOPClassUID") or str(meta.get("MediaStorageSOPClassUID") or "")

    @property
    def has_pixels(self) -> bool:
        """Whether the header says how large its image is."""
        return number_of(self.dataset, "Rows", 0) > 0 and number_of(self.dataset, "Columns", 0) > 0

    @property
    def no_image(self) -> str:
        """What kind of object it is if it is no MR image, empty if it is one."""
        sop_class, modality = self.sop_class, self.text("Modality")
        if sop_class not in MR_IMAGES and (sop_class or modality != "MR"):
            return _class_name(sop_class) if sop_class else f"{modality or 'unknown'} object"
        if not self.has_pixels:
            return "MR object without pixels"
        if number_of(self.dataset, "SamplesPerPixel", 1) > 1:
            return "colour picture"
        return ""


def read_header(path: Path) -> DicomHeader:
    """The header of a file, whether it begins with a preamble or not; :class:`ValueError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(132)
        has_preamble = start[128:] == b"DICM"
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=not has_preamble, specific_tags=HEADER_TAGS)
        for name in ("SOPClassUID", "Modality", "StudyInstanceUID", "SeriesInstanceUID"):
            dataset.get(name)
    except READ_ERRORS as error:
        raise ValueError(str(error) or type(error).__name__) from error
    header = DicomHeader(path, dataset)
    if not header.sop_class and not header.text("Modality"):
        raise ValueError("it names neither the kind of the object nor a modality")
    if header.sop_class in MR_IMAGES and not header.has_pixels:
        raise ValueError("an MR image without rows and columns, so it is cut off or damaged")
    return header


def _class_name(uid: str) -> str:
    private = next((name for root, name in _PRIVATE.items() if uid.startswith(root)), None)
    name = private or UID(uid).name
    return f"object of class {uid}" if name == uid else name


def value_of(dataset: pydicom.Dataset, name: str) -> Any:
    """An attribute's value; None when it is absent, empty or not what its type says."""
    try:
        value = dataset.get(name)
    except READ_ERRORS:
        return None
    return None if value is None or value == "" else value


def text_of(dataset: pydicom.Dataset, name: str) -> str:
    """An attribute as text, empty when it is absent."""
    value = value_of(dataset, name)
    return "" if value is None else str(value).strip()


def texts_of(dataset: pydicom.Dataset, name: str) -> tuple[str, ...]:
    """An attribute of one or several values as texts in upper case."""
    value = value_of(dataset, name)
    if value is None:
        return ()
    return tuple(str(item).strip().upper() for item in ([value] if isinstance(value, str) else value))


def numbers_of(dataset: pydicom.Dataset, name: str) -> npt.NDArray[np.float64]:
    """An attribute as numbers, none when it is absent or holds something else."""
    value = value_of(dataset, name)
    try:
        return np.atleast_1d(np.asarray([] if value is None else value, dtype=np.float64))
    except (TypeError, ValueError):
        return np.empty(0)


def number_of(dataset: pydicom.Dataset, name: str, default: float) -> float:
    """The first number of an attribute, ``default`` when it has none."""
    numbers = numbers_of(dataset, name)
    return float(numbers[0]) if numbers.size else default


def time_of(dataset: pydicom.Dataset, name: str) -> float | None:
    """A time in ms; scanners write 0 for one that does not apply."""
    value = number_of(dataset, name, 0.0)
    return value if value > 0 else None


def item_of(dataset: pydicom.Dataset, name: str) -> pydicom.Dataset:
    """The first item of a sequence, an empty one when there is none."""
    sequence = value_of(dataset, name)
    return sequence[0] if sequence else pydicom.Dataset()
