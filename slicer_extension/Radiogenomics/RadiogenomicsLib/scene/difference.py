"""Where two labels of one study differ, by how much and how far. Pure numpy: no Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid

BOTH, ONLY_FIRST, ONLY_SECOND = 1, 2, 3
"""Values of the voxels that are lesion in both labels, or in one of them."""


@dataclass(frozen=True)
class Difference:
    """Two labels compared: any value above 0 is lesion.

    ``image`` has :data:`BOTH`, :data:`ONLY_FIRST`, :data:`ONLY_SECOND` or 0 in each voxel; volumes are in ml. ``dice``
    is 1 where both labels are empty. ``distance`` is the largest one from a voxel of one label to the nearest of the
    other, in mm (the Hausdorff distance of the voxels' centres): None where one of them is empty. ``farthest`` is that
    voxel (i, j, k): None where the labels are alike; where one of them is empty, a voxel of the other.
    """

    image: OrientedImage
    volumes: dict[int, float]
    dice: float
    distance: float | None
    farthest: tuple[int, int, int] | None

    @property
    def side(self) -> int:
        """Which label the farthest voxel is of: :data:`ONLY_FIRST`, :data:`ONLY_SECOND`, or 0 where there is none."""
        return 0 if self.farthest is None else int(self.image.array[self.farthest[::-1]])


def differenceOf(first: OrientedImage, second: OrientedImage, names: tuple[str, str]) -> Difference:
    """Compare two labels; refused by their ``names`` when they lie on different grids."""
    if not sameGrid(first, second):
        raise VolumeError(
            _(
                "{first} has {firstGrid}, {second} has {secondGrid}, or they lie elsewhere: labels are compared voxel "
                "by voxel. Load one of them, and submit it again on the volume of the other."
            ).format(first=names[0], second=names[1], firstGrid=describeGrid(first), secondGrid=describeGrid(second))
        )
    a, b = first.array > 0, second.array > 0
    array = np.zeros(a.shape, np.uint8)
    array[a & b], array[a & ~b], array[b & ~a] = BOTH, ONLY_FIRST, ONLY_SECOND
    counts = np.bincount(array.ravel(), minlength=4)
    millilitres = abs(float(np.linalg.det(first.ijkToRas[:3, :3]))) / 1000
    volumes = {value: float(counts[value]) * millilitres for value in (BOTH, ONLY_FIRST, ONLY_SECOND)}
    total = 2 * counts[BOTH] + counts[ONLY_FIRST] + counts[ONLY_SECOND]
    dice = float(2 * counts[BOTH] / total) if total else 1.0
    distance, farthest = _farthest(array, first.spacing[::-1])
    return Difference(OrientedImage(array, first.ijkToRas), volumes, dice, distance, farthest)


def _farthest(array: np.ndarray, spacing: tuple[float, ...]) -> tuple[float | None, tuple[int, int, int] | None]:
    """The largest distance, and the voxel (i, j, k) that has it."""
    box = _boxAround(array > 0)
    if box is None:
        return None, None
    inside, start = array[box], [side.start for side in box]
    hasFirst, hasSecond = ((inside == BOTH) | (inside == only) for only in (ONLY_FIRST, ONLY_SECOND))
    if not hasFirst.any() or not hasSecond.any():
        return None, centralVoxel(array > 0)
    best, place = 0.0, None
    for only, other in ((ONLY_FIRST, hasSecond), (ONLY_SECOND, hasFirst)):
        if (inside == only).any():
            distances = np.where(inside == only, squaredDistances(other, spacing), -1)
            index = np.unravel_index(int(distances.argmax()), distances.shape)
            if distances[index] > best:
                best, place = float(distances[index]), _voxel(np.array(index), start)
    return float(np.sqrt(best)), place


def centralVoxel(inside: np.ndarray) -> tuple[int, int, int] | None:
    """The voxel (i, j, k) of an array [k, j, i] that is nearest to the centre of all that are inside."""
    box = _boxAround(inside)
    if box is None:
        return None
    voxels = np.argwhere(inside[box])
    nearest = voxels[np.abs(voxels - voxels.mean(axis=0)).sum(axis=1).argmin()]
    return _voxel(nearest, [side.start for side in box])


def squaredDistances(inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The squared distance from each voxel to the nearest that is ``inside``, in the unit of ``spacing``; exact.

    One axis after the other (Saito and Toriwaki, Pattern Recognition 1994; 27: 1551): what is nearest along an axis is
    nearest among the nearest along those before.
    """
    squared = np.where(inside, 0, np.inf).astype(np.float32)
    for axis, size in enumerate(spacing):
        lines = np.moveaxis(squared, axis, 0)
        lowest = lines.copy()
        for step in range(1, len(lines)):
            cost = np.float32((step * size) ** 2)
            if cost >= lowest.max():
                break  # nothing that is farther can be nearer
            np.minimum(lowest[:-step], lines[step:] + cost, out=lowest[:-step])
            np.minimum(lowest[step:], lines[:-step] + cost, out=lowest[step:])
        squared = np.moveaxis(lowest, 0, axis)
    return squared


def _boxAround(inside: np.ndarray) -> tuple[slice, ...] | None:
    box = []
    for axis in range(inside.ndim):
        along = np.flatnonzero(inside.any(axis=tuple(other for other in range(inside.ndim) if other != axis)))
        if not len(along):
            return None
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    return tuple(box)


def _voxel(index: np.ndarray, start: list[int]) -> tuple[int, int, int]:
    k, j, i = (int(number) + first for number, first in zip(index, start, strict=True))
    return i, j, k
