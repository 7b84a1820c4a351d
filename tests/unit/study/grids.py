"""Grids for tests: one oblique, anisotropic example and a hypothesis strategy over many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


def oblique_affine(
    angles: tuple[float, float, float] = (12.0, -23.0, 34.0),
    spacing: tuple[float, float, float] = (0.9375, 0.9375, 5.5),
    origin: tuple[float, float, float] = (-101.3, 77.7, -12.9),
) -> npt.NDArray[np.float64]:
    """An affine with rotation angles in degrees, spacing and origin in mm (RAS)."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


def affines() -> st.SearchStrategy[npt.NDArray[np.float64]]:
    """Rotated, anisotropic, shifted and mirrored affines."""
    angle = st.floats(-180, 180)
    size = st.floats(0.2, 8)
    place = st.floats(-300, 300)
    mirror = st.sampled_from([1.0, -1.0])
    return st.builds(
        lambda angles, spacing, origin, sign: oblique_affine(angles, spacing, origin) @ np.diag([sign, 1, 1, 1]),
        st.tuples(angle, angle, angle),
        st.tuples(size, size, size),
        st.tuples(place, place, place),
        mirror,
    )
