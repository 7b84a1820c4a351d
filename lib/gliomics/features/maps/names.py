"""Which maps are asked for: features by the names of their columns, sorted by sequence, filtered image and class."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import MASK_CLASSES, STUDY_CLASSES, FeatureConfig
from gliomics.features.describe import NOT_COMPUTED
from gliomics.features.engines import native
from gliomics.features.maps.textures import CLASSES

MAPPED = ("firstorder", *CLASSES)
"""The feature classes that have maps."""

_FILTERS = {
    "original": "Original", "square": "Square", "squareroot": "SquareRoot", "logarithm": "Logarithm",
    "exponential": "Exponential", "gradient": "Gradient", "log": "LoG", "wavelet": "Wavelet", "wavelet2": "Wavelet",
    "lbp": "LBP2D",
}  # fmt: skip
"""The filter of a filtered image, by what its name begins with."""


@dataclass(frozen=True)
class MapName:
    """A feature of a filtered image of a sequence; of every sequence where that is empty."""

    sequence: str
    image: str
    kind: str
    feature: str

    @property
    def image_type(self) -> str:
        """The filter that makes the image."""
        return _FILTERS[self.image.partition("-")[0]]


def maps_named(names: Iterable[str], config: FeatureConfig, sequences: Sequence[str]) -> list[MapName]:
    """The maps of these names, such as ``original_glcm_JointEntropy`` or, of one sequence, ``flair_original_...``.

    ``sequences`` are those that are measured. Raises :class:`UnknownNameError` for a feature, an image or a sequence
    that there is none of, and :class:`InputError` for a feature that has no map.

    >>> from gliomics.features.config import load_config
    >>> maps_named(["original_glcm_Contrast"], load_config("panel"), ["flair"])[0].image_type
    'Original'
    """
    return [_named(name.strip(), config, sequences) for name in names]


def _named(name: str, config: FeatureConfig, sequences: Sequence[str]) -> MapName:
    prefix, _, feature = name.rpartition("_")
    prefix, _, kind = prefix.rpartition("_")
    sequence, _, image = prefix.rpartition("_")
    if kind in (*MASK_CLASSES, *STUDY_CLASSES):
        raise InputError(
            f"feature '{name}' has no map: '{kind}' describes the region as a whole; maps are of {', '.join(MAPPED)}"
        )
    if kind not in MAPPED or not image:
        raise UnknownNameError(
            f"'{name[:80]}' is no feature; give its name as tables have it, such as original_glcm_JointEntropy or "
            f"{sequences[0]}_original_firstorder_Mean; classes with maps are {', '.join(MAPPED)}"
        )
    if f"{kind}_{feature}" in NOT_COMPUTED:
        raise UnknownNameError(f"feature '{feature}' of class '{kind}' is gone: {NOT_COMPUTED[f'{kind}_{feature}']}")
    known = native.feature_names()[kind]
    if feature not in known:
        raise UnknownNameError(f"feature '{feature}' of class '{kind}' is unknown; {_hint(feature, known)}")
    if sequence and sequence not in sequences:
        raise UnknownNameError(f"'{name}' is of sequence '{sequence}'; there are {', '.join(sequences)}")
    image_type = _FILTERS.get(image.partition("-")[0])
    if image_type not in config.image_type:
        raise UnknownNameError(
            f"'{name}' is of the filtered image '{image}', and the configuration has "
            f"{', '.join(config.image_type)} under imageType; add the filter to it, or choose another configuration"
        )
    return MapName(sequence, image, kind, feature)


def _hint(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}"
