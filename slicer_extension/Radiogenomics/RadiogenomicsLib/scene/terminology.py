"""What a segment of a glioma is in SNOMED CT, by its name, in the form that 3D Slicer keeps with a segment.

The codes are those of 3D Slicer's terminology list "DICOM master list" (CID 7159, "Lesion Segmentation Types"), so that
the Segment Editor shows them and a DICOM Segmentation carries them. That list has no code for enhancement; the NCI
Thesaurus has, and it stands as the type's modifier.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CATEGORY = "SCT^49755003^Morphologically Altered Structure"
_BRAIN = "Anatomic codes - DICOM master list~SCT^12738006^Brain~^^"
_NEOPLASM, _NECROSIS, _EDEMA = "SCT^108369006^Neoplasm", "SCT^6574001^Necrosis", "SCT^79654002^Edema"


@dataclass(frozen=True)
class Meaning:
    """A segment's terminology as 3D Slicer serialises it, and its colour: red, green, blue between 0 and 1."""

    terminology: str
    colour: tuple[float, float, float]


def _meaning(type_: str, colour: tuple[int, int, int], modifier: str = "^^") -> Meaning:
    context = "Segmentation category and type - DICOM master list"
    red, green, blue = (value / 255 for value in colour)
    return Meaning(f"{context}~{_CATEGORY}~{type_}~{modifier}~{_BRAIN}", (red, green, blue))


# The colours can be told apart by people who do not see red and green (Okabe and Ito 2008).
TUMOUR = _meaning(_NEOPLASM, (230, 159, 0))
CORE = _meaning(_NEOPLASM, (213, 94, 0))
ENHANCING = _meaning(_NEOPLASM, (240, 228, 66), "NCIt^C113842^Enhancing Lesion")
NECROSIS = _meaning(_NECROSIS, (204, 121, 167))
EDEMA = _meaning(_EDEMA, (86, 180, 233))

_PARTS = (
    (NECROSIS, r"necro\w*|ncr"),
    (EDEMA, r"(?:o?edema|o?edeme|odem)\w*|ed"),
    (ENHANCING, r"enhanc\w*|et"),
    (CORE, r"core|tc|cyst\w*|cc|netc?|nonenhanc\w*|unenhanc\w*"),
    (TUMOUR, r"tumou?rs?|lesions?|gliomas?|neoplasms?|\w+blastoma|\w*astrocytoma|oligodendroglioma|wt"),
)
_NEGATION = r"\b(non|not|no|without)[ -]+(?=enhanc)"


def meaningOf(name: str) -> Meaning | None:
    """What a segment with this name is; None where its name says nothing that is known, or several things.

    ``"tumour"`` is a neoplasm, ``"peritumoral oedema"`` an oedema, ``"non-enhancing core"`` a neoplasm without
    enhancement; ``"label 2"`` is None: what a value means is not guessed.
    """
    plain = unicodedata.normalize("NFKD", name.lower().replace("\u0153", "oe")).encode("ascii", "ignore").decode()
    plain = re.sub(_NEGATION, "non", re.sub(r"[_/+&,.-]+", " ", plain))
    if re.search(r"\b(without|no|not|minus|excluding|except|surrounding|cavity)\b", plain):
        return None
    words = plain.split()
    if words == ["whole"]:
        return TUMOUR
    parts = [part for part, pattern in _PARTS if any(re.fullmatch(pattern, word) for word in words)]
    special = [part for part in parts if part not in (CORE, TUMOUR)]
    if len(special) > 1:
        return None
    return special[0] if special else next(iter(parts), None)
