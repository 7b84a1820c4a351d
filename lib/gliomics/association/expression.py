"""Mutual information between features and genes, beside what independent tables give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gliomics.cluster import map_over
from gliomics.cohort.patient_table import PatientTable
from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.multiplicity import corrected
from gliomics.statistics.mutual_information import (
    binned,
    information_of_bins,
    knn_information,
    knn_null,
    normal_scores,
)

HISTOGRAM, NEAREST = "histogram", "nearest neighbours"
LEAST_PATIENTS = 20
"""A feature that fewer patients with expression have is left out."""
_COUNTED = (10, 100, 1000)
"""Of so many strongest pairs it is said how many as strong a permuted table has."""
_PERMUTATIONS_AT_ONCE = 10
_LEAST_DRAWS, _MOST_DRAWS = 20_000, 200_000


@dataclass(frozen=True)
class Estimate:
    """One estimator on all pairs: ``information`` in nats and ``p``, (features, genes), with the corrected p-values.

    ``p_max`` is the share of permuted tables whose strongest pair is as strong (Westfall and Young 1993); ``by_chance``
    has for each count of strongest observed pairs how many pairs each permuted table has that are as strong.
    """

    information: Array
    p: Array
    bonferroni: Array
    holm: Array
    fdr: Array
    smallest_p: float
    p_max: Array | None = None
    by_chance: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Information:
    """``n`` are the patients with each feature, (features,); ``left_out`` says what was not looked at and why."""

    features: list[str]
    genes: list[str]
    n: list[int]
    estimates: dict[str, Estimate]
    left_out: list[str]


@dataclass(frozen=True)
class _Block:
    """Features that the same patients have: ``rows`` of the tables, and which features."""

    rows: Classes
    columns: Classes


@dataclass(frozen=True)
class _Binned:
    """A block's features and genes as :func:`~gliomics.statistics.mutual_information.binned` makes them."""

    block: _Block
    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]


def information(
    features: PatientTable,
    expression: PatientTable,
    *,
    permutations: int = 1000,
    seed: int = 0,
    step: Callable[[], object] = lambda: None,
    scheduler: str | None = None,
) -> Information:
    """Mutual information of every feature with every gene, of the patients in both tables.

    By the histogram, p-values are the share of tables with permuted patients that give as much for the pair; all pairs
    are permuted together, so that what features and genes share stays. By nearest neighbours they are taken from
    independent ranks, to whose distribution that of any pair of as many patients is equal. ``step`` is called after
    each permutation; ``scheduler`` is the address of a Dask cluster whose workers permute some tables each. Raises
    :class:`InputError` where too few patients are in both tables.
    """
    both = set(features.patients) & set(expression.patients)
    if len(both) < LEAST_PATIENTS:
        raise InputError(
            f"{len(both)} patients are in both tables, at least {LEAST_PATIENTS} are needed; features are of e.g. "
            f"'{features.patients[0]}', expression of e.g. '{expression.patients[0]}'"
        )
    x, genes = features.of(both), expression.of(both)
    y = genes.values[[genes.patients.index(patient) for patient in x.patients]]
    complete = np.isfinite(y).all(axis=0) & (np.ptp(np.nan_to_num(y), axis=0) > 0)
    usable = [
        int(known.sum()) >= LEAST_PATIENTS and np.ptp(column[known]) > 0
        for column in x.values.T
        for known in [~np.isnan(column)]
    ]
    left_out = [
        *_said(x.names, usable, f"features with fewer than {LEAST_PATIENTS} patients or one value"),
        *_said(genes.names, complete.tolist(), "genes with missing values or one value"),
    ]
    if not any(usable) or not complete.any():
        raise InputError(f"no pair of a feature and a gene can be looked at: {'; '.join(left_out)}")
    values, y = x.values[:, usable], y[:, complete]
    blocks = _blocks(values)
    parts = [
        _Binned(block, binned(values[np.ix_(block.rows, block.columns)]), binned(y[block.rows])) for block in blocks
    ]
    rng = np.random.default_rng(seed)
    keys = [rng.random(len(y)) for _ in range(permutations)]
    return Information(
        [name for name, kept in zip(x.names, usable, strict=True) if kept],
        [name for name, kept in zip(genes.names, complete, strict=True) if kept],
        (~np.isnan(values)).sum(axis=0).tolist(),
        {
            HISTOGRAM: _by_histogram(parts, (values.shape[1], y.shape[1]), keys, step, scheduler),
            NEAREST: _by_neighbours(values, y, blocks, rng),
        },
        left_out,
    )


