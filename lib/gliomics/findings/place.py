"""Where a segment lies: its side, with the lobes where the images lie in an atlas, else with the third of the head.

One of the two ways is taken, for whoever showed both would show two sides. The atlas is asked only where somebody wants
VASARI features, because laying a study on it takes seconds; the head tells a position, not anatomy. It is what the
image shows above air, a whole head or a brain whose skull was stripped. Its middle is taken for the midline, so a head
that lies turned, or a skull that is cut off on one side, shifts it. Near a midline, and near the border between two
thirds, nothing is decided that a few millimetres, or a few per cent of the head's size, would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gliomics.findings.segment import Bools, Segment
from gliomics.preprocess.head import Head, origin
from gliomics.radiology.atlas import LOCATIONS, Atlas
from gliomics.radiology.location import DOUBT_MM
from gliomics.radiology.placement import Placement

_DOUBT = 0.04
"""By this share of the head's size its middle may be elsewhere."""
ONE_SIDE = 0.9
"""Share of the voxels on one side of the midline from which on a segment lies on that side."""


@dataclass(frozen=True)
class Place:
    """Where a segment lies. ``side`` is ``left``, ``right``, ``midline`` or ``both``, of the patient; None: undecided.

    ``left_share`` is the share of its voxels left of the midline. ``depth`` and ``height`` are the thirds of the head
    that its centre lies in: ``front``, ``middle`` or ``back``, and ``lower``, ``middle`` or ``upper``, near a border
    both (``front or middle``); None where it cannot be told. ``structures`` are the shares of its voxels in lobes and
    deep structures of the atlas, by which the side was told, too; None where it was told by the head.
    """

    side: str | None = None
    left_share: float | None = None
    depth: str | None = None
    height: str | None = None
    structures: Mapping[str, float] | None = None


def place_of(segment: Segment, head: Head | None) -> Place:
    """Where in ``head`` a segment of the same grid lies; everything undecided where it is None."""
    if head is None:
        return Place()
    edges, start = segment.edges, origin(segment.volume)
    centre = np.argwhere(segment.volume.array).mean(axis=0) * edges + start
    across = start[0] + edges[0] * np.arange(segment.volume.shape[0])
    left = across[:, None] - head.middle + _DOUBT * head.size[0] * np.array([0.0, -1.0, 1.0])
    share, least, most = (_share(segment.volume.array, where) for where in left.T > 0)
    largest = _share(segment.largest, left[:, 0] > 0)
    side = _side(least, most, largest, segment.parts)
    backwards, upwards = ((centre - head.low) / head.size)[1:]
    height = _third(upwards, "lower", "middle", "upper") if head.has_top else None
    return Place(side, share, _third(backwards, "front", "middle", "back"), height)


def place_in_atlas(segment: Segment, placement: Placement, atlas: Atlas) -> Place:
    """Where a segment lies by an atlas on which the images of its grid were laid."""
    inside, affine = segment.volume.array, segment.volume.affine
    places = placement.places(inside, affine)
    left, left_of_largest = (
        atlas.left_of_midline(each) for each in (places, placement.places(segment.largest, affine))
    )
    share, least, most = (float(np.mean(left > doubt)) for doubt in (0.0, DOUBT_MM, -DOUBT_MM))
    structures = {name: float(np.mean(voxels)) for name, voxels in atlas.inside(places).items() if name in LOCATIONS}
    side = _side(least, most, float(np.mean(left_of_largest > 0)), segment.parts)
    return Place(side, share, structures=structures)


def _side(least: float, most: float, largest: float, parts: int) -> str:
    """The side by the share of voxels that lies left at ``least`` and at ``most``, and by that of the largest part."""
    if least >= ONE_SIDE:
        return "left"
    if most <= 1 - ONE_SIDE:
        return "right"
    return "midline" if min(largest, 1 - largest) > 1 - ONE_SIDE or parts == 1 else "both"


def _share(inside: Bools, where: Bools) -> float:
    """The share of voxels at those indices along the first axis."""
    counts = np.count_nonzero(inside, axis=(1, 2))
    return float(counts[where].sum() / counts.sum())


def _third(share: float, *names: str) -> str:
    """In which third of a length a share of it lies; two of them near the border between both."""
    numbers = sorted({min(2, max(0, int(3 * (share + doubt)))) for doubt in (-_DOUBT, _DOUBT)})
    return " or ".join(names[number] for number in numbers)
