"""Where in the head a segment lies: its side, and the third of the head. That is a position, not anatomy.

The head is what the image shows above air, a whole head or a brain whose skull was stripped. Its middle is taken for
the midline, so a head that lies turned, or a skull that is cut off on one side, shifts it. Near the midline, and near
the border between two thirds, nothing is decided that a few per cent of the head's size would change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.findings.segment import Bools, Segment
from gliomics.preprocess.head import Head, origin

_DOUBT = 0.04
"""By this share of the head's size its middle may be elsewhere."""
ONE_SIDE = 0.9
"""Share of the voxels on one side of the midline from which on a segment lies on that side."""


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


def place_of(segment: Segment, head: Head | None) -> Place:
    """Where in ``head`` a segment of the same grid lies; everything undecided where it is None."""
    if head is None:
        return Place()
    edges, start = segment.edges, origin(segment.volume)
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


def _share(inside: Bools, where: Bools) -> float:
    """The share of voxels at those indices along the first axis."""
    counts = np.count_nonzero(inside, axis=(1, 2))
    return float(counts[where].sum() / counts.sum())


def _third(share: float, *names: str) -> str:
    """In which third of a length a share of it lies; two of them near the border between both."""
    numbers = sorted({min(2, max(0, int(3 * (share + doubt)))) for doubt in (-_DOUBT, _DOUBT)})
    return " or ".join(names[number] for number in numbers)
