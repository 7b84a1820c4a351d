"""What each feature adds to an estimate, exactly, from the coefficients of the classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gliomics.reading.feature_words import read_feature_name
from gliomics.records import Contribution, Neighbour
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.blocks import group_of
from gliomics.subtype.classifier import Classifier
from gliomics.subtype.doubt.population import PopulationRange

NEAREST = 5
"""Training patients that are named as the nearest."""


def contributions(
    classifier: Classifier,
    values: Array,
    predicted: int,
    features: Sequence[str],
    population: Mapping[str, PopulationRange],
) -> tuple[float, list[Contribution]]:
    """The intercept and what each feature of one patient adds to it, the strongest first.

    ``values`` is (features,) with NaN where missing. The log-odds of the class ``predicted`` are linear in the
    standardised features: against the other class of two, and of more the mean of those against each of the others.
    Intercept and contributions add up to them exactly.
    """
    ensemble, calibration = classifier.ensemble, classifier.calibration
    z = ensemble.scaling.apply(values)
    weights = calibration.slope * _against_others(ensemble.coefficients[0], predicted)
    level = calibration.log_odds(ensemble.intercepts[0])
    parts = [
        Contribution(
            feature=name,
            log_odds=float(weight * score),
            words=read_feature_name(name).plain,
            value=None if np.isnan(value) else float(value),
            percentile=None if np.isnan(value) else population[name].percentile(float(value)),
            medians=population[name].medians,
        )
        for name, weight, score, value in zip(features, weights, z, values, strict=True)
    ]
    return float(_against_others(level, predicted)), sorted(parts, key=lambda part: -abs(part.log_odds))


def by_group(parts: Sequence[Contribution]) -> dict[str, float]:
    """Log-odds by what the features tell of, the strongest first; they add up to those of the features."""
    sums: dict[str, float] = {}
    for part in parts:
        group = group_of(part.feature)
        sums[group] = sums.get(group, 0.0) + part.log_odds
    return dict(sorted(sums.items(), key=lambda item: -abs(item[1])))


def group_profile(classifier: Classifier, values: Array, features: Sequence[str]) -> Array:
    """What each group of features adds to the log-odds of each class, (patients, groups * classes).

    ``values`` is (patients, features). In these terms patients are near each other whom the model sees alike, for the
    same reasons.
    """
    groups = [group_of(name) for name in features]
    z = classifier.ensemble.scaling.apply(values)
    terms = classifier.calibration.slope * classifier.ensemble.coefficients[0] * z[:, None, :]
    columns = [terms[:, :, [name == group for name in groups]].sum(axis=2) for group in dict.fromkeys(groups)]
    return np.concatenate(columns, axis=1)


def nearest(profile: Array, training: Array, outcome: Classes, classes: Sequence[str]) -> list[Neighbour]:
    """The nearest training patients to one, (groups * classes,), by number (from 1) in the order of the card."""
    distances = np.linalg.norm(training - profile, axis=1)
    return [
        Neighbour(number=int(row) + 1, label=classes[outcome[row]], distance=float(distances[row]))
        for row in np.argsort(distances, kind="stable")[:NEAREST]
    ]


def _against_others(terms: Array, k: int) -> Array:
    """From (classes, ...), the terms of class ``k`` less the mean of those of the others, (...)."""
    return np.asarray(terms[k] - np.delete(terms, k, axis=0).mean(axis=0))
