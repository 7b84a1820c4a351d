from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label

from gliomics.errors import InputError
from gliomics.features.outline import FEATURES, ON_REQUEST, outline_features
from gliomics.study import Volume

LEGACY = "AngularStandardDeviationLegacy"
LENGTHS = {"EquivalentDiameter", "Perimeter"}
COUNTS = {"ConvexityDefects", "DeepConvexityDefects"}
RATIOS = set(FEATURES) - ON_REQUEST - LENGTHS - COUNTS


def measured(
    pixels: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 5), names: tuple[str, ...] = ()
) -> dict[str, float]:
    """Outline features of a lesion that is ``pixels`` in the third of five axial slices."""
    array = np.zeros((*pixels.shape, 5), dtype=np.uint8)
    array[..., 2] = pixels
    values = outline_features(Volume(array, np.diag([*spacing, 1.0])), names)
    return {name.removeprefix("original_outline_"): value for name, value in values.items()}


def ellipse(a: float, b: float, size: int = 120) -> np.ndarray:
    x, y = np.indices((size, size)) - (size - 1) / 2
    return (x / a) ** 2 + (y / b) ** 2 <= 1


def star(radius: float, depth: float, points: int = 7, size: int = 160, turned: float = 0.0) -> np.ndarray:
    x, y = np.indices((size, size)) - (size - 1) / 2
    return np.hypot(x, y) <= radius * (1 + depth * np.cos(points * (np.arctan2(y, x) - turned)))


def blob(seed: int) -> np.ndarray:
    """The largest part of smoothed noise above 0: a ragged lesion with bays and holes."""
    parts, _ = label(gaussian_filter(np.random.default_rng(seed).normal(size=(100, 100)), 4) > 0)
    return parts == 1 + np.bincount(parts.ravel())[1:].argmax()


def test_disc_is_round_smooth_and_solid() -> None:
    values = measured(ellipse(40, 40))
    assert values["AngularStandardDeviation"] < 0.01
    assert values["MarginFluctuation"] < 0.01
    assert values["Eccentricity"] == pytest.approx(0, abs=0.02)
    assert values["Solidity"] > 0.97
    assert values["Extent"] == pytest.approx(np.pi / 4, abs=0.01)
    assert values["AspectRatio"] == 1
    assert values["EquivalentDiameter"] == pytest.approx(80, rel=0.005)
    assert values["Perimeter"] == pytest.approx(2 * np.pi * 40, rel=0.05)
    assert values["DeepConvexityDefects"] == 0


def test_box_fills_its_bounding_box_and_its_hull() -> None:
    box = np.zeros((40, 40), dtype=bool)
    box[5:25, 8:18] = True
    values = measured(box)
    assert values["Extent"] == 1
    assert values["Solidity"] == pytest.approx(1)
    assert values["Eccentricity"] == pytest.approx(np.sqrt(1 - (10 / 20) ** 2))
    assert values["AspectRatio"] == 2
    assert values["EquivalentDiameter"] == pytest.approx(np.sqrt(4 * 200 / np.pi))
    assert values["Perimeter"] == 2 * (19 + 9)
    assert values["ConvexityDefects"] == 0


def test_ellipse_has_the_eccentricity_of_its_axes() -> None:
    assert measured(ellipse(50, 25))["Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.005)


def test_star_is_the_more_irregular_the_deeper_its_points() -> None:
    shallow, deep = measured(star(50, 0.1)), measured(star(50, 0.3))
    assert shallow["Solidity"] > deep["Solidity"]
    for name in ("AngularStandardDeviation", "MarginFluctuation"):
        assert shallow[name] < deep[name]


@pytest.mark.parametrize("points", [3, 5, 8])
def test_star_has_a_deep_convexity_defect_between_every_two_points(points: int) -> None:
    values = measured(star(50, 0.3, points=points))
    assert values["DeepConvexityDefects"] == points
    assert values["ConvexityDefects"] >= points


@pytest.mark.parametrize(
    ("lesion", "defects", "deep"),
    [
        (star(50, 0.3), 15, 7),
        (star(50, 0.08, points=20), 20, 20),
        (ellipse(50, 25), 32, 0),
        (blob(1), 8, 5),
        (blob(2), 8, 7),
        (blob(3), 5, 4),
    ],
)
def test_convexity_defects_are_those_that_opencv_counts(lesion: np.ndarray, defects: int, deep: int) -> None:
    # findContours (external, every pixel), convexHull and convexityDefects of OpenCV 5.0.
    values = measured(lesion)
    assert (values["ConvexityDefects"], values["DeepConvexityDefects"]) == (defects, deep)


@pytest.mark.parametrize(("depth", "deep"), [(2, 0), (3, 1)])
def test_defect_is_deep_from_more_than_two_pixels(depth: int, deep: int) -> None:
    notched = np.zeros((20, 20), dtype=bool)
    notched[4:16, 4:16] = True
    notched[8:10, 4 : 4 + depth] = False
    values = measured(notched)
    assert (values["ConvexityDefects"], values["DeepConvexityDefects"]) == (1, deep)


def test_hole_is_no_convexity_defect_and_lengthens_the_perimeter() -> None:
    whole = ellipse(40, 40)
    holed = whole & ~ellipse(10, 10)
    before, after = measured(whole), measured(holed)
    assert after["ConvexityDefects"] == before["ConvexityDefects"]
    assert after["Perimeter"] - before["Perimeter"] == pytest.approx(2 * np.pi * 10, rel=0.15)


def test_legacy_angular_deviation_is_that_of_even_angles_and_only_computed_by_name() -> None:
    assert LEGACY not in measured(ellipse(40, 40))
    assert measured(ellipse(40, 40), names=(LEGACY,)) == {LEGACY: pytest.approx(np.pi / np.sqrt(3), abs=0.01)}


def test_margin_fluctuation_sees_fine_spikes_and_not_a_slow_elongation() -> None:
    spiky, elongated = measured(star(50, 0.08, points=20)), measured(ellipse(55, 45))
    assert spiky["MarginFluctuation"] > 5 * elongated["MarginFluctuation"]


@settings(max_examples=15, deadline=None)
@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20), turns=st.integers(0, 3), mirrored=st.booleans())
def test_moving_turning_and_mirroring_change_nothing(dx: int, dy: int, turns: int, mirrored: bool) -> None:
    lesion = star(35, 0.25)
    moved = np.rot90(np.roll(lesion, (dx, dy), axis=(0, 1)), turns)
    before, after = measured(lesion), measured(moved[::-1] if mirrored else moved)
    if turns % 2:
        after["AspectRatio"] = 1 / after["AspectRatio"]
    for name in before:
        # Only these depend a little on where the contour starts and where the sectors begin.
        uneven = name in ("AngularStandardDeviation", "MarginFluctuation")
        assert after[name] == pytest.approx(before[name], rel=0.03 if uneven else 1e-9), name


