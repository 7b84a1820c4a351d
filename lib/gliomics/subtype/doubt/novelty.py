"""Whether a patient's features, taken together, are like those of the training patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.statistics.arrays import Array

QUANTILE = 0.99
_NAMED = 3
ALIKE = "taken together, the features are like"
"""How a note begins that says of features what is usual."""


@dataclass(frozen=True)
class Novelty:
    """Mahalanobis distance from the training patients in the space of a model's standardised features.

    ``covariance`` is (features, features), shrunk (Ledoit and Wolf 2004). Distances are divided by the root of the
    number of features, so that patients who lack a sequence can be compared too. ``threshold`` is the 99th
    percentile of the training patients' distances from the others, each left out in turn.
    """

    covariance: Array
    threshold: float

    @classmethod
    def fit(cls, z: Array) -> Novelty:
        """Learn from (patients, features), NaN where missing; a row's missing values are taken as the mean."""
        filled = np.nan_to_num(z)
        distances = []
        for row in range(len(z)):
            training = np.delete(filled, row, axis=0)
            distances.append(_distance(z[row], _shrunk_covariance(training), training.mean(axis=0)))
        return cls(_shrunk_covariance(filled), float(np.quantile(distances, QUANTILE)))

    def distance(self, z: Array) -> float:
        """Distance of one patient, (features,) with NaN where missing."""
        return _distance(z, self.covariance, np.zeros_like(z))

    def contributors(self, z: Array) -> list[int]:
        """The features that make the distance, the strongest first, at most three."""
        present = ~np.isnan(z)
        share = np.zeros_like(z)
        share[present] = z[present] * np.linalg.solve(self.covariance[np.ix_(present, present)], z[present])
        return [int(column) for column in np.argsort(-share)[:_NAMED] if share[column] > 0]


def describe_feature(name: str, value: float, low: float, high: float) -> str:
    """One feature beside the range of 98 % of the training patients."""
    where = "outside" if not low <= value <= high else "within"
    return f"{name} is {value:.3g}, {where} the range of 98 % of them ({low:.3g} to {high:.3g})"


def describe_outliers(like: str, outside: Sequence[str], count: int) -> str:
    """What single features outside their range mean where all ``count`` together are inside."""
    listed = ", ".join(outside[:_NAMED]) + (f" and {len(outside) - _NAMED} more" if len(outside) > _NAMED else "")
    return (
        f"{ALIKE} {like}; {len(outside)} of {count} by themselves lie outside the range "
        f"of 90 % of them, where {count / 10:.1f} are to be expected: {listed}"
    )


def _shrunk_covariance(z: Array) -> Array:
    from sklearn.covariance import ledoit_wolf

    return np.asarray(ledoit_wolf(z)[0])


def _distance(z: Array, covariance: Array, mean: Array) -> float:
    present = ~np.isnan(z)
    if not present.any():
        return float("inf")
    offset = (z - mean)[present]
    squared = offset @ np.linalg.solve(covariance[np.ix_(present, present)], offset)
    return float(np.sqrt(squared / present.sum()))


def quantiles(values: Array, levels: Sequence[float]) -> list[list[float]]:
    """Quantiles of each feature over the patients that have it, (features, levels)."""
    return [[float(item) for item in column] for column in np.nanquantile(values, levels, axis=0).T]
