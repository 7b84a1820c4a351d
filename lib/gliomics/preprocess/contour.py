"""A mask's contour in its slices, drawn anew or moved: what another hand, or another day, makes of the same lesion."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

from gliomics.preprocess.orientation import axial
from gliomics.study.volumes import Mask

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

FAR = -1e6
"""The distance from a contour where there is none."""

_NOISE_LENGTH = 3.0
"""Standard deviation, in voxels, of the Gaussian that makes neighbouring displacements alike."""
_NOISE_AT_MOST = 2.0
_MARGIN = 4


def redraw_contour(mask: Mask, seed: int, *, voxels: int = 1) -> Mask:
    """Move each place of the contour, within its slice, by a smooth random distance of about so many ``voxels``.

    The displacement is Gaussian noise of standard deviation ``voxels`` and at most twice that, alike over about three
    times that and independent between slices, as contours are drawn slice by slice. The same mask and seed give the
    same result.
    """
    length, most = _NOISE_LENGTH * voxels, _NOISE_AT_MOST * voxels

    def redrawn(distance: Floats, corner: Integers) -> Floats:
        # The contour enters the seed; else one noise would move the contours of all studies alike.
        random = np.random.default_rng([seed, zlib.crc32(np.packbits(distance > 0).tobytes())])
        smooth = gaussian_filter(random.standard_normal(distance.shape), (0, length, length), mode="wrap")
        # The filter leaves 1 / (4 pi length^2) of the variance.
        displacement = smooth * 2 * math.sqrt(math.pi) * length * voxels
        moved: Floats = distance + np.clip(displacement, -most, most)
        return moved

    return changed(mask, redrawn, lambda points: points, margin=_MARGIN * voxels)


def changed(
    mask: Mask,
    change: Callable[[Floats, Integers], Floats],
    arrive: Callable[[Integers], npt.NDArray[np.generic]],
    *,
    margin: int = _MARGIN,
) -> Mask:
    """The voxels where a changed signed distance is positive, and the parts that would be lost.

    ``change`` gets the distance of each voxel of a box (slices first), with a ``margin`` of voxels around the region,
    from the contour in its slice, in voxels and positive inside, and the voxel at the box's corner. ``arrive`` tells
    where voxels of the region go.
    """
    voxels = voxels_of(mask)
    goals = np.rint(arrive(voxels)).astype(np.intp)
    around = np.array([0, margin, margin])
    corner = np.minimum(voxels, goals).min(axis=0) - around
    box = np.zeros(np.maximum(voxels, goals).max(axis=0) + around + 1 - corner, dtype=bool)
    box[tuple((voxels - corner).T)] = True
    distance = np.stack([_signed_distance(pixels) for pixels in box])

    result = np.zeros_like(np.moveaxis(mask.array, axial(mask)[0], 0), dtype=np.uint8)
    places = np.argwhere(change(distance, corner) > 0) + corner
    result[tuple(places[((places >= 0) & (places < result.shape)).all(axis=1)].T)] = 1

    # A part of a few voxels can fall between the voxels where it goes, or off the grid.
    goals = goals.clip(0, np.array(result.shape) - 1)
    part = label(box)[0][tuple((voxels - corner).T)]
    lost = ~np.isin(part, part[result[tuple(goals.T)] > 0])
    result[tuple(goals[lost].T)] = 1
    return mask.with_array(np.ascontiguousarray(np.moveaxis(result, 0, axial(mask)[0])))


def voxels_of(mask: Mask) -> Integers:
    """Indices of the region's voxels, (n, 3), the one of the slice first."""
    return np.argwhere(np.moveaxis(mask.array > 0, axial(mask)[0], 0))


def _signed_distance(pixels: npt.NDArray[np.bool_]) -> Floats:
    """Distance from the contour of one slice in voxels, positive inside."""
    if not pixels.any():
        return np.full(pixels.shape, FAR)
    # Centres of voxels on the two sides of the contour are one voxel apart.
    return np.asarray(np.where(pixels, distance_transform_edt(pixels) - 0.5, 0.5 - distance_transform_edt(~pixels)))
