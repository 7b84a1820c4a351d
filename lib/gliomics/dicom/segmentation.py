"""Masks as DICOM Segmentation objects (PS3.3 A.51) of an MR series, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
from highdicom.seg import Segmentation, SegmentDescription, segread
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from gliomics.dicom.headers import READ_ERRORS
from gliomics.errors import InputError
from gliomics.study.volumes import Mask
from gliomics.version import __version__

MOST_SEGMENTS = 255
"""Highest label value that is written: a value is the number of its segment, and those below are described, too."""

_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
_LESION = Code("52988006", "SCT", "Lesion")
_ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
_BRAIN = Code("12738006", "SCT", "Brain")
_MAY_BE_EMPTY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
                 "AccessionNumber", "ReferringPhysicianName")  # fmt: skip
"""What a Segmentation has from its images, and what those whose patients' names were taken out often lack."""

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_PIXEL_DATA = 0x7FE00010
_INDEX_ORDER = [2, 1, 0, 3]  # (column, row, slice) to (slice, row, column)


def segmentation_of(
    mask: Mask, series: Sequence[pydicom.Dataset], names: Mapping[int, str], *, automatic: bool, description: str
) -> Segmentation:
    """A mask on the grid of a series as a binary Segmentation, with a segment number for each label value.

    ``series`` are the series' instances, of which only headers are needed; ``names`` says what a label value is, and
    ``automatic`` whether nobody has touched the mask. Every segment is coded as a lesion of the brain, because names
    are free text. Raises :class:`InputError` for a mask without a labelled voxel, or with a value above
    :data:`MOST_SEGMENTS`, and for a series that does not name its frame of reference.
    """
    highest = int(mask.array.max(initial=0))
    if not 1 <= highest <= MOST_SEGMENTS:
        content = "no labelled voxel" if highest < 1 else f"the label value {highest}"
        raise InputError(f"the mask has {content}; a DICOM Segmentation holds label values 1 to {MOST_SEGMENTS}")
    frame_of_reference = str(series[0].get("FrameOfReferenceUID", ""))
    if not frame_of_reference:
        raise InputError("the series has no Frame of Reference UID, which places a DICOM Segmentation in the patient")
    kind = "AUTOMATIC" if automatic else "SEMIAUTOMATIC"
    algorithm = hd.AlgorithmIdentificationSequence("Gliomics", _ARTIFICIAL_INTELLIGENCE, __version__)
    segments = [
        SegmentDescription(
            segment_number=value,
            segment_label=(names.get(value) or f"label {value}")[:64],
            segmented_property_category=_ABNORMAL,
            segmented_property_type=_LESION,
            algorithm_type=kind,
            algorithm_identification=algorithm,
            anatomic_regions=[_BRAIN],
        )
        for value in range(1, highest + 1)
    ]
    return Segmentation(
        source_images=[_with_all_attributes(instance) for instance in series],
        pixel_array=_as_planes(mask, frame_of_reference),
        segmentation_type="BINARY",
        segment_descriptions=segments,
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
        series_description=description[:64],
    )


def read_segmentation(path: Path) -> Mask:
    """The label map of a Segmentation: the value of a voxel is the number of its segment.

    Slices without a labelled voxel may lack at either end. Raises :class:`InputError` for a file that is no
    Segmentation, for overlapping segments and for slices that are no regular stack.
    """
    try:
        volume = segread(path).get_volume(combine_segments=True)
    except READ_ERRORS as error:
        raise InputError(f"{path.name} cannot be read as a DICOM Segmentation: {error}") from error
    affine: npt.NDArray[np.float64] = _RAS_TO_LPS @ np.asarray(volume.affine)
    return Mask(np.ascontiguousarray(volume.array.transpose(2, 1, 0)), affine[:, _INDEX_ORDER])


def _with_all_attributes(instance: pydicom.Dataset) -> pydicom.Dataset:
    """A copy of an instance's header in which what may be empty (type 2, PS3.5 7.4.3) is not missing."""
    header = pydicom.Dataset({element.tag: element for element in instance if element.tag != _PIXEL_DATA})
    header.file_meta = instance.file_meta
    for name in _MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, "")
    return header


def _as_planes(mask: Mask, frame_of_reference: str) -> hd.Volume:
    affine = (_RAS_TO_LPS @ mask.affine)[:, _INDEX_ORDER]
    planes = np.ascontiguousarray(mask.array.transpose(2, 1, 0).astype(np.uint8))
    return hd.Volume(planes, affine, "PATIENT", frame_of_reference_uid=frame_of_reference)
