"""How often grey levels meet, run on, lie in zones and differ from their surroundings: one pass over the neighbours.

The counts are what all texture classes are made of. They are whole numbers, so that every way to count gives the same.
Where there are two, NumPy's and a kernel that is compiled (:mod:`~gliomics.features.native.tier`), they follow each
other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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
    if {"glcm", "gldm", "ngtdm"} & {*wanted}:
        steps = np.array([region.step(offset) for offset in offsets], dtype=np.int64)
        if "glcm" in wanted:
            counts.pairs = way.pairs(region, steps)
        if {"gldm", "ngtdm"} & {*wanted}:
            dependent, sums, around = way.surroundings(region, steps, int(tolerance))
            if "gldm" in wanted:
                counts.dependences = table_of(region.levels, dependent + 1)
            if "ngtdm" in wanted:
                counts.tones = _tones(region.levels, sums, around, region.count)
    steps = np.array([region.step(offset) for offset in adjacent], dtype=np.int64)
    if "glrlm" in wanted:
        counts.runs = [
            runs if (runs.columns > 1).any() or _meets_twice(region, direction) else NONE
            for runs, direction in zip(way.runs(region, steps), adjacent, strict=True)
        ]
    if "glszm" in wanted:
        counts.zone_of_voxel = way.zones(region, steps)
        level_of_zone = np.zeros(int(counts.zone_of_voxel.max()) + 1, dtype=np.int32)
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


def _tones(levels: Levels, sums: Integers, around: Integers, count: int) -> tuple[Integers, Array]:
    """A voxel without neighbours differs from them by 0."""
    difference = np.abs(levels - sums / np.maximum(around, 1))
    difference[around == 0] = 0
    numbers = np.bincount(levels, minlength=count + 1)[1:]
    return numbers, np.asarray(np.bincount(levels, difference, minlength=count + 1)[1:], dtype=np.float64)


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
    cells = np.zeros((len(steps), region.count + 1, region.count + 1), dtype=np.int64)
    kernel(_count_pairs)(region.flat, region.voxels, steps, cells)
    return [_pairs_of(of_step) for of_step in cells]


def _count_pairs(flat: Levels, voxels: Integers, steps: Integers, cells: Integers) -> None:
    """Add to ``cells``, (steps, levels, levels)."""
    for voxel in voxels:
        level = flat[voxel]
        for number, step in enumerate(steps):
            cells[number, level, flat[voxel + step]] += 1


def _surroundings(region: RegionLevels, steps: Integers, tolerance: int) -> tuple[Integers, Integers, Integers]:
    """Of each voxel: how many neighbours depend on it, the sum of the levels of all, and how many there are."""
    levels = region.levels
    dependent, sums, around = (np.zeros(len(levels), dtype=np.int64) for _ in range(3))
    for step in (*steps, *-steps):
        neighbours = region.neighbours(step)
        inside = neighbours > 0
        dependent += inside & (np.abs(neighbours - levels) <= tolerance)
        sums += neighbours
        around += inside
    return dependent, sums, around


def _compiled_surroundings(
    region: RegionLevels, steps: Integers, tolerance: int
) -> tuple[Integers, Integers, Integers]:
    reach = int(np.abs(steps).max(initial=0))
    padded, found = np.pad(region.flat, reach), np.zeros((3, region.flat.size), dtype=np.int32)
    for step in (*steps, *-steps):
        neighbours = padded[reach + step : reach + step + region.flat.size]
        kernel(_add_neighbours)(region.flat, neighbours, tolerance, found)
    dependent, sums, around = found[:, region.voxels].astype(np.int64)
    return dependent, sums, around


def _add_neighbours(flat: Levels, neighbours: Levels, tolerance: int, found: Levels) -> None:
    """Add one neighbour of each place to ``found``, (3, places).

    Of all places, which lie in a row, that is quicker than of the region's alone.
    """
    for place in range(flat.size):
        neighbour = neighbours[place]
        inside = neighbour > 0
        found[0, place] += inside & (abs(neighbour - flat[place]) <= tolerance)
        found[1, place] += neighbour
        found[2, place] += inside


def _runs(region: RegionLevels, steps: Integers) -> list[Table]:
    """Runs along each step, by level and length.

    Of a run of n voxels, n - k + 1 begin k voxels in a row, so that the numbers of these tell the runs of each length.
    """
    size, tables = region.count + 1, []
    for step in steps:
        same = region.same_as_next(step)
        continues = np.zeros(region.flat.size, dtype=bool)
        continues[same] = True
        in_a_row = [np.bincount(region.levels, minlength=size)]
        ends = same + step
        while len(ends):
            in_a_row.append(np.bincount(region.flat[ends], minlength=size))
            ends = ends[continues[ends]] + step
        in_a_row += [np.zeros(size, dtype=np.int64)] * 2
        tables.append(_runs_of(np.diff(np.diff(in_a_row, axis=0), axis=0)))
    return tables


def _runs_of(cells: Integers) -> Table:
    lengths, rows = np.nonzero(cells)
    return Table(rows, lengths + 1, cells[lengths, rows])


def _compiled_runs(region: RegionLevels, steps: Integers) -> list[Table]:
    tables, lengths = [], np.empty(region.flat.size, dtype=np.int32)
    for step in steps:
        cells = np.zeros((max(region.shape) + 1, region.count + 1), dtype=np.int64)
        kernel(_count_lengths)(region.flat, region.voxels, step, lengths, cells)
        tables.append(_runs_of(-np.diff(cells, axis=0)))
    return tables


def _count_lengths(flat: Levels, voxels: Integers, step: int, lengths: Levels, cells: Integers) -> None:
    """Add to ``cells``, (lengths, levels), how far along its run each voxel is: as many as there are runs so long.

    Steps lead to voxels that come later, and ``lengths`` is room for how far along each place is.
    """
    for voxel in voxels:
        level = flat[voxel]
        before = lengths[voxel - step] if flat[voxel - step] == level else 0
        lengths[voxel] = before + 1
        cells[before, level] += 1


def _zones(region: RegionLevels, steps: Integers) -> Integers:
    """The number of each voxel's zone, a zone being voxels of one level that touch, be it by a corner."""
    numbers = np.zeros(region.flat.size, dtype=np.int32)
    numbers[region.voxels] = np.arange(len(region.voxels))
    same = [region.same_as_next(step) for step in steps]
    places = np.concatenate([*same, region.voxels[:0]])
    following = np.concatenate([*(part + step for part, step in zip(same, steps, strict=True)), places[:0]])
    size = len(region.voxels)
    links = (np.ones(len(places), dtype=bool), (numbers[places], numbers[following]))
    return np.asarray(connected_components(coo_array(links, shape=(size, size)), directed=False)[1], dtype=np.int64)


