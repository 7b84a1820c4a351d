"""A subtype estimate from a study's features, with what is needed to doubt it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from gliomics.features.edge import MovedEdge
from gliomics.models import Metric, ModelCard, ModelFolder, patient_hash
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.statistics.arrays import Array
from gliomics.subtype import explain, persist
from gliomics.subtype.blocks import AGE
from gliomics.subtype.circumstances import NOTHING_KNOWN, Circumstances
from gliomics.subtype.doubt.calibration import with_prevalence
from gliomics.subtype.doubt.identity import describe_brightness, describe_mistaken
from gliomics.subtype.doubt.likeness import describe_age, likeness
from gliomics.subtype.doubt.population import PopulationRange
from gliomics.subtype.inputs import StudyInput, study_input, usable_variants
from gliomics.subtype.persist import FittedVariant

INTERVAL = (0.05, 0.95)


class SubtypeModel:
    """A fitted model, ready to estimate. Opening one runs no code of the file's author."""

    def __init__(self, model: ModelFolder) -> None:
        self.card: ModelCard = model.card
        self._stored = persist.read(model)
        self.settings = self._stored.settings

    def __repr__(self) -> str:
        return (
            f"SubtypeModel({self.card.name} version {self.card.version}: {self.settings.target} "
            f"({', '.join(self.card.classes)}) from {len(self.features)} features, fitted on "
            f"{self.card.training.n_patients} patients)"
        )

    @property
    def features(self) -> list[str]:
        """The features of the images that it uses."""
        return self._stored.variants[0].variant.features

    @property
    def features_by_influence(self) -> list[str]:
        """The same, those first that move an estimate from the images most when they change by a standard deviation."""
        coefficients = self._stored.variants[0].classifier.ensemble.coefficients[0]
        influence = dict(zip(self.features, np.ptp(coefficients, axis=0), strict=True))
        return sorted(self.features, key=lambda name: -influence[name])

    @property
    def uses_age(self) -> bool:
        """Whether it can take the age into account."""
        return any(fitted.variant.needs_age for fitted in self._stored.variants)

    @cached_property
    def population(self) -> dict[str, PopulationRange]:
        """The training patients' values of each feature, and of the age where it is used, as quantiles."""
        return {
            name: PopulationRange(
                self.settings.quantile_levels, overall, {k: q[name] for k, q in self.settings.class_quantiles.items()}
            )
            for name, overall in self.settings.quantiles.items()
        }

    @property
    def training_shares(self) -> Array:
        """The share of each class among the training patients, (classes,)."""
        counts = np.array([self.settings.class_counts[name] for name in self.card.classes], dtype=float)
        return np.asarray(counts / counts.sum())

    def out_of_fold(self, patient_id: str) -> list[dict[str, float]]:
        """The probabilities of a training patient from the images alone, by models that were fitted without it.

        One for each repeat of the cross-validation; empty for others.
        """
        if not self.card.training.learned_from(patient_id):
            return []
        row = self.card.training.patients.index(patient_hash(patient_id))
        return [self._by_class(probabilities[row]) for probabilities in self._stored.variants[0].out_of_fold]

    def estimate(self, features: FeatureRow, circumstances: Circumstances = NOTHING_KNOWN) -> SubtypeEstimate:
        """Estimate the class of one study.

        The variant of the model that uses most of what is there makes the estimate; the reasons say what is missing.
        Raises :class:`InputError` for features that are missing otherwise, or that are of another named region or
        configuration than the model's, and for a prevalence that is not of its classes.
        """
        shares = circumstances.shares(self.card.classes, self.training_shares)
        study = study_input(features, self.card, self.settings, circumstances.age if self.uses_age else None)
        usable = usable_variants(study, self._stored.variants, self.card, self.settings)
        fitted, classes = usable[0], self.card.classes
        row = study.values(fitted.variant.features)
        probability, low, high = self._with_interval(fitted, row, shares)
        k = int(probability.argmax())
        intercept, parts = explain.contributions(fitted.classifier, row, k, fitted.variant.features, self.population)
        profile = explain.group_profile(fitted.classifier, row[None], fitted.variant.features)[0]
        inside, reasons = self._likeness(study, fitted)
        in_sample = self.card.training.learned_from(patient_of(features))
        if in_sample:
            reasons.append("the model was fitted on this patient, among others: the estimate is not a prediction")
        return SubtypeEstimate(
            study_id=features.study_id,
            model=self.card.name,
            model_version=self.card.version,
            target=self.settings.target,
            predicted=classes[k],
            probabilities=self._by_class(probability),
            intervals={name: [float(a), float(b)] for name, a, b in zip(classes, low, high, strict=True)},
            inside_training_range=inside,
            population=self.card.training.population,
            n_training=self.card.training.n_patients,
            performance=self._performance(classes[k], fitted.variant.name),
            reasons=[
                *self.settings.warnings.get(fitted.variant.name, []),
                *reasons,
                *study.notes,
                *self._absences(study, fitted),
            ],
            in_sample=in_sample,
            contributions=parts,
            intercept=intercept + self._level_shift(shares, k),
            prediction_set=self._set(fitted, row),
            covariates={} if circumstances.age is None or not self.uses_age else {"age": float(circumstances.age)},
            groups=explain.by_group(parts),
            variant=fitted.variant.name,
            by_input={
                item.variant.name: self._by_class(self._probability(item, study.values(item.variant.features), shares))
                for item in usable
            },
            given=dict(self.settings.given),
            prevalence={} if circumstances.prevalence is None else self._by_class(shares),
            nearest=explain.nearest(profile, fitted.profiles, self._stored.outcome, classes),
        )

    def with_margin(
        self, estimate: SubtypeEstimate, features: FeatureRow, circumstances: Circumstances, moved: MovedEdge
    ) -> SubtypeEstimate:
        """An estimate from ``features`` with the range that it has where the lesion's edge is moved.

        It is made from the same kinds of input. What cannot be measured of the moved lesion is taken as of the drawn
        one; where the edge could not be moved, a reason says so.
        """
        shares = circumstances.shares(self.card.classes, self.training_shares)
        fitted = next(item for item in self._stored.variants if item.variant.name == estimate.variant)
        k, age = self.card.classes.index(estimate.predicted), circumstances.age if self.uses_age else None
        range_ = [estimate.probabilities[estimate.predicted]]
        for values in moved.values.values():
            study = study_input(replace(features, values=features.values | values), self.card, self.settings, age)
            range_.append(float(self._probability(fitted, study.values(fitted.variant.features), shares)[k]))
        reasons = [f"the range over moved edges lacks the lesion {what}: {why}" for what, why in moved.missing.items()]
        margin = [min(range_), max(range_)] if moved.values else None
        return replace(estimate, margin=margin, reasons=[*estimate.reasons, *reasons])

    def _by_class(self, values: Array) -> dict[str, float]:
        return dict(zip(self.card.classes, map(float, values), strict=True))

    def _probability(self, fitted: FittedVariant, row: Array, shares: Array) -> Array:
        return with_prevalence(fitted.classifier.probabilities(row[None])[0], self.training_shares, shares)

    def _with_interval(self, fitted: FittedVariant, row: Array, shares: Array) -> tuple[Array, Array, Array]:
        """The probability of each class and the bounds of its spread over the members, each (classes,)."""
        probability = self._probability(fitted, row, shares)
        scores = fitted.classifier.ensemble.member_scores(row[None])[:, 0]
        members = with_prevalence(fitted.classifier.calibration.probabilities(scores), self.training_shares, shares)
        low, high = np.quantile(members, INTERVAL, axis=0)
        return probability, np.minimum(low, probability), np.maximum(high, probability)

    def _level_shift(self, shares: Array, k: int) -> float:
        """What the prevalence adds to the log-odds of a class against the others."""
        shift = np.log(shares / self.training_shares)
        return float(shift[k] - np.delete(shift, k).mean())

    def _set(self, fitted: FittedVariant, row: Array) -> list[str]:
        """The classes that cannot be excluded; none are named where there were too few patients to tell.

        The prevalence does not enter: the sets hold in each class, however common it is.
        """
        if not fitted.classifier.class_scores.is_enough:
            return []
        members = fitted.classifier.sets(row[None])[0]
        return [name for name, member in zip(self.card.classes, members, strict=True) if member]

    def _likeness(self, study: StudyInput, fitted: FittedVariant) -> tuple[bool, list[str]]:
        """Whether the images are like the training patients', and which features are not."""
        used = np.isin(self.features, fitted.variant.features)
        values = np.where(used, study.values(self.features), np.nan)
        z = self._stored.variants[0].classifier.ensemble.scaling.scores(values)
        n = self.card.training.n_patients
        inside, reasons = likeness(self._stored.novelty, self.features, values, z, self.population, n=n)
        identity = self._stored.identity
        doubts = describe_mistaken(identity.mistaken(study.features.values)) if identity is not None else []
        doubts += describe_brightness(study.features.diagnostics)
        if fitted.variant.needs_age:
            doubts += describe_age(study.features.values[AGE], self.population[AGE])
        return inside and not doubts, [*doubts, *reasons]

    def _absences(self, study: StudyInput, fitted: FittedVariant) -> list[str]:
        """What the estimate could have used."""
        sequences = [*self.card.sequences.required, *self.card.sequences.optional]
        notes = []
        if missing := [name for name in sequences if name not in fitted.variant.sequences]:
            notes.append(
                f"the study lacks {' or '.join(name for name in missing if name not in study.sequences)}: the estimate "
                f"is from {fitted.variant.name} alone"
            )
        if undefined := study.undefined(fitted.variant.features):
            notes.append(
                f"{', '.join(undefined)} could not be measured in this lesion and "
                f"{'was' if len(undefined) == 1 else 'were'} taken as the training patients' medians"
            )
        return notes

    def _performance(self, predicted: str, variant: str) -> str:
        """The figures of the variant, and of the predicted class: what the card says first of each."""
        names = (
            f"AUC, {variant}",
            f"AUC, mean of each class against the rest, {variant}",
            f"AUC, {predicted} against the rest, {variant}",
        )
        return "; ".join(_sentence(metric) for metric in self.card.metrics if metric.name in names)


def patient_of(features: FeatureRow) -> str:
    """The patient's id; in tables that do not tell it, the study's."""
    return str(features.diagnostics.get("patient_id", features.study_id))


def _sentence(metric: Metric) -> str:
    return f"{metric.name}: {metric.in_words(2)}, cross-validated on {metric.n} patients"
