"""Tables of grey level by something else in many surroundings at once, by NumPy or by loops that Numba compiles.

Which, :mod:`gliomics.features.native.tier` decides; the tables are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gliomics.features.maps.kernels import Array, Kernel
from gliomics.features.native.counts import Table
from gliomics.features.native.neighbours import Integers, Levels, Offset
from gliomics.features.native.tier import compiled_for, kernel


class Tables(NamedTuple):
    """Tables of several groups as one: of each entry its table, counted from 0, of each table its group, the entries.

    Groups are voxels, or directions within voxels; one without entries has no table.
    """

    directions: Integers
    group_of: Integers
    entries: Table


def tabulated(levels: Levels, columns: Levels, weights: Array, *, both: bool, merged: bool) -> Tables:
    """How often each level, (voxels, places + 1), comes with each number of ``columns``, (voxels, directions, places).

    A number of 0 is none. Each direction counts ``weights``, (directions,); with ``both``, levels and numbers change
    places, too; with ``merged``, a group is a voxel and not one of its directions.
    """
    voxels, directions, _ = columns.shape
    groups = voxels if merged else voxels * directions
    height = width = int(max(levels.max(), columns.max())) + 1
    if not compiled_for(columns.size):
        voxel, direction, place = np.nonzero((columns > 0) & (levels[:, None, :-1] > 0))
        group = voxel if merged else voxel * directions + direction
        row, column = levels[voxel, place], columns[voxel, direction, place]
        way = [(row, column), (column, row)] if both else [(row, column)]
        codes = [(group * np.int64(height) + rows) * width + numbers for rows, numbers in way]
        found, entry = np.unique(np.concatenate(codes), return_inverse=True)
        counts: Any = np.bincount(entry, np.tile(weights[direction], len(way)), minlength=len(found))
    else:
        most = min(np.count_nonzero(columns) * (2 if both else 1), groups * height * width)
        found, counts, number = np.empty(most, dtype=np.int64), np.empty(most), np.zeros(1, dtype=np.int64)
        kernel(tabulate)(levels, columns, (weights, both, merged), (found, counts), number)
        found, counts = found[: number[0]].copy(), counts[: number[0]].copy()
    group_of, table = np.unique(found // width // height, return_inverse=True)
    return Tables(table, group_of, Table(found // width % height, found % width, counts))


def tabulate(
    levels: Levels,
    columns: Levels,
    how: tuple[Array, bool, bool],
    entries: tuple[Integers, Array],
    number: Integers,
) -> None:
    """Fill ``entries``: codes of group, level and number, in their order, and counts. ``number``, (1,), is how many."""
    weights, both, merged = how
    codes, counts = entries
    voxels, directions, places = columns.shape
    width = max(levels.max(), columns.max()) + 1
    sums, found = np.zeros(width * width), np.zeros(width * width, np.bool_)
    cells = np.empty(width * width, np.int64)
    of_group = directions if merged else 1
    for voxel in range(voxels):
        for first in range(0, directions, of_group):
            size = 0
            for way in range(2 if both else 1):
                for direction in range(first, first + of_group):
                    for place in range(places):
                        level, column = levels[voxel, place], columns[voxel, direction, place]
                        if level and column:
                            cell = level * width + column if way == 0 else column * width + level
                            if not found[cell]:
                                found[cell] = True
                                cells[size] = cell
                                size += 1
                            sums[cell] += weights[direction]
            cells[:size].sort()
            group = (voxel * directions + first) // of_group
            for cell in cells[:size]:
                codes[number[0]] = group * width * width + cell
                counts[number[0]] = sums[cell]
                number[0] += 1
                sums[cell] = 0
                found[cell] = False


def run_lengths(levels: Levels, around: Kernel, directions: Sequence[Offset]) -> Levels:
    """How long the run is that begins at each place along each of ``directions``, (voxels, directions, places).

    0 where none begins, and where no line along a direction meets the region twice.
    """
    ahead = np.array([around.following(offset) for offset in directions])
    behind = np.array([around.following([-step for step in offset]) for offset in directions])
    lines = np.array([around.lines(offset) for offset in directions])
    lengths = np.zeros((len(levels), *ahead.shape), dtype=np.int32)
    if compiled_for(lengths.size):
        kernel(measure_runs)(levels, ahead, behind, lines, lengths)
        return lengths
    inside = levels[:, :-1] > 0
    for direction in range(len(directions)):
        continues = inside & (levels[:, ahead[direction]] == levels[:, :-1])
        so_far = np.ones(levels.shape, dtype=np.int32)
        for _ in range(int(np.abs(around.places).max()) * 2):
            so_far[:, :-1] = np.where(continues, 1 + so_far[:, ahead[direction]], 1)
        met = inside.astype(np.int64) @ np.eye(int(lines[direction].max()) + 1, dtype=np.int64)[lines[direction]]
        begins = inside & (levels[:, behind[direction]] != levels[:, :-1]) & (met >= 2).any(axis=1, keepdims=True)
        lengths[:, direction] = np.where(begins, so_far[:, :-1], 0)
    return lengths


def measure_runs(levels: Levels, ahead: Integers, behind: Integers, lines: Integers, lengths: Levels) -> None:
    """Fill ``lengths``; the others, (directions, places), are the next place, the one before, and the line of each."""
    places = ahead.shape[1]
    met = np.zeros(places, np.int64)
    for voxel in range(len(levels)):
        for direction in range(len(ahead)):
            met[:] = 0
            most = 0
            for place in range(places):
                if levels[voxel, place]:
                    met[lines[direction, place]] += 1
                    most = max(most, met[lines[direction, place]])
            if most < 2:
                continue
            for place in range(places):
                level = levels[voxel, place]
                if level and levels[voxel, behind[direction, place]] != level:
                    length, following = 1, ahead[direction, place]
                    while levels[voxel, following] == level:  # the last place, where kernels end, is empty
                        length += 1
                        following = ahead[direction, following]
                    lengths[voxel, direction, place] = length
