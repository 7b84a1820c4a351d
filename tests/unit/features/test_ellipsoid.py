from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label

from gliomics.errors import InputError
from gliomics.features.ellipsoid import ACCURACY, ellipsoid_features, enclosing_ellipsoid_volume
from gliomics.study import Volume

BOX = 2 / (np.pi * np.sqrt(3))
"""A box touches its smallest ellipsoid with eight corners: 8 / (4/3 pi 3 ** 1.5)."""


def ratio(inside: np.ndarray, affine: np.ndarray | None = None) -> float:
    values = ellipsoid_features(Volume(inside.astype(np.uint8), np.eye(4) if affine is None else affine))
    return values["original_ellipsoid_BoundingEllipsoidVolumeRatio"]


def ellipsoid(*axes: float) -> np.ndarray:
    shape = [2 * int(np.ceil(axis)) + 5 for axis in axes]
    centred = [index - (size - 1) / 2 for index, size in zip(np.indices(shape), shape, strict=True)]
    return sum((index / axis) ** 2 for index, axis in zip(centred, axes, strict=True)) <= 1


def blob(seed: int, size: int = 24) -> np.ndarray:
    """The largest part of smoothed noise above 0, off the border."""
    parts, _ = label(gaussian_filter(np.random.default_rng(seed).normal(size=(size, size, size)), 3) > 0)
    return np.pad(parts == 1 + np.bincount(parts.ravel())[1:].argmax(), 8)


def khachiyan(points: np.ndarray, accuracy: float) -> float:
    """Volume of the smallest ellipsoid around points by Khachiyan's own iteration: slow, but ten lines."""
    lifted = np.column_stack([points, np.ones(len(points))])
    weights = np.full(len(points), 1 / len(points))
    while True:
        distance = np.sum(lifted @ np.linalg.inv((lifted.T * weights) @ lifted) * lifted, axis=1)
        farthest = int(distance.argmax())
        if distance[farthest] <= 4 * (1 + accuracy):
            spread = np.cov(points.T, bias=True, aweights=weights)
            return 4 / 3 * np.pi * np.sqrt(np.linalg.det(spread) * (distance[farthest] - 1) ** 3)
        step = (distance[farthest] / 4 - 1) / (distance[farthest] - 1)
        weights *= 1 - step
        weights[farthest] += step


@pytest.mark.parametrize("size", [(4, 4, 4), (20, 3, 9), (1, 1, 1), (30, 1, 1), (12, 7, 1)])
def test_box_fills_the_part_of_its_ellipsoid_that_geometry_says(size: tuple[int, int, int]) -> None:
    inside = np.zeros((40, 20, 20), dtype=bool)
    inside[3 : 3 + size[0], 2 : 2 + size[1], 5 : 5 + size[2]] = True
    assert ratio(inside) == pytest.approx(BOX, rel=ACCURACY)


def test_ball_and_ellipsoid_come_to_fill_theirs_as_voxels_become_small() -> None:
    assert ratio(ellipsoid(5, 5, 5)) < ratio(ellipsoid(15, 15, 15)) < ratio(ellipsoid(40, 40, 40)) < 1
    assert ratio(ellipsoid(40, 40, 40)) > 0.93
    assert ratio(ellipsoid(40, 20, 30)) > 0.9


def test_half_a_ball_has_the_ellipsoid_of_the_ellipsoid_method() -> None:
    # Its centre is a quarter of the radius above the flat side; its volume 27/32 of the whole ball's.
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 120, endpoint=False), np.linspace(0, np.pi / 2, 31))
    dome = np.stack([np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)], axis=-1).reshape(-1, 3)
    assert enclosing_ellipsoid_volume(dome) == pytest.approx(27 / 32 * 4 / 3 * np.pi, rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(10, 60))
def test_volume_is_that_of_khachiyans_iteration(seed: int, count: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, 3)) * [1, 5, 20] + 100
    assert enclosing_ellipsoid_volume(points) == pytest.approx(khachiyan(points, 5e-4), rel=1.5e-3)


def test_lattice_with_many_points_near_its_ellipsoid_is_solved_to_the_promised_accuracy() -> None:
    # Todd and Yildirim's away steps and the vertex exchange method both end at this ratio, after some 10,000 steps.
    i, j, k = np.indices((64, 64, 64)) - 31.5
    assert ratio((i / 15) ** 2 + (j / 28) ** 2 + (k / 30) ** 2 <= 1) == pytest.approx(0.8953863, rel=ACCURACY)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 50),
    shift=st.tuples(*[st.integers(-8, 8)] * 3),
    axes=st.permutations([0, 1, 2]),
    turns=st.integers(0, 3),
    mirrored=st.booleans(),
    factor=st.integers(1, 3),
)
def test_moving_turning_mirroring_and_repeating_voxels_change_nothing(
    seed: int, shift: tuple[int, int, int], axes: list[int], turns: int, mirrored: bool, factor: int
) -> None:
    lesion = blob(seed)
    moved = np.rot90(np.roll(lesion, shift, axis=(0, 1, 2)).transpose(axes), turns)
    finer = (moved[::-1] if mirrored else moved).repeat(factor, axis=0)
    assert ratio(finer) == pytest.approx(ratio(lesion), rel=2 * ACCURACY)


def test_voxel_size_does_not_count() -> None:
    lesion = blob(3)
    assert ratio(lesion, np.diag([0.4, -0.9, 6.0, 1.0])) == ratio(lesion)


def test_turning_by_any_angle_changes_little() -> None:
    x, y, z = np.indices((70, 70, 30)) - np.array([34.5, 34.5, 14.5])[:, None, None, None]
    ratios = []
    for angle in np.radians([0, 20, 45, 65]):
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        ratios.append(ratio((np.abs(u) <= 25) & (np.abs(v) <= 12) & (np.abs(z) <= 10)))
    assert ratios == pytest.approx([ratios[0]] * 4, rel=0.06)


def test_all_parts_of_a_lesion_share_one_ellipsoid() -> None:
    parts = np.zeros((40, 10, 10), dtype=bool)
    parts[2:4, 4:6, 4:6] = parts[30:32, 4:6, 4:6] = True
    joined = np.zeros_like(parts)
    joined[2:32, 4:6, 4:6] = True
    assert ratio(parts) == pytest.approx(BOX * 16 / joined.sum(), rel=ACCURACY)


def test_two_voxels_corner_to_corner_give_a_finite_ratio() -> None:
    two = np.zeros((5, 5, 5), dtype=bool)
    two[0, 0, 0] = two[4, 4, 4] = True
    assert 0 < ratio(two) < BOX


def test_labels_above_zero_are_one_region_and_an_empty_mask_is_refused() -> None:
    lesion = blob(1).astype(np.uint8)
    lesion[:16] *= 4
    assert list(ellipsoid_features(Volume(lesion, np.eye(4))).values()) == [ratio(lesion > 0)]
    with pytest.raises(InputError, match="mask is empty"):
        ratio(np.zeros((4, 4, 4), dtype=bool))