@pytest.mark.parametrize("degrees", [10, 25, 70])
def test_turning_by_any_angle_changes_little(degrees: float) -> None:
    before, after = measured(star(45, 0.4, points=2)), measured(star(45, 0.4, points=2, turned=np.radians(degrees)))
    # The bounding box turns with the image's axes, so extent and aspect ratio differ.
    for name in RATIOS - {"Extent", "AspectRatio"} | LENGTHS | {"DeepConvexityDefects"}:
        assert after[name] == pytest.approx(before[name], rel=0.05), name


@pytest.mark.parametrize("factor", [2, 3])
def test_finer_voxels_change_little(factor: int) -> None:
    coarse = measured(star(40, 0.25) & ellipse(50, 30, size=160))
    fine = measured(star(40 * factor, 0.25, size=160 * factor) & ellipse(50 * factor, 30 * factor, size=160 * factor))
    for name in RATIOS | {"DeepConvexityDefects"}:
        assert fine[name] == pytest.approx(coarse[name], rel=0.05), name
    for name in LENGTHS:
        assert fine[name] == pytest.approx(factor * coarse[name], rel=0.05), name


@settings(max_examples=10, deadline=None)
@given(edge=st.floats(0.2, 5))
def test_unit_of_the_voxel_size_does_not_count(edge: float) -> None:
    lesion = star(35, 0.25)
    before, after = measured(lesion), measured(lesion, (edge, edge, 5 * edge))
    for name in before:
        assert after[name] == pytest.approx(before[name] * (edge if name in LENGTHS else 1), rel=1e-6), name


def test_pixels_that_are_not_square_are_measured_in_millimetres() -> None:
    disc_in_mm = measured(ellipse(20, 40), (2, 1, 5))
    assert disc_in_mm["Eccentricity"] == pytest.approx(0, abs=0.1)
    assert disc_in_mm["AngularStandardDeviation"] < 0.02
    assert disc_in_mm["AspectRatio"] == pytest.approx(1, abs=0.05)
    assert disc_in_mm["EquivalentDiameter"] == pytest.approx(80, rel=0.01)


def test_only_the_largest_part_of_the_largest_slice_counts() -> None:
    array = np.zeros((120, 120, 4), dtype=np.uint8)
    array[..., 1] = ellipse(40, 40)
    array[:6, :3, 1] = 1
    array[..., 2] = star(30, 0.3, size=120)
    values = outline_features(Volume(array, np.diag([1.0, 1.0, 5.0, 1.0])))
    assert values["original_outline_Solidity"] == pytest.approx(measured(ellipse(40, 40))["Solidity"])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_slice_is_axial_however_the_voxels_are_stored(order: tuple[int, int, int]) -> None:
    array = np.zeros((80, 80, 20), dtype=np.uint8)
    array[..., 5:15] = ellipse(30, 15, size=80)[..., None]
    affine = np.eye(4)[:, [*order, 3]]
    values = outline_features(Volume(np.ascontiguousarray(array.transpose(order)), affine))
    assert values["original_outline_Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)
    assert values["original_outline_AspectRatio"] == pytest.approx(2, rel=0.02)


def test_thick_sagittal_slices_are_measured_in_their_own_plane() -> None:
    array = np.zeros((10, 80, 80), dtype=np.uint8)
    array[4:7] = ellipse(30, 15, size=80)
    values = outline_features(Volume(array, np.diag([6.0, 1.0, 1.0, 1.0])))
    assert values["original_outline_Eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)
    assert values["original_outline_AspectRatio"] == pytest.approx(2, rel=0.02)  # front to back over feet to head


@pytest.mark.parametrize("pixels", [[(3, 3), (3, 4)], [(3, 3), (4, 4)], [(2, 2)], [(0, c) for c in range(8)]])
def test_a_few_pixels_give_finite_numbers_and_no_defects(pixels: list[tuple[int, int]]) -> None:
    tiny = np.zeros((8, 8), dtype=bool)
    tiny[tuple(np.transpose(pixels))] = True
    values = measured(tiny, names=tuple(FEATURES))
    assert all(np.isfinite(value) for value in values.values())
    assert values["ConvexityDefects"] == 0


def test_empty_mask_is_refused() -> None:
    with pytest.raises(InputError, match="mask is empty"):
        measured(np.zeros((8, 8), dtype=bool))
