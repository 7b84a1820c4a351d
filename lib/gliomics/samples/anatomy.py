"""A head without its tumour: the folded brain, its ventricles and nuclei."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.samples.shapes import (
    Array,
    bump,
    ellipsoid,
    inside,
    length,
    mirrored,
    smooth_min,
    step,
    tube,
    waves,
)
from gliomics.samples.skull import Cranium
from gliomics.samples.tissues import PlacedHead, TissueMap

CORTEX_MM = 3.3
"""Thickness of the cortical ribbon."""


@dataclass(frozen=True)
class Brain:
    """Surfaces that move with the tissue, as distances in mm.

    ``pia`` is the depth below the pia (negative in sulci and outside), ``cerebellum``,
    ``stem`` and ``ventricles`` are negative inside, ``midline`` is positive on the right,
    ``core`` is negative around the callosum, where the hemispheres are joined.
    """

    pia: Array
    cerebellum: Array
    stem: Array
    ventricles: Array
    midline: Array
    core: Array


def fold(placed: PlacedHead, surfaces: Cranium, swelling: Array) -> Brain:
    """The brain of a head; ``swelling`` (mm) narrows the sulci near a tumour."""
    head, grid, points = placed.head, placed.grid, placed.points
    midline = points[0] - 2.5 * head.asymmetry * bump(points[1], -50.0, 30.0) - 0.8 * grid.waves(90.0, head.rng(10), 6)
    cerebellum = ellipsoid(points, (0, -57, -42), (51, 33, 25)) + 0.8 * grid.waves(30.0, head.rng(11), 12)
    stem = _stem(points) + 0.5 * grid.waves(20.0, head.rng(12), 12)
    core = ellipsoid(points, (0, -7, 5), (36, 40, 21))
    fissure = np.sqrt(midline**2 + (2.0 * np.maximum(0.0, -core)) ** 2)
    hull = smooth_min(surfaces.cavity - 1.6, fissure - 0.8, 6.0)
    hull = smooth_min(hull, cerebellum - 1.6, 2.0)
    hull = smooth_min(hull, stem - 1.6 + 40.0 * step(points[2], -11.0, 1.5), 2.0)
    pia = np.minimum(hull, _sylvian(placed))
    pia = np.minimum(pia, _sulci(placed, hull, core, 20, (29.0, 21.0, 0.75)))
    pia = np.minimum(pia, _sulci(placed, hull, core, 30, (17.0, 10.0, 0.2)))
    pia = np.minimum(pia + swelling, hull)
    return Brain(pia, cerebellum, stem, _ventricles(placed), midline, core)


def _stem(points: Array) -> Array:
    """Midbrain with its peduncles, pons and medulla."""
    paired = mirrored(points)
    peduncle = tube(paired, [(11, -9, -6, 7.5), (9.5, -11, -14, 6.5), (8, -14, -22, 7)])
    tectum = ellipsoid(points, (0, -23, -15), (12, 9.5, 15))
    midbrain = smooth_min(peduncle, tectum, 6.0)
    pons = ellipsoid(points, (0, -19, -33), (18, 13, 13))
    medulla = tube(points, [(0, -24, -40, 10), (0, -30, -70, 9)])
    return smooth_min(smooth_min(midbrain, pons, 4.0), medulla, 4.0)


def _sulci(placed: PlacedHead, hull: Array, core: Array, purpose: int, size: tuple[float, float, float]) -> Array:
    """Distance (mm) from one generation of sulci, minus half their width; ``size`` is wavelength, depth and width.

    Sulci are the zero surfaces of smooth noise that is nearly constant along the normal of
    the hemisphere's hull, so that they run inwards; each ends at its own depth, and before
    the crease where two sides of the hull are equally near and the normal jumps.
    """
    head, grid, points = placed.head, placed.grid, placed.points
    wavelength, reach, width = size
    normal = grid.gradient(hull)
    steepness = length(*normal)
    normal /= np.maximum(steepness, 0.5)
    crease = 10.0 * np.maximum(0.0, 0.9 - steepness) + 6.0 * inside(core - 5.0, 2.5)
    depth = np.clip(hull, 0.0, 30.0)
    warp = np.stack([grid.waves(34.0, head.rng(purpose + k), 10) for k in range(1, 4)])
    foot = points - 0.8 * depth * normal + 3.0 * warp
    foot[0] += 300.0 * (points[0] > 0)
    bands = np.cos(2.0 * np.pi * foot[1] / wavelength + 2.4 * grid.waves(65.0, head.rng(purpose + 4), 10))
    noise = 0.9 * bands + 0.75 * waves(foot, wavelength, head.rng(purpose), 24)
    scale = 2.0 * np.pi / wavelength / np.sqrt(3.0)
    slope = np.clip(length(*grid.gradient(noise)), 0.35 * scale, 1.9 * scale)
    ends = reach * (1.0 + 0.4 * grid.waves(40.0, head.rng(purpose + 5), 10))
    beyond = np.maximum(0.0, depth - ends)
    half_width = np.maximum(width * (1.0 + 0.5 * grid.waves(45.0, head.rng(purpose + 6), 8)), 0.1)
    half_width = head.sulci * (half_width + 0.9 * np.exp(-depth / 3.5))
    return np.asarray(np.sqrt((noise / slope) ** 2 + beyond**2 + crease**2) - half_width)


def _sylvian(placed: PlacedHead) -> Array:
    """Distance from the lateral fissure and the insular cistern of both sides, minus half their width."""
    head, grid, points = placed.head, placed.grid, placed.points
    wave = 1.8 * grid.waves(26.0, head.rng(40), 10)
    z = points[2]
    lift = 0.28 * (points[1] - 5.0)
    out_of_reach = np.abs(np.clip(z + lift, -9.0, 11.0) - z - lift)
    flat = np.stack([np.abs(points[0]) + wave, points[1] + wave, out_of_reach])
    opening = tube(flat, [(70, 14, 0, 2.2), (52, 9, 0, 1.2), (40, 10, 0, 1.1)])
    insula = tube(flat, [(35, 25, 0, 0.8), (40, 10, 0, 1.2), (41, -6, 0, 1.0), (37, -20, 0, 0.5)])
    return np.asarray(smooth_min(opening, insula, 1.5) + 0.6 - 0.6 * head.sulci)


def _ventricles(placed: PlacedHead) -> Array:
    """Signed distance to the lateral, third and fourth ventricles."""
    head, grid, points = placed.head, placed.grid, placed.points
    size = head.ventricles
    bent = points + 1.2 * np.stack([grid.waves(38.0, head.rng(50 + k), 8) for k in range(3)])
    paired = mirrored(bent)
    side = size * (1.0 + head.asymmetry * 0.25 * np.tanh(points[0] / 4.0))
    front = [(13, 33, 3, 2), (7.5, 19, 8, 4.6), (8.5, 0, 16, 4.8)]
    back = [(14, -22, 16, 5.4), (23, -38, 7, 6.6), (22, -60, 2, 1.6)]
    horns = tube(paired, [*front, *back])
    temporal = tube(paired, [(24, -38, 5, 5.5), (33, -22, -14, 2.2), (32, -2, -20, 1.6)])
    lateral = smooth_min(horns, temporal, 3.0) - 5.0 * (side - 1.0)
    third = ellipsoid(bent, (0, -9, -3), (1.6 * size + 0.6, 16, 9))
    fourth = ellipsoid(points, (0, -43, -36), (7 * size, 5, 10))
    return np.asarray(np.minimum(np.minimum(lateral, third), fourth))


def paint_brain(tissues: TissueMap, folded: Brain, surfaces: Cranium, placed: PlacedHead) -> None:
    """Subarachnoid space, cortex, white matter, nuclei, hindbrain, ventricles and the large vessels."""
    head, grid, points = placed.head, placed.grid, placed.points
    x, y, z = points
    cavity = inside(-surfaces.cavity)
    tissues.paint("csf", cavity)
    falx = inside(np.abs(folded.midline) - 0.4, 0.6) * inside(-ellipsoid(points, (0, -7, 4), (36, 47, 30)))
    tissues.paint("dura", falx * cavity * step(z, -5.0, 3.0))
    tissues.paint("dura", 0.8 * inside(np.abs(surfaces.cavity - 0.4) - 0.5, 0.3))
    sinus = np.abs(x) + 0.8 * np.maximum(surfaces.cavity, 0.0) - 5.0
    high = step(z, 55.0, 8.0)
    tissues.paint("vessel", inside(sinus, 0.8) * cavity * np.maximum(high, step(-y, 50.0, 6.0)) * step(z, -22.0, 4.0))

    tissues.paint("grey", inside(-folded.pia, 0.7) * cavity)
    ribbon = CORTEX_MM * (1.0 + 0.12 * grid.waves(18.0, head.rng(60), 12))
    tissues.paint("white", inside(ribbon - folded.pia, 0.75) * cavity)
    _paint_nuclei(tissues, placed, cavity)
    _paint_hindbrain(tissues, folded, placed, cavity)
    tissues.paint("csf", inside(folded.ventricles) * cavity)
    paired = mirrored(points)
    tissues.paint("deep", inside(ellipsoid(paired, (14.0, 20, 6), (5.2, 11, 10), -14.0), 0.8))
    plexus = tube(paired, [(22, -37, 8, 1.8), (15, -24, 14, 1.2)]) + 0.8 * grid.waves(7.0, head.rng(61), 10)
    tissues.paint("choroid", inside(plexus) * inside(folded.ventricles))
    _paint_arteries(tissues, folded, placed, cavity)


def _paint_nuclei(tissues: TissueMap, placed: PlacedHead, cavity: Array) -> None:
    """Thalamus, putamen and pallidum."""
    head, grid, points = placed.head, placed.grid, placed.points
    bent = points + 1.3 * np.stack([grid.waves(30.0, head.rng(70 + k), 8) for k in range(3)])
    paired = mirrored(bent)
    for centre, axes, yaw, strength in (
        ((11, -16, 4), (8.5, 14, 9), 18.0, 0.75),
        ((27, 5, 2), (5.2, 16, 10), 12.0, 1.0),
        ((20, 0, 1), (4.5, 9, 7), 18.0, 0.6),
    ):
        tissues.paint("deep", strength * inside(ellipsoid(paired, centre, axes, yaw), 0.9) * cavity)


def _paint_hindbrain(tissues: TissueMap, folded: Brain, placed: PlacedHead, cavity: Array) -> None:
    """Cerebellum with its folia, brain stem, and the cisterns around them."""
    head, grid, points = placed.head, placed.grid, placed.points
    x, y, z = points
    low = step(-z, 12.5, 1.5)
    suprasellar = tube(points, [(0, 16, -20, 5), (0, 4, -20, 8), (10, -1, -18, 4)])
    suprasellar = np.minimum(suprasellar, tube(points, [(0, 4, -20, 8), (-10, -1, -18, 4)]))
    tissues.paint("csf", inside(suprasellar) * cavity)
    tissues.paint("csf", inside(folded.cerebellum - 1.5) * cavity)
    tissues.paint("grey", inside(folded.cerebellum) * cavity)
    radius = np.sqrt(0.4 * x**2 + (y + 42.0) ** 2 + 1.6 * (z + 34.0) ** 2)
    folia = np.cos(2.0 * np.pi * radius / 5.0 + 2.2 * grid.waves(20.0, head.rng(80), 12))
    arbor = inside(folded.cerebellum + 8.0 + 3.5 * grid.waves(13.0, head.rng(81), 14), 2.0)
    outer = inside(-folded.cerebellum - 12.0, 1.5) * inside(folded.cerebellum)
    tissues.paint("csf", 0.3 * outer * step(folia, 0.8, 0.1) * cavity)
    tissues.paint("white", 0.7 * arbor * cavity)
    tissues.paint("csf", inside(folded.stem - 2.0) * inside(-folded.cerebellum - 4.0, 1.5) * cavity * low)
    tissues.paint("white", inside(folded.stem, 1.0) * cavity * step(-z, 9.0, 2.0))
    tissues.paint("grey", 0.4 * inside(folded.stem + 4.0, 1.5) * cavity * low)


def _paint_arteries(tissues: TissueMap, folded: Brain, placed: PlacedHead, cavity: Array) -> None:
    """Carotid, basilar, middle and anterior cerebral arteries, and pial vessels in some sulci."""
    head, grid, points = placed.head, placed.grid, placed.points
    paired = mirrored(points)
    main = tube(paired, [(11, 9, -30, 1.7), (11, 9, -18, 1.7), (25, 12, -14, 1.3), (38, 14, -6, 1.0), (42, 2, 4, 0.8)])
    main = np.minimum(main, tube(points, [(0, -5, -50, 1.6), (0, -2, -22, 1.6)]))
    main = np.minimum(main, tube(paired, [(2, 24, -10, 0.9), (2, 37, 8, 0.9), (2, 40, 22, 0.7)]))
    tissues.paint("vessel", inside(main, 0.4) * cavity)
    pial = step(grid.waves(9.0, head.rng(90), 16), 1.25, 0.12) * inside(folded.pia + 0.2, 0.4)
    tissues.paint("vessel", 0.7 * pial * cavity * step(points[2], -15.0, 4.0))