def _compiled_zones(region: RegionLevels, steps: Integers) -> Integers:
    numbers, zones = np.empty(region.flat.size, dtype=np.int32), np.empty(len(region.voxels), dtype=np.int32)
    kernel(_number_zones)(region.flat, region.voxels, steps, numbers, zones)
    return zones.astype(np.int64)


def _number_zones(flat: Levels, voxels: Integers, steps: Integers, numbers: Levels, zones: Levels) -> None:
    """Fill ``zones``, (voxels,), by union and find; ``numbers`` is room for what each place's number in ``voxels`` is.

    Steps lead to voxels that come later, and each voxel points to one of its zone that does not: in the end, the first.
    """
    for place, voxel in enumerate(voxels):
        numbers[voxel] = place
        zones[place] = place
        first, level = place, flat[voxel]
        for step in steps:
            if flat[voxel - step] == level:
                other = numbers[voxel - step]
                while zones[other] != other:
                    zones[other] = zones[zones[other]]
                    other = zones[other]
                low, high = min(first, other), max(first, other)
                zones[high] = low
                first = low
    count = 0
    for place in range(len(voxels)):
        if zones[place] == place:
            zones[place] = count
            count += 1
        else:
            zones[place] = zones[zones[place]]


class _Way(NamedTuple):
    """How each thing is counted, of a region and the steps to its neighbours."""

    pairs: Callable[[RegionLevels, Integers], list[Table]]
    surroundings: Callable[[RegionLevels, Integers, int], tuple[Integers, Integers, Integers]]
    runs: Callable[[RegionLevels, Integers], list[Table]]
    zones: Callable[[RegionLevels, Integers], Integers]


_NUMPY = _Way(_pairs, _surroundings, _runs, _zones)
_KERNELS = _Way(_compiled_pairs, _compiled_surroundings, _compiled_runs, _compiled_zones)
