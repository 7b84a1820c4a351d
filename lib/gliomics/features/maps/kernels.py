"""The surroundings of voxels: of each voxel one row with the grey levels and the intensities of a kernel around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.features.native.neighbours import Integers, Levels, Offset, offsets_of

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kernel:
    """The places of a cube, or with ``force2D`` of a square, around a voxel, and which places are neighbours.

    ``places`` are offsets from the voxel, (places, 3). ``offsets`` are to the neighbours of co-occurrence, dependence
    and tone differences, ``adjacent`` those that touch, one of each two opposite ones.
    """

    places: Integers
    offsets: Sequence[Offset]
    adjacent: Sequence[Offset]

    @classmethod
    def of(cls, radius: int, settings: Mapping[str, Any]) -> Kernel:
        """The kernel of so many voxels to each side; ``settings`` are PyRadiomics'."""
        across = settings.get("force2Ddimension", 0) if settings.get("force2D") else None
        ranges = [[0] if axis == across else range(-radius, radius + 1) for axis in range(3)]
        edges = [2 * radius + 1] * 3
        offsets, adjacent = (offsets_of(edges, reach, settings) for reach in (settings.get("distances", [1]), [1]))
        return cls(np.array(list(product(*ranges)), dtype=np.int64), offsets, adjacent)

    def following(self, offset: Sequence[int]) -> Integers:
        """Of each place the one an offset away; their number, which :class:`Surroundings` keep empty, for none."""
        numbers = {tuple(place): number for number, place in enumerate(self.places.tolist())}
        ends = (self.places + np.asarray(offset)).tolist()
        return np.array([numbers.get(tuple(end), len(numbers)) for end in ends], dtype=np.int64)

    def lines(self, direction: Sequence[int]) -> Integers:
        """The number of the line along ``direction`` (of -1, 0 and 1) that each place lies on."""
        along = next(axis for axis in range(3) if direction[axis])
        starts = self.places - (self.places[:, along] * direction[along])[:, None] * np.asarray(direction)
        return np.asarray(np.unique(starts, axis=0, return_inverse=True)[1], dtype=np.int64).ravel()


@dataclass(frozen=True)
class Surroundings:
    """What surrounds some voxels: ``levels`` (voxels, places + 1) from 1, 0 outside; ``values`` NaN outside.

    The last column of ``levels`` is 0, for neighbours that a place does not have.
    """

    levels: Levels
    values: Array

    @property
    def inside(self) -> Bools:
        """Which places are of the region, (voxels, places)."""
        return np.asarray(self.levels[:, :-1] > 0)


def surroundings(
    matrix: Levels, image: Array, centres: Integers, kernel: Kernel, batch: int
) -> Iterator[tuple[slice, Surroundings]]:
    """The surroundings of ``centres``, (n, 3), so many at a time.

    ``matrix`` has the grey levels, from 1, of what surroundings may hold and 0 elsewhere; ``image`` the intensities.
    """
    reach = np.abs(kernel.places).max(axis=0)
    room = [(int(n), int(n)) for n in reach]
    levels = np.pad(matrix.astype(np.int32), room)
    values = np.pad(np.where(matrix > 0, image.astype(np.float64), np.nan), room, constant_values=np.nan)
    strides = np.array([levels.shape[1] * levels.shape[2], levels.shape[2], 1])
    starts, steps = (centres + reach) @ strides, kernel.places @ strides
    for start in range(0, len(centres), batch):
        part = slice(start, min(start + batch, len(centres)))
        flat = starts[part, None] + steps[None, :]
        empty = np.zeros((len(flat), 1), dtype=np.int32)
        yield part, Surroundings(np.concatenate([levels.ravel()[flat], empty], axis=1), values.ravel()[flat])
