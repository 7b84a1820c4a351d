"""The VASARI features: what each asks, its values, and how it is told from a mask of the tumour's parts.

VASARI: "Visually AcceSAble Rembrandt Images" (The Cancer Imaging Archive, 2012). Values are words and not the numbers
of its scoring sheet, of which several are in use. VASARI-auto: Ruffle 2024, NeuroImage: Clinical 44:103668.
"""

from __future__ import annotations

from dataclasses import dataclass

PROPORTIONS = (
    (0.0, "none"),
    (0.05, "up to 5%"),
    (0.33, "6-33%"),
    (0.67, "34-67%"),
    (0.95, "68-95%"),
    (1.0, "over 95%"),
)
"""VASARI's categories of a proportion, each with the largest that it holds."""

_NEEDS_IMAGES = "not told by a mask of parts: it is seen in images"
_NEEDS_SURGERY = "not told by one examination: it compares with the one after surgery"


@dataclass(frozen=True)
class Feature:
    """One VASARI feature. ``open_because`` says why it is never told; None where a mask can tell it."""

    code: str
    name: str
    definition: str
    open_because: str | None = None

    @property
    def column(self) -> str:
        """Its column in tables, which stays the same."""
        return f"vasari_{self.code}_{self.name}"


CATALOGUE = (
    Feature(
        "F1",
        "location",
        "lobe or deep structure of the atlas with the largest share of the tumour; open where less than half of "
        "it lies in any",
    ),
    Feature(
        "F2",
        "side",
        "side with at least 75% of the tumour, else central or bilateral",
    ),
    Feature(
        "F3",
        "eloquent_brain",
        "cortex of speech, movement or vision",
        "the atlas has no areas of speech, movement or vision",
    ),
    Feature(
        "F4",
        "enhancement_quality",
        "none where no part enhances; how strong it is, is seen in images",
    ),
    Feature(
        "F5",
        "proportion_enhancing",
        "enhancing part of the whole abnormality",
    ),
    Feature(
        "F6",
        "proportion_non_enhancing",
        "core without enhancement of the whole abnormality; necrosis counts to it, as in VASARI-auto, because "
        "the parts do not tell it apart",
    ),
    Feature(
        "F7",
        "proportion_necrosis",
        "none where there is no core without enhancement; else open, because the parts do not tell necrosis "
        "from other core without enhancement",
    ),
    Feature(
        "F8",
        "cysts",
        "well defined rounded regions of fluid",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F9",
        "multifocality",
        "multifocal or multicentric where a second region of tumour is not connected with the largest within "
        "the whole abnormality; each holds at least 2% of the tumour",
    ),
    Feature(
        "F10",
        "t1_flair_ratio",
        "whether the abnormality in T1 is as large as that in FLAIR",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F11",
        "enhancing_margin_thickness",
        "thin below 3 mm, thick from 3 mm (twice the distance from the middle of the margin to its edge, the "
        "median along it), solid where less than 5% of the core does not enhance; open where voxels are larger "
        "than 2 mm or of unknown size",
    ),
    Feature(
        "F12",
        "enhancing_margin_definition",
        "whether the enhancing margin is sharp",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F13",
        "non_enhancing_margin_definition",
        "whether the other margin is sharp",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F14",
        "proportion_oedema",
        "oedema of the whole abnormality, infiltrating tumour in it included",
    ),
    Feature(
        "F15",
        "oedema_crosses_midline",
        "oedema on both sides of the midline, at least 1% of it more than 3 mm beyond",
    ),
    Feature(
        "F16",
        "haemorrhage",
        "traces of blood",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F17",
        "diffusion",
        "restricted or facilitated diffusion",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F18",
        "pial_invasion",
        "enhancement of the pia over the tumour",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F19",
        "ependymal_invasion",
        "at least 1% of the tumour in the atlas's ventricles: a contact by position, not an enhancement that was seen",
    ),
    Feature(
        "F20",
        "cortical_involvement",
        "at least 5% of the tumour in the atlas's cortex",
    ),
    Feature(
        "F21",
        "deep_white_matter_invasion",
        "brainstem, corpus callosum or internal capsule with at least 1% of the tumour",
    ),
    Feature(
        "F22",
        "non_enhancing_crosses_midline",
        "core without enhancement on both sides of the midline, as F15",
    ),
    Feature(
        "F23",
        "enhancing_crosses_midline",
        "enhancing part on both sides of the midline, as F15",
    ),
    Feature(
        "F24",
        "satellites",
        "an enhancing region of at least 0.065 ml (a ball of 5 mm) in the abnormality around the largest region "
        "of the core and not connected with it",
    ),
    Feature(
        "F25",
        "calvarial_remodelling",
        "erosion of the skull",
        _NEEDS_IMAGES,
    ),
    Feature(
        "F26",
        "resection_enhancing",
        "extent of resection of the enhancing part",
        _NEEDS_SURGERY,
    ),
    Feature(
        "F27",
        "resection_non_enhancing",
        "extent of resection of the other core",
        _NEEDS_SURGERY,
    ),
    Feature(
        "F28",
        "resection_oedema",
        "extent of resection of the oedema",
        _NEEDS_SURGERY,
    ),
)
"""F29 and F30, the two largest diameters, are read by ``gliomics report``."""

BY_CODE = {feature.code: feature for feature in CATALOGUE}


def proportion_category(share: float) -> str:
    """VASARI's category of a proportion from 0 to 1.

    >>> proportion_category(0.0), proportion_category(0.2), proportion_category(1.0)
    ('none', '6-33%', 'all')
    """
    if share >= 1:
        return "all"
    return next(name for most, name in PROPORTIONS if share <= most)
