"""Whether a study is like those of the training patients, in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.subtype.doubt.novelty import Novelty, describe_feature, describe_outliers
from gliomics.subtype.doubt.population import PopulationRange


def likeness(
    novelty: Novelty, features: list[str], values: Array, z: Array, population: Mapping[str, PopulationRange], *, n: int
) -> tuple[bool, list[str]]:
    """Whether the features of a study are like those of ``n`` training patients, and what is to be said of that.

    ``values`` and ``z``, the same standardised, are (features,) with NaN where missing.
    """
    like = f"those of 99 % of the {n} training patients"
    if novelty.distance(z) <= novelty.threshold:
        outside = [
            name
            for name, value in zip(features, values, strict=True)
            if value < population[name].quantile(0.05) or value > population[name].quantile(0.95)
        ]
        count = int((~np.isnan(values)).sum())
        return True, [describe_outliers(like, outside, count)] if outside else []
    reasons = [f"taken together, the features are unlike {like}"]
    for column in novelty.contributors(z):
        name = features[column]
        low, high = (population[name].quantile(level) for level in (0.01, 0.99))
        reasons.append(describe_feature(name, float(values[column]), low, high))
    return False, reasons


def describe_age(age: float, span: PopulationRange) -> list[str]:
    """What is said of an age beyond that of 98 % of the training patients."""
    low, high = (span.quantile(level) for level in (0.01, 0.99))
    if low <= age <= high:
        return []
    return [f"the age, {age:g}, is outside the range of 98 % of the training patients ({low:.0f} to {high:.0f})"]
