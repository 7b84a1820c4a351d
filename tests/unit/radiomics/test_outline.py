from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.radiomics.outline import FEATURES, outline_features
from gliomics.study import Volume


def measured(pixels: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 5)) -> dict[str, float]:
    """Outline features of a lesion that is ``pixels`` in the third of five axial slices."""
    array = np.zeros((*pixels.shape, 5), dtype=np.uint8)
    array[..., 2] = pixels
    found = outline_features(Volume(array, np.diag([*spacing, 1.0])))
    return {name.removeprefix("original_outline_"): value for name, value in found.items()}


def ellipse(a: float, b: float, size: int = 120) -> np.ndarray:
    x, y = np.indices((size, size)) - (size - 1) / 2
    return (x / a) ** 2 + (y / b) ** 2 <= 1


def star(radius: float, depth: float, points: int = 7, size: int = 160) -> np.ndarray:
    x, y = np.indices((size, size)) - (size - 1) / 2
    return np.hypot(x, y) <= radius * (1 + depth * np.cos(points * np.arctan2(y, x)))


def test_disc_is_round_smooth_and_solid() -> None:
    found = measured(ellipse(40, 40))
    assert found["AngularStandardDeviation"] < 0.01
    assert found["MarginFluctuation"] < 0.01
    assert found["Eccentricity"] == pytest.approx(0, abs=0.02)
    assert found["Solidity"] > 0.97
    assert found["Extent"] == pytest.approx(np.pi / 4, abs=0.01)


def test_box_fills_its_bounding_box_and_its_hull() -> None:
    box = np.zeros((40, 40), dtype=bool)
    box[5:25, 8:18] = True
    found = measured(box)
    assert found["Extent"] == 1
    assert found["Solidity"] == pytest.approx(1)
    assert found["Eccentricity"] == pytest.approx(np.sqrt(1 - (10 / 20) ** 2))


def test_ellipse_has_the_eccentricity_of_its_axes() -> None:
    assert measured(ellipse(50, 25))["Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.005)


def test_star_is_the_more_irregular_the_deeper_its_points() -> None:
    shallow, deep = measured(star(50, 0.1)), measured(star(50, 0.3))
    assert shallow["Solidity"] > deep["Solidity"]
    for name in ("AngularStandardDeviation", "MarginFluctuation"):
        assert shallow[name] < deep[name]


def test_margin_fluctuation_sees_fine_spikes_and_not_a_slow_elongation() -> None:
    spiky, elongated = measured(star(50, 0.08, points=20)), measured(ellipse(55, 45))
    assert spiky["MarginFluctuation"] > 5 * elongated["MarginFluctuation"]


@settings(max_examples=15, deadline=None)
@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20), turns=st.integers(0, 3), mirrored=st.booleans())
def test_moving_turning_and_mirroring_change_nothing(dx: int, dy: int, turns: int, mirrored: bool) -> None:
    lesion = star(35, 0.25)
    moved = np.rot90(np.roll(lesion, (dx, dy), axis=(0, 1)), turns)
    before, after = measured(lesion), measured(moved[::-1] if mirrored else moved)
    for name in FEATURES:
        # Where the contour starts and where the sectors begin moves the first two by less than their third digit.
        assert after[name] == pytest.approx(before[name], rel=0.03), name


@pytest.mark.parametrize("factor", [2, 3])
def test_finer_voxels_change_little(factor: int) -> None:
    coarse = measured(star(40, 0.25) & ellipse(50, 30, size=160))
    fine = measured(star(40 * factor, 0.25, size=160 * factor) & ellipse(50 * factor, 30 * factor, size=160 * factor))
    for name in FEATURES:
        assert fine[name] == pytest.approx(coarse[name], rel=0.05), name


@settings(max_examples=10, deadline=None)
@given(edge=st.floats(0.2, 5))
def test_unit_of_the_voxel_size_does_not_count(edge: float) -> None:
    lesion = star(35, 0.25)
    assert measured(lesion, (edge, edge, 5 * edge)) == pytest.approx(measured(lesion), rel=1e-6)


def test_pixels_that_are_not_square_are_measured_in_millimetres() -> None:
    disc_in_mm = measured(ellipse(20, 40), (2, 1, 5))
    assert disc_in_mm["Eccentricity"] == pytest.approx(0, abs=0.1)
    assert disc_in_mm["AngularStandardDeviation"] < 0.02


def test_only_the_largest_part_of_the_largest_slice_counts() -> None:
    array = np.zeros((120, 120, 4), dtype=np.uint8)
    array[..., 1] = ellipse(40, 40)
    array[:6, :3, 1] = 1
    array[..., 2] = star(30, 0.3, size=120)
    found = outline_features(Volume(array, np.diag([1.0, 1.0, 5.0, 1.0])))
    assert found["original_outline_Solidity"] == pytest.approx(measured(ellipse(40, 40))["Solidity"])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_slice_is_axial_however_the_voxels_are_stored(order: tuple[int, int, int]) -> None:
    array = np.zeros((80, 80, 20), dtype=np.uint8)
    array[..., 5:15] = ellipse(30, 15, size=80)[..., None]
    affine = np.eye(4)[:, [*order, 3]]
    found = outline_features(Volume(np.ascontiguousarray(array.transpose(order)), affine))
    assert found["original_outline_Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)


def test_thick_sagittal_slices_are_measured_in_their_own_plane() -> None:
    array = np.zeros((10, 80, 80), dtype=np.uint8)
    array[4:7] = ellipse(30, 15, size=80)
    found = outline_features(Volume(array, np.diag([6.0, 1.0, 1.0, 1.0])))
    assert found["original_outline_Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)


@pytest.mark.parametrize("pixels", [[(3, 3), (3, 4)], [(3, 3), (4, 4)], [(2, 2)]])
def test_a_few_pixels_give_finite_numbers(pixels: list[tuple[int, int]]) -> None:
    tiny = np.zeros((8, 8), dtype=bool)
    tiny[tuple(np.transpose(pixels))] = True
    assert all(np.isfinite(value) for value in measured(tiny).values())
