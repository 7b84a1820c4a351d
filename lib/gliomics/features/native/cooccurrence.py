"""Features of the grey-level co-occurrence matrix (GLCM), as PyRadiomics' documentation defines them.

Haralick 1973. Each is the mean over the directions; with ``weightingNorm``, that of the weighted sum of their matrices.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from gliomics.features.native.counts import Array, Table
from gliomics.features.native.neighbours import Integers, Offset
from gliomics.features.native.textures import EPSILON, entropy_terms, joined, lengths_of, weighted

_ROUNDING = 1e-12
"""Eigenvalues below are 0 but for rounding."""
_STACK = 2**18
"""Cells of the matrices whose eigenvalues are computed together."""


class Cooccurrence:
    """The matrices of all directions by their entries that are not 0, each divided by the sum of its direction.

    ``i`` and ``j`` are the entries' grey levels, ``p`` their shares, ``direction`` their direction. ``levels`` are
    those that occur in the region, ``count`` is the highest.
    """

    def __init__(self, directions: Integers, table: Table, levels: Integers, count: int) -> None:
        self.direction, self.levels, self.count = directions, levels, count
        self.number = int(directions.max()) + 1 if len(directions) else 0
        totals = np.bincount(directions, table.counts, minlength=self.number)
        self.i, self.j = table.rows.astype(np.float64), table.columns.astype(np.float64)
        self.p = table.counts / totals[directions]
        # The level's place among those that occur.
        place = np.zeros(count + 1, dtype=np.int64)
        place[levels] = np.arange(len(levels))
        self.row, self.column = place[table.rows], place[table.columns]
        self.px = self._by(self.row, len(levels))
        self.py = self._by(self.column, len(levels))
        self.sums = self._by(table.rows + table.columns, 2 * count + 1)
        self.differences = self._by(np.abs(table.rows - table.columns), count)
        self.mean_x, self.mean_y = self.px @ levels, self.py @ levels

    def _by(self, column: Integers, width: int) -> Array:
        """Sums of the shares by direction and ``column``, (directions, width)."""
        cells = np.bincount(self.direction * width + column, self.p, minlength=self.number * width)
        return np.asarray(cells, dtype=np.float64).reshape(self.number, width)

    def total(self, values: Array) -> Array:
        """The sum of a value of each entry, (entries,), by direction."""
        return np.asarray(np.bincount(self.direction, values, minlength=self.number), dtype=np.float64)

    def of_differences(self, values: Array) -> Array:
        """The expectation of a value of each difference of two levels, (count,), by direction."""
        return self.differences @ values

    def central_sums(self, power: int) -> Array:
        """The central moment of the sum of two levels, by direction."""
        deviation = np.arange(self.sums.shape[1]) - (self.mean_x + self.mean_y)[:, None]
        # By multiplication: raising to a power takes ten times as long.
        return np.asarray(functools.reduce(np.multiply, [deviation] * power, self.sums).sum(axis=1))


def cooccurrence_features(
    pairs: Sequence[Table],
    offsets: Sequence[Offset],
    levels: Integers,
    *,
    settings: Mapping[str, Any],
    spacing: Sequence[float],
    names: Collection[str],
) -> dict[str, float]:
    """The features ``names``; NaN where no two voxels of the region are neighbours.

    ``pairs`` are of each of ``offsets``, ``levels`` those that occur, ``spacing`` is in the order of the offsets' axes.
    """
    matrix = matrices_of(pairs, offsets, levels, settings, spacing)
    return {name: float(np.mean(FEATURES[name](matrix))) if matrix is not None else np.nan for name in names}


def matrices_of(
    pairs: Sequence[Table],
    offsets: Sequence[Offset],
    levels: Integers,
    settings: Mapping[str, Any],
    spacing: Sequence[float],
) -> Cooccurrence | None:
    """The matrices from the pairs of each offset, or their weighted sum; None where there is no pair.

    All as in :func:`cooccurrence_features`.
    """
    norm = settings.get("weightingNorm")
    tables = [_both_ways(table) for table in pairs] if settings.get("symmetricalGLCM", True) else pairs
    if norm is None:
        directions, table = joined(tables)
    else:
        lengths = np.zeros(len(offsets)) if norm == "no_weighting" else lengths_of(offsets, spacing, norm)
        directions, table = weighted(tables, np.exp(-(lengths**2)))
    if not table.counts.any():
        return None
    return Cooccurrence(directions, table, levels, int(levels[-1]))


def _both_ways(table: Table) -> Table:
    """A table and its transpose, added."""
    width = int(max(table.rows.max(initial=0), table.columns.max(initial=0))) + 1
    codes = np.concatenate([table.rows * width + table.columns, table.columns * width + table.rows])
    if width**2 <= 4 * len(codes):
        cells = np.bincount(codes, np.tile(table.counts, 2), minlength=width**2).astype(np.int64)
        found = np.flatnonzero(cells)
        return Table(found // width, found % width, cells[found])
    found, places = np.unique(codes, return_inverse=True)
    counts = np.bincount(places, np.tile(table.counts, 2), minlength=len(found)).astype(np.int64)
    return Table(found // width, found % width, counts)


def _correlation(matrix: Cooccurrence) -> Array:
    """1 where all neighbours along a direction are of one level."""
    x, y = matrix.i - matrix.mean_x[matrix.direction], matrix.j - matrix.mean_y[matrix.direction]
    deviations = np.sqrt(_variance(matrix.px, matrix) * _variance(matrix.py, matrix))
    flat = deviations == 0
    return np.where(flat, 1, matrix.total(matrix.p * x * y) / (deviations + EPSILON))


def _variance(marginal: Array, matrix: Cooccurrence) -> Array:
    deviation = matrix.levels - (marginal @ matrix.levels)[:, None]
    return np.asarray((marginal * deviation**2).sum(axis=1))


def _joint_entropy(matrix: Cooccurrence) -> Array:
    return matrix.total(entropy_terms(matrix.p))


def _independent(matrix: Cooccurrence) -> Array:
    """The share that each entry would have if the two levels did not depend on each other."""
    return np.asarray(matrix.px[matrix.direction, matrix.row] * matrix.py[matrix.direction, matrix.column])


def _information_1(matrix: Cooccurrence) -> Array:
    """Mutual information over the larger of the two entropies, below 0; 0 where these are."""
    independent = matrix.total(-matrix.p * np.log2(_independent(matrix) + EPSILON))
    largest = np.maximum(entropy_terms(matrix.px).sum(axis=1), entropy_terms(matrix.py).sum(axis=1))
    some = largest != 0
    return np.where(some, (_joint_entropy(matrix) - independent) / np.where(some, largest, 1), 0)


def _information_2(matrix: Cooccurrence) -> Array:
    """The entropy of independent levels is that of the two marginals; EPSILON counts once for each pair of levels."""
    pairs = np.count_nonzero(matrix.px, axis=1) * np.count_nonzero(matrix.py, axis=1)
    separate = _plain_entropy(matrix.px) + _plain_entropy(matrix.py) - pairs * EPSILON / np.log(2)
    return np.asarray(np.sqrt(1 - np.exp(-2 * np.maximum(separate - _joint_entropy(matrix), 0))))


def _plain_entropy(shares: Array) -> Array:
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logarithms).sum(axis=1))


def _maximal_correlation(matrix: Cooccurrence) -> Array:
    """The root of the second largest eigenvalue of Q, 1 for a single level.

    Q is similar to a matrix that is symmetric but for EPSILON, and what is not moves eigenvalues by its square.
    """
    if len(matrix.levels) < 2:
        return np.ones(matrix.number)
    roots = np.zeros(matrix.number)
    rows, columns = matrix.px > 0, matrix.py > 0
    row = (np.cumsum(rows, axis=1) - 1)[matrix.direction, matrix.row]
    column = (np.cumsum(columns, axis=1) - 1)[matrix.direction, matrix.column]
    starts = np.searchsorted(matrix.direction, np.arange(matrix.number + 1))
    heights, widths = rows.sum(axis=1), columns.sum(axis=1)
    for height in np.unique(heights[heights > 1]):
        alike = np.flatnonzero(heights == height)
        for part in np.array_split(alike, math.ceil(len(alike) * int(height) ** 2 / _STACK)):
            lengths = np.diff(starts)[part]
            place = np.repeat(np.arange(len(part)), lengths)
            entries = np.repeat(starts[part] - np.cumsum(lengths) + lengths, lengths) + np.arange(len(place))
            p = np.zeros((len(part), height, widths[part].max()))
            p[place, row[entries], column[entries]] = matrix.p[entries]
            roots[part] = _second_roots(p)
    return roots


def _second_roots(p: Array) -> Array:
    """Of each of the matrices ``p``, (n, rows, columns), without rows of 0."""
    px, py = p.sum(axis=2, keepdims=True), p.sum(axis=1, keepdims=True)
    conditional = p / (px * py + EPSILON) @ p.transpose(0, 2, 1)
    similar = conditional * np.sqrt(px) / np.sqrt(px).transpose(0, 2, 1)
    second = np.linalg.eigvalsh((similar + similar.transpose(0, 2, 1)) / 2)[:, -2]
    return np.sqrt(np.where(second > _ROUNDING, second, 0))


def _variance_of_differences(matrix: Cooccurrence) -> Array:
    steps = np.arange(matrix.count)
    return np.asarray((matrix.differences * (steps - (matrix.differences @ steps)[:, None]) ** 2).sum(axis=1))


def _by_difference(value: Callable[[Array, int], Array]) -> Callable[[Cooccurrence], Array]:
    """The feature that is the expectation of ``value`` of the difference of two levels and of the highest level."""
    return lambda matrix: matrix.of_differences(value(np.arange(matrix.count, dtype=np.float64), matrix.count))


def _inverse_square(difference: Array, count: int) -> Array:
    """0 where the levels are the same."""
    return np.divide(1, difference**2, out=np.zeros_like(difference), where=difference > 0)


def _largest(matrix: Cooccurrence) -> Array:
    starts = np.flatnonzero(np.diff(matrix.direction, prepend=-1))
    return np.maximum.reduceat(matrix.p, starts)


FEATURES: dict[str, Callable[[Cooccurrence], Array]] = {
    "Autocorrelation": lambda matrix: matrix.total(matrix.p * matrix.i * matrix.j),
    "ClusterProminence": lambda matrix: matrix.central_sums(4),
    "ClusterShade": lambda matrix: matrix.central_sums(3),
    "ClusterTendency": lambda matrix: matrix.central_sums(2),
    "Contrast": _by_difference(lambda difference, count: difference**2),
    "Correlation": _correlation,
    "DifferenceAverage": _by_difference(lambda difference, count: difference),
    "DifferenceEntropy": lambda matrix: entropy_terms(matrix.differences).sum(axis=1),
    "DifferenceVariance": _variance_of_differences,
    "Id": _by_difference(lambda difference, count: 1 / (1 + difference)),
    "Idm": _by_difference(lambda difference, count: 1 / (1 + difference**2)),
    "Idmn": _by_difference(lambda difference, count: 1 / (1 + difference**2 / count**2)),
    "Idn": _by_difference(lambda difference, count: 1 / (1 + difference / count)),
    "Imc1": _information_1,
    "Imc2": _information_2,
    "InverseVariance": _by_difference(_inverse_square),
    "JointAverage": lambda matrix: matrix.mean_x,
    "JointEnergy": lambda matrix: matrix.total(matrix.p**2),
    "JointEntropy": _joint_entropy,
    "MCC": _maximal_correlation,
    "MaximumProbability": _largest,
    "SumAverage": lambda matrix: matrix.sums @ np.arange(2 * matrix.count + 1),
    "SumEntropy": lambda matrix: entropy_terms(matrix.sums).sum(axis=1),
    "SumSquares": lambda matrix: _variance(matrix.px, matrix),
}
