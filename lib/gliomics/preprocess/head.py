"""The head in an image: its box and its midline.

The head is what the image shows above air, a whole head or a brain whose skull was stripped. Its middle is taken for
the midline, so a head that lies turned, or a skull that is cut off on one side, shifts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_opening, label

from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.orientation import to_lps
from gliomics.study.volumes import Volume

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_COARSE = 64
"""Voxels along an axis that are enough to find a head."""
_MOST_HEAD = 0.9
"""Share of an image above which what is above air is no head: there is no air."""
_LEAST_HEAD = 0.02
_WIDTHS_MM = (90.0, 230.0)
"""From the brain of a child to a large head with its ears."""
_LIMB = 0.02
"""Share of the largest cross-section below which one is not counted to the head's box: a tip of hair, a cable."""
_CROWN = 0.25
"""Share of the largest cross-section from which on the uppermost slice does not show the top of the head."""


@dataclass(frozen=True)
class Head:
    """The box of a head along the image's axes, that run to the left, backwards and upwards, in their unit.

    ``low`` and ``high`` are (3,), from any origin that images of one grid share; ``middle`` is the midline along the
    first axis. ``has_top`` is false where the image ends below the top of the head.
    """

    low: Array
    high: Array
    middle: float
    has_top: bool

    @property
    def size(self) -> Array:
        """Width, depth and height, (3,)."""
        return self.high - self.low


def find_head(image: Volume, *, spacing_known: bool) -> Head | None:
    """The head in an image; None where none can be made out, or where the file does not say how the image lies."""
    if not image.placed or not np.isfinite(image.array).all():
        return None
    part = coarse(to_lps(image))
    inside = largest_part(foreground(part.array))
    return None if inside is None else head_of(part.with_array(inside), spacing_known=spacing_known)


def coarse(volume: Volume) -> Volume:
    """Every second voxel, or every third ..., along each axis of more than twice, three times ... 64 voxels."""
    steps = coarse_steps(volume.shape)
    return Volume(
        volume.array[tuple(slice(None, None, step) for step in steps)], volume.affine @ np.diag([*steps, 1]),
    )  # fmt: skip


def coarse_steps(shape: tuple[int, int, int]) -> list[int]:
    """Which voxels along each axis :func:`coarse` keeps of an image of this shape: every so many-th, from the first."""
    return [max(1, size // _COARSE) for size in shape]


def largest_part(inside: Bools) -> Bools | None:
    """The largest part of what is above air, without thin bridges of noise; None where that is no head.

    The axes run as those of :func:`~gliomics.preprocess.orientation.to_lps`.
    """
    plane = np.ones((3, 3, 1), dtype=bool)
    labelled, parts = label(binary_opening(inside, plane))
    if not parts:
        return None
    largest: Bools = labelled == 1 + np.bincount(labelled.ravel())[1:].argmax()
    return largest if _LEAST_HEAD < largest.mean() < _MOST_HEAD else None


def head_of(inside: Volume, *, spacing_known: bool) -> Head | None:
    """The box and the midline of a head's voxels, in LPS; None where they are too narrow or too wide for a head."""
    profiles = [np.count_nonzero(inside.array, axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    spans = [np.flatnonzero(profile > _LIMB * profile.max())[[0, -1]] for profile in profiles]
    edges, start = np.array(inside.spacing), origin(inside)
    low, high = ((np.array([span[end] for span in spans]) + (-0.5, 0.5)[end]) * edges + start for end in (0, 1))
    if spacing_known and not _WIDTHS_MM[0] <= (high - low)[0] <= _WIDTHS_MM[1]:
        return None
    has_top = bool(profiles[2][-1] < _CROWN * profiles[2].max())
    return Head(low, high, start[0] + edges[0] * _middle(inside.array), has_top)


def origin(volume: Volume) -> Array:
    """Where its first voxel lies along its own axes, (3,)."""
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    return np.asarray(volume.affine[:3, 3] @ directions)


def _middle(inside: Bools) -> float:
    """The index of the midline along the first axis: the middle of most rows that run through the head's width."""
    present = inside.any(axis=0)
    first = inside.argmax(axis=0)[present]
    last = inside.shape[0] - 1 - inside[::-1].argmax(axis=0)[present]
    wide = last - first >= 0.5 * (last - first).max()
    return float(np.median((first + last)[wide]) / 2)
