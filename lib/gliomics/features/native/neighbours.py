"""A region's voxels in one row with room around each line, so that a neighbour is a step along that row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int32]
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


@dataclass(frozen=True)
class RegionLevels:
    """The grey levels of a region's box, 0 outside of the region, with ``room`` empty layers after each axis.

    ``box``: the levels, (i, j, k) and empty layers; ``voxels``: places of the region's voxels in ``box.ravel()``.
    """

    box: Levels
    room: int
    count: int
    _same: dict[int, Integers] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, matrix: npt.NDArray[Any], room: int = 1) -> RegionLevels:
        """From a matrix of levels, with at least ``room`` steps of empty space between any two lines."""
        filled = [np.flatnonzero(matrix.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        part = matrix[tuple(slice(places[0], places[-1] + 1) for places in filled)]
        box = np.zeros([size + room for size in part.shape], dtype=np.int32)
        box[tuple(slice(0, size) for size in part.shape)] = part
        return cls(box, room, int(part.max()))

    @property
    def shape(self) -> tuple[int, ...]:
        """The box of the region, without the room after it."""
        return tuple(size - self.room for size in self.box.shape)

    @cached_property
    def flat(self) -> Levels:
        """All of the box in one row."""
        return self.box.ravel()

    @cached_property
    def voxels(self) -> Integers:
        """Where in :attr:`flat` the region's voxels are, (n,)."""
        return np.flatnonzero(self.flat)

    @cached_property
    def levels(self) -> Levels:
        """Their levels, (n,)."""
        return self.flat[self.voxels]

    def step(self, offset: Sequence[int]) -> int:
        """How far apart in :attr:`flat` neighbours are."""
        _, height, depth = self.box.shape
        return int((offset[0] * height + offset[1]) * depth + offset[2])

    def neighbours(self, step: int) -> Levels:
        """The level of each voxel's neighbour, (n,), 0 where that is outside of the region.

        The last layers are empty, so that a place before the first leads there.
        """
        return self.flat[self.voxels + step]

    def same_as_next(self, step: int) -> Integers:
        """Places in :attr:`flat` of the voxels that are of the same level as the neighbour at a step; found once."""
        if step not in self._same:
            self._same[step] = self.voxels[self.neighbours(step) == self.levels]
        return self._same[step]
