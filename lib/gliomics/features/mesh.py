"""Surface, volume and diameters of a mask's surface mesh, in time proportional to the mask's size.

PyRadiomics finds the diameters by comparing every vertex with every other: a second for a lesion of 80,000 voxels,
nearly all of the time that its shape features take. The mesh of marching cubes is a sum over the 256 ways in which the
corners of a cube can lie inside or outside. What each way contributes is asked of PyRadiomics itself, once, so the sums
are its own values; the diameters are the same largest distances, looked for on the convex hull only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Coefficients = Callable[[Bools, Array], tuple[float, float, tuple[float, ...]]]
"""PyRadiomics' ``cShape.calculate_coefficients``: mask and spacing to area, volume and four diameters."""

_CORNERS = list(product((0, 1), repeat=3))
_FEW = 32


def mesh_of(mask: Bools, spacing: Array, coefficients: Coefficients) -> tuple[float, float, list[float]]:
    """Area (mm2), volume (mm3) and the diameters (mm): within planes across axis 0, 1 and 2, and in 3-D.

    ``mask`` must have a layer of background on every side; ``spacing`` is in the order of its axes.
    """
    cubes = _cubes(mask)
    crossing = np.nonzero((cubes > 0) & (cubes < 255))
    kinds = cubes[crossing]
    volumes, normals = _volume_table(coefficients)
    area = np.bincount(kinds, minlength=256) @ _area_table(coefficients, tuple(spacing))
    volume = (volumes[kinds] + np.einsum("ij,ij->i", normals[kinds], np.stack(crossing, axis=1))).sum()
    return float(area), float(volume * spacing.prod()), _diameters(surface_vertices(mask), spacing)


def _cubes(mask: Bools) -> npt.NDArray[np.uint8]:
    """Which of the 256 ways each cube of eight neighbouring voxels is; one cube less than voxels along each axis."""
    cubes = np.zeros(tuple(size - 1 for size in mask.shape), dtype=np.uint8)
    for bit, corner in enumerate(_CORNERS):
        part = mask[tuple(slice(start, start + size - 1) for start, size in zip(corner, mask.shape, strict=True))]
        cubes |= part.astype(np.uint8) << np.uint8(bit)
    return cubes


def _cube(kind: int) -> Bools:
    return np.array([kind >> bit & 1 for bit in range(8)], dtype=bool).reshape(2, 2, 2)


@functools.lru_cache(maxsize=64)
def _area_table(coefficients: Coefficients, spacing: tuple[float, ...]) -> Array:
    return np.array([coefficients(_cube(kind), np.array(spacing))[0] for kind in range(256)])


@functools.cache
def _volume_table(coefficients: Coefficients) -> tuple[Array, Array]:
    """Signed volume of each kind of cube at the origin, and what it gains for each step away from it along each axis.

    The volume under a triangle depends on where the origin is. The gain is read from two cubes in a row, of which the
    first stands at the origin.
    """
    unit = np.ones(3)
    volumes = np.array([coefficients(_cube(kind), unit)[1] for kind in range(256)])
    gains = np.zeros((256, 3))
    for kind, axis in product(range(256), range(3)):
        layer = np.take(_cube(kind), [0], axis=axis)
        start = int(_cubes(np.concatenate([layer, layer], axis=axis)).item())
        row = np.ascontiguousarray(np.concatenate([layer, _cube(kind)], axis=axis))
        gains[kind, axis] = coefficients(row, unit)[1] - volumes[start] - volumes[kind]
    return volumes, gains


def surface_vertices(mask: Bools) -> Array:
    """The vertices of a mask's mesh or outline, (n, axes) in voxels: halfway between neighbours of which one is inside.

    ``mask`` must have a layer of background on every side.
    """
    vertices = []
    for axis in range(mask.ndim):
        between = np.argwhere(np.diff(mask, axis=axis)).astype(np.float64)
        between[:, axis] += 0.5
        vertices.append(between)
    return np.concatenate(vertices)


def _diameters(vertices: Array, spacing: Array) -> list[float]:
    points = vertices * spacing
    return [*(_in_planes(points, vertices[:, axis], axis) for axis in range(3)), largest_distance(points)]


def _in_planes(points: Array, plane: Array, axis: int) -> float:
    """The largest distance between two points of one plane; planes that cannot hold it are skipped."""
    points = np.delete(points[np.argsort(plane, kind="stable")], axis, axis=1)
    starts = np.unique(np.sort(plane), return_index=True)[1]
    box = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    reach = np.hypot(*box.T)
    parts = np.split(points, starts[1:])
    best = 0.0
    for index in np.argsort(-reach):
        if reach[index] <= best:
            break
        best = max(best, largest_distance(parts[index]))
    return best


def largest_distance(points: Array) -> float:
    """The largest distance between two of the vertices of a mesh or an outline, (n, axes); 0 of fewer than two."""
    return float(pdist(outermost(points)).max()) if len(points) > 1 else 0.0


def outermost(points: Array) -> Array:
    """Those of the vertices of a mesh or an outline, (n, axes), that lie on its convex hull; all where they are few."""
    if len(points) <= _FEW:
        return points
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # all on one line, whose ends are extremes along some axis; in 3-D a mesh is never flat
        return np.asarray(points[np.unique(np.concatenate([points.argmin(axis=0), points.argmax(axis=0)]))])
