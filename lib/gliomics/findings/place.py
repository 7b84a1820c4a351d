"""Where in the head a segment lies: its side, and the third of the head. That is a position, not anatomy.

The head is what the image shows above air, a whole head or a brain whose skull was stripped. Its middle is taken for
the midline, so a head that lies turned, or a skull that is cut off on one side, shifts it. Near the midline, and near
the border between two thirds, nothing is decided that a few per cent of the head's size would change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_opening, label

from gliomics.findings.segment import Array, Bools, Segment
from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.orientation import to_lps
from gliomics.study.volumes import Volume

_COARSE = 96
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
_DOUBT = 0.04
"""By this share of the head's size its middle may be elsewhere."""
ONE_SIDE = 0.9
"""Share of the voxels on one side of the midline from which on a segment lies on that side."""


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


@dataclass(frozen=True)
class Place:
    """Where a segment lies. ``side`` is ``left``, ``right``, ``midline`` or ``both``, of the patient; None: undecided.

    ``left_share`` is the share of its voxels left of the midline. ``depth`` and ``height`` are the thirds of the head
    that its centre lies in: ``front``, ``middle`` or ``back``, and ``lower``, ``middle`` or ``upper``, near a border
    both (``front or middle``); None where it cannot be told.
    """

    side: str | None = None
    left_share: float | None = None
    depth: str | None = None
    height: str | None = None


def find_head(image: Volume, *, spacing_known: bool) -> Head | None:
    """The head in an image; None where none can be made out, or where the file does not say how the image lies."""
    if not image.placed or not np.isfinite(image.array).all():
        return None
    steps = [max(1, size // _COARSE) for size in image.shape]
    coarse = to_lps(
        Volume(image.array[tuple(slice(None, None, step) for step in steps)], image.affine @ np.diag([*steps, 1]))
    )
    inside = _largest_part(foreground(coarse.array))
    if inside is None:
        return None
    profiles = [np.count_nonzero(inside, axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    spans = [np.flatnonzero(profile > _LIMB * profile.max())[[0, -1]] for profile in profiles]
    edges, start = np.array(coarse.spacing), _origin(coarse)
    low, high = ((np.array([span[end] for span in spans]) + (-0.5, 0.5)[end]) * edges + start for end in (0, 1))
    if spacing_known and not _WIDTHS_MM[0] <= (high - low)[0] <= _WIDTHS_MM[1]:
        return None
    has_top = bool(profiles[2][-1] < _CROWN * profiles[2].max())
    return Head(low, high, start[0] + edges[0] * _middle(inside), has_top)


def place_of(segment: Segment, head: Head | None) -> Place:
    """Where in ``head`` a segment of the same grid lies; everything undecided where it is None."""
    if head is None:
        return Place()
    edges, start = segment.edges, _origin(segment.volume)
    centre = np.argwhere(segment.volume.array).mean(axis=0) * edges + start
    across = start[0] + edges[0] * np.arange(segment.volume.shape[0])
    left = across[:, None] - head.middle + _DOUBT * head.size[0] * np.array([0.0, -1.0, 1.0])
    share, least, most = (_share(segment.volume.array, side) for side in left.T > 0)
    one_part = min(_share(segment.largest, left[:, 0] > 0), _share(segment.largest, left[:, 0] <= 0)) > 1 - ONE_SIDE
    if least >= ONE_SIDE:
        side = "left"
    elif most <= 1 - ONE_SIDE:
        side = "right"
    else:
        side = "midline" if one_part or segment.parts == 1 else "both"
    backwards, upwards = ((centre - head.low) / head.size)[1:]
    height = _third(upwards, "lower", "middle", "upper") if head.has_top else None
    return Place(side, share, _third(backwards, "front", "middle", "back"), height)


def _origin(volume: Volume) -> Array:
    """Where its first voxel lies along its own axes, (3,)."""
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    return np.asarray(volume.affine[:3, 3] @ directions)


def _largest_part(inside: Bools) -> Bools | None:
    """The largest part of what is above air, without thin bridges of noise; None where that is no head."""
    plane = np.ones((3, 3, 1), dtype=bool)
    labelled, parts = label(binary_opening(inside, plane))
    if not parts:
        return None
    largest: Bools = labelled == 1 + np.bincount(labelled.ravel())[1:].argmax()
    return largest if _LEAST_HEAD < largest.mean() < _MOST_HEAD else None


def _middle(inside: Bools) -> float:
    """The index of the midline along the first axis: the middle of most rows that run through the head's width."""
    present = inside.any(axis=0)
    first = inside.argmax(axis=0)[present]
    last = inside.shape[0] - 1 - inside[::-1].argmax(axis=0)[present]
    wide = last - first >= 0.5 * (last - first).max()
    return float(np.median((first + last)[wide]) / 2)


def _share(inside: Bools, where: Bools) -> float:
    """The share of voxels at those indices along the first axis."""
    counts = np.count_nonzero(inside, axis=(1, 2))
    return float(counts[where].sum() / counts.sum())


def _third(share: float, *names: str) -> str:
    """In which third of a length a share of it lies; two of them near the border between both."""
    numbers = sorted({min(2, max(0, int(3 * (share + doubt)))) for doubt in (-_DOUBT, _DOUBT)})
    return " or ".join(names[number] for number in numbers)
