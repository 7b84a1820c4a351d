"""How often grey levels meet, run on, lie in zones and differ from their surroundings: one pass over the neighbours.

The counts are what all texture classes are made of. They are whole numbers, so that every way to count gives the same;
this one needs NumPy and SciPy alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gliomics.features.native.neighbours import Integers, Levels, Offset, RegionLevels

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
    counts = Counts()
    _count_neighbours(counts, region, offsets if {"glcm", "gldm", "ngtdm"} & {*wanted} else (), wanted, tolerance)
    same = [_same_as_next(region, region.step(offset)) for offset in adjacent if {"glrlm", "glszm"} & {*wanted}]
    if "glrlm" in wanted:
        counts.runs = [_runs(region, offset, part) for offset, part in zip(adjacent, same, strict=True)]
    if "glszm" in wanted:
        counts.zone_of_voxel = _zones(region, [region.step(offset) for offset in adjacent], same)
        level_of_zone = np.zeros(int(counts.zone_of_voxel.max()) + 1, dtype=np.int32)
        level_of_zone[counts.zone_of_voxel] = region.levels
        counts.zones = table_of(level_of_zone, np.bincount(counts.zone_of_voxel))
    return counts


def _count_neighbours(
    counts: Counts, region: RegionLevels, offsets: Sequence[Offset], wanted: Collection[str], tolerance: int
) -> None:
    """Fill pairs, dependences and tones."""
    levels = region.levels
    dependent = np.ones(len(levels), dtype=np.int64)
    sums, around = np.zeros(len(levels), dtype=np.int64), np.zeros(len(levels), dtype=np.int64)
    for offset in offsets:
        step = region.step(offset)
        ahead = region.neighbours(step)
        if "glcm" in wanted:
            counts.pairs.append(_pairs(levels, ahead, region.count))
        for neighbours in (ahead, region.neighbours(-step)) if {"gldm", "ngtdm"} & {*wanted} else ():
            inside = neighbours > 0
            dependent += inside & (np.abs(neighbours - levels) <= tolerance)
            sums += neighbours
            around += inside
    if "gldm" in wanted:
        counts.dependences = table_of(levels, dependent)
    if "ngtdm" in wanted:
        counts.tones = _tones(levels, sums, around, region.count)


def _pairs(levels: Levels, neighbours: Levels, count: int) -> Table:
    """Pairs of levels; a neighbour of level 0 is none."""
    codes = levels.astype(np.int64) * (count + 1) + neighbours
    if (count + 1) ** 2 <= _DENSE * len(levels) + 4096:
        cells = np.bincount(codes, minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
        rows, columns = np.nonzero(cells[1:, 1:])
        return Table(rows + 1, columns + 1, cells[rows + 1, columns + 1])
    found, numbers = np.unique(codes[neighbours > 0], return_counts=True)
    return Table(found // (count + 1), found % (count + 1), numbers)


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


def _same_as_next(region: RegionLevels, step: int) -> Integers:
    """Places of the voxels that are of the same level as the next one."""
    places: Integers = region.voxels[region.neighbours(step) == region.levels]
    return places


def _runs(region: RegionLevels, direction: Offset, same: Integers) -> Table:
    """Runs by level and length.

    Of a run of n voxels, n - k + 1 begin k voxels in a row, so that the numbers of these tell the runs of each length.
    """
    size = region.count + 1
    if len(same) == 0 and not _meets_twice(region, direction):
        return NONE
    step = region.step(direction)
    continues = np.zeros(region.flat.size, dtype=bool)
    continues[same] = True
    in_a_row = [np.bincount(region.levels, minlength=size)]
    ends = same + step
    while len(ends):
        in_a_row.append(np.bincount(region.flat[ends], minlength=size))
        ends = ends[continues[ends]] + step
    in_a_row += [np.zeros(size, dtype=np.int64)] * 2
    at_least = -np.diff(in_a_row, axis=0)
    exactly = -np.diff(at_least, axis=0)
    lengths, rows = np.nonzero(exactly)
    return Table(rows, lengths + 1, exactly[lengths, rows])


def _meets_twice(region: RegionLevels, direction: Offset) -> bool:
    """Whether a line along ``direction`` (of -1, 0 and 1) meets two voxels of the region, be it with others between."""
    places = np.stack(np.unravel_index(region.voxels, region.box.shape), axis=1)
    along = next(axis for axis in range(3) if direction[axis])
    lines = places - (places[:, along] * direction[along])[:, None] * np.array(direction)
    return len(np.unique(lines, axis=0)) < len(lines)


def _zones(region: RegionLevels, steps: Sequence[int], same: Sequence[Integers]) -> Integers:
    """The number of each voxel's zone, a zone being voxels of one level that touch, be it by a corner."""
    numbers = np.zeros(region.flat.size, dtype=np.int32)
    numbers[region.voxels] = np.arange(len(region.voxels))
    places = np.concatenate([*same, np.zeros(0, dtype=np.int64)])
    following = np.concatenate([*(part + step for part, step in zip(same, steps, strict=True)), places[:0]])
    size = len(region.voxels)
    links = (np.ones(len(places), dtype=bool), (numbers[places], numbers[following]))
    zones: Integers = connected_components(coo_array(links, shape=(size, size)), directed=False)[1]
    return zones
