"""Loops over a region's grey levels that Numba compiles where it is installed (:mod:`gliomics.features.native.tier`).

They go through the region's box in one row, with room around each line, so that a neighbour is a step away along that
row, and has level 0 outside of the region (:class:`~gliomics.features.native.neighbours.RegionLevels`). Line by line,
a processor takes sixteen places at a time. What they count is added to the arrays that they are given, of zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.features.native.neighbours import Integers, Lines

Counted = npt.NDArray[np.signedinteger[Any]]
Marks = npt.NDArray[np.uint16]
"""Of each place, bit n tells whether the voxel a step n before it is of the same level."""


def count_pairs(lines: Lines, steps: Integers, cells: Counted) -> None:
    """Co-occurrence (Haralick 1973): in ``cells``, (steps, levels, levels), how often one level is a step from another.

    Column 0 has neighbours outside of the region.
    """
    for start in lines.starts:
        for place in range(start, start + lines.length):
            level = lines.flat[place]
            if level:
                for number in range(len(steps)):
                    cells[number, level, lines.flat[place + steps[number]]] += 1


def count_surroundings(
    lines: Lines, steps: Integers, tolerance: int, dependences: Counted, differences: npt.NDArray[np.float64]
) -> None:
    """Dependence (Sun 1983) and tone differences (Amadasun 1989), of the neighbours at each step to both sides.

    In ``dependences``, (levels, neighbours + 1), how many voxels have so many neighbours that differ by up to
    ``tolerance``; in ``differences``, (levels,), how far voxels are from the mean of their neighbours.
    """
    length = lines.length
    lowest, highest = np.empty(length, lines.flat.dtype), np.empty(length, lines.flat.dtype)
    dependent, around, sums = np.empty(length, np.int16), np.empty(length, np.int16), np.empty(length, np.int32)
    for start in lines.starts:
        own = lines.flat[start : start + length]
        for i in range(length):
            lowest[i] = max(own[i] - tolerance, 1)
            highest[i] = own[i] + tolerance
            dependent[i] = around[i] = sums[i] = 0
        for step in steps:
            for beside in (start - step, start + step):
                neighbours = lines.flat[beside : beside + length]
                for i in range(length):
                    dependent[i] += (neighbours[i] >= lowest[i]) & (neighbours[i] <= highest[i])
                    around[i] += neighbours[i] > 0
                    sums[i] += neighbours[i]
        for i in range(length):
            level = own[i]
            if level:
                dependences[level, dependent[i]] += 1
                if around[i]:
                    differences[level] += abs(level - sums[i] / around[i])


def mark_same(lines: Lines, steps: Integers, marks: Marks) -> None:
    """Fill ``marks``, (places,)."""
    length = lines.length
    for start in lines.starts:
        own, of_line = lines.flat[start : start + length], marks[start : start + length]
        for number in range(len(steps)):
            before = lines.flat[start - steps[number] : start - steps[number] + length]
            bit = np.uint16(1 << number)
            for i in range(length):
                of_line[i] |= bit if (before[i] == own[i]) & (own[i] > 0) else np.uint16(0)


def count_runs(
    lines: Lines, steps: Integers, marks: Marks, behind: npt.NDArray[np.unsignedinteger[Any]], cells: Counted
) -> None:
    """Runs (Galloway 1975): in ``cells``, (steps, lengths, levels), how many voxels have so many of their run behind.

    There is one of these for each run that is longer; those that begin their runs in all directions are left out.
    ``behind``, (steps, places), is room for how many each voxel has.
    """
    length = lines.length
    for start in lines.starts:
        of_line = marks[start : start + length]
        for number in range(len(steps)):
            before = behind[number, start - steps[number] : start - steps[number] + length]
            own, bit = behind[number, start : start + length], np.uint16(1 << number)
            for i in range(length):
                own[i] = before[i] + 1 if of_line[i] & bit else 0
        for place in range(start, start + length):
            if marks[place]:
                for number in range(len(steps)):
                    cells[number, behind[number, place], lines.flat[place]] += 1


def number_zones(
    voxels: Integers, steps: Integers, marks: Marks, joins: npt.NDArray[np.int8], zones: npt.NDArray[np.int32]
) -> None:
    """Zones (Thibault 2009) by union and find: the number of that of each of ``voxels``, in the order of the first.

    ``joins`` has, for each set of bits of a mark, the steps that lead to zones which the voxel joins, then -1. Every
    voxel has a label whose parent is itself, or a lower one of its zone.
    """
    labels, parents = np.empty(marks.size, np.int32), np.empty(len(voxels), np.int32)
    count = 0
    for voxel in voxels:
        joined = joins[marks[voxel]]
        if joined[0] < 0:
            parents[count] = labels[voxel] = count
            count += 1
            continue
        label = labels[voxel - steps[joined[0]]]
        for number in range(1, len(joined)):
            if joined[number] < 0:
                break
            other = labels[voxel - steps[joined[number]]]
            while parents[label] != label:
                label = parents[label]
            while parents[other] != other:
                parents[other] = parents[parents[other]]
                other = parents[other]
            label, higher = min(label, other), max(label, other)
            parents[higher] = label
        labels[voxel] = label
    zone = 0
    for label in range(count):
        if parents[label] == label:
            parents[label] = zone
            zone += 1
        else:
            parents[label] = parents[parents[label]]
    for place in range(len(voxels)):
        zones[place] = parents[labels[voxels[place]]]


def find_largest_in_planes(
    points: Integers,
    edges: npt.NDArray[np.float64],
    outer: npt.NDArray[np.bool_],
    square: npt.NDArray[np.float64],
) -> None:
    """Put into ``square``, (1,), that of the largest distance in mm between two points of one plane.

    ``points``, (n, 3), have a plane, a row and a column, and are in the order of these; ``edges`` are what rows and
    columns are apart. Those on the convex hull are compared, which Andrew's chains (1979) find: from the first point to
    the last, and back, turning left. They become true in ``outer``, (n,).
    """
    hull = np.empty(2 * len(points), np.int64)
    first = 0
    for last in range(len(points)):
        if last + 1 < len(points) and points[last + 1, 0] == points[first, 0]:
            continue
        size = 0
        for back in (False, True):
            base = size
            for number in range(last - first + 1):
                point = last - number if back else first + number
                while size - base >= 2:
                    before, corner = hull[size - 2], hull[size - 1]
                    turn = (points[corner, 1] - points[before, 1]) * (points[point, 2] - points[before, 2])
                    turn -= (points[corner, 2] - points[before, 2]) * (points[point, 1] - points[before, 1])
                    if turn > 0:
                        break
                    size -= 1
                hull[size] = point
                size += 1
        for one in range(size):
            outer[hull[one]] = True
            for other in range(one):
                rows = (points[hull[one], 1] - points[hull[other], 1]) * edges[0]
                columns = (points[hull[one], 2] - points[hull[other], 2]) * edges[1]
                square[0] = max(square[0], rows * rows + columns * columns)
        first = last + 1
