"""Slight changes of one mask, such as another annotator or another day would bring: what stable features survive.

After Zwanenburg et al., "Assessing robustness of radiomic features by image perturbation", Sci Rep 9:614 (2019).
There image and mask are turned and moved together onto a new grid. Here the mask alone changes, on its own grid:
that is how two annotators of one image differ, and no intensity is interpolated.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform, distance_transform_edt, gaussian_filter, label

from gliomics.features.planes import axial_axis
from gliomics.features.regions import shift_boundary
from gliomics.preprocess.orientation import from_canonical, to_lps
from gliomics.study.volumes import Mask

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

_NOISE_LENGTH = 3.0
"""Standard deviation, in voxels, of the Gaussian that makes neighbouring displacements alike."""
_NOISE_AT_MOST = 2.0
_MARGIN = 4
_FAR = -1e6


def as_drawn(mask: Mask) -> Mask:
    """The mask itself."""
    return mask.with_array((mask.array > 0).astype(np.uint8))


def redraw_contour(mask: Mask, seed: int) -> Mask:
    """Move each place of the contour, within its slice, by a smooth random distance of about a voxel.

    The displacement is Gaussian noise of standard deviation 1 voxel and at most 2, alike over about 3 voxels and
    independent between slices, as contours are drawn slice by slice. The same mask and seed give the same result.
    """

    def redrawn(distance: Floats, corner: Integers) -> Floats:
        # The contour enters the seed; else one noise would move the contours of all studies alike.
        random = np.random.default_rng([seed, zlib.crc32(np.packbits(distance > 0).tobytes())])
        smooth = gaussian_filter(random.standard_normal(distance.shape), (0, _NOISE_LENGTH, _NOISE_LENGTH), mode="wrap")
        # The filter leaves 1 / (4 pi length^2) of the variance.
        displacement = smooth * 2 * math.sqrt(math.pi) * _NOISE_LENGTH
        moved: Floats = distance + np.clip(displacement, -_NOISE_AT_MOST, _NOISE_AT_MOST)
        return moved

    return _changed(mask, redrawn, lambda points: points)


def turn(mask: Mask, degrees: float) -> Mask:
    """Turn the region about its centre of mass in the slice plane, from the grid's first axis there to the second."""
    first, second = np.delete(np.asarray(mask.spacing), axial_axis(mask))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    forward = np.array([[1, 0, 0], [0, cosine, -sine * second / first], [0, sine * first / second, cosine]])
    centre = _voxels(mask).mean(axis=0)
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


def _voxels(mask: Mask) -> Integers:
    """Indices of the region's voxels, (n, 3), the one of the slice first."""
    return np.argwhere(np.moveaxis(mask.array > 0, axial_axis(mask), 0))


def _moved(mask: Mask, forward: Floats, shift: Floats) -> Mask:
    """The region after ``voxel -> forward @ voxel + shift``."""
    backward = np.linalg.inv(forward)

    def resampled(distance: Floats, corner: Integers) -> Floats:
        offset = backward @ (corner - shift) - corner
        return np.asarray(affine_transform(distance, backward, offset, order=1, cval=_FAR), dtype=np.float64)

    return _changed(mask, resampled, lambda points: points @ forward.T + shift)


def _changed(
    mask: Mask, change: Callable[[Floats, Integers], Floats], arrive: Callable[[Integers], npt.NDArray[np.generic]]
) -> Mask:
    """The voxels where a changed signed distance is positive, and the parts that would be lost.

    ``change`` gets the distance of each voxel of a box (slices first) from the contour in its slice, in voxels and
    positive inside, and the voxel at the box's corner. ``arrive`` tells where voxels of the region go.
    """
    voxels = _voxels(mask)
    goals = np.rint(arrive(voxels)).astype(np.intp)
    margin = np.array([0, _MARGIN, _MARGIN])
    corner = np.minimum(voxels, goals).min(axis=0) - margin
    box = np.zeros(np.maximum(voxels, goals).max(axis=0) + margin + 1 - corner, dtype=bool)
    box[tuple((voxels - corner).T)] = True
    distance = np.stack([_signed_distance(pixels) for pixels in box])

    result = np.zeros_like(np.moveaxis(mask.array, axial_axis(mask), 0), dtype=np.uint8)
    places = np.argwhere(change(distance, corner) > 0) + corner
    result[tuple(places[((places >= 0) & (places < result.shape)).all(axis=1)].T)] = 1

    # A part of a few voxels can fall between the voxels where it goes, or off the grid.
    goals = goals.clip(0, np.array(result.shape) - 1)
    part = label(box)[0][tuple((voxels - corner).T)]
    lost = ~np.isin(part, part[result[tuple(goals.T)] > 0])
    result[tuple(goals[lost].T)] = 1
    return mask.with_array(np.ascontiguousarray(np.moveaxis(result, 0, axial_axis(mask))))


def _signed_distance(pixels: npt.NDArray[np.bool_]) -> Floats:
    """Distance from the contour of one slice in voxels, positive inside."""
    if not pixels.any():
        return np.full(pixels.shape, _FAR)
    # Centres of voxels on the two sides of the contour are one voxel apart.
    return np.asarray(np.where(pixels, distance_transform_edt(pixels) - 0.5, 0.5 - distance_transform_edt(~pixels)))
