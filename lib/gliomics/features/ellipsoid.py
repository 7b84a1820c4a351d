"""How much of the smallest ellipsoid around a lesion the lesion fills.

The bounding ellipsoid volume ratio of Mazurowski 2017 and Buda 2019. It is the same in voxels and in millimetres,
because stretching a region stretches its smallest ellipsoid alike: the spacing need not be known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from gliomics.errors import InputError
from gliomics.features.windows import window_of
from gliomics.study.volumes import Mask

Array = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

ACCURACY = 1e-5
"""The enclosing ellipsoid found is at most this fraction larger than the smallest."""

_SHARPER = 20.0
_ROUNDS = 16
_NEWTON_STEPS = 60
_PAIRS = np.array([(a, b) for a in range(4) for b in range(a, 4)])
_BASIS = np.array([[[(i, j) in ((a, b), (b, a)) for j in range(4)] for i in range(4)] for a, b in _PAIRS], dtype=float)
"""The ten symmetric 4 x 4 matrices from which every other is a sum."""


def bounding_ellipsoid_volume_ratio(inside: Booleans) -> float:
    """Volume of the voxels that are true over that of the smallest ellipsoid around them, corners included."""
    return float(np.count_nonzero(inside) / enclosing_ellipsoid_volume(_hull_corners(inside)))


FEATURES: dict[str, Callable[[Booleans], float]] = {
    "BoundingEllipsoidVolumeRatio": bounding_ellipsoid_volume_ratio,
}


def ellipsoid_features(mask: Mask, names: Iterable[str] = ()) -> dict[str, float]:
    """The named features, or all of them, of the voxels above 0, all parts of the lesion together.

    Names like ``original_ellipsoid_BoundingEllipsoidVolumeRatio``. Raises :class:`InputError` for an empty mask.
    """
    inside = np.asarray(mask.array > 0)
    if not inside.any():
        raise InputError("the mask is empty: no voxel is above 0; draw the lesion before measuring its ellipsoid")
    return {f"original_ellipsoid_{name}": FEATURES[name](inside) for name in list(names) or FEATURES}


def enclosing_ellipsoid_volume(points: Array) -> float:
    """Volume of the smallest ellipsoid around points (n, 3) that span space, at most :data:`ACCURACY` too large.

    With every point lifted to q = (x, 1), the ellipsoid is { x : q' Y q <= 1 } for the positive definite 4 x 4
    matrix Y of largest determinant that keeps every point inside (Khachiyan 1996): a smooth convex problem with ten
    unknowns, solved by Newton's method with a logarithmic barrier (Boyd and Vandenberghe 2004, sections 8.4 and 11.3).
    Khachiyan's own iteration and its faster forms (Todd and Yildirim 2007) reach the same ellipsoid in thousands of
    steps where, as on a lattice, many points lie close to it; this one takes some forty. It stops when the ellipsoid
    is no larger than :data:`ACCURACY` above a lower bound of the smallest one's volume.
    """
    centred = points - points.mean(axis=0)
    root = np.linalg.cholesky(np.cov(centred.T, bias=True))
    whitened = np.linalg.solve(root, centred.T).T
    rows = _products(whitened)
    unknown = np.where(_PAIRS[:, 0] == _PAIRS[:, 1], 1.0, 0.0)
    unknown *= 0.5 / (rows @ unknown).max()
    weight, volume = 1.0, np.inf
    for _ in range(_ROUNDS):
        unknown = _centre(unknown, rows, weight)
        volume = _volume(unknown)
        if volume <= (1 + ACCURACY) * _lower_bound(1 / (1 - rows @ unknown), whitened):
            break
        weight *= _SHARPER
    return float(volume * np.diag(root).prod())


def _products(points: Array) -> Array:
    """For each point (n, 3) the ten numbers whose sum, weighted by the unknowns, is q' Y q: (n, 10)."""
    lifted = np.column_stack([points, np.ones(len(points))])
    twice = np.where(_PAIRS[:, 0] == _PAIRS[:, 1], 1.0, 2.0)
    return np.asarray(lifted[:, _PAIRS[:, 0]] * lifted[:, _PAIRS[:, 1]] * twice)


def _centre(unknown: Array, rows: Array, weight: float) -> Array:
    """The unknowns (10,) that minimise ``-weight log det Y - sum log(1 - q' Y q)``, by damped Newton steps."""
    value = _objective(unknown, rows, weight)
    for _ in range(_NEWTON_STEPS):
        inverse = np.linalg.inv(np.tensordot(unknown, _BASIS, 1)) @ _BASIS
        scaled = rows / (1 - rows @ unknown)[:, None]
        gradient = scaled.sum(axis=0) - weight * np.trace(inverse, axis1=1, axis2=2)
        curvature = weight * np.einsum("kab,lba->kl", inverse, inverse) + scaled.T @ scaled
        step = -np.linalg.solve(curvature, gradient)
        decrease = float(-gradient @ step)
        length = 1.0
        while (after := _objective(unknown + length * step, rows, weight)) > value - 0.1 * length * decrease:
            length /= 2
            if length < 1e-9:  # rounding hides what is left to gain
                return unknown
        unknown, value = unknown + length * step, after
        if decrease < 1e-2:
            break
    return unknown


def _objective(unknown: Array, rows: Array, weight: float) -> float:
    slack = 1 - rows @ unknown
    eigenvalues = np.linalg.eigvalsh(np.tensordot(unknown, _BASIS, 1))
    if slack.min() <= 0 or eigenvalues[0] <= 0:
        return np.inf
    return float(-weight * np.log(eigenvalues).sum() - np.log(slack).sum())


def _volume(unknown: Array) -> float:
    """Volume of { x : q' Y q <= 1 }."""
    matrix = np.tensordot(unknown, _BASIS, 1)
    form, shift = matrix[:3, :3], matrix[:3, 3]
    level = 1 - matrix[3, 3] + shift @ np.linalg.solve(form, shift)
    return float(4 / 3 * np.pi * np.sqrt(level**3 / np.linalg.det(form)))


def _lower_bound(weights: Array, points: Array) -> float:
    """A volume that no ellipsoid around the points undercuts, from any positive weights (the dual problem)."""
    spread = np.cov(points.T, bias=True, aweights=weights)
    return float(4 / 3 * np.pi * np.sqrt(3**3 * np.linalg.det(spread)))


def _hull_corners(inside: Booleans) -> Array:
    """Corners of the voxels' convex hull, (n, 3), in voxels."""
    inside = inside[window_of(inside).box]
    corners = np.zeros([size + 1 for size in inside.shape], dtype=bool)
    for offset in np.ndindex(2, 2, 2):
        corners[tuple(slice(start, start + size) for start, size in zip(offset, inside.shape, strict=True))] |= inside
    # A corner between two others on a line is none of the hull; leaving those out makes the hull quick.
    outermost = corners & _ends(corners, 0) & _ends(corners, 1) & _ends(corners, 2)
    candidates = np.argwhere(outermost).astype(float)
    return np.asarray(candidates[ConvexHull(candidates).vertices])


def _ends(corners: Booleans, axis: int) -> Booleans:
    """The first and the last place of each line along ``axis`` that holds a corner."""
    last = corners.shape[axis] - 1
    place = np.expand_dims(np.arange(last + 1), tuple({0, 1, 2} - {axis}))
    first_true = np.expand_dims(corners.argmax(axis), axis)
    last_true = last - np.expand_dims(np.flip(corners, axis).argmax(axis), axis)
    return np.asarray((place == first_true) | (place == last_true))
