"""What a scanner makes of the tissues: intensity per sequence, coil shading, blur and Rician noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from gliomics.samples.shapes import Array, Grid
from gliomics.samples.tissues import TISSUES, TissueMap
from gliomics.study.records import SEQUENCES

_INTENSITY = {
    "air": (1.0, 1.0, 1.0, 1.0),
    "skin": (80.0, 90.0, 85.0, 95.0),
    "fat": (205.0, 205.0, 140.0, 165.0),
    "muscle": (62.0, 68.0, 40.0, 42.0),
    "bone": (7.0, 7.0, 7.0, 7.0),
    "marrow": (105.0, 108.0, 62.0, 42.0),
    "csf": (22.0, 22.0, 205.0, 13.0),
    "dura": (34.0, 105.0, 36.0, 24.0),
    "grey": (74.0, 75.0, 100.0, 79.0),
    "white": (103.0, 103.0, 75.0, 66.0),
    "deep": (84.0, 85.0, 86.0, 74.0),
    "vessel": (16.0, 190.0, 14.0, 12.0),
    "choroid": (48.0, 165.0, 150.0, 60.0),
    "oedema": (76.0, 76.0, 150.0, 112.0),
    "solid": (62.0, 63.0, 165.0, 120.0),
    "enhancing": (66.0, 185.0, 138.0, 112.0),
    "necrosis": (34.0, 34.0, 190.0, 58.0),
}
"""Intensity of each tissue on the stored 0 to 255 scale: T1, contrast-enhanced T1, T2, FLAIR."""

_TEXTURE_SHARE = {"solid": 1.0, "enhancing": 0.8, "necrosis": 0.8, "oedema": 0.5}
"""How strongly the tumour's texture shows in each of its parts."""


@dataclass(frozen=True)
class Scanner:
    """How one examination was acquired: noise (standard deviation), coil shading (relative), gain per sequence."""

    seed: tuple[int, ...]
    noise: float = 2.2
    shading: float = 0.12
    gain: float = 1.0


SUBSLICES = 2
"""Fine planes that are averaged into one thick slice (partial volume along the slice direction)."""


def thick_slices(fine: Array) -> Array:
    """Average groups of :data:`SUBSLICES` planes along the last axis."""
    return np.asarray(fine.reshape(*fine.shape[:-1], -1, SUBSLICES).mean(-1))


def thick_grid(grid: Grid) -> Grid:
    """The grid of the thick slices."""
    i, j, k = grid.axes
    return Grid((i, j, thick_slices(k)), grid.turn)


def acquire(
    sequence: str, tissues: TissueMap, grid: Grid, scanner: Scanner, *, texture: Array, mismatch: float
) -> npt.NDArray[np.uint8]:
    """The image of one sequence: thick slices averaged from the fine ones, 8-bit levels, background 0."""
    column = SEQUENCES.index(sequence)
    rng = np.random.default_rng([*scanner.seed, column])
    levels = {name: _INTENSITY[name][column] for name in TISSUES}
    levels["solid"] *= 1.0 - 0.42 * mismatch * (sequence == "flair")
    signal = np.zeros(texture.shape)
    for name, fraction in tissues.fractions.items():
        share = _TEXTURE_SHARE.get(name, 0.0) * (1.0 if sequence == "flair" else 0.6)
        signal += fraction * levels[name] * (1.0 + share * texture)
    tracts = 0.025 * grid.waves(13.0, rng, 16) + 0.015 * grid.waves(6.0, rng, 16)
    signal += signal * tracts * (tissues.fractions["white"] + tissues.fractions["grey"])
    thick = thick_slices(signal)
    thick = gaussian_filter(thick, (0.45, 0.45, 0.0))
    thick = thick * (1.0 + scanner.shading * _shading(thick_grid(grid), rng)) * scanner.gain
    real = thick + scanner.noise * rng.standard_normal(thick.shape)
    imaginary = scanner.noise * rng.standard_normal(thick.shape)
    measured = np.sqrt(real**2 + imaginary**2) - 1.9 * scanner.noise * np.exp(-thick / (2.0 * scanner.noise))
    measured *= thick_slices(tissues.fractions["air"]) < 0.995
    return np.asarray(np.clip(np.rint(measured), 0, 255), np.uint8)


def _shading(grid: Grid, rng: np.random.Generator) -> Array:
    """Smooth coil sensitivity: brighter near the skin, with a random drift; about -1 to 1."""
    x, y, z = grid.points
    radius = (x / 80.0) ** 2 + (y / 100.0) ** 2 + (z / 100.0) ** 2
    return np.asarray(0.9 * (radius - 0.5) + 0.35 * grid.waves(220.0, rng, 5))
