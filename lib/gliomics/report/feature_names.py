"""Feature names as people read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gliomics.study.records import SEQUENCES, UNNAMED_SEQUENCE

SEQUENCE_TITLES = {"t1": "T1", "t1c": "T1 contrast", "t2": "T2", "flair": "FLAIR", UNNAMED_SEQUENCE: "image"}
"""Sequences as radiologists write them."""

_FAMILIES = {
    "shape": "Shape",
    "shape2D": "Shape in 2-D",
    "outline": "Outline",
    "firstorder": "First order",
    "glcm": "GLCM",
    "gldm": "GLDM",
    "glrlm": "GLRLM",
    "glszm": "GLSZM",
    "ngtdm": "NGTDM",
}
_UNITS = {
    "MeshVolume": "mm³",
    "VoxelVolume": "mm³",
    "SurfaceArea": "mm²",
    "SurfaceVolumeRatio": "1/mm",
    "Maximum3DDiameter": "mm",
    "Maximum2DDiameterSlice": "mm",
    "Maximum2DDiameterColumn": "mm",
    "Maximum2DDiameterRow": "mm",
    "MajorAxisLength": "mm",
    "MinorAxisLength": "mm",
    "LeastAxisLength": "mm",
}


@dataclass(frozen=True)
class FeatureName:
    """A feature's name taken apart; ``sequence`` is empty where only the mask enters, ``unit`` where there is none."""

    sequence: str
    image: str
    family: str
    feature: str
    unit: str

    @property
    def short(self) -> str:
        """One line for a figure, e.g. ``FLAIR · GLCM · Contrast``."""
        image = "" if self.image == "original" else self.image
        return " · ".join(part for part in (self.sequence, image, self.family, self.feature) if part)


def read_feature_name(name: str) -> FeatureName:
    """Take a PyRadiomics name with or without a sequence in front apart; an unknown pattern stays as it is."""
    prefix, _, rest = name.partition("_")
    sequence = prefix if prefix in (*SEQUENCES, UNNAMED_SEQUENCE) and rest else ""
    parts = (rest if sequence else name).split("_", 2)
    if len(parts) < 3:
        return FeatureName(sequence_title(sequence), "original", "", rest if sequence else name, "")
    image, family, feature = parts
    unit = _UNITS.get(feature, "") if family == "shape" else ""
    return FeatureName(sequence_title(sequence), image, _FAMILIES.get(family, family), _words(feature), unit)


def sequence_title(name: str) -> str:
    """A sequence's name as radiologists write it; names without a custom stay as they are."""
    return SEQUENCE_TITLES.get(name, name)


def _words(name: str) -> str:
    """``MajorAxisLength`` as ``Major axis length``; abbreviations and numbers keep their form."""
    parts = re.findall(r"\d+D|\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name.replace("2DD", "2D D").replace("3DD", "3D D"))
    words = [part if part.isupper() or part[0].isdigit() else part.lower() for part in parts]
    sentence = " ".join(words).replace("10 percentile", "10th percentile").replace("90 percentile", "90th percentile")
    return sentence[:1].upper() + sentence[1:]
