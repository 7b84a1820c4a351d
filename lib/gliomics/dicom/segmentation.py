"""Masks as DICOM Segmentation objects (PS3.3 A.51) of an MR series, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription, segread
from highdicom.sr import CodedConcept
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid
from pydicom.valuerep import PersonName

from gliomics.dicom.headers import READ_ERRORS
from gliomics.errors import InputError
from gliomics.reading.terminology import BRAIN, CATEGORY, meaning_of
from gliomics.reading.terminology import Code as Term
from gliomics.study.volumes import Mask
from gliomics.version import __version__

MOST_SEGMENTS = 255
"""Highest label value that is written: a value is the number of its segment, and those below are described, too."""

Drawn = Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"]
"""How a mask came about: by hand alone, by a model and a person, or by a model alone (Segment Algorithm Type)."""

LESION = Code("52988006", "SCT", "Lesion")
"""What a segment is whose name tells nothing."""

_ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
_MAY_BE_EMPTY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
                 "AccessionNumber", "ReferringPhysicianName")  # fmt: skip
"""What a Segmentation has from its images, and what those whose patients' names were taken out often lack."""

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_PIXEL_DATA = 0x7FE00010
_INDEX_ORDER = [2, 1, 0, 3]  # (column, row, slice) to (slice, row, column)


@dataclass(frozen=True)
class Region:
    """A region that is no single value of a mask, such as the whole tumour: where ``mask`` is above 0."""

    name: str
    mask: Mask


def segmentation_of(
    mask: Mask,
    series: Sequence[pydicom.Dataset],
    names: Mapping[int, str],
    *,
    drawn: Drawn,
    description: str,
    region: Region | None = None,
    creator: str | None = None,
) -> Segmentation:
    """A mask on the grid of a series as a binary Segmentation, with a segment number for each label value.

    ``series`` are the series' instances, of which only headers are needed; ``names`` says what a label value is, and
    ``drawn`` how the mask came about, ``creator`` who drew it. A segment's name tells its SNOMED CT code and its colour
    (:func:`~gliomics.reading.terminology.meaning_of`); one that tells nothing is a lesion. ``region``, on the same
    grid, becomes the last segment. Raises :class:`InputError` for a mask without a labelled voxel, or with a value
    above :data:`MOST_SEGMENTS`, for a series that does not name its frame of reference, and for instances that a
    Segmentation cannot refer to.
    """
    highest = int(mask.array.max(initial=0))
    if not 1 <= highest <= MOST_SEGMENTS:
        content = "no labelled voxel" if highest < 1 else f"the label value {highest}"
        raise InputError(f"the mask has {content}; a DICOM Segmentation holds label values 1 to {MOST_SEGMENTS}")
    frame_of_reference = str(series[0].get("FrameOfReferenceUID", ""))
    if not frame_of_reference:
        raise InputError("the series has no Frame of Reference UID, which places a DICOM Segmentation in the patient")
    labels = [names.get(value) or f"label {value}" for value in range(1, highest + 1)]
    labels += [region.name] if region is not None else []
    examination = str(series[0].get("StudyInstanceUID", ""))
    try:
        return Segmentation(
            source_images=[_with_all_attributes(instance) for instance in series],
            pixel_array=_as_planes(mask, region, frame_of_reference),
            segmentation_type="BINARY",
            segment_descriptions=[
                _segment(number, label, examination, drawn) for number, label in enumerate(labels, start=1)
            ],
            series_instance_uid=generate_uid(),
            series_number=300,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="Gliomics",
            manufacturer_model_name="Gliomics",
            software_versions=__version__,
            device_serial_number="0",
            content_label="SEGMENTATION",
            content_description=description[:64],
            content_creator_name=_person(creator) if creator else None,
            series_description=description[:64],
        )
    except (ValueError, AttributeError, KeyError) as error:
        raise InputError(
            f"the DICOM files of the series lack what a DICOM Segmentation of them needs: {error}"
        ) from error


def coded(term: Term) -> Code:
    """A concept of ours as highdicom takes it."""
    return Code(term.value, term.scheme, term.meaning)


def _person(name: str) -> PersonName:
    """A name as DICOM writes it; which part of it is the family's is not known, so it is that as a whole."""
    plain = " ".join(re.sub(r"[\\^=]|[^\S ]", " ", name).split())
    return PersonName(f"{plain[:62] or 'unknown'}^")


