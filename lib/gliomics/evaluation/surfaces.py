"""How far the surface of a mask lies from its reference's.

The surface is the set of a volume's voxels with a face towards outside it (or at the image's edge), and distances are
between voxel centres, as in MONAI, whose figures these are to single precision; SciPy alone takes a fraction of the
time, and need not load PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.evaluation.overlap import as_binary

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces, in the unit of the spacing; NaN when one of the two is empty."""

    hausdorff_95: float
    average: float


def surface_distances(
    mask: npt.NDArray[Any], reference: npt.NDArray[Any], spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> SurfaceDistances:
    """95 % Hausdorff distance and average symmetric surface distance of two binary volumes (i, j, k).

    With d(A, B) the distances from each surface voxel of A to the nearest of B, the former is the larger of the 95th
    percentiles of d(A, B) and d(B, A) (Huttenlocher 1993; the percentile leaves out the farthest 5 %), the latter the
    mean over both sets of distances together (Heimann 2009). ``spacing`` is the voxel size along i, j, k in mm; leave
    it out for distances in voxels. Where either volume is empty there is no distance, and both are NaN. Raises
    :class:`~gliomics.errors.GeometryError` for volumes of two shapes.

    >>> mask, reference = np.zeros((2, 4, 4, 4))
    >>> mask[1, 1, 0] = reference[1, 1, 2] = 1
    >>> surface_distances(mask, reference, spacing=(1.0, 1.0, 3.0))
    SurfaceDistances(hausdorff_95=6.0, average=6.0)
    """
    a, b = as_binary(mask, reference)
    if not (a.any() and b.any()):
        return SurfaceDistances(float("nan"), float("nan"))
    to_reference, to_mask = distances_between(a, b, spacing)
    farthest = max(float(np.percentile(to_reference, 95)), float(np.percentile(to_mask, 95)))
    return SurfaceDistances(farthest, float(np.concatenate([to_reference, to_mask]).mean()))


def distances_between(
    mask: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], spacing: Sequence[float]
) -> tuple[Array, Array]:
    """From each surface voxel of the one to the nearest of the other, d(A, B) and d(B, A); neither may be empty."""
    (box,) = ndimage.find_objects((mask | reference).astype(np.uint8))
    # A border of background, so that voxels at the edge of the box are surface.
    surface_a, surface_b = _surface(np.pad(mask[box], 1)), _surface(np.pad(reference[box], 1))
    return _distances(surface_a, surface_b, spacing), _distances(surface_b, surface_a, spacing)


def _surface(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(inside & ~ndimage.binary_erosion(inside))


def _distances(start: npt.NDArray[np.bool_], end: npt.NDArray[np.bool_], spacing: Sequence[float]) -> Array:
    to_end = ndimage.distance_transform_edt(~end, sampling=spacing)
    return np.asarray(to_end[start])
