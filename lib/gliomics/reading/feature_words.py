"""Features as people read them: their names, their units, and how far they can be trusted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from gliomics.records import FeatureRow
from gliomics.sequences import SEQUENCES

SEQUENCE_TITLES = {"t1": "T1", "t1c": "T1 contrast", "t2": "T2", "flair": "FLAIR", "image": "image"}
"""Sequences as radiologists write them; ``image`` is one whose sequence nobody named."""

WARNING_SIGN = "\u26a0"

_FAMILIES = {
    "shape": "shape",
    "shape2D": "shape in 2-D",
    "outline": "outline",
    "ellipsoid": "ellipsoid",
    "firstorder": "first order",
    "glcm": "GLCM",
    "gldm": "GLDM",
    "glrlm": "GLRLM",
    "glszm": "GLSZM",
    "ngtdm": "NGTDM",
    "glioma": "glioma",
    "ibsi": "IBSI",
}
_UNITS = {
    "mm³": ["MeshVolume", "VoxelVolume", "morph_volume", "morph_vol_approx"],
    "mm²": ["SurfaceArea", "MeshSurface", "PixelSurface", "morph_area_mesh"],
    "1/mm": ["SurfaceVolumeRatio", "PerimeterSurfaceRatio", "morph_av"],
    "mm": [
        "MajorAxisLength",
        "MinorAxisLength",
        "LeastAxisLength",
        "Maximum2DDiameterColumn",
        "Maximum2DDiameterRow",
        "Maximum2DDiameterSlice",
        "Maximum3DDiameter",
        "MaximumDiameter",
        "Perimeter",
        "EquivalentDiameter",
        "morph_com",
        "morph_diam",
        "morph_pca_maj_axis",
        "morph_pca_min_axis",
        "morph_pca_least_axis",
    ],
}
_GEOMETRY = ("shape", "shape2D", "outline", "ellipsoid")
_COMPARING = ("Enhanc", "StronglyEnhanc", "Mismatch")
"""How features that compare two sequences begin: their words name both."""
_UNIT_OF = {feature: unit for unit, features in _UNITS.items() for feature in features}
_PLAIN = {
    "outline_AngularStandardDeviation": ("Irregularity of the outline", "0: the edge lies equally far from the centre"),
    "outline_Eccentricity": ("Elongation of the outline", "0: round; towards 1: drawn out"),
    "outline_Extent": ("Fill of the box around the outline", "0.79: a disc; 1: an upright rectangle"),
    "outline_MarginFluctuation": ("Roughness of the margin", "0: smooth; the more, the more it goes in and out"),
    "outline_Solidity": ("Solidity of the outline", "1: without dents; the share that it fills of its convex hull"),
    "outline_ConvexityDefects": ("Dents of the outline", "how often the edge leaves the convex hull"),
    "outline_AspectRatio": ("Width over height of the outline", "1: as wide as high"),
    "ellipsoid_BoundingEllipsoidVolumeRatio": (
        "Fill of the ellipsoid around it",
        "1: an ellipsoid; the share that the lesion fills of the smallest one around it",
    ),
    "firstorder_Mean": ("Mean signal", "0: the mean of the head; 100: one standard deviation above it"),
    "firstorder_90Percentile": ("Bright end of the signal", "90 % of the voxels are below it; 0: the mean of the head"),
    "firstorder_Skewness": ("Skew of the signal", "above 0: a few voxels are much brighter than most; below 0: darker"),
    "firstorder_Entropy": (
        "Mixture of the signal",
        "0: the same brightness everywhere; the more, the more brightnesses are mixed",
    ),
    "glioma_CentroidLeft": ("Position from right to left", "0: right side of the head; 0.5: its middle; 1: left side"),
    "glioma_CentroidBack": ("Position from front to back", "0: front of the head; 0.5: its middle; 1: back"),
    "glioma_CentroidUp": ("Position from below to above", "0: bottom of the head in the image; 1: top"),
    "glioma_MidlineDistance": ("Distance from the midline", "0: on the midline; 0.5: at the side of the head"),
    "glioma_MidlineShare": ("Share across the midline", "0: on one side; 0.5: equally on both"),
    "glioma_RelativeVolume": ("Volume relative to the head", "share of the head that it takes"),
    "glioma_RelativeArea": ("Largest slice relative to the head", "share of the head's largest slice that it takes"),
    "glioma_Components": ("Number of parts", "1: one connected lesion"),
    "glioma_Mean": ("Brightness", "0: as the tissue around; 1: one standard deviation of tissue brighter"),
    "glioma_StandardDeviation": ("Unevenness", "1: the brightness varies as much as that of the tissue around"),
    "glioma_10Percentile": ("Dark end of the brightness", "10 % of the voxels are below it; 0: as the tissue around"),
    "glioma_90Percentile": ("Bright end of the brightness", "90 % of the voxels are below it; 0: as the tissue around"),
    "glioma_CoreMinusRim": ("Core against rim", "0: equally bright; below 0: the core is darker than the rim"),
    "glioma_RingLevel": (
        "Brightness just outside",
        "0: as the tissue around; above 0: the change goes beyond the edge",
    ),
    "glioma_EdgeStep": ("Step at the edge", "0: none; the more, the brighter the rim than what lies outside"),
    "glioma_RimGradientRatio": ("Sharpness of the edge", "1: no sharper than the inside; the more, the sharper"),
    "glioma_EnhancementMean": ("Enhancement", "0: none; 1: contrast brightens it by one standard deviation of tissue"),
    "glioma_Enhancement95Percentile": ("Strongest 5 % of the enhancement", "they are above it; 0: no enhancement"),
    "glioma_Enhancement99Percentile": ("Strongest 1 % of the enhancement", "they are above it; 0: no enhancement"),
    "glioma_EnhancingFraction": ("Enhancing share", "share of the voxels that contrast brightens"),
    "glioma_StronglyEnhancingFraction": ("Strongly enhancing share", "share that contrast brightens by much"),
    "glioma_MismatchMean": ("T2-FLAIR difference", "0: equally bright on both; above 0: brighter on T2"),
    "glioma_MismatchCoreMinusRim": ("T2-FLAIR mismatch of the core", "above 0: FLAIR darkens the core, not the rim"),
    "glioma_MismatchFraction": ("T2-FLAIR mismatch share", "share of the voxels that are brighter on T2 than on FLAIR"),
}


_TOLD = {
    "vasari_share_enhancing": ("Enhancing share of the abnormality", "0: none; 1: all"),
    "vasari_share_non_enhancing": ("Share of core without enhancement", "0: none; 1: all"),
    "vasari_share_oedema": ("Oedema's share of the abnormality", "0: none; 1: all"),
    "vasari_foci": ("Number of foci", "1: one connected abnormality"),
    "vasari_enhancing_margin_mm": ("Thickness of the enhancing margin", ""),
    "vasari_satellites": ("Number of satellites", "0: none"),
    "location_left_share": ("Share on the left side", "0: on the right; 1: on the left"),
    "location_midline_atlas_mm": ("Distance from the midline in the atlas", "0: it reaches the midline"),
    "location_crosses_midline": ("Crossing of the midline", "1: it crosses; 0: it does not"),
}
"""What is told of a tumour by its parts and an atlas: features without sequence and filter."""
_SHARE_IN = "location_share_"


@dataclass(frozen=True)
class FeatureName:
    """A feature's name taken apart; ``sequence`` is empty where only the mask enters, ``unit`` where there is none.

    ``plain`` names it for people who do not know radiomics, ``meaning`` says how to read its number (maybe nothing).
    """

    sequence: str
    image: str
    family: str
    feature: str
    unit: str
    plain: str
    meaning: str

    @property
    def place(self) -> str:
        """Where it is measured, e.g. ``FLAIR wavelet-LLH, GLSZM`` or ``Outline``; empty for an unknown pattern."""
        image = "" if self.image == "original" else self.image
        before = " ".join(part for part in (self.sequence, image) if part)
        return f"{before}, {self.family}" if before and self.family else before or upper_first(self.family)

    @property
    def short(self) -> str:
        """One line for a figure, e.g. ``FLAIR · GLCM · Contrast``."""
        image = "" if self.image == "original" else self.image
        parts = (self.sequence, image, upper_first(self.family), self.feature)
        return " · ".join(part for part in parts if part)


def read_feature_name(name: str) -> FeatureName:
    """Take a PyRadiomics name with or without a sequence in front apart; an unknown pattern stays as it is.

    >>> read_feature_name("original_shape_MajorAxisLength").short
    'Shape · Major axis length'
    >>> read_feature_name("t1c_original_firstorder_Mean").plain
    'Mean signal in T1 contrast'
    """
    prefix, _, rest = name.partition("_")
    named = prefix in (*SEQUENCES, "image") and bool(rest)
    sequence = sequence_title(prefix) if named else ""
    parts = (rest if named else name).split("_", 2)
    if name == "clinical_age":
        return FeatureName("", "original", "", "Age", "years", "Age", "")
    if name in _TOLD or name.startswith(_SHARE_IN):
        return _told(name)
    if len(parts) < 3 or parts[1] not in _FAMILIES:
        return FeatureName(sequence, "original", "", rest if named else name, "", name, "")
    image, family, feature = parts
    words = _words(feature)
    plain, meaning = _PLAIN.get(f"{family}_{feature}", (words, "")) if image == "original" else (words, "")
    if not meaning and image != "original":
        plain = f"{words} ({image})"
    if not meaning and family not in (*_GEOMETRY, "firstorder"):
        plain = f"{plain}, {_FAMILIES[family]}"
    if sequence and not feature.startswith(_COMPARING):
        plain = f"{plain} in {sequence}"
    unit = _UNIT_OF.get(feature, "") if family in (*_GEOMETRY, "ibsi") else ""
    return FeatureName(sequence, image, _FAMILIES[family], words, unit, plain, meaning)


def _told(name: str) -> FeatureName:
    place = name.removeprefix(_SHARE_IN).replace("_", " ")
    plain, meaning = _TOLD.get(name, (f"Share in the atlas's {place}", "0: none of it; 1: all"))
    family = "VASARI" if name.startswith("vasari") else "location"
    return FeatureName("", "original", family, plain, "mm" if name.endswith("_mm") else "", plain, meaning)


def sequence_title(name: str) -> str:
    """A sequence's name as radiologists write it; names without a custom stay as they are."""
    return SEQUENCE_TITLES.get(name, name)


