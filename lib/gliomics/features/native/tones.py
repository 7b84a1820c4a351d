"""Features of the neighbouring grey tone difference matrix (NGTDM), Amadasun and King 1989."""

from __future__ import annotations

import numpy as np

from gliomics.features.native.counts import Array
from gliomics.features.native.neighbours import Integers

_NO_DIFFERENCE = 1e6
"""Coarseness of a region without differences, as PyRadiomics sets it."""
FEATURES = ("Busyness", "Coarseness", "Complexity", "Contrast", "Strength")


def tone_features(numbers: Integers, differences: Array) -> dict[str, float]:
    """Every feature, from how many voxels each level has and the sum of their differences from their surroundings.

    Both are by level, from 1. Values where there are no differences, or a single level, are PyRadiomics'.
    """
    levels = np.flatnonzero(numbers) + 1.0
    i, s = levels[:, None], differences[numbers > 0]
    p = numbers[numbers > 0] / numbers.sum()
    weighted = (p * s).sum()
    products, shares = (p * s)[:, None], p[:, None]
    apart = np.abs(i - i.T)
    sides = np.abs(i * shares - (i * shares).T).sum()
    contrast = (shares * shares.T * apart**2).sum() * s.sum() / numbers.sum()
    return {
        "Busyness": float(weighted / sides) if sides else 0.0,
        "Coarseness": float(1 / weighted) if weighted else _NO_DIFFERENCE,
        "Complexity": float((apart * (products + products.T) / (shares + shares.T)).sum() / numbers.sum()),
        "Contrast": float(contrast / (len(p) * (len(p) - 1))) if len(p) > 1 else 0.0,
        "Strength": float(((shares + shares.T) * apart**2).sum() / s.sum()) if s.any() else 0.0,
    }
