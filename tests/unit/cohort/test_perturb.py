from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, label

from gliomics.cohort.perturb import PERTURBATIONS, move, perturbed, redraw_contour, turn
from gliomics.study import Mask, Volume

PLANE = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], dtype=bool).transpose(1, 2, 0)


def masks() -> st.SearchStrategy[Mask]:
    """A few overlapping or separate ellipses on up to 5 axial slices of a small grid, at its border too."""

    def drawn(seed: int, parts: int, radius: float) -> Mask:
        random = np.random.default_rng(seed)
        grid = np.indices((24, 20, 5)).astype(float)
        inside = np.zeros((24, 20, 5), dtype=bool)
        for _ in range(parts):
            centre = random.uniform(0, 1, 3) * (23, 19, 4)
            radii = random.uniform(0.4, 1, 3) * (radius, radius, 2)
            inside |= sum(((grid[axis] - centre[axis]) / radii[axis]) ** 2 for axis in range(3)) <= 1
            inside[tuple(np.rint(centre).astype(int))] = True
        return Volume(inside.astype(np.uint8), np.diag([1.0, 1.5, 5.0, 1.0]))

    return st.builds(drawn, st.integers(0, 10**6), st.integers(1, 4), st.floats(0.5, 7))


def disc(radius: float, size: int = 80, slices: int = 3) -> Mask:
    x, y = np.indices((size, size)) - (size - 1) / 2
    array = np.zeros((size, size, slices), dtype=np.uint8)
    array[..., 1] = x**2 + y**2 <= radius**2
    return Volume(array, np.diag([1.0, 1.0, 5.0, 1.0]))


def oval(spacing: tuple[float, float, float] = (1, 1, 5)) -> Mask:
    """An ellipse in one slice, 70 mm long along the first axis and 30 mm wide."""
    x, y = np.indices((round(100 / spacing[0]), round(100 / spacing[1])))
    array = np.zeros((*x.shape, 3), dtype=np.uint8)
    array[..., 1] = ((x * spacing[0] - 50) / 35) ** 2 + ((y * spacing[1] - 50) / 15) ** 2 <= 1
    return Volume(array, np.diag([*spacing, 1.0]))


def direction(mask: Mask) -> float:
    """Angle of the region's longest axis from the grid's first axis, in degrees."""
    points = np.argwhere(mask.array)[:, :2] * mask.spacing[:2]
    vector = np.linalg.eigh(np.cov(points.T))[1][:, -1]
    return float(np.degrees(np.arctan(vector[1] / vector[0])))


@settings(max_examples=60, deadline=None)
@given(mask=masks())
def test_a_perturbation_is_a_mask_on_the_same_grid_and_never_empty(mask: Mask) -> None:
    for name, changed in perturbed(mask).items():
        assert changed.array.dtype == np.uint8, name
        assert set(np.unique(changed.array)) <= {0, 1}, name
        assert changed.array.any(), name
        np.testing.assert_array_equal(changed.affine, mask.affine)


@settings(max_examples=40, deadline=None)
@given(mask=masks())
def test_no_part_is_lost_and_none_appears_elsewhere(mask: Mask) -> None:
    # Within the 20 voxels of this grid a turn by 5 degrees moves nothing further than 3 voxels.
    reach = np.ones((7, 7, 1), dtype=bool)
    parts, count = label(mask.array)
    for name, changed in perturbed(mask).items():
        for number in range(1, count + 1):
            assert (binary_dilation(parts == number, reach) & (changed.array > 0)).any(), name
        assert not (changed.array > binary_dilation(mask.array > 0, reach)).any(), name


@settings(max_examples=20, deadline=None)
@given(mask=masks())
def test_the_same_mask_is_perturbed_the_same_way(mask: Mask) -> None:
    again = perturbed(mask.with_array(mask.array.copy()))
    for name, changed in perturbed(mask).items():
        np.testing.assert_array_equal(changed.array, again[name].array)


@pytest.mark.parametrize("name", sorted(set(PERTURBATIONS) - {"as-drawn"}))
def test_each_perturbation_changes_a_lesion_a_little(name: str) -> None:
    mask = oval()
    changed = PERTURBATIONS[name](mask)
    overlap = 2 * np.count_nonzero(changed.array & mask.array) / (changed.array.sum() + mask.array.sum())
    assert 0.85 < overlap < 1


def test_voxels_other_than_0_and_1_do_not_count_twice() -> None:
    mask = disc(20)
    for name, changed in perturbed(mask.with_array(mask.array * 4)).items():
        np.testing.assert_array_equal(changed.array, perturbed(mask)[name].array)


