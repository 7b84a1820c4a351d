"""How sure a figure over patients is: percentile bootstraps, by what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes

RESAMPLES = 10_000
_RESAMPLES_OF_REPEATS = 1000


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
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of one value per patient with its 95 % percentile bootstrap interval over patients (Efron 1979).

    ``statistic`` takes an ``axis`` argument, as NumPy's do. The interval is in the unit of the values; the same
    ``seed`` gives the same one. Raises :class:`InputError` without a value.

    >>> dice = [0.91, 0.85, 0.78, 0.93, 0.60, 0.88]
    >>> mean = bootstrap_interval(dice)
    >>> print(f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f}), {mean.n} patients")
    0.825 (0.727 to 0.902), 6 patients
    >>> bootstrap_interval(dice, statistic=np.median).value
    0.865
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not array.size:
        raise InputError(f"a bootstrap needs one value for each patient; found values of shape {array.shape}")
    rng = np.random.default_rng(seed)
    replicates = statistic(array[rng.integers(0, len(array), (resamples, len(array)))], axis=1)
    low, high = np.percentile(replicates, (2.5, 97.5))
    return Interval(float(statistic(array)), float(low), float(high), len(array))


def over_seeds_and_patients(values: Array) -> Interval:
    """Mean of values (seed, patient) with its 95 % bootstrap interval; seeds and patients are drawn independently.

    The pigeonhole bootstrap (Owen 2007): a strategy that was lucky in one seed is not taken for a better one. Of a
    single seed, the interval is over patients alone. ``n`` of the interval is the number of patients.
    """
    seeds, patients = values.shape
    seed_counts, patient_counts = drawn_seeds_and_patients(seeds, patients, RESAMPLES)
    replicates = ((seed_counts @ values) * patient_counts).sum(axis=1) / values.size
    low, high = np.percentile(replicates, (2.5, 97.5))
    return Interval(float(values.mean()), float(low), float(high), patients)


def drawn_seeds_and_patients(
    seeds: int, patients: int, resamples: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How often each seed (resample, seed) and each patient (resample, patient) is drawn: always the same draws."""
    rng = np.random.default_rng(0)
    seed_counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples)
    return seed_counts, rng.multinomial(patients, np.full(patients, 1 / patients), resamples)


def over_repeats(
    measure: Callable[[Array, Classes], float], repeats: Array, outcome: Classes, rng: np.random.Generator
) -> Interval:
    """Mean of a measure over repeats of cross-validation with its 95 % bootstrap interval over patients.

    ``repeats`` is (repeats, patients, classes) of out-of-fold probabilities. Patients are drawn with replacement
    within each class (Efron 1979), the same ones in every repeat; the interval is that of percentiles.
    """

    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([measure(probability[rows], outcome[rows]) for probability in repeats]))

    groups = [np.flatnonzero(outcome == k) for k in np.unique(outcome)]
    replicates = [
        mean(np.concatenate([rng.choice(g, size=g.size) for g in groups])) for _ in range(_RESAMPLES_OF_REPEATS)
    ]
    low, high = np.percentile(replicates, (2.5, 97.5))
    return Interval(mean(np.arange(outcome.size)), float(low), float(high), outcome.size)


def drawn_within(outcome: Classes, rng: np.random.Generator) -> Array:
    """How often each patient is in each resample, (resamples, patients): those that :func:`over_repeats` draws."""
    groups = [np.flatnonzero(outcome == k) for k in np.unique(outcome)]
    return np.array(
        [
            np.bincount(np.concatenate([rng.choice(g, size=g.size) for g in groups]), minlength=outcome.size)
            for _ in range(_RESAMPLES_OF_REPEATS)
        ],
        dtype=np.float64,
    )


def paired_difference(
    measure: Callable[[Array, Classes], float],
    first: Array,
    second: Array,
    outcome: Classes,
    rng: np.random.Generator,
) -> Interval:
    """How much higher a measure is of one set of predictions than of another of the same patients.

    ``first`` and ``second`` are (repeats, patients, classes) of out-of-fold probabilities, of equal shape; every
    resample takes the same patients of both, so that what makes a patient hard for both does not widen the interval,
    which is that of :func:`over_repeats`. Raises :class:`InputError` for other shapes.
    """
    if first.shape != second.shape:
        raise InputError(
            f"a paired difference needs equally many repeats, patients and classes; found {first.shape} and "
            f"{second.shape}"
        )
    classes = first.shape[2]

    def difference(both: Array, outcome: Classes) -> float:
        return measure(both[:, :classes], outcome) - measure(both[:, classes:], outcome)

    return over_repeats(difference, np.concatenate([first, second], axis=2), outcome, rng)
