"""What 3D Slicer's DICOM database knows of the series that a volume was loaded from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import slicer

from gliomics.sequences import Acquisition, contrast_details

_CONTRAST_DETAILS = ("0018,1040", "0018,1044", "0018,1046", "0018,1042")  # route, dose, flow rate, start

_UIDS_ATTRIBUTE = "DICOM.instanceUIDs"


@dataclass(frozen=True)
class Headers:
    """Of a volume's first instance: the modality, the series' description, the study, and the acquisition."""

    modality: str
    description: str
    studyUid: str
    acquisition: Acquisition


def headersOf(node: Any) -> Headers | None:
    """The headers of the series that a volume was loaded from.

    None where it was loaded from no DICOM, or from one that is not in this computer's database.
    """
    uids = (node.GetAttribute(_UIDS_ATTRIBUTE) or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if not uids or database is None:
        return None

    def value(tag: str) -> str:
        try:
            return str(database.instanceValue(uids[0], tag) or "").strip()
        except RuntimeError as error:  # the file has gone since it was indexed
            logging.getLogger("gliomics").warning("DICOM tag %s of %s: %s", tag, uids[0], error)
            return ""

    def number(tag: str) -> float | None:
        try:
            return float(value(tag).split("\\")[0])
        except ValueError:
            return None

    def values(tag: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in value(tag).split("\\") if part.strip())

    modality = value("0008,0060")
    if not modality:
        return None
    positions = number("0020,0105")
    acquisition = Acquisition(
        repetition_time=number("0018,0080"),
        echo_time=number("0018,0081"),
        inversion_time=number("0018,0082"),
        contrast_agent=value("0018,0010") or value("0018,1048"),
        contrast_volume=number("0018,1041"),
        contrast_details=contrast_details(*(value(tag) for tag in _CONTRAST_DETAILS)),
        image_type=tuple(part.upper() for part in values("0008,0008")),
        scanning_sequence=values("0018,0020"),
        protocol_name=value("0018,1030"),
        body_part=value("0018,0015"),
        temporal_positions=None if positions is None else int(positions),
        b_value=number("0018,9087"),
    )
    return Headers(modality, value("0008,103E"), value("0020,000D"), acquisition)