def _segment(number: int, label: str, examination: str, drawn: Drawn) -> SegmentDescription:
    """What a segment is; its tracking UID is the same in every Segmentation of this examination."""
    meaning = meaning_of(label)
    algorithm = hd.AlgorithmIdentificationSequence("Gliomics", _ARTIFICIAL_INTELLIGENCE, __version__)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=label[:64],
        segmented_property_category=coded(CATEGORY),
        segmented_property_type=coded(meaning.type) if meaning is not None else LESION,
        algorithm_type=drawn,
        algorithm_identification=None if drawn == "MANUAL" else algorithm,
        anatomic_regions=[coded(BRAIN)],
        tracking_id=label[:64],
        tracking_uid=generate_uid(entropy_srcs=[examination, str(number), label]),
        display_color=CIELabColor.from_rgb(*meaning.colour) if meaning is not None else None,
    )
    if meaning is not None and meaning.modifier is not None:
        modifier = CodedConcept.from_code(coded(meaning.modifier))
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return segment


def read_segmentation(path: Path) -> Mask:
    """The label map of a Segmentation: the value of a voxel is the number of its segment.

    Slices without a labelled voxel may lack at either end. A segment that is made of others, such as a whole tumour
    beside its parts, adds nothing. Raises :class:`InputError` for a file that is no Segmentation, for segments that
    overlap in another way and for slices that are no regular stack.
    """
    try:
        segmentation = segread(path)
        volume = segmentation.get_volume(combine_segments=False)
    except READ_ERRORS as error:
        raise InputError(f"{path.name} cannot be read as a DICOM Segmentation: {error}") from error
    numbers = list(segmentation.segment_numbers)
    affine: npt.NDArray[np.float64] = _RAS_TO_LPS @ np.asarray(volume.affine)
    labels = _label_map(volume.array > 0, numbers, path.name)
    return Mask(np.ascontiguousarray(labels.transpose(2, 1, 0)), affine[:, _INDEX_ORDER])


def segment_names(path: Path) -> dict[int, str]:
    """What the segments of a Segmentation are called, by their number."""
    try:
        segments = pydicom.dcmread(path, specific_tags=["SegmentSequence"]).SegmentSequence
        return {int(item.SegmentNumber): str(item.SegmentLabel) for item in segments}
    except READ_ERRORS as error:
        raise InputError(f"{path.name} cannot be read as a DICOM Segmentation: {error}") from error


def _label_map(segments: npt.NDArray[np.bool_], numbers: Sequence[int], name: str) -> npt.NDArray[np.uint16]:
    """One value per voxel of segments ``(slice, row, column, segment)``."""
    labels = np.zeros(segments.shape[:3], np.uint16)
    for place in sorted(range(len(numbers)), key=lambda place: int(np.count_nonzero(segments[..., place]))):
        inside = segments[..., place]
        taken = labels[inside]
        if taken.size and taken.all() and not np.isin(labels[~inside], np.unique(taken)).any():
            continue  # made of others
        if taken.any():
            raise InputError(
                f"{name} has segments that overlap (number {numbers[place]} and {int(taken[taken > 0][0])}), and a "
                "label map has one value per voxel; subtract one from the other and save it again"
            )
        labels[inside] = numbers[place]
    return labels


def _with_all_attributes(instance: pydicom.Dataset) -> pydicom.Dataset:
    """A copy of an instance's header in which what may be empty (type 2, PS3.5 7.4.3) is not missing."""
    header = pydicom.Dataset({element.tag: element for element in instance if element.tag != _PIXEL_DATA})
    header.file_meta = instance.file_meta
    for name in _MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, "")
    return header


def _as_planes(mask: Mask, region: Region | None, frame_of_reference: str) -> hd.Volume:
    """The planes of a label map, or of each segment by itself where a region overlaps the others."""
    affine = (_RAS_TO_LPS @ mask.affine)[:, _INDEX_ORDER]
    planes = mask.array.transpose(2, 1, 0).astype(np.uint8)
    if region is None:
        return hd.Volume(np.ascontiguousarray(planes), affine, "PATIENT", frame_of_reference_uid=frame_of_reference)
    whole = region.mask.array.transpose(2, 1, 0) > 0
    stack = np.stack([*(planes == value for value in range(1, int(planes.max()) + 1)), whole], axis=-1).astype(np.uint8)
    numbers: dict[Any, Any] = {"SegmentNumber": range(1, stack.shape[-1] + 1)}
    return hd.Volume(stack, affine, "PATIENT", frame_of_reference_uid=frame_of_reference, channels=numbers)
