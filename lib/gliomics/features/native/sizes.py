"""Features of matrices of grey level by size: of runs (GLRLM), of zones (GLSZM) and of dependences (GLDM).

They are the same sixteen formulas (Galloway 1975, Thibault 2009, Sun 1983); each class has its own names for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gliomics.features.native.counts import Array, Table
from gliomics.features.native.neighbours import Integers, Offset
from gliomics.features.native.textures import entropy_terms, joined, lengths_of, weighted

RUNS = {
    "ShortRunEmphasis": "small", "LongRunEmphasis": "large",
    "GrayLevelNonUniformity": "levels", "GrayLevelNonUniformityNormalized": "levels normalised",
    "RunLengthNonUniformity": "sizes", "RunLengthNonUniformityNormalized": "sizes normalised",
    "RunPercentage": "percentage", "GrayLevelVariance": "level variance", "RunVariance": "size variance",
    "RunEntropy": "entropy", "LowGrayLevelRunEmphasis": "low", "HighGrayLevelRunEmphasis": "high",
    "ShortRunLowGrayLevelEmphasis": "small low", "ShortRunHighGrayLevelEmphasis": "small high",
    "LongRunLowGrayLevelEmphasis": "large low", "LongRunHighGrayLevelEmphasis": "large high",
}  # fmt: skip
ZONES = {
    "SmallAreaEmphasis": "small", "LargeAreaEmphasis": "large",
    "GrayLevelNonUniformity": "levels", "GrayLevelNonUniformityNormalized": "levels normalised",
    "SizeZoneNonUniformity": "sizes", "SizeZoneNonUniformityNormalized": "sizes normalised",
    "ZonePercentage": "percentage", "GrayLevelVariance": "level variance", "ZoneVariance": "size variance",
    "ZoneEntropy": "entropy", "LowGrayLevelZoneEmphasis": "low", "HighGrayLevelZoneEmphasis": "high",
    "SmallAreaLowGrayLevelEmphasis": "small low", "SmallAreaHighGrayLevelEmphasis": "small high",
    "LargeAreaLowGrayLevelEmphasis": "large low", "LargeAreaHighGrayLevelEmphasis": "large high",
}  # fmt: skip
DEPENDENCES = {
    "SmallDependenceEmphasis": "small", "LargeDependenceEmphasis": "large",
    "GrayLevelNonUniformity": "levels", "DependenceNonUniformity": "sizes",
    "DependenceNonUniformityNormalized": "sizes normalised",
    "GrayLevelVariance": "level variance", "DependenceVariance": "size variance",
    "DependenceEntropy": "entropy", "LowGrayLevelEmphasis": "low", "HighGrayLevelEmphasis": "high",
    "SmallDependenceLowGrayLevelEmphasis": "small low", "SmallDependenceHighGrayLevelEmphasis": "small high",
    "LargeDependenceLowGrayLevelEmphasis": "large low", "LargeDependenceHighGrayLevelEmphasis": "large high",
}  # fmt: skip
"""By PyRadiomics' names, the formulas of :func:`formulas`."""


def run_features(
    runs: Sequence[Table], directions: Sequence[Offset], settings: Mapping[str, Any], spacing: Sequence[float]
) -> dict[str, float]:
    """Features of runs: the mean over directions, or with ``weightingNorm`` those of their weighted sum.

    ``runs`` are of each of ``directions``, ``spacing`` is in the order of their axes. NaN where there is no run.
    """
    norm = settings.get("weightingNorm")
    if norm is None:
        return _named(*joined(runs), RUNS)
    weights = np.ones(len(directions)) if norm == "no_weighting" else lengths_of(directions, spacing, norm)
    return _named(*weighted(runs, weights), RUNS)


def zone_features(zones: Table) -> dict[str, float]:
    """Features of zones."""
    return _named(np.zeros(len(zones.counts), dtype=np.int64), zones, ZONES)


def dependence_features(dependences: Table) -> dict[str, float]:
    """Features of dependences, each one more than the number of dependent neighbours."""
    return _named(np.zeros(len(dependences.counts), dtype=np.int64), dependences, DEPENDENCES)


def _named(directions: Integers, table: Table, names: Mapping[str, str]) -> dict[str, float]:
    if len(table.counts) == 0:
        return dict.fromkeys(names, float("nan"))
    values = formulas(directions, table)
    return {name: float(values[formula].mean()) for name, formula in names.items()}


def formulas(directions: Integers, table: Table) -> dict[str, Array]:
    """Each formula's value by direction, the number of which each entry of ``table`` has in ``directions``."""
    number = int(directions.max()) + 1
    i2, j2 = table.rows.astype(np.float64) ** 2, table.columns.astype(np.float64) ** 2
    counts = table.counts.astype(np.float64)

    def total(values: Array) -> Array:
        return np.asarray(np.bincount(directions, values, minlength=number))

    numbers = total(counts)
    shares = counts / numbers[directions]
    level_squares = _squares(directions, table.rows, counts, number)
    size_squares = _squares(directions, table.columns, counts, number)
    return {
        "small": total(counts / j2) / numbers,
        "large": total(counts * j2) / numbers,
        "levels": level_squares / numbers,
        "levels normalised": level_squares / numbers**2,
        "sizes": size_squares / numbers,
        "sizes normalised": size_squares / numbers**2,
        "percentage": numbers / total(counts * table.columns),
        "level variance": _variance(table.rows, shares, directions, total),
        "size variance": _variance(table.columns, shares, directions, total),
        "entropy": total(entropy_terms(shares)),
        "energy": total(shares**2),
        "low": total(counts / i2) / numbers,
        "high": total(counts * i2) / numbers,
        "small low": total(counts / (i2 * j2)) / numbers,
        "small high": total(counts * i2 / j2) / numbers,
        "large low": total(counts * j2 / i2) / numbers,
        "large high": total(counts * i2 * j2) / numbers,
    }


def _squares(directions: Integers, keys: Integers, counts: Array, number: int) -> Array:
    """The sum of squared sums over each key, by direction."""
    width = int(keys.max()) + 1
    if width > 4 * len(keys):  # of zones: few sizes, and some of them large
        keys = np.unique(keys, return_inverse=True)[1]
        width = int(keys.max()) + 1
    sums = np.bincount(directions * width + keys, counts, minlength=number * width)
    return np.asarray((sums.reshape(number, width) ** 2).sum(axis=1))


def _variance(values: Integers, shares: Array, directions: Integers, total: Any) -> Array:
    means = total(shares * values)
    return np.asarray(total(shares * (values - means[directions]) ** 2))
