"""Slices of a mask: across which axis they are cut, each by itself, and the largest."""

from __future__ import annotations

from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.study.volumes import Mask, Volume

_THICK = 2.0
ROUNDING = 1.0001
"""Affines are single precision: a ring of 5 mm must hold the fifth voxel of 1 mm though it is 1.0000001 mm long."""


def axial_axis(mask: Volume) -> int:
    """The axis (0, 1, 2 for i, j, k) that runs closest to the body's length."""
    return int(np.argmax(np.abs(mask.affine[2, :3]) / np.asarray(mask.spacing)))


def slice_axis(mask: Volume) -> int:
    """The axis (0, 1, 2 for i, j, k) across which slices are cut.

    Axial, or across the longest voxel edge where that is at least twice the shortest: there the other planes are too
    coarse.
    """
    spacing = mask.spacing
    thick = max(spacing) * ROUNDING >= _THICK * min(spacing)
    return int(np.argmax(spacing)) if thick else axial_axis(mask)


def plane_settings(slices: str, asked: int | None, mask: Mask) -> dict[str, Any]:
    """PyRadiomics' settings for textures within the slices of a mask; none where ``slices`` are the ``volume``.

    Raises :class:`InputError` where the ``force2Ddimension`` that is asked for is that of another plane.
    """
    if slices == "volume":
        return {}
    across = 2 - slice_axis(mask)
    if asked not in (None, across):
        raise InputError(
            f"'slices: {slices}' and 'force2Ddimension: {asked}' contradict each other: these images have slices "
            f"across {across}; leave force2Ddimension out"
        )
    return {"force2D": True, "force2Ddimension": across}


def slices_of(mask: Mask) -> dict[int, Mask]:
    """Every slice of a mask of 0 and 1 by itself, by its number (from 0) along :func:`slice_axis`."""
    axis = slice_axis(mask)
    filled = np.flatnonzero(mask.array.any(axis=tuple({0, 1, 2} - {axis})))
    return {int(number): _slice(mask, axis, int(number)) for number in filled}


def in_largest_slice(mask: Mask) -> tuple[int, Mask]:
    """Number and mask of the slice with most voxels of a mask of 0 and 1."""
    axis = slice_axis(mask)
    number = int(np.argmax(np.count_nonzero(mask.array, axis=tuple({0, 1, 2} - {axis}))))
    return number, _slice(mask, axis, number)


def _slice(mask: Mask, axis: int, number: int) -> Mask:
    alone = np.zeros_like(mask.array)
    place = tuple(number if other == axis else slice(None) for other in range(3))
    alone[place] = mask.array[place]
    return mask.with_array(alone)
