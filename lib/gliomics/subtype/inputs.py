"""Which of a model's variants a study can be estimated by, and with which values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gliomics.errors import InputError
from gliomics.features.provenance import check_as_measured, difference_in_words
from gliomics.features.regions import part_region
from gliomics.models import ModelCard
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array
from gliomics.study.records import UNNAMED_SEQUENCE
from gliomics.subtype.blocks import AGE, GLIOMA, is_location, sequence_of
from gliomics.subtype.persist import FittedVariant, SubtypeSettings


@dataclass(frozen=True)
class StudyInput:
    """A study's features, with the age among them where it is known, and sentences on what was taken for granted."""

    features: FeatureRow
    notes: Sequence[str]

    @property
    def sequences(self) -> set[str | None]:
        """The sequences that were measured; None where the mask was."""
        return {sequence_of(name) for name in self.features.values}

    def values(self, names: Sequence[str]) -> Array:
        """The values of features, (features,); NaN where they are missing."""
        return np.array([self.features.values.get(name, np.nan) for name in names])

    def undefined(self, names: Sequence[str]) -> list[str]:
        """The features that could not be measured although others of their kind were.

        That is what a tiny lesion lacks, and the place of one whose images could not be laid on the atlas.
        """
        measured = {sequence_of(name) for name in self.features.values if GLIOMA in name}
        has_location = any(map(is_location, self.features.values))
        return [
            name
            for name in names
            if name not in self.features.values
            and ((GLIOMA in name and sequence_of(name) in measured) or (is_location(name) and has_location))
        ]


def study_input(features: FeatureRow, card: ModelCard, settings: SubtypeSettings, age: float | None) -> StudyInput:
    """The input that a row of features is; raises :class:`InputError` where it was not measured as the model's were."""
    _check_comparable(features, card, settings)
    values, notes = dict(features.values), []
    unnamed = {name: value for name, value in values.items() if name.startswith(f"{UNNAMED_SEQUENCE}_")}
    if unnamed and len(card.sequences.required) == 1:
        sequence = card.sequences.required[0]
        values |= {f"{sequence}_{name.removeprefix(f'{UNNAMED_SEQUENCE}_')}": v for name, v in unnamed.items()}
        notes.append(f"the image's sequence is not named; it was taken for {sequence}")
    if not np.isfinite(list(values.values())).all():
        raise InputError(f"study '{features.study_id}' has features that are NaN or infinite; compute them again")
    if age is not None:
        values[AGE] = age
    return StudyInput(replace(features, values=values), notes)


def usable_variants(
    study: StudyInput, variants: Sequence[FittedVariant], card: ModelCard, settings: SubtypeSettings
) -> list[FittedVariant]:
    """The variants that a study can be estimated by, the one that uses most first.

    Raises :class:`InputError` where nothing was measured of a sequence that the model needs, and where features of one
    that was measured are missing.
    """
    usable = [
        fitted
        for fitted in variants
        if set(fitted.variant.sequences) <= study.sequences
        and (AGE in study.features.values or not fitted.variant.needs_age)
    ]
    name = study.features.study_id
    if not any(fitted.variant.needs_images for fitted in usable):
        missing = [sequence for sequence in card.sequences.required if sequence not in study.sequences]
        raise InputError(
            f"nothing was measured of study '{name}' in {' and '.join(missing)}, which model '{card.name}' needs"
        )
    usable.sort(key=lambda fitted: (-len(fitted.variant.sequences), -len(fitted.variant.features)))
    features = usable[0].variant.features
    undefined = study.undefined(features)
    absent = [feature for feature in features if feature not in study.features.values and feature not in undefined]
    if absent:
        listed = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        raise InputError(
            f"study '{name}' lacks features that model '{card.name}' needs: {listed}; "
            f"compute them: gliomics features STUDIES --masks DIR --config {settings.config}"
            f"{' --vasari' if any(map(is_location, absent)) else ''} --out FILE.csv"
        )
    return usable


def _check_comparable(features: FeatureRow, card: ModelCard, settings: SubtypeSettings) -> None:
    check_as_measured([features])
    if part_region(features.region) and features.region != settings.region:
        raise InputError(
            f"the features of '{features.study_id}' are of region '{features.region}'; model '{card.name}' "
            f"was fitted on region '{settings.region}', so measure that"
        )
    digest = features.diagnostics.get("config_sha256")
    if digest and settings.config_sha256 and digest != settings.config_sha256:
        expected = {"config_sha256": settings.config_sha256, "config": settings.config_parameters}
        raise InputError(
            f"the features of '{features.study_id}' were computed with another configuration than model "
            f"'{card.name}' was fitted with: {difference_in_words(features.diagnostics, expected)}; "
            f"compute them with --config {settings.config}"
        )
    if bool(features.diagnostics.get("brain_mask")) != settings.brain_mask:
        measured, fitted = ("without", "with") if settings.brain_mask else ("with", "without")
        raise InputError(
            f"the features of '{features.study_id}' were measured {measured} a brain mask and those that model "
            f"'{card.name}' was fitted to {fitted} one, which is another scale; compute them {fitted} --brain"
        )
