"""The mesh's sums against PyRadiomics' own, which compares every vertex with every other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from radiomics import cShape
from scipy.ndimage import gaussian_filter

from gliomics.features.mesh import Bools, mesh_of
from gliomics.features.native.tier import counting_by
from tests.unit.features.random_regions import TIERS

SPACINGS = [(1.0, 1.0, 1.0), (5.0, 0.9, 0.9), (1.0, 0.43, 2.7), (0.001, 0.001, 0.003), (300.0, 200.0, 1000.0)]


def ragged(shape: tuple[int, int, int], smooth: float, share: float, seed: int) -> Bools:
    """A random mask of about ``share`` of the box: from single voxels to smooth lumps with holes."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), smooth)
    inside = noise >= np.quantile(noise, 1 - share)
    return inside if inside.any() else noise == noise.max()


def line(shape: tuple[int, int, int]) -> Bools:
    """Voxels along the diagonal of the box."""
    inside = np.zeros(shape, dtype=bool)
    length = max(shape)
    inside[tuple(np.linspace(0, size - 1, length).round().astype(int) for size in shape)] = True
    return inside


def box(shape: tuple[int, int, int], *, hole: bool = False, split: bool = False) -> Bools:
    inside = np.ones(shape, dtype=bool)
    if hole:
        inside[2:-2, 2:-2, 2:-2] = False
    if split:
        inside[shape[0] // 2] = False
    return inside


def assert_equal_to_pyradiomics(mask: Bools, spacing: tuple[float, float, float]) -> None:
    padded, edges = np.pad(mask, 1), np.array(spacing)
    area, volume, diameters = cShape.calculate_coefficients(padded, edges)
    for tier in TIERS:
        with counting_by(tier):
            ours = mesh_of(padded, edges)
        assert [ours[0], ours[1], *ours[2]] == pytest.approx([area, volume, *diameters], rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 13)] * 3),
    smooth=st.sampled_from([0, 0.5, 1, 2]),
    share=st.floats(0.02, 1),
    seed=st.integers(0, 10_000),
    spacing=st.tuples(*[st.floats(0.1, 10)] * 3),
)
def test_mesh_of_any_mask_equals_pyradiomics(
    shape: tuple[int, int, int], smooth: float, share: float, seed: int, spacing: tuple[float, float, float]
) -> None:
    assert_equal_to_pyradiomics(ragged(shape, smooth, share, seed), spacing)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(
    "mask",
    [
        box((1, 1, 1)),
        box((7, 1, 1)),
        box((1, 7, 1)),
        box((1, 1, 7)),
        line((9, 9, 1)),
        line((40, 40, 40)),
        line((60, 25, 7)),
        box((1, 9, 8)),
        box((9, 1, 8)),
        box((9, 8, 1)),
        ragged((1, 20, 21), 1, 0.3, 0),
        box((9, 8, 7), hole=True),
        box((9, 8, 7), split=True),
        ragged((24, 22, 20), 2, 0.3, 1),
    ],
    ids=[
        "voxel", "line i", "line j", "line k", "diagonal in a plane", "diagonal", "slanted line", "slice i", "slice j",
        "slice k", "ragged slice", "hole", "two parts", "lump",
    ],
)  # fmt: skip
def test_mesh_of_a_special_mask_equals_pyradiomics(mask: Bools, spacing: tuple[float, float, float]) -> None:
    assert_equal_to_pyradiomics(mask, spacing)


def test_volume_and_area_of_a_large_box_are_nearly_its_own() -> None:
    area, volume, diameters = mesh_of(np.pad(box((40, 30, 20)), 1), np.array([1.0, 2.0, 3.0]))
    assert volume == pytest.approx(40 * 60 * 60, rel=0.01)
    assert area == pytest.approx(2 * (40 * 60 + 40 * 60 + 60 * 60), rel=0.03)
    assert diameters[3] == pytest.approx(np.linalg.norm([40, 60, 60]), rel=0.02)
