"""A subtype estimate from a study's features, with what is needed to doubt it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gliomics.errors import InputError
from gliomics.features.regions import part_region
from gliomics.models import Metric, ModelCard, ModelFolder, patient_hash
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.statistics.arrays import Array
from gliomics.study.records import UNNAMED_SEQUENCE
from gliomics.subtype import novelty, persist
from gliomics.subtype.explain import contributions
from gliomics.subtype.population import PopulationRange
from gliomics.subtype.signatures import sequence_of

INTERVAL = (0.05, 0.95)


class SubtypeModel:
    """A fitted model, ready to estimate. Opening one runs no code of the file's author."""

    def __init__(self, model: ModelFolder) -> None:
        self.card: ModelCard = model.card
        self.settings, self._ensemble, self._novelty, self._out_of_fold = persist.read(model)

    def __repr__(self) -> str:
        return (
            f"SubtypeModel({self.card.name} version {self.card.version}: {self.settings.target} "
            f"({', '.join(self.card.classes)}) from {len(self.features)} features, fitted on "
            f"{self.card.training.n_patients} patients)"
        )

    @property
    def features(self) -> list[str]:
        """The features that it uses."""
        return list(self.settings.features)

    @property
    def population(self) -> dict[str, PopulationRange]:
        """The training patients' values of each feature, as quantiles."""
        return {
            name: PopulationRange(
                self.settings.quantile_levels, overall, {k: q[name] for k, q in self.settings.class_quantiles.items()}
            )
            for name, overall in self.settings.quantiles.items()
        }

    def out_of_fold(self, patient_id: str) -> list[dict[str, float]]:
        """The probabilities of a training patient by models that were fitted without it, one for each repeat.

        Empty for others.
        """
        if not self.card.training.learned_from(patient_id):
            return []
        row = self.card.training.patients.index(patient_hash(patient_id))
        return [
            dict(zip(self.card.classes, map(float, probabilities[row]), strict=True))
            for probabilities in self._out_of_fold
        ]

    def estimate(self, features: FeatureRow) -> SubtypeEstimate:
        """Estimate the class of one study.

        A study without one of the model's optional sequences is estimated from the other features, and the reasons
        say so. Raises :class:`InputError` for features that are missing otherwise, or that are of another
        named region or configuration than the model's.
        """
        self._check_comparable(features)
        features, notes = _named_sequence(features, self.card)
        absent = self._absent_sequences(features)
        values = self._values(features, absent)
        members = self._ensemble.member_probabilities(values[None])[:, 0]
        probability = members.mean(axis=0)
        low, high = np.quantile(members, INTERVAL, axis=0)
        classes = self.card.classes
        predicted = classes[int(probability.argmax())]
        inside, unlike = self._likeness(values)
        in_sample = self.card.training.learned_from(patient_of(features))
        if in_sample:
            notes.append("the model was fitted on this patient, among others: the estimate is not a prediction")
        notes += [
            f"the study has no {name}: its features were taken as the training patients' medians" for name in absent
        ]
        intercept, parts = contributions(
            self._ensemble, values, classes.index(predicted), self.features, self.population
        )
        return SubtypeEstimate(
            study_id=features.study_id,
            model=self.card.name,
            model_version=self.card.version,
            target=self.settings.target,
            predicted=predicted,
            probabilities={name: float(p) for name, p in zip(classes, probability, strict=True)},
            intervals={
                name: [float(min(a, p)), float(max(b, p))]
                for name, a, b, p in zip(classes, low, high, probability, strict=True)
            },
            inside_training_range=inside,
            population=self.card.training.population,
            n_training=self.card.training.n_patients,
            performance=self._performance(predicted, absent),
            reasons=unlike + notes,
            in_sample=in_sample,
            contributions=parts,
            intercept=intercept,
        )

    def _check_comparable(self, features: FeatureRow) -> None:
        region = self.settings.region
        if part_region(features.region) and features.region != region:
            raise InputError(
                f"the features of '{features.study_id}' are of region '{features.region}'; model '{self.card.name}' "
                f"was fitted on region '{region}', so measure that"
            )
        row_config, model_config = features.diagnostics.get("config_sha256"), self.settings.config_sha256
        if row_config and model_config and row_config != model_config:
            raise InputError(
                f"the features of '{features.study_id}' were computed with another configuration than model "
                f"'{self.card.name}' was fitted with; compute them with --config {self.settings.config}"
            )

    def _absent_sequences(self, features: FeatureRow) -> list[str]:
        present = {sequence_of(name) for name in features.values}
        return [name for name in self.card.sequences.optional if name not in present]

    def _values(self, features: FeatureRow, absent: list[str]) -> Array:
        missing = [n for n in self.features if n not in features.values and sequence_of(n) not in absent]
        present = {sequence_of(name) for name in features.values}
        sequences = [name for name in self.card.sequences.required if name not in present]
        if sequences:
            raise InputError(
                f"nothing was measured of study '{features.study_id}' in {' and '.join(sequences)}, which model "
                f"'{self.card.name}' needs"
            )
        if missing:
            listed = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            raise InputError(
                f"study '{features.study_id}' lacks features that model '{self.card.name}' needs: {listed}; "
                f"compute them: gliomics features STUDIES --masks DIR --config {self.settings.config} --out FILE.csv"
            )
        values = np.array([features.values.get(name, np.nan) for name in self.features])
        if not np.isfinite(values[[name in features.values for name in self.features]]).all():
            raise InputError(f"study '{features.study_id}' has features that are NaN or infinite; compute them again")
        return values

    def _likeness(self, values: Array) -> tuple[bool, list[str]]:
        """Whether the features lie inside the training patients' cloud, and which ones do not by themselves."""
        z = self._ensemble.scaling.scores(values)
        levels = self.settings.quantile_levels
        like = f"those of 99 % of the {self.card.training.n_patients} training patients"
        if self._novelty.distance(z) <= self._novelty.threshold:
            outside = self._outside(values)
            count = int((~np.isnan(values)).sum())
            return True, [novelty.describe_outliers(like, outside, count)] if outside else []
        reasons = [f"taken together, the features are unlike {like}"]
        for column in self._novelty.contributors(z):
            name = self.features[column]
            quantiles = self.settings.quantiles[name]
            low, high = np.interp((0.01, 0.99), levels, quantiles)
            reasons.append(novelty.describe_feature(name, float(values[column]), float(low), float(high)))
        return False, reasons

    def _outside(self, values: Array) -> list[str]:
        """The features that lie outside the range of 90 % of the training patients."""
        levels = self.settings.quantile_levels
        ranges = [np.interp((0.05, 0.95), levels, self.settings.quantiles[name]) for name in self.features]
        return [
            name
            for name, value, (low, high) in zip(self.features, values, ranges, strict=True)
            if value < low or value > high
        ]

    def _performance(self, predicted: str, absent: list[str]) -> str:
        """The model's first figure, that of the predicted class, and that without the sequences that are missing."""
        headline = [metric.name for metric in self.card.metrics[:1]]
        names = [
            *headline,
            f"AUC, {predicted} against the rest",
            *(f"{figure}, without {name}" for figure in headline for name in absent),
        ]
        return "; ".join(_sentence(metric) for metric in self.card.metrics if metric.name in names)


def patient_of(features: FeatureRow) -> str:
    """The patient's id; in tables that do not tell it, the study's."""
    return str(features.diagnostics.get("patient_id", features.study_id))


def _sentence(metric: Metric) -> str:
    interval = f" ({metric.low:.2f} to {metric.high:.2f})" if metric.low is not None and metric.high is not None else ""
    return f"{metric.name}: {metric.value:.2f}{interval}, cross-validated on {metric.n} patients"


def _named_sequence(features: FeatureRow, card: ModelCard) -> tuple[FeatureRow, list[str]]:
    """Take the only image of a study, whose sequence nobody named, for the only sequence that the model must have."""
    prefix = f"{UNNAMED_SEQUENCE}_"
    unnamed = {name: value for name, value in features.values.items() if name.startswith(prefix)}
    if not unnamed or len(card.sequences.required) != 1:
        return features, []
    sequence = card.sequences.required[0]
    renamed = {f"{sequence}_{name.removeprefix(prefix)}": value for name, value in unnamed.items()}
    note = f"the image's sequence is not named; it was taken for {sequence}"
    return replace(features, values=features.values | renamed), [note]
