"""A region's voxels in one row with room around each line, so that a neighbour is a step along that row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gliomics.features.windows import window_of

Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.signedinteger[Any]]
Offset = tuple[int, int, int]


def offsets_of(shape: Sequence[int], distances: Iterable[int], settings: Mapping[str, Any]) -> list[Offset]:
    """The offsets to neighbours at ``distances`` (of the farthest axis), one of each two opposite ones.

    ``shape`` is that of the region's box; offsets that lead out of it from everywhere are left out, and, with
    ``force2D``, those that leave the plane across ``force2Ddimension``. All are in the order of axes of ``shape``.
    """
    reach = max(distances)
    across = settings.get("force2Ddimension", 0) if settings.get("force2D") else None
    ranges = []
    for axis, size in enumerate(shape):
        most = 0 if axis == across else min(reach, size - 1)
        ranges.append(range(most, -most - 1, -1))
    wanted = set(distances)
    offsets = [(i, j, k) for i, j, k in product(*ranges) if max(abs(i), abs(j), abs(k)) in wanted]
    return offsets[: len(offsets) // 2]


_FEW_LEVELS = 2**14
"""Up to so many, sums and differences of two levels fit into 16 bits."""


class Lines(NamedTuple):
    """Lines of a region's box: all of it in one row, where each line starts in that, and how many places it has."""

    flat: Levels
    starts: Integers
    length: int


@dataclass(frozen=True)
class RegionLevels:
    """The grey levels of a region's box, 0 outside of the region, with ``room`` empty layers after each axis.

    ``box``: the levels, (i, j, k), after one empty layer more than ``room``, and empty layers. ``count``: the highest.
    """

    box: Levels
    room: int
    count: int

    @classmethod
    def of(cls, matrix: npt.NDArray[Any], room: int = 1) -> RegionLevels:
        """From a matrix of levels, with at least ``room`` steps of empty space around each line."""
        part = matrix[window_of(matrix > 0).box]
        count = int(part.max())
        height, width, depth = (size + room for size in part.shape)
        box = np.zeros((room + 1 + height, width, depth), dtype=np.int16 if count < _FEW_LEVELS else np.int32)
        box[room + 1 : -room, :-room, :-room] = part
        return cls(box, room, count)

    @property
    def shape(self) -> tuple[int, ...]:
        """The box of the region, without the room around it."""
        height, width, depth = self.box.shape
        return height - 2 * self.room - 1, width - self.room, depth - self.room

    @cached_property
    def flat(self) -> Levels:
        """All of the box in one row."""
        return self.box.ravel()

    @cached_property
    def lines(self) -> Lines:
        """Its lines along k that meet the region."""
        starts = np.flatnonzero(self.box.any(axis=2)) * self.box.shape[2]
        return Lines(self.flat, starts, self.shape[2])

    @cached_property
    def voxels(self) -> Integers:
        """Where in :attr:`flat` the region's voxels are, (n,)."""
        return np.flatnonzero(self.flat)

    @cached_property
    def levels(self) -> Levels:
        """Their levels, (n,)."""
        return self.flat[self.voxels]

    @cached_property
    def of_levels(self) -> Integers:
        """How many voxels each level has, from 0, which has none; (count + 1,)."""
        return np.bincount(self.levels, minlength=self.count + 1)

    def steps(self, offsets: Sequence[Offset]) -> Integers:
        """How far apart in :attr:`flat` neighbours are, (offsets,)."""
        _, height, depth = self.box.shape
        return np.array([(i * height + j) * depth + k for i, j, k in offsets], dtype=np.int64)

    def neighbours(self, step: int) -> Levels:
        """The level of each voxel's neighbour, (n,), 0 where that is outside of the region."""
        return self.flat[self.voxels + step]
