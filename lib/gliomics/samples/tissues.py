"""What a head is made of, and the person-to-person differences between heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gliomics.samples.shapes import Array, Grid

TISSUES = (
    "air", "skin", "fat", "muscle", "bone", "marrow", "csf", "dura", "grey", "white", "deep", "vessel", "choroid",
    "oedema", "solid", "enhancing", "necrosis",
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """One person's anatomy: factors on the average head and the seed of its folds.

    ``sulci`` widens the cortical sulci and ``ventricles`` the ventricles (1 is a
    middle-aged adult); ``asymmetry`` (-1 to 1) makes the right side larger.
    """

    seed: tuple[int, ...]
    width: float = 1.0
    length: float = 1.0
    height: float = 1.0
    ventricles: float = 1.0
    sulci: float = 1.0
    asymmetry: float = 0.0

    def rng(self, purpose: int) -> np.random.Generator:
        """An independent stream of random numbers for one part of the anatomy."""
        return np.random.default_rng([*self.seed, purpose])


@dataclass(frozen=True)
class PlacedHead:
    """A head on a grid; ``points`` (3, i, j, k) is where (mm) each voxel's tissue lies in the undisturbed head."""

    head: Head
    grid: Grid
    points: Array


class TissueMap:
    """Fractions of each tissue in every voxel; they sum to 1 because each layer is painted over those before."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.fractions = {name: np.zeros(shape) for name in TISSUES}
        self.fractions["air"][...] = 1.0
        self._painted = ["air"]

    def paint(self, tissue: str, alpha: Array) -> None:
        """Cover the tissues painted so far with ``tissue`` where ``alpha`` (0 to 1) says."""
        uncovered = 1.0 - alpha
        for name in self._painted:
            self.fractions[name] *= uncovered
        self.fractions[tissue] += alpha
        if tissue not in self._painted:
            self._painted.append(tissue)
