"""Features of a region's intensities: statistics, histogram, volume histogram and local peaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from gliomics.errors import InputError
from gliomics.features.ibsi.settings import Bins
from gliomics.features.native.first_order import first_order_features

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Features = dict[str, float]

_STATISTICS = {
    "mean": "Mean", "var": "Variance", "skew": "Skewness", "median": "Median", "min": "Minimum", "p10": "10Percentile",
    "p90": "90Percentile", "max": "Maximum", "iqr": "InterquartileRange", "range": "Range",
    "mad": "MeanAbsoluteDeviation", "rmad": "RobustMeanAbsoluteDeviation", "energy": "Energy", "rms": "RootMeanSquared",
}  # fmt: skip
_MOST_LEVELS = 4096
_PEAK_MM = 6.2
"""Radius of a sphere of 1 cm3."""


def levels_of(values: Array, bins: Bins, begin: float | None, what: str) -> Integers:
    """The grey level of each intensity, (n,), from 1; bins of one width start at ``begin``, else the lowest intensity.

    Raises :class:`InputError` where more than 4096 levels would be made.
    """
    low, high = float(values.min()), float(values.max())
    if bins.width is not None:
        low = low if begin is None else begin
        count = (high - low) / bins.width
        if count > _MOST_LEVELS:
            raise InputError(
                f"{what} runs from {low:g} to {high:g}, which makes {count:.4g} grey levels; at most {_MOST_LEVELS} "
                "are measured: choose wider bins"
            )
        return np.asarray(np.floor((values - low) / bins.width) + 1).astype(np.int64)
    assert bins.count is not None
    spread = high - low or 1.0
    levels = np.minimum(np.floor(bins.count * (values - low) / spread) + 1, bins.count)
    return np.asarray(levels, dtype=np.int64)


def statistics(values: Array) -> Features:
    """Intensity statistics by the standard's tags without the family's prefix, of intensities or grey levels, (n,)."""
    found = first_order_features(values, np.ones(len(values), dtype=np.int64), 1.0, {})
    features = {tag: found[name] for tag, name in _STATISTICS.items()}
    first, third = np.percentile(values, [25, 75])
    mean, deviation = found["Mean"], np.sqrt(found["Variance"])
    return features | {
        "kurt": found["Kurtosis"] - 3 if deviation > 0 else 0.0,
        "medad": float(np.abs(values - found["Median"]).mean()),
        "cov": float(deviation / mean) if mean else np.nan,
        "qcod": float((third - first) / (third + first)) if third + first else np.nan,
    }


def histogram(levels: Integers, count: int) -> Features:
    """Features of the histogram of grey levels, (n,), of 1 to ``count``."""
    features = statistics(levels.astype(np.float64))
    del features["energy"], features["rms"]
    numbers = np.bincount(levels, minlength=count + 1)[1:]
    shares = numbers[numbers > 0] / len(levels)
    # Of several that are equally common, the one next to the mean.
    modes = np.flatnonzero(numbers == numbers.max()) + 1
    gradient = np.gradient(numbers.astype(np.float64)) if count > 1 else np.zeros(1)
    return features | {
        "mode": float(modes[np.argmin(np.abs(modes - features["mean"]))]),
        "entropy": float(-(shares * np.log2(shares)).sum()),
        "uniformity": float((shares**2).sum()),
        "max_grad": float(gradient.max()),
        "max_grad_g": float(gradient.argmax() + 1),
        "min_grad": float(gradient.min()),
        "min_grad_g": float(gradient.argmin() + 1),
    }


def volume_histogram(values: Array, bins: Bins | None, limits: tuple[float, float] | None, what: str) -> Features:
    """Features of the intensity-volume histogram: which share of the volume has at least an intensity.

    Intensities go in steps of 1 or, with a width, by the middles of bins, over ``limits`` or else those that occur;
    with a count, they are the bins' numbers.
    """
    low, high = limits or (float(values.min()), float(values.max()))
    if bins is None:
        steps = np.arange(np.floor(low), np.ceil(high) + 1).astype(np.float64)
        taken = values
    elif bins.width is not None:
        number = int(np.ceil((high - low) / bins.width))
        steps = np.asarray(low + (np.arange(1, max(number, 1) + 1) - 0.5) * bins.width, dtype=np.float64)
        taken = np.asarray(low + (levels_of(values, bins, low, what) - 0.5) * bins.width, dtype=np.float64)
    else:
        levels = levels_of(values, bins, None, what)
        steps, taken = np.arange(1, (bins.count or 0) + 1).astype(np.float64), levels.astype(np.float64)
    ordered = np.sort(taken)
    volumes = 1 - np.searchsorted(ordered, steps) / len(ordered)
    fractions = (steps - steps[0]) / (steps[-1] - steps[0]) if len(steps) > 1 else np.ones(1)

    def volume(fraction: float) -> float:
        return float(volumes[np.argmax(fractions >= fraction - 1e-12)])

    def intensity(share: float) -> float:
        reached = volumes <= share
        return float(steps[np.argmax(reached)]) if reached.any() else np.nan

    v10, v90, i10, i90 = volume(0.1), volume(0.9), intensity(0.1), intensity(0.9)
    return {"v10": v10, "v90": v90, "i10": i10, "i90": i90, "diff_v10_v90": v10 - v90, "diff_i10_i90": i10 - i90}


def peaks(image: Array, inside: Bools, spacing: tuple[float, float, float]) -> Features:
    """The highest mean of a sphere of 1 cm3: about the brightest voxel (``loc``), and about any voxel (``glob``).

    A sphere is of the voxels of the image whose centres lie in it; of several brightest voxels the highest mean counts.
    """
    reach = [int(_PEAK_MM / edge) for edge in spacing]
    grid = np.meshgrid(*(np.arange(-n, n + 1) * edge for n, edge in zip(reach, spacing, strict=True)), indexing="ij")
    sphere = (sum(axis**2 for axis in grid) <= _PEAK_MM**2).astype(np.float64)
    sums = oaconvolve(image, sphere, mode="same")
    numbers = oaconvolve(np.ones(image.shape), sphere, mode="same")
    means = sums[inside] / np.round(numbers[inside])
    values = image[inside]
    return {"peak_loc": float(means[values == values.max()].max()), "peak_glob": float(means.max())}