def _said(names: Sequence[str], kept: Sequence[bool], what: str) -> list[str]:
    out = [name for name, keep in zip(names, kept, strict=True) if not keep]
    return [f"{len(out)} {what}: {', '.join(out[:5])}{', ...' if len(out) > 5 else ''}"] if out else []


def _blocks(values: Array) -> list[_Block]:
    known = ~np.isnan(values)
    patterns, number = np.unique(known, axis=1, return_inverse=True)
    return [
        _Block(np.flatnonzero(patterns[:, each]), np.flatnonzero(number.ravel() == each))
        for each in range(patterns.shape[1])
    ]


@dataclass(frozen=True)
class _Observed:
    """Tables to be permuted, and what they are compared with: all ``observed`` and the strongest pairs."""

    parts: Sequence[_Binned]
    observed: Array
    thresholds: Mapping[int, float]


def _permuted(keys: Sequence[Array], work: _Observed) -> tuple[Array, list[float], dict[int, list[int]]]:
    """How often a permuted table gives each pair as much; the maximum of each, and its pairs above each threshold."""
    as_strong, maxima = np.zeros(work.observed.shape), []
    numbers: dict[int, list[int]] = {count: [] for count in work.thresholds}
    for key in keys:
        permuted = np.empty(work.observed.shape)
        for part in work.parts:
            order = np.argsort(key[part.block.rows])
            permuted[part.block.columns] = information_of_bins(part.first, part.second[order])
        as_strong += permuted >= work.observed - 1e-12
        maxima.append(float(permuted.max()))
        for count, threshold in work.thresholds.items():
            numbers[count].append(int((permuted >= threshold - 1e-12).sum()))
    return as_strong, maxima, numbers


def _by_histogram(
    parts: Sequence[_Binned],
    shape: tuple[int, int],
    permuted_keys: Sequence[Array],
    step: Callable[[], object],
    scheduler: str | None,
) -> Estimate:
    observed = np.empty(shape)
    for part in parts:
        observed[part.block.columns] = information_of_bins(part.first, part.second)
    as_strong: Array = np.ones(observed.shape)
    maxima: list[float] = []
    ranked = np.sort(observed, axis=None)[::-1]
    thresholds = {count: float(ranked[count - 1]) for count in _COUNTED if count <= ranked.size}
    by_chance: dict[int, list[int]] = {count: [] for count in thresholds}
    some_keys = (
        permuted_keys[k : k + _PERMUTATIONS_AT_ONCE] for k in range(0, len(permuted_keys), _PERMUTATIONS_AT_ONCE)
    )
    work = _Observed(parts, observed, thresholds)
    for more_as_strong, more_maxima, numbers in map_over(_permuted, some_keys, scheduler, shared=work):
        as_strong += more_as_strong
        maxima += more_maxima
        for count in by_chance:
            by_chance[count] += numbers[count]
        for _ in more_maxima:
            step()
    p_max = (1 + len(maxima) - np.searchsorted(np.sort(maxima), observed - 1e-12)) / (1 + len(maxima))
    return _estimate(observed, as_strong / (1 + len(maxima)), 1 / (1 + len(maxima)), p_max, by_chance)


def _by_neighbours(x: Array, y: Array, blocks: Sequence[_Block], rng: np.random.Generator) -> Estimate:
    observed, p = np.empty((2, x.shape[1], y.shape[1]))
    draws = int(np.clip(20 * observed.size, _LEAST_DRAWS, _MOST_DRAWS))
    nulls: dict[int, Array] = {}
    for block in blocks:
        n = block.rows.size
        first = normal_scores(x[np.ix_(block.rows, block.columns)], rng)
        second = normal_scores(y[block.rows], rng)
        if n not in nulls:
            nulls[n] = knn_null(n, draws, rng)
        for place, column in enumerate(block.columns):
            observed[column] = knn_information(first[:, place], second)
            p[column] = (1 + draws - np.searchsorted(nulls[n], observed[column] - 1e-9)) / (1 + draws)
    return _estimate(observed, p, 1 / (1 + draws))


def _estimate(
    observed: Array,
    p: Array,
    smallest_p: float,
    p_max: Array | None = None,
    by_chance: dict[int, list[int]] | None = None,
) -> Estimate:
    family = corrected(p.ravel())
    bonferroni, holm, fdr = (
        values.reshape(p.shape) for values in (family.bonferroni, family.holm, family.fdr)
    )  # fmt: skip
    return Estimate(observed, p, bonferroni, holm, fdr, smallest_p, p_max, by_chance or {})
