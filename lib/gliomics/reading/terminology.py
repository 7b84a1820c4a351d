"""What a segment of a glioma is in SNOMED CT, by its name, and the colour that it is shown in.

The codes are those of DICOM's CID 7159, "Lesion Segmentation Types". It has no code for enhancement; the NCI Thesaurus
has, and it stands as the type's modifier.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """A coded concept: its value, its coding scheme's designator and its meaning."""

    value: str
    scheme: str
    meaning: str

    def serialised(self) -> str:
        """As 3D Slicer writes it."""
        return f"{self.scheme}^{self.value}^{self.meaning}"


@dataclass(frozen=True)
class SegmentMeaning:
    """What kind of structure a segment is, what modifies it, and its colour: red, green and blue, 0 to 255."""

    type: Code
    colour: tuple[int, int, int]
    modifier: Code | None = None

    def serialised(self) -> str:
        """As 3D Slicer keeps it with a segment, by its terminology list "DICOM master list"."""
        kind = (
            f"{CATEGORY.serialised()}~{self.type.serialised()}~{self.modifier.serialised() if self.modifier else '^^'}"
        )
        context, anatomy = "Segmentation category and type - DICOM master list", "Anatomic codes - DICOM master list"
        return f"{context}~{kind}~{anatomy}~{BRAIN.serialised()}~^^"


CATEGORY = Code("49755003", "SCT", "Morphologically Altered Structure")
BRAIN = Code("12738006", "SCT", "Brain")
_NEOPLASM = Code("108369006", "SCT", "Neoplasm")

# The colours can be told apart by people who do not see red and green (Okabe and Ito 2008).
TUMOUR = SegmentMeaning(_NEOPLASM, (230, 159, 0))
CORE = SegmentMeaning(_NEOPLASM, (213, 94, 0))
ENHANCING = SegmentMeaning(_NEOPLASM, (240, 228, 66), Code("C113842", "NCIt", "Enhancing Lesion"))
NECROSIS = SegmentMeaning(Code("6574001", "SCT", "Necrosis"), (204, 121, 167))
EDEMA = SegmentMeaning(Code("79654002", "SCT", "Edema"), (86, 180, 233))

_PARTS = (
    (NECROSIS, r"necro\w*|ncr"),
    (EDEMA, r"(?:o?edema|o?edeme|odem)\w*|ed"),
    (ENHANCING, r"enhanc\w*|et"),
    (CORE, r"core|tc|cyst\w*|cc|netc?|nonenhanc\w*|unenhanc\w*"),
    (TUMOUR, r"tumou?rs?|lesions?|gliomas?|neoplasms?|\w+blastoma|\w*astrocytoma|oligodendroglioma|wt"),
)
_NEGATION = r"\b(non|not|no|without)[ -]+(?=enhanc)"


def meaning_of(name: str) -> SegmentMeaning | None:
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
