"""First-order features of many surroundings at once; :mod:`gliomics.features.native.first_order` has them of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gliomics.features.maps.kernels import Array, Surroundings
from gliomics.features.native.textures import entropy_terms


def first_order_maps(
    around: Surroundings, count: int, voxel_volume: float, settings: Mapping[str, Any], names: Collection[str]
) -> dict[str, Array]:
    """The features ``names``, each (voxels,); ``count`` is the highest grey level."""
    values, inside = around.values, around.inside
    number = inside.sum(axis=1)

    def total(terms: Array) -> Array:
        return np.asarray(np.where(inside, terms, 0).sum(axis=1))

    mean = total(values) / number
    deviation = values - mean[:, None]
    m2, m3, m4 = (total(deviation**power) / number for power in (2, 3, 4))
    ordered = np.sort(values, axis=1)  # NaN last
    low, first, median, third, high = (_percentile(ordered, number, share) for share in (0.1, 0.25, 0.5, 0.75, 0.9))
    robust = inside & (values >= low[:, None]) & (values <= high[:, None])
    kept = robust.sum(axis=1)
    with np.errstate(invalid="ignore"):
        middle = np.where(robust, values, 0).sum(axis=1) / kept
        robust_deviation = np.where(robust, np.abs(values - middle[:, None]), 0).sum(axis=1) / kept
    shifted = values + settings.get("voxelArrayShift", 0)
    energy = total(shifted * shifted)
    spread = np.where(m2 != 0, m2, 1.0)
    found = {
        "10Percentile": low,
        "90Percentile": high,
        "Energy": energy,
        "InterquartileRange": third - first,
        "Kurtosis": m4 / spread**2,
        "Maximum": ordered[np.arange(len(ordered)), number - 1],
        "MeanAbsoluteDeviation": total(np.abs(deviation)) / number,
        "Mean": mean,
        "Median": median,
        "Minimum": ordered[:, 0],
        "Range": ordered[np.arange(len(ordered)), number - 1] - ordered[:, 0],
        "RobustMeanAbsoluteDeviation": robust_deviation,
        "RootMeanSquared": np.sqrt(energy / number),
        "Skewness": m3 / spread**1.5,
        "StandardDeviation": np.sqrt(m2),
        "TotalEnergy": energy * voxel_volume,
        "Variance": m2,
    }
    if {"Entropy", "Uniformity"} & {*names}:
        shares = _shares(around, count)
        found |= {"Entropy": entropy_terms(shares).sum(axis=1), "Uniformity": (shares**2).sum(axis=1)}
    return {name: found[name] for name in names}


def _percentile(ordered: Array, number: Array, share: float) -> Array:
    """Between the two nearest of ``number`` values, as NumPy interpolates."""
    place = (number - 1) * share
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, number.astype(np.int64) - 1)
    rows, weight = np.arange(len(ordered)), place - below
    lower, upper = ordered[rows, below], ordered[rows, above]
    difference = upper - lower
    return np.where(weight >= 0.5, upper - difference * (1 - weight), lower + difference * weight)


def _shares(around: Surroundings, count: int) -> Array:
    """The share of each grey level, (voxels, levels)."""
    rows, places = np.nonzero(around.inside)
    codes = rows * (count + 1) + around.levels[rows, places]
    cells = np.bincount(codes, minlength=len(around.levels) * (count + 1)).reshape(-1, count + 1)
    return np.asarray(cells / cells.sum(axis=1, keepdims=True))
