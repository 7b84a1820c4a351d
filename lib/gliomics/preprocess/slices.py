"""Axial slices as a network sees them: the head's square, at one matrix size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.preprocess.intensity import foreground
from gliomics.study.volumes import Volume

_MARGIN = 1.04
"""The square is this much wider than the head."""


@dataclass(frozen=True)
class SliceGrid:
    """A square around the head, the same for every axial slice of a canonical volume.

    ``start`` and ``extent`` are voxels along i and j; the square may reach outside the
    image. ``size`` is the matrix that it is resampled to.
    """

    start: tuple[int, int]
    extent: tuple[int, int]
    size: int

    @classmethod
    def around_head(cls, volume: Volume, size: int) -> SliceGrid:
        """The square around the foreground of ``volume`` (canonical axes), square in millimetres."""
        inside = foreground(volume.array)
        solid = _without_specks(inside)
        bounds = []
        for axis in (0, 1):
            counts = solid.sum(axis=tuple({0, 1, 2} - {axis}))
            occupied = np.flatnonzero(counts > 0.01 * counts.max())
            bounds.append((int(occupied[0]), int(occupied[-1]) + 1))
        spacing = volume.spacing[:2]
        side = _MARGIN * max((high - low) * step for (low, high), step in zip(bounds, spacing, strict=True))
        extent = [max(2, round(side / step)) for step in spacing]
        start = [(low + high) // 2 - length // 2 for (low, high), length in zip(bounds, extent, strict=True)]
        return cls((start[0], start[1]), (extent[0], extent[1]), size)

    def sample(self, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Slices (k, size, size) of a canonical array (i, j, k); outside the image is the array's minimum."""
        square = np.full((*self.extent, array.shape[2]), array.min(), dtype=np.float32)
        inside, outside = self._overlap(array.shape)
        square[inside] = array[outside]
        return _resize(np.moveaxis(square, 2, 0), (self.size, self.size))

    def restore(self, slices: npt.NDArray[np.float32], shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
        """Undo :meth:`sample`: slices (k, size, size) on the canonical grid of ``shape``; 0 outside the square."""
        square = np.moveaxis(_resize(slices, self.extent), 0, 2)
        array = np.zeros(shape, dtype=np.float32)
        inside, outside = self._overlap(shape)
        array[outside] = square[inside]
        return array

    def _overlap(self, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        inside, outside = [], []
        for start, length, limit in zip(self.start, self.extent, shape[:2], strict=True):
            low, high = max(start, 0), min(start + length, limit)
            inside.append(slice(low - start, high - start))
            outside.append(slice(low, high))
        return (inside[0], inside[1]), (outside[0], outside[1])


def _without_specks(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The voxels whose eight neighbours in the plane are inside too, so that noise in the air makes no head.

    Where nothing is left, as in a tiny image, everything is kept.
    """
    rows = inside.copy()
    rows[1:] &= inside[:-1]
    rows[:-1] &= inside[1:]
    solid = rows.copy()
    solid[:, 1:] &= rows[:, :-1]
    solid[:, :-1] &= rows[:, 1:]
    return solid if solid.any() else inside


def _resize(slices: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Bilinear resampling of (k, h, w) to (k, *size), with antialiasing when it shrinks."""
    import torch

    resized = torch.nn.functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(slices))[:, None], size=size, mode="bilinear", antialias=True
    )
    return np.asarray(resized[:, 0].numpy())
