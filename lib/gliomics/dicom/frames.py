"""The frames of a file, of one image or of many, and how they were acquired."""

from __future__ import annotations

import numpy as np
import pydicom

from gliomics.dicom.headers import DicomHeader, item_of, number_of, numbers_of, text_of, texts_of, time_of
from gliomics.dicom.records import Frame
from gliomics.errors import GeometryError
from gliomics.sequences import CONTRAST_DETAILS, Acquisition, contrast_details

_PULSES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}


def frames_of(header: DicomHeader) -> list[Frame]:
    """The frames of a file; :class:`GeometryError` when one has no place in space."""
    groups = header.value("PerFrameFunctionalGroupsSequence")
    count = int(number_of(header.dataset, "NumberOfFrames", 1))
    if not groups:
        if count > 1:
            raise GeometryError(
                f"{header.path.name} holds {count} frames without their positions; convert it to NIfTI (dcm2niix) first"
            )
        return [_frame(header, None, header.dataset, header.dataset)]
    if len(groups) != count:
        raise GeometryError(f"{header.path.name} holds {count} frames but the positions of {len(groups)}")
    shared = item_of(header.dataset, "SharedFunctionalGroupsSequence")
    return [_frame(header, index, group, shared) for index, group in enumerate(groups)]


def _macro(name: str, group: pydicom.Dataset, shared: pydicom.Dataset) -> pydicom.Dataset:
    """A functional group of a frame, that of all frames where the frame has none."""
    return item_of(group, name) or item_of(shared, name)


def _frame(header: DicomHeader, index: int | None, group: pydicom.Dataset, shared: pydicom.Dataset) -> Frame:
    """One frame; for a file of one image ``group`` is its whole header."""
    many = index is not None
    place = {}
    where = f"frame {(index or 0) + 1} of {header.path.name}" if many else header.path.name
    for name, macro, length in (
        ("ImagePositionPatient", "PlanePositionSequence", 3),
        ("ImageOrientationPatient", "PlaneOrientationSequence", 6),
        ("PixelSpacing", "PixelMeasuresSequence", 2),
    ):
        numbers = numbers_of(_macro(macro, group, shared) if many else group, name)
        if len(numbers) != length or not np.isfinite(numbers).all() or (name == "PixelSpacing" and numbers.min() <= 0):
            raise GeometryError(f"{where} has no usable {name}; it cannot be placed in space")
        place[name] = numbers
    acquisition = acquisition_of(header, index)
    transformation = _macro("PixelValueTransformationSequence", group, shared) if many else pydicom.Dataset()
    content = item_of(group, "FrameContentSequence") if many else group
    temporal = text_of(content, "TemporalPositionIndex") or text_of(header.dataset, "TemporalPositionIdentifier")
    marks = {
        "echo time": acquisition.echo_time,
        "inversion time": acquisition.inversion_time,
        "b-value": acquisition.b_value,
        "time point": temporal,
        "image type": "/".join(acquisition.image_type),
    }
    return Frame(
        path=header.path,
        position=place["ImagePositionPatient"],
        orientation=place["ImageOrientationPatient"],
        spacing=place["PixelSpacing"],
        size=(int(number_of(header.dataset, "Columns", 0)), int(number_of(header.dataset, "Rows", 0))),
        index=index,
        rescale=(number_of(transformation, "RescaleSlope", 1.0), number_of(transformation, "RescaleIntercept", 0.0)),
        marks=tuple((name, f"{value:g}" if isinstance(value, float) else value or "") for name, value in marks.items()),
        order=(
            number_of(content, "AcquisitionNumber", 0.0) or number_of(content, "FrameAcquisitionNumber", 0.0),
            number_of(content, "TriggerTime", 0.0),
            number_of(content, "AcquisitionTime", 0.0) or _seconds(text_of(content, "FrameAcquisitionDateTime")),
            number_of(header.dataset, "InstanceNumber", 0.0),
            float(index or 0),
        ),
        image_type=acquisition.image_type,
    )


def _seconds(text: str) -> float:
    """A moment as a number that grows with time."""
    digits = text.split("+")[0].replace(".", "")
    return float(digits) if digits.isdigit() else 0.0


def acquisition_of(header: DicomHeader, index: int | None = None) -> Acquisition:
    """How a file, or one frame of it, was acquired, by the attributes of either kind of object."""
    dataset = header.dataset
    groups = header.value("PerFrameFunctionalGroupsSequence")
    group = groups[index or 0] if groups else pydicom.Dataset()
    shared = item_of(dataset, "SharedFunctionalGroupsSequence")
    timing = _macro("MRTimingAndRelatedParametersSequence", group, shared)
    modifier = _macro("MRModifierSequence", group, shared)
    frame_type = _macro("MRImageFrameTypeSequence", group, shared)
    diffusion = _macro("MRDiffusionSequence", group, shared)
    component = text_of(frame_type, "ComplexImageComponent") or text_of(dataset, "ComplexImageComponent")
    image_type = texts_of(frame_type, "FrameType") or texts_of(dataset, "ImageType")
    additions = [
        "" if component in ("MAGNITUDE", "MIXED") else component,
        text_of(frame_type, "AcquisitionContrast") or text_of(dataset, "AcquisitionContrast"),
    ]
    temporal = int(number_of(dataset, "NumberOfTemporalPositions", 0))
    volume = numbers_of(dataset, "ContrastBolusVolume")
    b_value = numbers_of(diffusion, "DiffusionBValue") if groups else numbers_of(dataset, "DiffusionBValue")
    return Acquisition(
        repetition_time=time_of(timing, "RepetitionTime") or time_of(dataset, "RepetitionTime"),
        echo_time=time_of(_macro("MREchoSequence", group, shared), "EffectiveEchoTime") or time_of(dataset, "EchoTime"),
        inversion_time=time_of(modifier, "InversionTimes") or time_of(dataset, "InversionTime"),
        contrast_agent=_agent(dataset, group, shared),
        contrast_volume=float(volume[0]) if volume.size else None,
        contrast_details=contrast_details(
            *(text_of(dataset, name) for name in CONTRAST_DETAILS),
        ),
        image_type=(*image_type, *(value for value in additions if value and value not in image_type)),
        scanning_sequence=texts_of(dataset, "ScanningSequence")
        or _PULSES.get(text_of(dataset, "EchoPulseSequence").upper(), ()),
        protocol_name=text_of(dataset, "ProtocolName"),
        body_part=text_of(dataset, "BodyPartExamined"),
        temporal_positions=temporal or None,
        b_value=float(b_value[0]) if b_value.size else None,
    )


def _agent(dataset: pydicom.Dataset, group: pydicom.Dataset, shared: pydicom.Dataset) -> str:
    """The contrast agent that was given, "none" if the frame says that it was not."""
    usage = _macro("ContrastBolusUsageSequence", group, shared)
    if text_of(usage, "ContrastBolusAgentAdministered").upper() == "NO":
        return "none"
    agent = item_of(dataset, "ContrastBolusAgentSequence")
    return (
        text_of(dataset, "ContrastBolusAgent")
        or text_of(agent, "CodeMeaning")
        or text_of(dataset, "ContrastBolusIngredient")
    )
