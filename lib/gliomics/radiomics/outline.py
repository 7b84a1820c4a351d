"""How round, smooth and compact a lesion is in the slice where it is largest.

The features have no unit and need the shape of a pixel only within the slice, so they mean the same whether or
not the distance between slices is known. Angular standard deviation and margin fluctuation: Georgiadis 2008 and
Mazurowski 2017; their relation to the genomic clusters of lower-grade glioma: Mazurowski 2017, Buda 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, uniform_filter1d
from scipy.spatial import ConvexHull

from gliomics.study.records import Mask

Array = npt.NDArray[np.float64]

_POINTS = 512
_ANGULAR_BINS = 10
_SMOOTHING = 0.1
_THICK = 2.0


@dataclass(frozen=True)
class Lesion:
    """The largest component of a mask in the slice where that is largest.

    ``pixels`` is the slice as booleans, ``edge`` the size of a pixel along its two axes (any unit).
    """

    pixels: npt.NDArray[np.bool_]
    edge: tuple[float, float]

    def centres(self) -> Array:
        """Centres of the lesion's pixels, (n, 2), in the unit of ``edge``."""
        return np.argwhere(self.pixels) * np.asarray(self.edge)

    def corners(self) -> Array:
        """Corners of the lesion's pixels, (4 n, 2), in the unit of ``edge``."""
        offsets = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
        return ((np.argwhere(self.pixels)[:, None] + offsets) * np.asarray(self.edge)).reshape(-1, 2)

    def radii(self) -> tuple[Array, Array]:
        """Angle and distance from the centre of mass, mean 1, of 512 points evenly along the outer contour."""
        from skimage.measure import find_contours

        contours = find_contours(np.pad(self.pixels, 1).astype(float), 0.5)
        contour = max(contours, key=len) - 1
        points = _evenly(contour * np.asarray(self.edge)) - self.centres().mean(axis=0)
        distance = np.hypot(points[:, 0], points[:, 1])
        return np.arctan2(points[:, 0], points[:, 1]), distance / distance.mean()


def angular_standard_deviation(lesion: Lesion) -> float:
    """Mean over 10 equal angular sectors of the SD of the contour's distance from the centre of mass (mean 1)."""
    angle, radius = lesion.radii()
    sector = np.floor((angle + np.pi) / (2 * np.pi) * _ANGULAR_BINS).astype(int) % _ANGULAR_BINS
    return float(np.mean([radius[sector == number].std() for number in np.unique(sector)]))


def margin_fluctuation(lesion: Lesion) -> float:
    """SD of the contour's distance from the centre of mass (mean 1) about a moving average over 10 % of the contour."""
    _, radius = lesion.radii()
    return float(np.std(radius - uniform_filter1d(radius, int(_POINTS * _SMOOTHING), mode="wrap")))


def solidity(lesion: Lesion) -> float:
    """Area over the area of the convex hull of the pixels' corners."""
    area = np.count_nonzero(lesion.pixels) * lesion.edge[0] * lesion.edge[1]
    return float(area / ConvexHull(lesion.corners()).volume)


def extent(lesion: Lesion) -> float:
    """Area over the area of the bounding box along the image's axes."""
    rows, columns = np.nonzero(lesion.pixels)
    return float(rows.size / ((np.ptp(rows) + 1) * (np.ptp(columns) + 1)))


def eccentricity(lesion: Lesion) -> float:
    """Eccentricity of the ellipse with the lesion's second moments, pixels taken as filled rectangles."""
    centres = lesion.centres()
    moments = np.cov(centres.T, bias=True) if len(centres) > 1 else np.zeros((2, 2))
    small, large = np.linalg.eigvalsh(moments + np.diag(np.square(lesion.edge)) / 12)
    return float(np.sqrt(1 - small / large))


FEATURES: dict[str, Callable[[Lesion], float]] = {
    "AngularStandardDeviation": angular_standard_deviation,
    "Eccentricity": eccentricity,
    "Extent": extent,
    "MarginFluctuation": margin_fluctuation,
    "Solidity": solidity,
}


def outline_features(mask: Mask, names: Iterable[str] = ()) -> dict[str, float]:
    """The named outline features, or all of them, of the voxels above 0; names like ``original_outline_Solidity``."""
    lesion = largest_slice(mask)
    return {f"original_outline_{name}": FEATURES[name](lesion) for name in names or FEATURES}


def largest_slice(mask: Mask) -> Lesion:
    """The slice with most voxels above 0, reduced to its largest 4-connected component.

    Slices are axial, or across the longest voxel edge where that is at least twice the shortest: there the
    other planes are too coarse for an outline.
    """
    spacing = np.asarray(mask.spacing)
    axial = int(np.argmax(np.abs(mask.affine[2, :3]) / spacing))
    across = int(np.argmax(spacing)) if spacing.max() >= _THICK * spacing.min() else axial
    inside = np.moveaxis(mask.array > 0, across, 0)
    components, count = label(inside[int(np.argmax(inside.sum(axis=(1, 2))))])
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    first, second = (float(edge) for axis, edge in enumerate(mask.spacing) if axis != across)
    return Lesion(components == 1 + int(np.argmax(sizes)), (first, second))


def _evenly(contour: Array) -> Array:
    """512 points at equal distances along a closed contour whose last point is its first."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(contour, axis=0).T))])
    wanted = np.linspace(0, along[-1], _POINTS, endpoint=False)
    return np.stack([np.interp(wanted, along, contour[:, axis]) for axis in (0, 1)], axis=1)
