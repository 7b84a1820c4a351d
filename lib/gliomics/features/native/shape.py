"""Features of a region's shape in three dimensions and within a slice, from its mask and the size of its voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gliomics.features.mesh import Array, Bools, largest_distance, mesh_of, surface_vertices

SHAPE = (
    "Elongation", "Flatness", "LeastAxisLength", "MajorAxisLength", "Maximum2DDiameterColumn", "Maximum2DDiameterRow",
    "Maximum2DDiameterSlice", "Maximum3DDiameter", "MeshVolume", "MinorAxisLength", "Sphericity", "SurfaceArea",
    "SurfaceVolumeRatio", "VoxelVolume",
)  # fmt: skip
SHAPE_ON_REQUEST = ("Compactness1", "Compactness2", "SphericalDisproportion")
SHAPE_2D = (
    "Elongation", "MajorAxisLength", "MaximumDiameter", "MeshSurface", "MinorAxisLength", "Perimeter",
    "PerimeterSurfaceRatio", "PixelSurface", "Sphericity",
)  # fmt: skip
SHAPE_2D_ON_REQUEST = ("SphericalDisproportion",)
"""Those on request PyRadiomics measures only where they are named."""

_ROUNDING = 1e-14
"""Below this share of the largest, a variance is that of a flat region."""
_AREA_IN_SQUARE = np.array([0, 1, 1, 4, 1, 4, 2, 7, 1, 2, 4, 7, 4, 7, 7, 8]) / 8
"""How much of a square is inside, by which of its corners are: (0, 0), (0, 1), (1, 0), (1, 1) as bits 0 to 3."""


def shape_features(mask: Bools, spacing: Sequence[float]) -> dict[str, float]:
    """Every feature in three dimensions, in mm; ``spacing`` is in the order of the mask's axes (slices first)."""
    edges = np.asarray(spacing, dtype=np.float64)
    area, volume, diameters = mesh_of(np.pad(mask, 1), edges)
    least, minor, major = _variances(mask, edges)
    sphericity = (36 * np.pi * volume**2) ** (1 / 3) / area
    values = {
        "Compactness1": volume / (area**1.5 * np.sqrt(np.pi)),
        "Compactness2": 36 * np.pi * volume**2 / area**3,
        "Elongation": np.sqrt(_ratio(minor, major)),
        "Flatness": np.sqrt(_ratio(least, major)),
        "LeastAxisLength": 4 * np.sqrt(least),
        "MajorAxisLength": 4 * np.sqrt(major),
        "Maximum2DDiameterColumn": diameters[1],
        "Maximum2DDiameterRow": diameters[2],
        "Maximum2DDiameterSlice": diameters[0],
        "Maximum3DDiameter": diameters[3],
        "MeshVolume": volume,
        "MinorAxisLength": 4 * np.sqrt(minor),
        "Sphericity": sphericity,
        "SphericalDisproportion": _ratio(1, sphericity),
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume if volume else float("nan"),
        "VoxelVolume": np.count_nonzero(mask) * edges.prod(),
    }
    return {name: float(value) for name, value in values.items()}


def slice_shape_features(mask: Bools, spacing: Sequence[float]) -> dict[str, float]:
    """Every feature in one slice, in mm; ``mask`` is (rows, columns), ``spacing`` in the order of its axes.

    The outline is that of marching squares through the middles of edges; pixels that touch at a corner are apart.
    """
    edges = np.asarray(spacing, dtype=np.float64)
    padded = np.pad(mask, 1)
    kinds = sum(
        padded[i : i + padded.shape[0] - 1, j : j + padded.shape[1] - 1].astype(np.int64) << (2 * i + j)
        for i in (0, 1)
        for j in (0, 1)
    )
    numbers = np.bincount(np.ravel(kinds), minlength=16)
    along_rows, along_columns, slanted = edges[1], edges[0], np.hypot(*edges) / 2
    lengths = np.full(16, slanted)
    lengths[[0, 15]] = 0
    lengths[[3, 12]], lengths[[5, 10]], lengths[[6, 9]] = along_rows, along_columns, 2 * slanted
    perimeter, surface = numbers @ lengths, numbers @ _AREA_IN_SQUARE * edges.prod()
    minor, major = _variances(mask, edges)
    sphericity = 2 * np.sqrt(np.pi * surface) / perimeter
    values = {
        "Elongation": np.sqrt(_ratio(minor, major)),
        "MajorAxisLength": 4 * np.sqrt(major),
        "MaximumDiameter": largest_distance(surface_vertices(padded) * edges),
        "MeshSurface": surface,
        "MinorAxisLength": 4 * np.sqrt(minor),
        "Perimeter": perimeter,
        "PerimeterSurfaceRatio": perimeter / surface,
        "PixelSurface": np.count_nonzero(mask) * edges.prod(),
        "Sphericity": sphericity,
        "SphericalDisproportion": 1 / sphericity,
    }
    return {name: float(value) for name, value in values.items()}


def _variances(mask: Bools, edges: Array) -> Array:
    """Variances of the voxels' centres along the region's own axes, the smallest first; 0 where rounding hides them.

    They are those of the covariance, from sums of whole numbers: of places, and of the products of two.
    """
    sums = mask.astype(np.float64)
    for size in mask.shape:  # of powers 0 to 2 of the places along each axis, in the end (3, 3, 3)
        sums = np.tensordot(sums, np.arange(size)[:, None] ** np.arange(3), axes=(0, 0))
    count, powers = sums.flat[0], np.eye(mask.ndim, dtype=np.int64)
    places = np.array([sums[tuple(axis)] for axis in powers])
    products = np.array([[sums[tuple(axis + other)] for axis in powers] for other in powers])
    covariance = (count * products - np.outer(places, places)) / count**2 * np.outer(edges, edges)
    variances = np.linalg.eigvalsh(covariance)
    return np.where(variances < _ROUNDING * variances[-1], 0, variances)


def _ratio(part: float, whole: float) -> float:
    """Undefined where the whole is 0: a single voxel has no axes, and some meshes have no volume."""
    return part / whole if whole > 0 else float("nan")
