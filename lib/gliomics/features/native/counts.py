"""How often grey levels meet, run on, lie in zones and differ from their surroundings: one pass over the neighbours.

The counts are what all texture classes are made of. They are whole numbers, so that every way to count gives the same.
Where there are two, NumPy's and one by :mod:`~gliomics.features.native.kernels`, they follow each other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gliomics.features.native import kernels
from gliomics.features.native.neighbours import Integers, Levels, Offset, RegionLevels
from gliomics.features.native.tier import compiled_for, kernel

Array = npt.NDArray[np.float64]

_DENSE = 2
"""Pairs of levels are counted in a table of all pairs where that has at most so many cells for each voxel."""


@dataclass(frozen=True)
class Table:
    """Entries of a matrix that are not 0: ``counts`` at grey level ``rows`` and ``columns``, each (n,)."""

    rows: Integers
    columns: Integers
    counts: Integers


NONE = Table(*(np.zeros(0, dtype=np.int64),) * 3)
"""No entries."""


@dataclass
class Counts:
    """What the texture classes need of a region; empty where it was not asked for.

    ``pairs``: of each offset, how often a voxel of one level (row) has a neighbour of another (column). ``runs``: of
    each direction, how many runs of a level (row) have a length (column); a direction in which no line meets the region
    twice has none. ``zones`` by level and size, ``zone_of_voxel`` numbers each voxel's zone from 0 in the order of the
    region's voxels; ``dependences`` by level and number of dependent neighbours plus 1.
    ``tones``: by level, from 1, how many voxels, and the sum of their differences from the mean of their neighbours.
    """

    pairs: list[Table] = field(default_factory=list)
    runs: list[Table] = field(default_factory=list)
    zones: Table = NONE
    zone_of_voxel: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    dependences: Table = NONE
    tones: tuple[Integers, Array] = NONE.rows, NONE.rows.astype(np.float64)


def count(
    region: RegionLevels,
    offsets: Sequence[Offset],
    adjacent: Sequence[Offset],
    *,
    wanted: Collection[str],
    tolerance: int = 0,
) -> Counts:
    """Count what the feature classes ``wanted`` need.

    ``offsets`` are to the neighbours of co-occurrence, dependence and tone differences; ``adjacent``, to those that
    touch, are of runs and zones. ``tolerance`` is the difference of levels up to which a neighbour is dependent.
    """
    way, counts = _KERNELS if compiled_for(len(region.voxels)) else _NUMPY, Counts()
    steps = region.steps(offsets)
    if "glcm" in wanted:
        counts.pairs = way.pairs(region, steps)
    if {"gldm", "ngtdm"} & {*wanted}:
        counts.dependences, counts.tones = way.surroundings(region, steps, min(int(tolerance), region.count))
    if not {"glrlm", "glszm"} & {*wanted}:
        return counts
    steps = region.steps(adjacent)
    same = way.same(region, steps)
    if "glrlm" in wanted:
        counts.runs = [
            runs if (runs.columns > 1).any() or _meets_twice(region, direction) else NONE
            for runs, direction in zip(way.runs(region, steps, same), adjacent, strict=True)
        ]
    if "glszm" in wanted:
        counts.zone_of_voxel = way.zones(region, adjacent, same)
        level_of_zone = np.zeros(int(counts.zone_of_voxel.max()) + 1, dtype=region.levels.dtype)
        level_of_zone[counts.zone_of_voxel] = region.levels
        counts.zones = table_of(level_of_zone, np.bincount(counts.zone_of_voxel))
    return counts


def table_of(levels: Levels, columns: Integers) -> Table:
    """How often each level comes with each number of ``columns``, both (n,)."""
    width = int(columns.max()) + 1
    codes = levels * np.int64(width) + columns
    if (int(levels.max()) + 1) * width <= _DENSE * len(levels) + 4096:
        cells = np.bincount(codes)
        found = np.flatnonzero(cells)
        return Table(found // width, found % width, cells[found])
    found, numbers = np.unique(codes, return_counts=True)
    return Table(found // width, found % width, numbers)


def _meets_twice(region: RegionLevels, direction: Offset) -> bool:
    """Whether a line along ``direction`` (of -1, 0 and 1) meets two voxels of the region, be it with others between."""
    places = np.stack(np.unravel_index(region.voxels, region.box.shape), axis=1)
    along = next(axis for axis in range(3) if direction[axis])
    lines = places - (places[:, along] * direction[along])[:, None] * np.array(direction)
    return len(np.unique(lines, axis=0)) < len(lines)


def _pairs(region: RegionLevels, steps: Integers) -> list[Table]:
    """Of each step, how often a voxel of one level has a neighbour of another; a neighbour of level 0 is none."""
    size, levels = region.count + 1, region.levels.astype(np.int64) * (region.count + 1)
    tables = []
    for step in steps:
        neighbours = region.neighbours(step)
        codes = levels + neighbours
        if _pairs_fit(region):
            tables.append(_pairs_of(np.bincount(codes, minlength=size**2).reshape(size, size)))
        else:
            found, numbers = np.unique(codes[neighbours > 0], return_counts=True)
            tables.append(Table(found // size, found % size, numbers))
    return tables


def _pairs_fit(region: RegionLevels) -> bool:
    return (region.count + 1) ** 2 <= _DENSE * len(region.levels) + 4096


def _pairs_of(cells: Integers) -> Table:
    rows, columns = np.nonzero(cells[1:, 1:])
    return Table(rows + 1, columns + 1, cells[rows + 1, columns + 1])


def _compiled_pairs(region: RegionLevels, steps: Integers) -> list[Table]:
    if not _pairs_fit(region):  # sorting takes the time
        return _pairs(region, steps)
    cells = np.zeros((len(steps), region.count + 1, region.count + 1), dtype=np.int32)
    kernel(kernels.count_pairs)(region.lines, steps, cells)
    return [_pairs_of(of_step) for of_step in cells.astype(np.int64)]


_Surroundings = tuple[Table, tuple[Integers, Array]]
"""Dependences and tones, as in :class:`Counts`."""


def _surroundings(region: RegionLevels, steps: Integers, tolerance: int) -> _Surroundings:
    levels = region.levels
    dependent, sums, around = (np.zeros(len(levels), dtype=np.int32) for _ in range(3))
    for step in (*steps, *-steps):
        neighbours = region.neighbours(step)
        inside = neighbours > 0
        dependent += inside & (np.abs(neighbours - levels) <= tolerance)
        sums += neighbours
        around += inside
    difference = np.abs(levels - sums / np.maximum(around, 1))
    difference[around == 0] = 0
    differences = np.bincount(levels, difference, minlength=region.count + 1)[1:]
    return table_of(levels, dependent.astype(np.int64) + 1), (
        region.of_levels[1:],
        np.asarray(differences, dtype=np.float64),
    )


def _compiled_surroundings(region: RegionLevels, steps: Integers, tolerance: int) -> _Surroundings:
    dependences = np.zeros((region.count + 1, 2 * len(steps) + 1), dtype=np.int64)
    differences = np.zeros(region.count + 1)
    kernel(kernels.count_surroundings)(region.lines, steps, tolerance, dependences, differences)
    levels, dependent = np.nonzero(dependences)
    table = Table(levels, dependent + 1, dependences[levels, dependent])
    return table, (region.of_levels[1:], differences[1:])


def _same(region: RegionLevels, steps: Integers) -> list[Integers]:
    """Of each step, places of the voxels that are of the same level as the neighbour there."""
    return [region.voxels[region.neighbours(step) == region.levels] for step in steps]


def _compiled_same(region: RegionLevels, steps: Integers) -> kernels.Marks:
    marks = np.zeros(region.flat.size, dtype=np.uint16)
    kernel(kernels.mark_same)(region.lines, steps, marks)
    return marks


def _runs(region: RegionLevels, steps: Integers, same: list[Integers]) -> list[Table]:
    """Runs along each step, by level and length.

    Of a run of n voxels, n - k + 1 begin k voxels in a row, so that the numbers of these tell the runs of each length.
    """
    size, tables = region.count + 1, []
    for step, places in zip(steps, same, strict=True):
        continues = np.zeros(region.flat.size, dtype=bool)
        continues[places] = True
        in_a_row = [region.of_levels]
        ends = places + step
        while len(ends):
            in_a_row.append(np.bincount(region.flat[ends], minlength=size))
            ends = ends[continues[ends]] + step
        in_a_row += [np.zeros(size, dtype=np.int64)] * 2
        tables.append(_runs_of(np.diff(np.diff(in_a_row, axis=0), axis=0)))
    return tables


def _runs_of(cells: Integers) -> Table:
    lengths, rows = np.nonzero(cells)
    return Table(rows, lengths + 1, cells[lengths, rows])


def _compiled_runs(region: RegionLevels, steps: Integers, same: kernels.Marks) -> list[Table]:
    longest = max(region.shape)
    behind = np.zeros((len(steps), region.flat.size), dtype=np.uint8 if longest < 2**8 else np.uint16)
    cells = np.zeros((len(steps), longest + 1, region.count + 1), dtype=np.int32)
    kernel(kernels.count_runs)(region.lines, steps, same, behind, cells)
    cells[:, 0] = region.of_levels - cells[:, 1:].sum(axis=1)
    return [_runs_of(-np.diff(of_step, axis=0)) for of_step in cells.astype(np.int64)]


def _zones(region: RegionLevels, adjacent: Sequence[Offset], same: list[Integers]) -> Integers:
    """The number of each voxel's zone, a zone being voxels of one level that touch, be it by a corner."""
    numbers = np.zeros(region.flat.size, dtype=np.int32)
    numbers[region.voxels] = np.arange(len(region.voxels))
    places = np.concatenate([*same, region.voxels[:0]])
    ends = [part + step for part, step in zip(same, region.steps(adjacent), strict=True)]
    following = np.concatenate([*ends, places[:0]])
    size = len(region.voxels)
    links = (np.ones(len(places), dtype=bool), (numbers[places], numbers[following]))
    return np.asarray(connected_components(coo_array(links, shape=(size, size)), directed=False)[1], dtype=np.int64)


