"""The parts of a head that a tumour does not move: scalp, skull, orbits and air cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.samples.shapes import Array, Grid, bump, ellipsoid, inside, length, mirrored, smooth_min, step, tube
from gliomics.samples.tissues import Head, TissueMap


@dataclass(frozen=True)
class Cranium:
    """Depth below the skin, depth inside the cranial cavity (negative outside) and thickness of the scalp, in mm."""

    skin: Array
    cavity: Array
    scalp: Array


def cranium(grid: Grid, head: Head) -> Cranium:
    """The head's outline, and the cavity that scalp, skull and skull base leave for the brain."""
    x, y, z = grid.points
    across = x * (1.0 + 0.0008 * (y + 10.0)) / (75.0 * head.width)
    along = (y + 6.0) / (95.0 * head.length)
    up = np.where(z > 0.0, z / (87.0 * head.height), z / 260.0)
    power = 2.2
    level = 1.0 - (np.abs(across) ** power + np.abs(along) ** power + np.abs(up) ** power) ** (1.0 / power)
    level += 0.011 * grid.waves(110.0, head.rng(1), 8)
    slope = length(*grid.gradient(level))
    skin = level / np.clip(slope, 0.006, 0.02)

    temporal = bump(y, 22.0, 22.0) * step(-z, -22.0, 6.0) * step(np.abs(x), 45.0, 5.0)
    scalp = 4.6 + 0.6 * grid.waves(60.0, head.rng(2), 8) + 7.0 * temporal
    bone = 5.6 + 1.5 * bump(y, 85.0, 20.0) + 0.6 * grid.waves(50.0, head.rng(3), 8)
    cavity = smooth_min(skin - scalp - bone, 0.8 * (z - _floor(x, y)), 6.0)
    return Cranium(skin, np.minimum(cavity, _petrous(grid.points)), scalp)


def _floor(x: Array, y: Array) -> Array:
    """Height of the skull base: anterior fossa high, temporal fossae low and round, posterior fossa lowest."""
    anterior = step(y, 33.0 - 0.022 * (np.abs(x) - 36.0) ** 2, 2.5)
    posterior = step(-y, 18.0, 4.0)
    middle = -52.0 + 30.0 * bump(x, 0.0, 15.0) * (1.0 - posterior)
    front = -17.0 + 3.0 * bump(np.abs(x), 28.0, 14.0) + 0.05 * (y - 40.0)
    return np.asarray(middle * (1 - anterior) * (1 - posterior) + front * anterior - 72.0 * posterior)


def _petrous(points: Array) -> Array:
    """Distance from the petrous ridges, which part the temporal lobes from the cerebellum."""
    paired = mirrored(points)
    return tube(paired, [(70, -40, -36, 9), (42, -27, -44, 9), (18, -8, -52, 8)])


def paint_skull(tissues: TissueMap, surfaces: Cranium, grid: Grid, head: Head) -> None:
    """Skin, fat, muscle, skull with its marrow, orbits and air cells."""
    skin, scalp = surfaces.skin, surfaces.scalp
    tissues.paint("skin", inside(-skin))
    tissues.paint("fat", inside(1.5 - skin))
    tissues.paint("muscle", inside(4.5 - skin) * step(scalp, 7.0, 0.6))
    bone = inside(scalp - skin)
    tissues.paint("bone", bone)
    table = np.minimum(skin - scalp, -surfaces.cavity)
    marrow = bone * inside(1.2 - table, 0.5) * step(grid.points[2], -12.0, 5.0)
    tissues.paint("marrow", marrow * (0.75 + 0.25 * np.clip(grid.waves(22.0, head.rng(4), 10), -1.5, 1.0)))
    _paint_base(tissues, surfaces, grid, head)
    _paint_orbits(tissues, surfaces, grid, head)


def _paint_base(tissues: TissueMap, surfaces: Cranium, grid: Grid, head: Head) -> None:
    """Below the skull base: muscle, marrow and the air cells of the sinuses."""
    z = grid.points[2]
    paired = mirrored(grid.points)
    below = step(-z, 12.0, 2.0) * inside(6.0 - surfaces.skin) * inside(surfaces.cavity + 3.0)
    soft = step(grid.waves(24.0, head.rng(5), 12), -0.1, 0.25)
    tissues.paint("muscle", 0.85 * below * soft * step(paired[0], 30.0, 4.0))
    tissues.paint("marrow", 0.9 * below * (1.0 - soft))
    ethmoid = ellipsoid(paired, (7, 44, -36), (8, 30, 13))
    sphenoid = ellipsoid(paired, (0, 18, -37), (13, 12, 10))
    cells = np.minimum(ethmoid, sphenoid) + 2.5 * grid.waves(12.0, head.rng(6), 12)
    tissues.paint("air", inside(cells) * step(-z, 16.0, 2.0) * inside(6.0 - surfaces.skin))
    frontal = ellipsoid(paired, (10, 79 * head.length, -2), (11, 4.5, 14))
    tissues.paint("air", inside(frontal) * inside(5.0 - surfaces.skin))


def _paint_orbits(tissues: TissueMap, surfaces: Cranium, grid: Grid, head: Head) -> None:
    """Orbital fat, eye muscles, optic nerves and globes."""
    paired = mirrored(grid.points)
    socket = ellipsoid(paired, (31, 53, -32), (17.5, 29, 16), 14.0)
    tissues.paint("fat", 0.8 * inside(socket, 1.0) * inside(1.5 - surfaces.skin))
    cone = ellipsoid(paired, (31, 48, -33), (12, 25, 10.5), 14.0)
    tissues.paint("muscle", inside(np.abs(cone) - 1.3))
    tissues.paint("muscle", inside(tube(paired, [(32, 58, -33, 2.0), (16, 24, -30, 2.0)])))
    globe = ellipsoid(paired, (33, 67, -33), (12.0, 12.0, 12.0))
    tissues.paint("muscle", inside(globe))
    tissues.paint("csf", inside(globe + 1.5))
    tissues.paint("muscle", inside(ellipsoid(paired, (33, 75, -33), (5, 2.2, 5))))
