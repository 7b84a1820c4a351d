"""First-order features: the distribution of a region's intensities, as PyRadiomics' documentation defines them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.features.native.counts import Array
from gliomics.features.native.textures import entropy_terms

FEATURES = (
    "10Percentile", "90Percentile", "Energy", "Entropy", "InterquartileRange", "Kurtosis", "Maximum",
    "MeanAbsoluteDeviation", "Mean", "Median", "Minimum", "Range", "RobustMeanAbsoluteDeviation", "RootMeanSquared",
    "Skewness", "TotalEnergy", "Uniformity", "Variance",
)  # fmt: skip
ON_REQUEST = ("StandardDeviation",)
"""Those that PyRadiomics measures only where they are named."""


def first_order_features(
    values: npt.NDArray[Any], levels: npt.NDArray[np.integer], voxel_volume: float, settings: Mapping[str, Any]
) -> dict[str, float]:
    """Every feature of a region's intensities, (n,), and of the grey levels of the same voxels.

    ``voxel_volume`` in mm3 is what ``TotalEnergy`` multiplies ``Energy`` by; ``voxelArrayShift`` is added to
    intensities before they are squared.
    """
    if values.dtype.itemsize <= 2:  # sorted by their digits, in less time than percentiles take of what is not
        values = np.sort(values, kind="stable")
    values = values.astype(np.float64)
    mean = values.mean()
    deviation = values - mean
    squares = deviation * deviation
    m2, m3, m4 = squares.mean(), (squares * deviation).mean(), (squares * squares).mean()
    low, first, median, third, high = np.percentile(values, [10, 25, 50, 75, 90])
    robust = values[(values >= low) & (values <= high)]
    shifted = values + settings.get("voxelArrayShift", 0)
    energy = (shifted * shifted).sum()
    numbers = np.bincount(levels)
    shares: Array = numbers[numbers > 0] / len(levels)
    spread = m2 if m2 != 0 else 1.0  # a flat region
    found = {
        "10Percentile": low,
        "90Percentile": high,
        "Energy": energy,
        "Entropy": entropy_terms(shares).sum(),
        "InterquartileRange": third - first,
        "Kurtosis": m4 / spread**2,
        "Maximum": values.max(),
        "MeanAbsoluteDeviation": np.abs(deviation).mean(),
        "Mean": mean,
        "Median": median,
        "Minimum": values.min(),
        "Range": values.max() - values.min(),
        "RobustMeanAbsoluteDeviation": np.abs(robust - robust.mean()).mean() if len(robust) else np.nan,
        "RootMeanSquared": np.sqrt(energy / len(values)),
        "Skewness": m3 / spread**1.5,
        "StandardDeviation": np.sqrt(m2),
        "TotalEnergy": energy * voxel_volume,
        "Uniformity": (shares**2).sum(),
        "Variance": m2,
    }
    return {name: float(value) for name, value in found.items()}
