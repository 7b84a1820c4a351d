"""Slight changes of one mask, such as another annotator or another day would bring: what stable features survive.

After Zwanenburg et al., "Assessing robustness of radiomic features by image perturbation", Sci Rep 9:614 (2019).
There image and mask are turned and moved together onto a new grid. Here the mask alone changes, on its own grid:
that is how two annotators of one image differ, and no intensity is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.ndimage import affine_transform

from gliomics.features.planes import axial_axis
from gliomics.features.regions import shift_boundary
from gliomics.preprocess.contour import FAR, Floats, Integers, changed, redraw_contour, voxels_of
from gliomics.preprocess.orientation import from_canonical, to_lps
from gliomics.study.volumes import Mask


def as_drawn(mask: Mask) -> Mask:
    """The mask itself."""
    return mask.with_array((mask.array > 0).astype(np.uint8))


def turn(mask: Mask, degrees: float) -> Mask:
    """Turn the region about its centre of mass in the slice plane, from the grid's first axis there to the second."""
    first, second = np.delete(np.asarray(mask.spacing), axial_axis(mask))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    forward = np.array([[1, 0, 0], [0, cosine, -sine * second / first], [0, sine * first / second, cosine]])
    centre = voxels_of(mask).mean(axis=0)
    return _moved(mask, forward, centre - forward @ centre)


def move(mask: Mask, first: float, second: float) -> Mask:
    """Move the region in the slice plane by so many voxels along the grid's first and second axis there."""
    return _moved(mask, np.eye(3), np.array([0.0, first, second]))


PERTURBATIONS: dict[str, Callable[[Mask], Mask]] = {
    "as-drawn": as_drawn,
    "grown": partial(shift_boundary, voxels=1),
    "shrunk": partial(shift_boundary, voxels=-1),
    "redrawn-1": partial(redraw_contour, seed=1),
    "redrawn-2": partial(redraw_contour, seed=2),
    "turned-left": partial(turn, degrees=5),
    "turned-right": partial(turn, degrees=-5),
    "moved-first": partial(move, first=1, second=0),
    "moved-second": partial(move, first=0, second=1),
}
"""The mask as it is and eight changes of it, by name: each takes a mask of 0 and 1 and gives one on the same grid.

None empties a mask that holds a voxel: a part that is too small for a change arrives as it was.
"""


def perturbed(mask: Mask) -> dict[str, Mask]:
    """Every perturbation of a mask of 0 and 1, by name; the same changes in whatever order its axes are stored."""
    lps = to_lps(mask)
    return {name: from_canonical(change(lps), mask) for name, change in PERTURBATIONS.items()}


def _moved(mask: Mask, forward: Floats, shift: Floats) -> Mask:
    """The region after ``voxel -> forward @ voxel + shift``."""
    backward = np.linalg.inv(forward)

    def resampled(distance: Floats, corner: Integers) -> Floats:
        offset = backward @ (corner - shift) - corner
        return np.asarray(affine_transform(distance, backward, offset, order=1, cval=FAR), dtype=np.float64)

    return changed(mask, resampled, lambda points: points @ forward.T + shift)
