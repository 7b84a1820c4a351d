"""Implicit shapes and smooth noise on a grid of points in millimetres.

A shape is an array of approximate signed distances in mm, negative inside. A point
set is an array ``(3, ...)`` of x (right), y (anterior), z (superior).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def mirrored(points: Array) -> Array:
    """The points with left folded onto right, for paired structures."""
    return np.stack([np.abs(points[0]), points[1], points[2]])


def length(x: Array, y: Array, z: Array) -> Array:
    """Euclidean length of a vector field given by its components."""
    return np.sqrt(x * x + y * y + z * z)


def ellipsoid(points: Array, centre: Sequence[float], semi_axes: Sequence[float], yaw_deg: float = 0.0) -> Array:
    """Approximate signed distance to an ellipsoid turned by ``yaw_deg`` about the superior axis."""
    x, y, z = (points[n] - centre[n] for n in range(3))
    if yaw_deg:
        cosine, sine = np.cos(np.deg2rad(yaw_deg)), np.sin(np.deg2rad(yaw_deg))
        x, y = cosine * x + sine * y, cosine * y - sine * x
    x, y, z = (offset / semi_axis for offset, semi_axis in zip((x, y, z), semi_axes, strict=True))
    level = length(x, y, z)
    slope = length(*(offset / semi_axis for offset, semi_axis in zip((x, y, z), semi_axes, strict=True)))
    return np.asarray(level * (level - 1.0) / np.maximum(slope, 1e-9))


def tube(points: Array, stations: Sequence[tuple[float, float, float, float]]) -> Array:
    """Signed distance to a tube through ``stations`` of (x, y, z, radius), radius interpolated between them."""
    parts = []
    for (*start, radius_a), (*end, radius_b) in pairwise(stations):
        dx, dy, dz = (b - a for a, b in zip(start, end, strict=True))
        x, y, z = (points[n] - start[n] for n in range(3))
        along = np.clip((x * dx + y * dy + z * dz) / (dx * dx + dy * dy + dz * dz), 0.0, 1.0)
        nearest = length(x - along * dx, y - along * dy, z - along * dz)
        parts.append(nearest - (radius_a + along * (radius_b - radius_a)))
    return reduce(np.minimum, parts)


def smooth_min(a: Array, b: Array, width: float) -> Array:
    """Union of two shapes with the crease rounded over ``width`` mm (polynomial smooth minimum)."""
    blend = np.clip(0.5 + 0.5 * (b - a) / width, 0.0, 1.0)
    return np.asarray(b + (a - b) * blend - width * blend * (1.0 - blend))


def inside(distance: Array, softness: float = 0.6) -> Array:
    """Fraction of a voxel inside a shape: a logistic edge of ``softness`` mm, standing for partial volume."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(distance / softness, -40.0, 40.0))))


def bump(values: Array, centre: float, width: float) -> Array:
    """A Gaussian bump of height 1."""
    return np.asarray(np.exp(-0.5 * ((values - centre) / width) ** 2))


def step(values: Array, centre: float | Array, width: float) -> Array:
    """A smooth step from 0 to 1 at ``centre``."""
    return inside(centre - values, width)


def _plane_waves(wavelength: float, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Wave vectors ``(count, 3)`` in radians per mm, and phases."""
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    numbers = 2.0 * np.pi / (wavelength * rng.uniform(0.85, 1.18, count))
    return directions * numbers[:, None], rng.uniform(0.0, 2.0 * np.pi, count)


def waves(points: Array, wavelength: float, rng: np.random.Generator, count: int = 24) -> Array:
    """Smooth isotropic noise of one ``wavelength`` (mm), mean 0 and variance 1: a sum of random plane waves."""
    vectors, phases = _plane_waves(wavelength, rng, count)
    total = np.zeros(points.shape[1:])
    for (x, y, z), phase in zip(vectors, phases, strict=True):
        total += np.cos(points[0] * x + points[1] * y + points[2] * z + phase)
    return np.asarray(total * np.sqrt(2.0 / count))


@dataclass(frozen=True)
class Grid:
    """Points on a regular grid whose axes are turned against the head's.

    ``axes`` are the positions (mm) along each scanner axis, ``turn`` the rotation from the
    scanner's axes to the head's.
    """

    axes: tuple[Array, Array, Array]
    turn: Array

    @cached_property
    def points(self) -> Array:
        """Head coordinates ``(3, i, j, k)`` in mm."""
        return np.tensordot(self.turn, np.stack(np.meshgrid(*self.axes, indexing="ij")), 1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of points along each axis."""
        i, j, k = (len(axis) for axis in self.axes)
        return i, j, k

    def gradient(self, field: Array) -> Array:
        """Gradient ``(3, i, j, k)`` of a field on the grid, in the head's axes, per mm."""
        steps = [float(axis[1] - axis[0]) for axis in self.axes]
        return np.tensordot(self.turn, np.array(np.gradient(field, *steps)), 1)

    def waves(self, wavelength: float, rng: np.random.Generator, count: int = 24) -> Array:
        """What :func:`waves` gives at the grid's points, by one matrix product (a plane wave separates by axis)."""
        vectors, phases = _plane_waves(wavelength, rng, count)
        local = vectors @ self.turn
        first, second, third = (np.exp(1j * np.outer(axis, local[:, n])) for n, axis in enumerate(self.axes))
        plane = (first[:, None, :] * second[None, :, :]).reshape(-1, count)
        third = third * np.exp(1j * phases)
        total = np.hstack([plane.real, -plane.imag]) @ np.hstack([third.real, third.imag]).T
        return np.asarray(total.reshape(self.shape) * np.sqrt(2.0 / count))
