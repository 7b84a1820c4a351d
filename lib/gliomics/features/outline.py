"""How large, round, smooth and compact a lesion is in the slice where it is largest.

The features need the shape of a pixel only within the slice, so they mean the same whether or not the distance
between slices is known; ``EquivalentDiameter`` and ``Perimeter`` are in the unit of the spacing (mm, or pixels where
it is a placeholder), the others have none. Angular standard deviation and margin fluctuation: Georgiadis 2008 and
Mazurowski 2017; their relation to the genomic clusters of lower-grade glioma: Mazurowski 2017, Buda 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_fill_holes, label, uniform_filter1d
from scipy.spatial import ConvexHull

from gliomics.errors import InputError
from gliomics.features.planes import slice_axis
from gliomics.preprocess.orientation import orientation_of, to_lps
from gliomics.study.volumes import Mask

Array = npt.NDArray[np.float64]

_POINTS = 512
_ANGULAR_BINS = 10
_SMOOTHING = 0.1
_DEEP = 2.0


@dataclass(frozen=True)
class Lesion:
    """The largest component of a mask in the slice where that is largest.

    ``pixels`` is the slice as booleans, ``edge`` the size of a pixel along its two axes (any unit), ``width`` the
    axis of the two that runs left to right (in a sagittal slice, front to back).
    """

    pixels: npt.NDArray[np.bool_]
    edge: tuple[float, float]
    width: int = 0

    def area(self) -> float:
        """Area in the square of the unit of ``edge``."""
        return float(np.count_nonzero(self.pixels) * self.edge[0] * self.edge[1])

    def box(self) -> npt.NDArray[np.int64]:
        """Sides of the bounding box along the slice's two axes, in pixels, (2,)."""
        return np.asarray(np.ptp(np.argwhere(self.pixels), axis=0) + 1)

    def centres(self) -> Array:
        """Centres of the lesion's pixels, (n, 2), in the unit of ``edge``."""
        centres: Array = np.argwhere(self.pixels) * np.asarray(self.edge)
        return centres

    def corners(self) -> Array:
        """Corners of the lesion's pixels, (4 n, 2), in the unit of ``edge``."""
        offsets = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
        corners: Array = (np.argwhere(self.pixels)[:, None] + offsets) * np.asarray(self.edge)
        return corners.reshape(-1, 2)

    def radii(self) -> tuple[Array, Array]:
        """Angle and distance from the centre of mass, mean 1, of 512 points evenly along the outer contour."""
        contour = max(_contours(np.pad(self.pixels, 1).astype(float), 0.5), key=len) - 1
        points = _evenly(contour * np.asarray(self.edge)) - self.centres().mean(axis=0)
        distance = np.hypot(points[:, 0], points[:, 1])
        return np.arctan2(points[:, 0], points[:, 1]), distance / distance.mean()

    def border(self) -> npt.NDArray[np.int64]:
        """Pixels of the outer border in the order in which 8-connected border following visits them, (n, 2)."""
        # Just under 1, the contour runs beside the inner pixels' centres, so that rounding finds those pixels.
        filled = np.pad(binary_fill_holes(self.pixels), 1).astype(float)
        (contour,) = _contours(filled, 0.999, fully_connected="high")
        visited: npt.NDArray[np.int64] = np.rint(contour[:-1]).astype(np.int64) - 1
        moves: npt.NDArray[np.bool_] = (visited != np.roll(visited, 1, axis=0)).any(axis=1)
        return visited[moves]

    def defect_depths(self) -> list[float]:
        """Depth in pixels of each convexity defect: where the border leaves an edge of its convex hull, how far."""
        chain = self.border()
        corners = _hull(chain)
        depths = []
        for start, end in zip(corners, [*corners[1:], corners[0] + len(chain)], strict=True) if corners else ():
            part = chain[np.arange(start, end + 1) % len(chain)] - chain[start]
            along = part[-1]
            depth = np.abs(part[:, 0] * along[1] - part[:, 1] * along[0]).max() / np.hypot(*along)
            if depth > 0:
                depths.append(float(depth))
        return depths


def angular_standard_deviation(lesion: Lesion) -> float:
    """Mean over 10 equal angular sectors of the SD of the contour's distance from the centre of mass (mean 1).

    The sectors of an axial slice begin at the front of the patient, those of other slices at the feet.
    """
    angle, radius = lesion.radii()
    sector = np.floor((angle + np.pi) / (2 * np.pi) * _ANGULAR_BINS).astype(int) % _ANGULAR_BINS
    return float(np.mean([radius[sector == number].std() for number in np.unique(sector)]))


def angular_standard_deviation_legacy(lesion: Lesion) -> float:
    """SD in radians of the direction in which the contour's points lie from the centre of mass.

    About pi / sqrt(3) = 1.81 whatever the lesion: kept for comparison with work that calls this the angular
    standard deviation. Angles are cut where the sectors of :func:`angular_standard_deviation` begin, so turning the
    patient changes it.
    """
    angle, _ = lesion.radii()
    return float(angle.std())


def aspect_ratio(lesion: Lesion) -> float:
    """Width over height of the bounding box along the image's axes; the width runs left to right.

    In a sagittal slice the width runs front to back.
    """
    sides = lesion.box() * np.asarray(lesion.edge)
    return float(sides[lesion.width] / sides[1 - lesion.width])


def convexity_defects(lesion: Lesion) -> float:
    """Number of edges of the border's convex hull that the border leaves (the convexity defects of OpenCV)."""
    return float(len(lesion.defect_depths()))


def deep_convexity_defects(lesion: Lesion) -> float:
    """Number of convexity defects whose deepest pixel is more than 2 pixels from the edge of the hull."""
    return float(sum(depth > _DEEP for depth in lesion.defect_depths()))


