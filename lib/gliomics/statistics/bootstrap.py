"""How sure an average over patients is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A statistic over patients with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: Sequence[float],
    *,
    statistic: Callable[..., Any] = np.mean,
    seed: int = 0,
    resamples: int = 10_000,
) -> Interval:
    """A statistic of one value per patient with its percentile bootstrap interval over patients (Efron 1979).

    ``statistic`` takes an ``axis`` argument, as NumPy's do.
    """
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    drawn = statistic(array[rng.integers(0, len(array), (resamples, len(array)))], axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(float(statistic(array)), float(low), float(high), len(array))
