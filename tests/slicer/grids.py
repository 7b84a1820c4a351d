"""Grids of images in tests."""

from __future__ import annotations

import numpy as np

OBLIQUE = np.array([[0.9, -0.25, 0.15, -31.5], [0.3, 0.85, -0.5, 22.25], [-0.02, 0.12, 4.8, 5.0], [0.0, 0.0, 0.0, 1.0]])
"""An affine with oblique directions, anisotropic spacing and an offset."""
OBLIQUE[:3, 1] -= OBLIQUE[:3, 0] * (OBLIQUE[:3, 0] @ OBLIQUE[:3, 1]) / (OBLIQUE[:3, 0] @ OBLIQUE[:3, 0])
OBLIQUE[:3, 2] = np.cross(OBLIQUE[:3, 0], OBLIQUE[:3, 1]) * 5.2
