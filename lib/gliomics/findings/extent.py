"""How large a segment is: volume, the two diameters of RANO, the largest diameter in 3-D, and its parts.

The two diameters are those of the response criteria in neuro-oncology (Wen 2010, J Clin Oncol 28:1963; RANO 2.0: Wen
2023, J Clin Oncol 41:5187): in one axial slice, the longest diameter and the longest diameter perpendicular to it,
whose product stands for the size. Lines end on the outline, halfway between a voxel of the segment and one that is
not, as those of PyRadiomics' diameters do, and stay within one area of the slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, label
from scipy.spatial.distance import cdist

from gliomics.features.mesh import largest_distance, outermost, surface_vertices
from gliomics.findings.segment import Array, Bools, Segment

_EQUAL = 1e-9
"""Two lengths are one when they differ by less than this fraction."""
_ANGLES = np.pi * np.arange(16) / 16
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
_LEAST_COSINE = float(np.cos(np.pi / 32))
"""No line is farther than this from one of the directions: along that it looks shorter by this factor at most."""


@dataclass(frozen=True)
class Diameters:
    """The longest diameter in a slice and the longest one perpendicular to it, in the unit of the voxel size.

    ``slice_number`` counts axial slices from 0, as the volume is stored.
    """

    longest: float
    perpendicular: float
    slice_number: int


@dataclass(frozen=True)
class Extent:
    """Sizes, in millimetres where the voxel size is known and in the unit of its placeholder where it is not.

    ``diameters`` and ``largest_3d`` are those of the largest of the ``parts`` (voxels that touch, at corners too),
    which has ``largest_share`` of all voxels.
    """

    voxels: int
    volume: float
    diameters: Diameters
    largest_3d: float
    parts: int
    largest_share: float


def extent_of(segment: Segment) -> Extent:
    """Measure a segment."""
    edges, voxels = segment.edges, segment.voxels
    longest, perpendicular, number = _in_slices(segment.largest, edges[:2])
    return Extent(
        voxels=voxels,
        volume=float(voxels * edges.prod()),
        diameters=Diameters(longest, perpendicular, segment.slice_numbers[number]),
        largest_3d=largest_distance(surface_vertices(np.pad(segment.largest, 1)) * edges),
        parts=segment.parts,
        largest_share=float(np.count_nonzero(segment.largest) / voxels),
    )


def _in_slices(inside: Bools, edge: Array) -> tuple[float, float, int]:
    """The longest diameter in any slice across the last axis, its perpendicular, and the slice's number.

    Areas too narrow to hold a longer diameter are skipped. Of equal diameters, that with the longer perpendicular
    counts, then that of the lower slice.
    """
    areas = [(number, area) for number in range(inside.shape[2]) for area in _areas(inside[:, :, number])]
    reach = np.array([np.hypot(*(np.array(area.shape) * edge)) for _, area in areas])
    best = (0.0, 0.0, 0)
    for index in np.argsort(-reach, kind="stable"):
        if reach[index] < best[0]:
            break
        number, area = areas[index]
        corners = surface_vertices(np.pad(area, 1)) * edge
        if np.ptp(corners @ _DIRECTIONS, axis=0).max() < best[0] * _LEAST_COSINE:
            continue
        longest, directions = _longest(corners)
        if longest < best[0] * (1 - _EQUAL):
            continue
        across = max(_longest_across(area, edge, direction) for direction in directions)
        if longest > best[0] * (1 + _EQUAL) or (across, -number) > (best[1] * (1 + _EQUAL), -best[2]):
            best = (longest, across, number)
    return best


def _areas(plane: Bools) -> list[Bools]:
    """The areas of a slice, each in its box: pixels that touch, at corners too."""
    labelled, _ = label(plane, np.ones((3, 3)))
    return [labelled[box] == number for number, box in enumerate(find_objects(labelled), start=1)]


def _longest(corners: Array) -> tuple[float, Array]:
    """The longest diameter of an area with these corners, and the directions, (n, 2), in which it is that long."""
    points = outermost(corners)
    distances = cdist(points, points)
    longest = float(distances.max())
    starts, ends = np.nonzero(np.triu(distances) >= longest * (1 - _EQUAL))
    return longest, (points[ends] - points[starts]) / longest


def _longest_across(area: Bools, edge: Array, direction: Array) -> float:
    """The longest line from edge to edge of an area across ``direction``, a unit vector.

    How long the line is changes linearly between the corners of the outline, so the longest begins or ends at one.
    """
    outline = _outline(np.pad(area, 1)) * edge
    along, across = outline @ direction, outline @ np.array([-direction[1], direction[0]])
    places = np.unique(along)[:, None]
    (from_, to), (low, high) = along.T, across.T
    length = to - from_
    share = (places - from_) / np.where(length == 0, 1, length)
    crossed = (places >= np.minimum(from_, to)) & (places <= np.maximum(from_, to))
    at = low + share * (high - low)
    # A piece that runs across the direction itself is met in all of its points.
    first = np.where(length == 0, np.minimum(low, high), at)
    last = np.where(length == 0, np.maximum(low, high), at)
    lines = np.where(crossed, last, -np.inf).max(axis=1) - np.where(crossed, first, np.inf).min(axis=1)
    return float(lines.max())


def _outline(padded: Bools) -> Array:
    """The pieces of the outline, (n, 2 ends, 2), in pixels: marching squares, pixels that touch at a corner joined."""
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    ab, cd, ac, bd = (0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0)
    pieces = [
        (_cut_off(a, b, c, d), ab, ac),
        (_cut_off(b, a, d, c), ab, bd),
        (_cut_off(c, a, d, b), cd, ac),
        (_cut_off(d, b, c, a), cd, bd),
        ((a != b) & (c != d) & (a == c), ab, cd),
        ((a != c) & (b != d) & (a == b), ac, bd),
    ]
    return np.concatenate([np.argwhere(where)[:, None, :] + np.array([start, end]) for where, start, end in pieces])


def _cut_off(corner: Bools, beside: Bools, below: Bools, opposite: Bools) -> Bools:
    """Where a corner of four pixels alone is inside or outside, or is outside between two that touch."""
    return np.asarray((corner != beside) & (corner != below) & ((corner != opposite) | ~corner))
