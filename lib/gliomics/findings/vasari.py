"""What the mask of a tumour tells of the VASARI features, in words."""

from __future__ import annotations

from gliomics.radiology.catalogue import CATALOGUE
from gliomics.radiology.placement import ALREADY
from gliomics.radiology.study import AtlasPlace, StudyVasari
from gliomics.reading.feature_words import upper_first
from gliomics.reading.record import Fact, VasariReading

_ABOUT = (
    "Features of place are about core and enhancing part where the mask has them, else about the whole tumour, and are "
    "positions in a usual brain: the atlas does not follow one that the tumour displaces."
)
_TITLES = {
    "F6": "Proportion non-enhancing",
    "F10": "T1 to FLAIR ratio",
    "F13": "Non-enhancing margin definition",
    "F22": "Non-enhancing core crosses midline",
    "F23": "Enhancing part crosses midline",
    "F27": "Resection of the non-enhancing core",
    "F26": "Resection of the enhancing part",
    "F28": "Resection of the oedema",
}
"""Where the name in the tables does not read well."""
_SHARES = {"F5": "share_enhancing", "F6": "share_non_enhancing", "F14": "share_oedema"}


def read_vasari(told: StudyVasari) -> VasariReading:
    """Each feature in words, in the order of their numbers."""
    known, open_ = [], []
    for feature in CATALOGUE:
        name = f"{feature.code} {_TITLES.get(feature.code) or upper_first(feature.name.replace('_', ' '))}"
        explanation = f"{upper_first(feature.definition)}."
        finding = told.report.findings[feature.code]
        if finding.value is None:
            open_.append(Fact(name, finding.open or "", explanation=explanation))
            continue
        share = told.report.figures.get(_SHARES.get(feature.code, ""))
        words = finding.value if share is None or share in (0, 1) else f"{finding.value} ({100 * share:.0f}%)"
        known.append(Fact(name, words, share, explanation=explanation))
    return VasariReading(known, open_, f"{_how(told.place)} {_ABOUT}")


def _how(place: AtlasPlace) -> str:
    if place.placement is None:
        return f"Features of place are open: {place.reason}."
    if place.placement.method == ALREADY:
        return "The images are in the space of the atlas (SRI24)."
    return (
        "The images were laid on the atlas (SRI24) by an affine registration; "
        f"{place.placement.overlap:.0%} of its brain lies on the head."
    )
