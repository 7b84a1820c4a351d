"""What a report says about one examination, and the pictures that go with it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from gliomics.report.drawing import to_png
from gliomics.report.figures import features_against_population, probability_bars
from gliomics.report.lesion_slices import slices_with_outline
from gliomics.study.records import Study
from gliomics.study.volumes import Mask, Volume


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
    """One examination: what was looked at, what is read of it, and all that was measured.

    ``mask_origin`` says who drew the mask, e.g. ``"segmentation_flair version 1, corrected by hand"``; ``facts`` are
    further lines for the table of origins, ``warnings`` what to beware of in the mask. A picture of the estimates and
    one of the key features are there where there are any to draw.
    """

    study: Study
    spacing: tuple[float, float, float]
    mask_origin: str
    features: FeatureRow
    reading: Reading
    pictures: Sequence[Picture] = ()
    estimate_picture: Picture | None = None
    feature_picture: Picture | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


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
    reading: Reading,
    *,
    facts: Mapping[str, str] | None = None,
) -> CaseReport:
    """Draw one examination's pictures and put them with its records.

    ``volumes``, by sequence, and the masks share a grid (:class:`~gliomics.errors.GeometryError` otherwise).
    """
    slices = slices_with_outline(
        volumes,
        measured.mask,
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
    return CaseReport(
        study=study,
        spacing=measured.mask.spacing,
        mask_origin=measured.origin,
        features=features,
        reading=reading,
        pictures=[picture],
        estimate_picture=_estimate_picture(reading) if reading.estimates else None,
        feature_picture=_feature_picture(reading) if any(key.population for key in reading.key_features) else None,
        facts=dict(facts or {}),
    )


def _estimate_picture(reading: Reading) -> Picture:
    sentences = [
        f"{estimate.title}: {estimate.headline}; " + ", ".join(f"{bar.title} {bar.text}" for bar in estimate.bars)
        for estimate in reading.estimates
    ]
    caption = (
        "Estimated class probabilities with 90 % intervals. Blue: the most probable class, where it is told better "
        "than by chance. The grey tick is the share of the training patients."
    )
    return Picture(to_png(probability_bars(reading.estimates)), caption, ". ".join(sentences) + ".")


def _feature_picture(reading: Reading) -> Picture:
    figure = features_against_population(reading.key_features, study_name=reading.study_id)
    caption = "The key features, beside those of the training patients."
    return Picture(to_png(figure), caption, f"Key features of {reading.study_id} among the training patients.")