def _compiled_zones(region: RegionLevels, adjacent: Sequence[Offset], same: kernels.Marks) -> Integers:
    zones = np.empty(len(region.voxels), dtype=np.int32)
    kernel(kernels.number_zones)(region.voxels, region.steps(adjacent), same, _joins_of(tuple(adjacent)), zones)
    return zones.astype(np.int64)


_MOST_JOINS = 5
"""Of the neighbours that come before a voxel, at most so many do not touch another that is looked at."""


@functools.lru_cache(maxsize=32)
def _joins_of(offsets: tuple[Offset, ...]) -> npt.NDArray[np.int8]:
    """For each set of neighbours of a voxel's level, as bits, those that join its zone, ended by -1.

    Of two neighbours that touch, the zones are one already: the nearer one to the voxel is enough.
    """
    sets = np.arange(2 ** len(offsets))
    joins, numbers = np.full((len(sets), _MOST_JOINS), -1, dtype=np.int8), np.zeros(len(sets), dtype=np.int64)
    places = np.array(offsets).reshape(-1, 3)
    before: list[int] = []
    for number in np.argsort(np.abs(places).sum(axis=1), kind="stable").tolist():
        touching = [other for other in before if np.abs(places[number] - places[other]).max() <= 1]
        nearer = sum(1 << other for other in touching)
        joining = (sets & 1 << number > 0) & (sets & nearer == 0)
        joins[joining, numbers[joining]] = number
        numbers[joining] += 1
        before.append(number)
    return joins


class _Way(NamedTuple):
    """How each thing is counted, of a region and the steps to its neighbours.

    ``same`` finds which of them are of one level, in a form of its own, for runs and zones.
    """

    pairs: Callable[[RegionLevels, Integers], list[Table]]
    surroundings: Callable[[RegionLevels, Integers, int], _Surroundings]
    same: Callable[[RegionLevels, Integers], Any]
    runs: Callable[[RegionLevels, Integers, Any], list[Table]]
    zones: Callable[[RegionLevels, Sequence[Offset], Any], Integers]


_NUMPY = _Way(_pairs, _surroundings, _same, _runs, _zones)
_KERNELS = _Way(_compiled_pairs, _compiled_surroundings, _compiled_same, _compiled_runs, _compiled_zones)
