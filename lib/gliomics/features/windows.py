"""The part of an image that features of a region depend on, so that filters need not run over the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.study.volumes import Volume

Bools = npt.NDArray[np.bool_]

_LOG_SIGMAS = 12
"""Beyond so many sigma ITK's recursive Gaussian forgets all but 1e-6 of a standard deviation: at 8, 3e-5 is left,
enough for a voxel in a few thousand to fall into another grey level."""
_POINTWISE = ("Square", "SquareRoot", "Logarithm", "Exponential")
"""Filters of single voxels that PyRadiomics scales by the largest value of the whole image."""


@dataclass(frozen=True)
class Window:
    """A box of a grid: one slice along i, j and k each."""

    box: tuple[slice, slice, slice]

    def crop(self, volume: Volume) -> Volume:
        """The voxels of ``volume`` in the box, where they were in space."""
        affine = volume.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [part.start for part in self.box]
        return Volume(volume.array[self.box], affine)

    def within(self, outer: Window) -> Window:
        """The same box, counted from the start of ``outer``."""
        i, j, k = (
            slice(part.start - start.start, part.stop - start.start)
            for part, start in zip(self.box, outer.box, strict=True)
        )
        return Window((i, j, k))


def window_of(inside: Bools) -> Window:
    """The smallest box around the voxels that are true; there must be one."""
    order = sorted(range(3), key=lambda axis: -abs(inside.strides[axis]))  # the last lies in a row
    turned = inside.transpose(order)
    lines = np.any(turned, axis=2)
    slow, middle = _extent(np.any(lines, axis=1)), _extent(np.any(lines, axis=0))
    parts = dict(zip(order, (slow, middle, _extent(turned[slow, middle].any(axis=(0, 1)))), strict=True))
    return Window((parts[0], parts[1], parts[2]))


def _extent(filled: Any) -> slice:
    places = np.flatnonzero(filled)
    return slice(int(places[0]), int(places[-1]) + 1)


def whole_of(volume: Volume) -> Window:
    """The box of all voxels."""
    i, j, k = (slice(0, size) for size in volume.shape)
    return Window((i, j, k))


def union(windows: Iterable[Window]) -> Window:
    """The smallest box that holds all of them."""
    i, j, k = (
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*(window.box for window in windows), strict=True)
    )
    return Window((i, j, k))


def filter_window(window: Window, image_type: str, settings: Mapping[str, Any], volume: Volume) -> Window:
    """What a filter must see of ``volume`` for its result within ``window`` to be that of the whole image.

    ``image_type`` and ``settings`` are PyRadiomics'. At the image's border a filter meets the border itself.
    """
    if image_type in _POINTWISE:
        return whole_of(volume)
    margins = _margins(image_type, settings, volume)
    parts = []
    for part, margin, size in zip(window.box, margins, volume.shape, strict=True):
        low, high = max(part.start - margin, 0), min(part.stop + margin, size)
        # PyRadiomics' wavelet wraps around the image, so at a border it needs the other side too.
        wraps = image_type == "Wavelet" and (part.start - margin < 0 or part.stop + margin > size)
        parts.append(slice(0, size) if wraps else slice(low, high))
    return Window((parts[0], parts[1], parts[2]))


def _margins(image_type: str, settings: Mapping[str, Any], volume: Volume) -> list[int]:
    if image_type == "LoG":
        reach = _LOG_SIGMAS * max(settings.get("sigma") or [0])
        # ITK refuses an image of fewer than four voxels along an axis, which a window must not be either.
        return [max(math.ceil(reach / edge), 4) for edge in volume.spacing]
    if image_type == "Wavelet":
        import pywt

        levels = settings.get("start_level", 0) + settings.get("level", 1)
        return [int(pywt.Wavelet(settings.get("wavelet", "coif1")).dec_len * levels)] * 3
    if image_type == "Gradient":
        return [2] * 3
    if image_type == "LBP2D":
        # Each slice by itself, but all of it: between equal voxels the binary pattern is decided by how interpolation
        # rounds, which depends on how far from the slice's corner a voxel is.
        across = 2 - settings.get("force2Ddimension", 0)
        return [0 if axis == across else size for axis, size in enumerate(volume.shape)]
    return [0] * 3