def upper_first(text: str) -> str:
    """A sentence or a title of words that begin small; the name of a model or a class in front stays as it is.

    >>> upper_first("few voxels"), upper_first("coc2 by subtype_coc2")
    ('Few voxels', 'coc2 by subtype_coc2')
    """
    return text[:1].upper() + text[1:] if text.split(" ", 1)[0].rstrip(".,:;").isalpha() else text


def stability_text(features: FeatureRow, name: str) -> str:
    """The ICC that a feature reaches at least, with a sign where that is too little; empty where it is not known."""
    icc = _stability(features).get(name)
    if icc is None:
        return ""
    sign = f"{WARNING_SIGN} " if is_unstable(features, name) else ""
    return f"{sign}{math.floor(100 * icc) / 100:.2f}"


def is_unstable(features: FeatureRow, name: str) -> bool:
    """Whether a feature is known to depend too much on exactly where the edge is drawn."""
    return name in features.diagnostics.get("unstable", ())


def stability_legend(features: FeatureRow) -> str:
    """What the sign and the numbers of :func:`stability_text` mean; empty where nothing is known."""
    if not _stability(features):
        return ""
    cells = [stability_text(features, name) for name in features.values]
    unstable = sum(cell.startswith(WARNING_SIGN) for cell in cells)
    source = features.diagnostics.get("stability_source")
    where = f" in {source}" if source else ""
    return (
        f"{WARNING_SIGN} marks {unstable} of {len(cells)} features that depend on exactly where the edge is drawn: do "
        f"not trust their numbers. Stability is the lower end of the 95 % interval of the intraclass correlation (1 is "
        f"best){where}." + ("" if all(cells) else " Features without a number were not studied.")
    )


def _stability(features: FeatureRow) -> dict[str, float]:
    stability = features.diagnostics.get("stability")
    return stability if isinstance(stability, dict) else {}


def _words(name: str) -> str:
    """``MajorAxisLength`` as ``Major axis length``; abbreviations and numbers keep their form."""
    parts = re.findall(r"\d+D|\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name.replace("2DD", "2D D").replace("3DD", "3D D"))
    words = [part if part.isupper() or part[0].isdigit() else part.lower() for part in parts]
    return upper_first(re.sub(r"(\d+) percentile", r"\1th percentile", " ".join(words)))