def equivalent_diameter(lesion: Lesion) -> float:
    """Diameter of the disc of the lesion's area, in the unit of the spacing."""
    return float(np.sqrt(4 * lesion.area() / np.pi))


def margin_fluctuation(lesion: Lesion) -> float:
    """SD of the contour's distance from the centre of mass (mean 1) about a moving average over 10 % of the contour."""
    _, radius = lesion.radii()
    return float(np.std(radius - uniform_filter1d(radius, int(_POINTS * _SMOOTHING), mode="wrap")))


def solidity(lesion: Lesion) -> float:
    """Area over the area of the convex hull of the pixels' corners."""
    return float(lesion.area() / ConvexHull(lesion.corners()).volume)


def extent(lesion: Lesion) -> float:
    """Area over the area of the bounding box along the image's axes."""
    return float(np.count_nonzero(lesion.pixels) / lesion.box().prod())


def perimeter(lesion: Lesion) -> float:
    """Length of the border through its pixels' centres, borders of holes included, in the unit of the spacing.

    The estimator of scikit-image's ``regionprops`` (Benkrid and Crookes 2000) in pixels, times the geometric mean of
    a pixel's edges. That of one pixel is 0, that of a line of n pixels n - 2.
    """
    from skimage import measure

    in_pixels: Callable[[npt.NDArray[np.bool_], int], float] = measure.perimeter
    return float(in_pixels(lesion.pixels, 4) * np.sqrt(lesion.edge[0] * lesion.edge[1]))


def eccentricity(lesion: Lesion) -> float:
    """Eccentricity of the ellipse with the lesion's second moments, pixels taken as filled rectangles."""
    centres = lesion.centres()
    moments = np.cov(centres.T, bias=True) if len(centres) > 1 else np.zeros((2, 2))
    small, large = np.linalg.eigvalsh(moments + np.diag(np.square(lesion.edge)) / 12)
    return float(np.sqrt(1 - small / large))


FEATURES: dict[str, Callable[[Lesion], float]] = {
    "AngularStandardDeviation": angular_standard_deviation,
    "AngularStandardDeviationLegacy": angular_standard_deviation_legacy,
    "AspectRatio": aspect_ratio,
    "ConvexityDefects": convexity_defects,
    "DeepConvexityDefects": deep_convexity_defects,
    "Eccentricity": eccentricity,
    "EquivalentDiameter": equivalent_diameter,
    "Extent": extent,
    "MarginFluctuation": margin_fluctuation,
    "Perimeter": perimeter,
    "Solidity": solidity,
}
ON_REQUEST = frozenset({"AngularStandardDeviationLegacy"})
"""Features that are computed only when they are named."""


def outline_features(mask: Mask, names: Iterable[str] = ()) -> dict[str, float]:
    """The named outline features of the voxels above 0; names like ``original_outline_Solidity``.

    Without names, all of :data:`FEATURES` but those :data:`ON_REQUEST`.
    """
    lesion = largest_slice(mask)
    names = list(names) or [name for name in FEATURES if name not in ON_REQUEST]
    return {f"original_outline_{name}": FEATURES[name](lesion) for name in names}


def largest_slice(mask: Mask) -> Lesion:
    """The slice with most voxels above 0, reduced to its largest 4-connected component.

    Slices are those of :func:`~gliomics.features.planes.slice_axis`. Raises :class:`InputError` for a mask without a
    voxel above 0.
    """
    if not (mask.array > 0).any():
        raise InputError("the mask is empty: no voxel is above 0; draw the lesion before measuring its outline")
    mask = to_lps(mask)
    across = slice_axis(mask)
    inside = np.moveaxis(mask.array > 0, across, 0)
    components, count = label(inside[int(np.argmax(inside.sum(axis=(1, 2))))])
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    within = [axis for axis in range(3) if axis != across]
    rows, columns = (mask.spacing[axis] for axis in within)
    anatomical = orientation_of(mask.affine)[within, 0]
    return Lesion(components == 1 + int(np.argmax(sizes)), (rows, columns), int(np.argmin(anatomical)))


def _contours(image: Array, level: float, *, fully_connected: str = "low") -> list[Array]:
    """The contours of scikit-image, which has no types: (n, 2) each, in pixels."""
    from skimage import measure

    find: Callable[..., list[Array]] = measure.find_contours
    return find(image, level, fully_connected=fully_connected)


def _evenly(contour: Array) -> Array:
    """512 points at equal distances along a closed contour whose last point is its first."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(contour, axis=0).T))])
    places = np.linspace(0, along[-1], _POINTS, endpoint=False)
    return np.stack([np.interp(places, along, contour[:, axis]) for axis in (0, 1)], axis=1)


def _hull(chain: npt.NDArray[np.int64]) -> list[int]:
    """Where along a closed chain of pixels the corners of its convex hull lie, in order; none for a line.

    Exact on integers (Andrew's monotone chain), points within an edge left out: a hull in floating point may keep
    those, each of which would split a defect in two.
    """
    places: dict[tuple[int, int], int] = {}
    for place, (row, column) in enumerate(chain.tolist()):
        places.setdefault((row, column), place)
    lower, upper = _half_hull(sorted(places)), _half_hull(sorted(places, reverse=True))
    corners = lower[:-1] + upper[:-1]
    return sorted(places[corner] for corner in corners) if len(corners) > 2 else []


def _half_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The corners of the hull on one side of a sorted set of points."""
    corners: list[tuple[int, int]] = []
    for row, column in points:
        while len(corners) > 1:
            (r0, c0), (r1, c1) = corners[-2:]
            if (r1 - r0) * (column - c0) - (c1 - c0) * (row - r0) > 0:
                break
            corners.pop()
        corners.append((row, column))
    return corners
