"""What each feature adds to an estimate, exactly, from the coefficients of the ensemble's members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gliomics.reading.feature_words import read_feature_name
from gliomics.records import Contribution
from gliomics.statistics.arrays import Array
from gliomics.subtype.ensemble import Ensemble
from gliomics.subtype.population import PopulationRange


def contributions(
    ensemble: Ensemble,
    values: Array,
    predicted: int,
    features: Sequence[str],
    population: Mapping[str, PopulationRange],
) -> tuple[float, list[Contribution]]:
    """The intercept and what each feature of one patient adds to it, the strongest first.

    ``values`` is (features,) with NaN where missing. A member's log-odds of the class ``predicted`` are linear in the
    standardised features: against the other class of two, and of more the mean of those against each of the others.
    Intercept and contributions are the members' means, so they add up to the mean of the members' log-odds. The
    probability that is shown is the mean of the members' probabilities, which lies nearer to one half.
    """
    z = ensemble.scaling.apply(values)
    weights = _against_others(ensemble.coefficients, predicted).mean(axis=0)
    intercept = _against_others(ensemble.intercepts[:, :, None], predicted).mean()
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
    return float(intercept), sorted(parts, key=lambda part: -abs(part.log_odds))


def _against_others(terms: Array, k: int) -> Array:
    """From (members, classes, n), the terms of class ``k`` less the mean of those of the others, (members, n)."""
    others = np.delete(terms, k, axis=1)
    return np.asarray(terms[:, k] - others.mean(axis=1))
