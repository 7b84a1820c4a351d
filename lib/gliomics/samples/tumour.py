"""A glioma: where it grows, how it displaces the brain, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from gliomics.samples.anatomy import Brain
from gliomics.samples.shapes import Array, Grid, inside, length, step
from gliomics.samples.skull import Cranium
from gliomics.samples.tissues import TissueMap


@dataclass(frozen=True)
class Tumour:
    """One planted tumour. Lengths in mm, in the head's own coordinates (right, anterior, superior).

    ``irregularity`` is the relative amplitude of the margin's undulation, ``fingers`` the
    reach of oedema along white matter, ``rim_mm`` the thickness of the enhancing rim
    (0: none), ``necrosis`` whether the inside of the rim is dead tissue, ``nodules`` (0 to 1)
    how much of the core enhances in nodules, ``mismatch`` how far FLAIR is suppressed inside
    the solid part (the T2-FLAIR mismatch of IDH-mutant astrocytoma), ``texture`` the relative
    heterogeneity of the solid part and ``push_mm`` how far the brain around it is displaced.
    """

    centre: tuple[float, float, float]
    radius: float
    seed: tuple[int, ...]
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)
    irregularity: float = 0.1
    fingers: float = 6.0
    rim_mm: float = 0.0
    necrosis: bool = False
    nodules: float = 0.0
    mismatch: float = 0.0
    texture: float = 0.1
    push_mm: float = 4.0

    def rng(self, purpose: int) -> np.random.Generator:
        """An independent stream of random numbers for one part of the tumour."""
        return np.random.default_rng([*self.seed, purpose])


def displace(grid: Grid, surfaces: Cranium, tumour: Tumour) -> Array:
    """Where the tissue now on the grid was before the tumour pushed it away from its centre."""
    x, y, z = (grid.points[n] - tumour.centre[n] for n in range(3))
    distance = length(x, y, z)
    reach = distance / (1.1 * tumour.radius)
    shift = tumour.push_mm * reach * np.exp(0.5 * (1.0 - reach**1.5))
    shift = np.minimum(shift, 0.7 * distance) * np.clip(surfaces.cavity / 16.0, 0.0, 1.0)
    return np.asarray(grid.points - np.stack([x, y, z]) * (shift / np.maximum(distance, 1e-6)))


def margin(grid: Grid, tumour: Tumour) -> Array:
    """Approximate signed distance (mm) to the solid tumour's irregular margin."""
    x, y, z = ((grid.points[n] - tumour.centre[n]) / tumour.stretch[n] for n in range(3))
    coarse = grid.waves(1.9 * tumour.radius, tumour.rng(1), 12)
    fine = grid.waves(0.8 * tumour.radius, tumour.rng(2), 16)
    return length(x, y, z) - tumour.radius * (1.0 + tumour.irregularity * (coarse + 0.55 * fine))


@dataclass(frozen=True)
class Growth:
    """Fractions (0 to 1) of each part of the tumour, and the solid part's texture (mean 0)."""

    oedema: Array
    solid: Array
    enhancing: Array
    necrosis: Array
    texture: Array

    def mask(self) -> Array:
        """Fractions by mask label: 1 core without enhancement, 2 oedema, 4 enhancing."""
        not_enhancing = 1.0 - self.enhancing
        core = np.maximum(self.solid, self.necrosis) * not_enhancing
        return np.stack([core, self.oedema * (1.0 - np.maximum(self.solid, self.enhancing)), self.enhancing])


def grow(grid: Grid, tumour: Tumour, folded: Brain, tissues: TissueMap, *, distance: Array, cavity: Array) -> Growth:
    """Fill the margin (``distance`` in mm) with tumour; oedema follows the white matter of the same hemisphere."""
    white = tissues.fractions["white"]
    side = step(folded.midline * np.sign(tumour.centre[0]), 0.0, 0.8)
    near_callosum = inside(folded.core, 2.0)
    same_side = np.maximum(side, near_callosum)
    room = inside(0.8 - cavity, 0.5) * inside(-folded.ventricles, 0.5) * inside(-folded.cerebellum, 0.5) * same_side
    solid = inside(distance, 0.8) * room

    along_tracts = np.clip(1.6 * gaussian_filter(white, (2.5, 2.5, 1.5)) - 0.1, 0.2, 1.0)
    reach = tumour.fingers * np.maximum(0.7 + 0.38 * grid.waves(36.0, tumour.rng(3), 16), 0.0) * along_tracts
    reach += 0.12 * tumour.fingers * grid.waves(11.0, tumour.rng(4), 16)
    oedema = inside(distance - reach, 1.6) * room * (1.0 - tissues.fractions["csf"])

    texture = grid.waves(13.0, tumour.rng(5), 16) + 0.5 * grid.waves(6.0, tumour.rng(6), 16)
    enhancing = np.zeros_like(solid)
    necrosis = np.zeros_like(solid)
    if tumour.rim_mm > 0.0:
        depth = -distance - 1.0
        inner = tumour.rim_mm * (1.0 + 0.55 * grid.waves(14.0, tumour.rng(7), 14)) + 0.8
        gaps = step(grid.waves(26.0, tumour.rng(8), 12), -1.1, 0.2)
        necrosis = inside(inner - depth, 0.7) * room * float(tumour.necrosis)
        enhancing = inside(-depth, 0.7) * (1.0 - inside(inner - depth, 0.7)) * gaps * room
    if tumour.nodules > 0.0:
        field = grid.waves(15.0, tumour.rng(9), 20)
        enhancing = np.maximum(enhancing, step(field, 1.9 - tumour.nodules, 0.15) * inside(distance + 4.0) * room)
    return Growth(oedema, solid, enhancing, necrosis, tumour.texture * texture)


def paint_tumour(tissues: TissueMap, growth: Growth) -> None:
    """Cover the brain with oedema, then solid tumour, necrosis and the enhancing part."""
    tissues.paint("oedema", growth.oedema * 0.92)
    tissues.paint("solid", growth.solid)
    tissues.paint("necrosis", growth.necrosis)
    tissues.paint("enhancing", growth.enhancing)
