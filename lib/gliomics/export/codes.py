"""Codes of features for other programs: IBSI where it defines the feature, UCUM for units, ours for the rest."""

from __future__ import annotations

from pydicom.sr.coding import Code

from gliomics.features.describe import describe
from gliomics.features.ibsi.catalogue import WAYS, split_tag
from gliomics.reading.feature_words import FeatureName, read_feature_name

SCHEME = "99GLIOMICS"
"""Our own coding scheme, for features that IBSI does not define, sequences and filters: docs/reference/export.md."""

_IBSI = "IBSI"
_MOST_MEANING = 64
"""Characters of a code's meaning (value representation LO)."""
_UCUM = {
    "none": ("1", "no units"),
    "mm": ("mm", "millimeter"),
    "mm2": ("mm2", "square millimeter"),
    "mm3": ("mm3", "cubic millimeter"),
    "1/mm": ("/mm", "per millimeter"),
    "bits": ("bit", "bit"),
    "radians": ("rad", "radian"),
}
IMAGE_MEASURED = Code("image", SCHEME, "Image that was measured")
FILTER = Code("filter", SCHEME, "Filter of the image")
JOINING = Code("joining", SCHEME, "How slices and directions are joined")


def feature_code(column: str) -> Code:
    """What is measured: the feature of a column, whatever the sequence and the filter.

    >>> feature_code("t1c_original_firstorder_Mean").value, feature_code("original_shape2D_Perimeter").value
    ('Q4LE', 'shape2D_Perimeter')
    """
    name, meaning = read_feature_name(column), describe(column)
    words = _words(name)
    if meaning is not None and meaning.ibsi_code:
        return Code(meaning.ibsi_code, _IBSI, words)
    value = f"{meaning.feature_class}_{meaning.name}" if meaning is not None else column
    return Code(value, SCHEME, words)


def unit_code(column: str) -> Code:
    """The unit of a column in UCUM; what UCUM does not have is an annotated number, such as ``{intensity}``."""
    meaning = describe(column)
    unit = meaning.unit if meaning is not None else "none"
    value, words = _UCUM.get(unit, ("{" + unit.replace(" ", "_") + "}", unit))
    return Code(value, "UCUM", words)


def modifiers(column: str) -> list[tuple[Code, Code]]:
    """On which image, and how, a column was measured: concept and value; none for what the mask alone decides."""
    name = read_feature_name(column)
    pairs = []
    if name.sequence:
        pairs.append((IMAGE_MEASURED, Code(column.partition("_")[0].upper()[:16], SCHEME, name.sequence)))
    if name.image != "original":
        pairs.append((FILTER, Code(name.image, SCHEME, name.image[:_MOST_MEANING])))
    way = WAYS.get(split_tag(column.rpartition("ibsi_")[2])[1]) if "_ibsi_" in column else None
    if way is not None:
        pairs.append((JOINING, Code(way[0], _IBSI, way[1])))
    return pairs


def _words(name: FeatureName) -> str:
    family = f", {name.family}" if name.family else ""
    return f"{name.feature}{family}"[:_MOST_MEANING]
