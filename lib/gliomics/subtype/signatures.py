"""Which features a subtype model uses.

A model must mean the same on another scanner's image, so absolute size is left out: the distance between slices is
often unknown, and everything that counts voxels or millimetres follows it. What remains is the lesion's outline
within a slice and its intensities after normalisation.

With some tens of patients, choosing features by the outcome adds more noise than knowledge. The signatures are
therefore fixed beforehand, from what is known: the outline features whose relation to the genomic clusters of
lower-grade glioma was published (Mazurowski 2017, Buda 2019), then contrast enhancement, a mark of IDH wild type,
then the FLAIR signal. A model is the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.study.records import SEQUENCES

_OUTLINE = tuple(
    f"original_outline_{name}"
    for name in ("AngularStandardDeviation", "Eccentricity", "Extent", "MarginFluctuation", "Solidity")
)
_SIGNAL = tuple(f"original_firstorder_{name}" for name in ("Mean", "90Percentile", "Skewness", "Entropy"))
_ENHANCEMENT = tuple(f"t1c_{name}" for name in _SIGNAL)
_FLAIR = tuple(f"flair_{name}" for name in _SIGNAL)

SIGNATURES: dict[str, tuple[str, ...]] = {
    "outline": _OUTLINE,
    "outline and enhancement": _OUTLINE + _ENHANCEMENT,
    "outline, enhancement and FLAIR": _OUTLINE + _ENHANCEMENT + _FLAIR,
}
"""Features of each signature."""

MOST_MISSING = 0.3
"""A feature that more than this fraction of the patients lack is not used: it would mostly be imputed."""


def usable_signatures(names: Sequence[str], values: npt.NDArray[np.float64]) -> dict[str, list[str]]:
    """The signatures that can be formed from a table, each with its features.

    ``values`` is (patients, features) with NaN where a feature is missing. A signature that adds nothing to the one
    before is left out. Raises :class:`InputError` when the outline features, which all of them need, are not there.
    """
    missing = np.isnan(values).mean(axis=0)
    usable = {name for name, fraction in zip(names, missing, strict=True) if fraction <= MOST_MISSING}
    absent = [name for name in _OUTLINE if name not in usable]
    if absent:
        raise InputError(
            f"the table lacks the features {', '.join(absent[:3])}, which every subtype model uses; "
            "compute them: gliomics features STUDIES --masks DIR --config panel --out FILE.csv"
        )
    signatures: dict[str, list[str]] = {}
    for signature, signature_features in SIGNATURES.items():
        features = [name for name in signature_features if name in usable]
        if features not in signatures.values():
            signatures[signature] = features
    return signatures


def sequence_of(feature: str) -> str | None:
    """The sequence in front of a feature's name, None where only the mask counts."""
    prefix = feature.split("_", 1)[0]
    return prefix if prefix in SEQUENCES else None
