"""What a report says about one examination, and the pictures that go with it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.report.drawing import to_png
from gliomics.report.figures import FeatureRange, features_against_population, probability_bars
from gliomics.report.lesion_slices import slices_with_outline
from gliomics.study.records import Study
from gliomics.study.volumes import Mask, Volume

Populations = Mapping[str, Mapping[str, FeatureRange]]
"""For each subtype model, the training patients' values of each of its features."""


@dataclass(frozen=True)
class Picture:
    """A PNG image; ``alternative`` describes it for readers who do not see it."""

    png: bytes
    caption: str
    alternative: str

    @property
    def base64(self) -> str:
        """The PNG for the address of an inlined image."""
        return base64.b64encode(self.png).decode("ascii")

    @property
    def width(self) -> int:
        """CSS pixels: drawn at 144 dots per inch it is shown at 96, so that it is sharp on dense screens."""
        return round(int.from_bytes(self.png[16:20], "big") / 1.5)


@dataclass(frozen=True)
class CaseReport:
    """One examination: what was looked at, what was measured, what is estimated and how far to trust it.

    ``lesion_ml`` is None where the voxel size is unknown. ``mask_origin`` says who drew the mask, e.g.
    ``"segmentation_flair version 1, corrected by hand"``; ``facts`` are further lines for the table of origins.
    ``populations`` gives the feature table its training ranges; ``population_pictures`` is keyed by model name.
    ``warnings`` are what to beware of in the mask, ``not_estimated`` why subtype models gave no estimate, by name.
    """

    study: Study
    spacing: tuple[float, float, float]
    lesion_ml: float | None
    mask_origin: str
    features: FeatureRow
    estimates: Sequence[SubtypeEstimate] = ()
    pictures: Sequence[Picture] = ()
    estimate_pictures: Sequence[Picture] = ()
    population_pictures: Mapping[str, Picture] = field(default_factory=dict)
    populations: Populations = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    not_estimated: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredMask:
    """The mask that was measured: ``origin`` says who drew it, ``name`` is its name in captions.

    ``compared`` maps names to at most two masks that are outlined beside it.
    """

    mask: Mask
    origin: str
    name: str = "segment"
    compared: Mapping[str, Mask] = field(default_factory=dict)


def describe_case(
    study: Study,
    volumes: Mapping[str, Volume],
    measured: MeasuredMask,
    features: FeatureRow,
    estimates: Sequence[SubtypeEstimate] = (),
    *,
    populations: Populations | None = None,
    facts: Mapping[str, str] | None = None,
) -> CaseReport:
    """Draw one examination's pictures and put them with its records.

    ``volumes``, by sequence, and the masks share a grid (:class:`~gliomics.errors.GeometryError` otherwise);
    ``populations`` is keyed by model name.
    """
    populations = populations or {}
    mask = measured.mask
    slices = slices_with_outline(
        volumes,
        mask,
        mask_name=measured.name,
        compared=measured.compared,
        spacing_known=study.spacing_known,
    )
    names = " and ".join([measured.name, *measured.compared])
    picture = Picture(
        to_png(slices),
        f"Axial slices through the lesion, the one of the largest area among them; outlined: {names}. "
        "The patient's right is on the left.",
        f"Axial slices of {', '.join(volumes)} of {study.id} with the outline of {names}.",
    )
    voxels = int(np.count_nonzero(mask.array))
    volume_ml = voxels * float(np.prod(mask.spacing)) / 1000.0 if study.spacing_known else None
    return CaseReport(
        study=study,
        spacing=mask.spacing,
        lesion_ml=volume_ml,
        mask_origin=measured.origin,
        features=features,
        estimates=list(estimates),
        pictures=[picture],
        estimate_pictures=[_probability_picture(estimates)] if estimates else [],
        population_pictures=_population_pictures(study, features, estimates, populations),
        populations=populations,
        facts=dict(facts or {}),
    )


def _probability_picture(estimates: Sequence[SubtypeEstimate]) -> Picture:
    sentences = [
        f"{estimate.target}: " + ", ".join(f"{name} {value:.2f}" for name, value in estimate.probabilities.items())
        for estimate in estimates
    ]
    caption = "Estimated class probabilities with 90 % bootstrap intervals; the most probable class in blue."
    return Picture(to_png(probability_bars(estimates)), caption, "; ".join(sentences))


def _population_pictures(
    study: Study, features: FeatureRow, estimates: Sequence[SubtypeEstimate], populations: Populations
) -> dict[str, Picture]:
    """A picture for each model that uses features of this study and whose training patients are known."""
    pictures = {}
    for estimate in estimates:
        population = populations.get(estimate.model, {})
        if any(name in features.values for name in population):
            figure = features_against_population(
                features.values, population, n_training=estimate.n_training, study_name=study.id
            )
            pictures[estimate.model] = Picture(
                to_png(figure),
                f"The features that {estimate.model} uses, beside those of its training patients.",
                f"Features of {study.id} among the {estimate.n_training} training patients of {estimate.model}.",
            )
    return pictures
