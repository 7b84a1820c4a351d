"""Where in the brain a tumour lies: its side, and how much of it lies in which lobe or deep structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gliomics.radiology.atlas import LOCATIONS, Array, Atlas

Side = Literal["left", "right", "central or bilateral"]

DOUBT_MM = 3.0
"""By so much the midline of a brain may lie elsewhere than that of the atlas, of which only an affine image is made."""
_ONE_SIDE = 0.75
"""Share of a tumour on one side of the midline from which on its centre lies on that side."""
_LEAST_ACROSS = 0.01


@dataclass(frozen=True)
class Location:
    """Where the voxels of a tumour lie, told by the atlas.

    ``side`` is the patient's. ``shares`` are those of the tumour in each structure of the atlas; what lies in two
    that overlap counts in both, so that shares may add up to more than 1. ``midline_mm`` is how far the tumour is from
    the midline, 0 where it reaches it, in mm of the atlas, which are those of a brain of usual size whatever the voxel
    size of the study. ``crosses`` is None where a few millimetres would decide.
    """

    side: Side
    left_share: float
    shares: Mapping[str, float]
    midline_mm: float
    crosses: bool | None

    @property
    def main(self) -> str | None:
        """The lobe or deep structure with the largest share; None where less than half of the tumour lies in any."""
        shares = {name: self.shares[name] for name in LOCATIONS}
        name = max(shares, key=lambda name: shares[name])
        return name if sum(shares.values()) >= 0.5 else None


def locate(places: Array, atlas: Atlas) -> Location:
    """Where a tumour lies whose voxels are at ``places``, (n, 3) in RAS mm of the atlas, n at least 1."""
    left = atlas.left_of_midline(places)
    left_share = float(np.mean(left > 0))
    inside = atlas.inside(places)
    side: Side = "central or bilateral"
    if max(left_share, 1 - left_share) >= _ONE_SIDE:
        side = "left" if left_share > 0.5 else "right"
    return Location(
        side=side,
        left_share=left_share,
        shares={name: float(np.mean(voxels)) for name, voxels in inside.items()},
        midline_mm=max(0.0, float(left.min()), float(-left.max())),
        crosses=crosses_midline(left),
    )


def crosses_midline(left: npt.NDArray[np.float64]) -> bool | None:
    """Whether voxels that lie ``left`` mm to the left of the midline lie on both sides; None where it is in doubt.

    On both sides is at least 1 % of them on each, and more than :data:`DOUBT_MM` beyond the midline.
    """
    beyond = min(float(np.mean(left > DOUBT_MM)), float(np.mean(left < -DOUBT_MM)))
    across = min(float(np.mean(left > -DOUBT_MM)), float(np.mean(left < DOUBT_MM)))
    if beyond >= _LEAST_ACROSS:
        return True
    return None if across >= _LEAST_ACROSS else False
