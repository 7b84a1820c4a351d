"""What a segment of a glioma is in SNOMED CT, by its name, in the form that 3D Slicer keeps with a segment.

The codes are those of 3D Slicer's terminology list "DICOM master list" (CID 7159, "Lesion Segmentation Types"), so that
the Segment Editor shows them and a DICOM Segmentation carries them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gliomics.reading import terminology
from gliomics.reading.terminology import SegmentMeaning, meaning_of


@dataclass(frozen=True)
class Meaning:
    """A segment's terminology as 3D Slicer serialises it, and its colour: red, green, blue between 0 and 1."""

    terminology: str
    colour: tuple[float, float, float]


def _meaning(meaning: SegmentMeaning) -> Meaning:
    red, green, blue = (value / 255 for value in meaning.colour)
    return Meaning(meaning.serialised(), (red, green, blue))


TUMOUR = _meaning(terminology.TUMOUR)
CORE = _meaning(terminology.CORE)
ENHANCING = _meaning(terminology.ENHANCING)
NECROSIS = _meaning(terminology.NECROSIS)
EDEMA = _meaning(terminology.EDEMA)

_SERIALISED = {
    terminology.TUMOUR: TUMOUR,
    terminology.CORE: CORE,
    terminology.ENHANCING: ENHANCING,
    terminology.NECROSIS: NECROSIS,
    terminology.EDEMA: EDEMA,
}


def meaningOf(name: str) -> Meaning | None:
    """What a segment with this name is; None where its name says nothing that is known, or several things."""
    meaning = meaning_of(name)
    return _SERIALISED[meaning] if meaning is not None else None