def test_a_redrawn_contour_lies_about_a_voxel_off_and_at_most_two() -> None:
    mask = disc(30)
    edge = 2 * np.pi * 30
    moved = [np.count_nonzero(redraw_contour(mask, seed).array != mask.array) / edge for seed in range(10)]
    # The mean of the absolute value of a normal variable is 0.8 of its standard deviation.
    assert np.mean(moved) == pytest.approx(0.8, abs=0.12)
    within_two = binary_dilation(mask.array > 0, PLANE, iterations=3)
    for seed in range(10):
        assert not (redraw_contour(mask, seed).array > within_two).any()


def test_redrawing_favours_neither_a_larger_nor_a_smaller_lesion() -> None:
    mask = disc(30)
    areas = [redraw_contour(mask, seed).array.sum() / mask.array.sum() for seed in range(40)]
    assert np.mean(areas) == pytest.approx(1, abs=0.01)


def test_a_redrawn_contour_is_smooth_and_not_frayed() -> None:
    changed = redraw_contour(disc(30), 3).array
    assert label(changed)[1] == 1
    assert label(changed == 0)[1] == 1


def test_other_seeds_and_other_lesions_are_redrawn_differently() -> None:
    mask = disc(20)
    other = move(mask, 3, 0)
    assert (redraw_contour(mask, 1).array != redraw_contour(mask, 2).array).any()
    assert (move(redraw_contour(mask, 1), 3, 0).array == redraw_contour(other, 1).array).all(), "place does not count"
    larger = disc(21)
    change = redraw_contour(mask, 1).array.astype(int) - mask.array
    assert (change != redraw_contour(larger, 1).array.astype(int) - larger.array).any()


@settings(max_examples=15, deadline=None)
@given(size=st.floats(4, 20), sign=st.sampled_from([-1, 1]))
def test_turning_turns_the_longest_axis_by_the_angle_and_keeps_centre_and_area(size: float, sign: int) -> None:
    # Less than 4 degrees moves most of a contour of this size by less than half a voxel.
    mask, degrees = oval(), sign * size
    turned = turn(mask, degrees)
    assert direction(turned) - direction(mask) == pytest.approx(degrees, abs=0.5)
    assert np.count_nonzero(turned.array) == pytest.approx(np.count_nonzero(mask.array), rel=0.03)
    np.testing.assert_allclose(np.argwhere(turned.array).mean(axis=0), np.argwhere(mask.array).mean(axis=0), atol=0.15)


def test_turning_is_in_millimetres_where_voxels_are_not_square() -> None:
    mask = oval((1, 2, 5))
    turned = turn(mask, 5)
    assert direction(turned) == pytest.approx(5, abs=0.7)
    assert np.count_nonzero(turned.array) == pytest.approx(np.count_nonzero(mask.array), rel=0.03)


def test_a_disc_stays_a_disc_when_turned() -> None:
    mask = disc(30)
    assert np.count_nonzero(turn(mask, 5).array != mask.array) < 0.3 * 2 * np.pi * 30


def test_moving_shifts_the_region_by_whole_voxels() -> None:
    mask = disc(20)
    np.testing.assert_array_equal(move(mask, 1, 0).array, np.roll(mask.array, 1, axis=0))
    np.testing.assert_array_equal(move(mask, 0, 1).array, np.roll(mask.array, 1, axis=1))


def test_half_a_voxel_is_half_way() -> None:
    changed = move(oval(), 0.5, 0).array
    assert np.argwhere(changed).mean(axis=0)[0] == pytest.approx(np.argwhere(oval().array).mean(axis=0)[0], abs=0.51)
    assert np.count_nonzero(changed) == pytest.approx(np.count_nonzero(oval().array), rel=0.03)


@settings(max_examples=20, deadline=None)
@given(mask=masks())
def test_slices_without_the_region_stay_without(mask: Mask) -> None:
    empty = ~mask.array.any(axis=(0, 1))
    for name, changed in perturbed(mask).items():
        assert not changed.array[..., empty].any(), name


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1)])
def test_slices_are_axial_however_the_voxels_are_stored(order: tuple[int, int, int]) -> None:
    mask = oval()
    stored = Volume(np.ascontiguousarray(mask.array.transpose(order)), mask.affine[:, [*order, 3]])
    for name, changed in perturbed(mask).items():
        np.testing.assert_array_equal(perturbed(stored)[name].array, changed.array.transpose(order), name)


def test_a_single_voxel_in_the_corner_survives_everything() -> None:
    array = np.zeros((6, 6, 3), dtype=np.uint8)
    array[5, 5, 1] = 1
    for name, changed in perturbed(Volume(array, np.eye(4))).items():
        assert changed.array.any(), name
