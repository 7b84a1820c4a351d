"""Sizes of a segment against independent computations: brute force, contours, PyRadiomics and ellipses."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from skimage.measure import find_contours, marching_cubes

from gliomics.errors import InputError
from gliomics.features.windows import window_of
from gliomics.findings.extent import Extent, extent_of
from gliomics.findings.segment import segment_of
from gliomics.study.volumes import Mask

RNG = np.random.default_rng(7)


def measured(mask: Mask) -> Extent:
    return extent_of(segment_of(mask))


def mask_of(array: npt.NDArray[np.bool_], edges: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Mask:
    return Mask(array.astype(np.uint8), np.diag([-edges[0], -edges[1], edges[2], 1.0]))


def blob(shape: tuple[int, int, int], seed: int) -> npt.NDArray[np.bool_]:
    """A random connected lesion of balls that overlap, ragged at the edge."""
    rng = np.random.default_rng(seed)
    indices = np.indices(shape).transpose(1, 2, 3, 0)
    inside = np.zeros(shape, dtype=bool)
    centre = np.array(shape) / 2
    for _ in range(5):
        inside |= np.linalg.norm(indices - centre, axis=3) < rng.uniform(1.5, min(shape) / 4)
        centre = np.clip(centre + rng.normal(0, 2, 3), 3, np.array(shape) - 4)
    return inside & (rng.random(shape) > 0.05)


def brute_force(inside: npt.NDArray[np.bool_], edges: tuple[float, float, float]) -> tuple[float, float]:
    """Longest diameter in a slice and its perpendicular: contours of another library, every pair, dense lines."""
    best = (0.0, 0.0)
    for number in range(inside.shape[2]):
        contours = find_contours(np.pad(inside[:, :, number], 1).astype(float), 0.5, fully_connected="high")
        for contour in contours:
            points = contour * edges[:2]
            pairs = itertools.combinations(points, 2)
            longest, start, end = max(((float(np.hypot(*(q - p))), tuple(p), tuple(q)) for p, q in pairs))
            direction = (np.array(end) - start) / longest
            across = np.array([-direction[1], direction[0]])
            lines = []
            for place in np.linspace((points @ direction).min(), (points @ direction).max(), 1501):
                crossings = []
                for p, q in itertools.pairwise(points):
                    t, u = (p @ direction) - place, (q @ direction) - place
                    if t * u <= 0 and t != u:
                        crossings.append((p + (q - p) * t / (t - u)) @ across)
                lines.append(max(crossings, default=0.0) - min(crossings, default=0.0))
            best = max(best, (longest, max(lines)))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_diameters_in_a_slice_are_those_of_brute_force(seed: int) -> None:
    edges = [(1.0, 1.0, 1.0), (0.9, 0.6, 5.0), (1.3, 0.5, 2.0)][seed % 3]
    array = blob((18, 16, 9), seed)
    extent = measured(mask_of(array, edges))
    largest = largest_part(array)
    longest, perpendicular = brute_force(largest, edges)
    assert extent.diameters.longest == pytest.approx(longest, rel=1e-9)
    # Dense lines come near the longest one from below; equally long diameters may have another perpendicular.
    assert perpendicular - 1e-9 <= extent.diameters.perpendicular <= perpendicular + 0.02 * longest


def largest_part(array: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Flood fill, so that parts are not told by the function that is tried."""
    left, best = {tuple(voxel) for voxel in np.argwhere(array)}, set()
    while left:
        front = [left.pop()]
        part = set(front)
        while front:
            i, j, k = front.pop()
            for step in itertools.product((-1, 0, 1), repeat=3):
                voxel = (i + step[0], j + step[1], k + step[2])
                if voxel in left:
                    left.remove(voxel)
                    part.add(voxel)
                    front.append(voxel)
        best = max(best, part, key=len)
    alone = np.zeros_like(array)
    alone[tuple(np.array(sorted(best)).T)] = True
    return alone


@pytest.mark.parametrize("seed", range(4))
def test_the_diameter_in_space_is_that_of_the_mesh_and_of_pyradiomics(seed: int) -> None:
    from radiomics import cShape

    edges = (0.9, 1.1, 2.5)
    array = largest_part(blob((14, 15, 9), seed))
    extent = measured(mask_of(array, edges))
    vertices = marching_cubes(np.pad(array, 1).astype(float), 0.5, spacing=edges)[0]
    distances = np.linalg.norm(vertices[:, None] - vertices[None], axis=2)
    assert extent.largest_3d == pytest.approx(distances.max(), rel=1e-5)
    padded = np.ascontiguousarray(np.pad(array, 1).transpose(2, 1, 0).astype(np.int8))
    diameters = cShape.calculate_coefficients(padded, np.array(edges[::-1]))[2]
    assert extent.largest_3d == pytest.approx(diameters[3], rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_an_ellipse_has_its_axes_as_diameters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = (float(rng.uniform(0.5, 1.2)), float(rng.uniform(0.5, 1.2)), 3.0)
    a, angle = rng.uniform(20, 30), rng.uniform(0, np.pi)
    b = a * rng.uniform(0.4, 0.85)
    x, y = ((np.indices((140, 140)) - 70 + rng.uniform(-0.5, 0.5, (2, 1, 1))).T * edges[:2]).T
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    array = np.zeros((140, 140, 3), dtype=bool)
    array[:, :, 1] = (u / a) ** 2 + (v / b) ** 2 <= 1
    extent = measured(mask_of(array, edges))
    assert extent.diameters.longest == pytest.approx(2 * a, abs=1.5 * max(edges[:2]))
    # The line across is that of a direction a few degrees beside the axis, where the ellipse is nearly as wide.
    assert extent.diameters.perpendicular == pytest.approx(2 * b, abs=2 * max(edges[:2]))
    assert extent.diameters.slice_number == 1


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_sizes_do_not_depend_on_how_the_volume_is_stored(axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    array, affine = blob((20, 18, 12), 3), np.diag([-0.8, -1.2, 3.0, 1.0])
    expected = measured(Mask(array.astype(np.uint8), affine))
    steps = affine[:3, list(axes)] * signs
    turned = array.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]
    extent = measured(Mask(turned.astype(np.uint8), np.block([[steps, np.zeros((3, 1))], [np.zeros(3), 1]])))
    assert extent.diameters.longest == pytest.approx(expected.diameters.longest)
    assert extent.diameters.perpendicular == pytest.approx(expected.diameters.perpendicular)
    assert extent.largest_3d == pytest.approx(expected.largest_3d)
    assert extent.volume == pytest.approx(expected.volume)
    axial = axes.index(2)
    number = expected.diameters.slice_number
    assert extent.diameters.slice_number == (number if signs[axial] > 0 else turned.shape[axial] - 1 - number)


def test_an_oblique_grid_is_measured_along_its_own_axes() -> None:
    array, turn = blob((20, 18, 8), 5), np.eye(4)
    turn[:3, :3] = rotation(0.3) @ np.diag([-0.8, -1.2, 3.0])
    straight, oblique = measured(mask_of(array, (0.8, 1.2, 3.0))), measured(Mask(array.astype(np.uint8), turn))
    assert oblique.diameters.longest == pytest.approx(straight.diameters.longest)
    assert oblique.largest_3d == pytest.approx(straight.largest_3d)
    assert oblique.volume == pytest.approx(straight.volume)


def rotation(angle: float) -> npt.NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def test_the_volume_is_that_of_the_voxels() -> None:
    array = blob((20, 18, 8), 1)
    assert measured(mask_of(array, (0.5, 2.0, 3.0))).volume == pytest.approx(np.count_nonzero(array) * 3.0)


def test_a_single_voxel_and_a_row_are_measured_from_edge_to_edge() -> None:
    array = np.zeros((9, 9, 3), dtype=bool)
    array[4, 4, 1] = True
    one = measured(mask_of(array, (1.0, 1.0, 5.0)))
    assert (one.diameters.longest, one.diameters.perpendicular, one.largest_3d) == pytest.approx((1.0, 1.0, 5.0))
    array[2:7, 4, 1] = True
    row = measured(mask_of(array, (2.0, 1.0, 5.0)))
    assert (row.diameters.longest, row.diameters.perpendicular) == pytest.approx((10.0, 1.0))


def test_a_volume_of_one_slice_is_measured() -> None:
    array = np.ones((30, 20, 1), dtype=bool)
    array[:, :5] = False
    array[:2] = False
    extent = measured(mask_of(array))
    assert extent.diameters.slice_number == 0
    # From the middle of one corner pixel's side to that of the opposite one's.
    assert extent.diameters.longest == pytest.approx(np.hypot(28, 14))


def test_separate_parts_are_counted_and_no_line_joins_them() -> None:
    array = np.zeros((60, 20, 4), dtype=bool)
    array[2:12, 5:15, 1:3] = True
    array[50:54, 5:9, 1] = True
    extent = measured(mask_of(array))
    assert extent.parts == 2
    assert extent.largest_share == pytest.approx(200 / 216)
    assert extent.diameters.longest < 15 and extent.largest_3d < 16


def test_two_arms_of_one_part_in_a_slice_are_not_joined_by_a_line_through_what_lies_between() -> None:
    array = np.zeros((40, 12, 4), dtype=bool)
    array[2:8, 2:10, :] = True
    array[32:38, 2:10, :] = True
    array[:, 4:6, 0] = True
    number, longest = measured(mask_of(array)).diameters.slice_number, measured(mask_of(array)).diameters.longest
    assert number == 0 and longest > 39
    array[:, :, 0] = False
    array[8:32, 4:6, 3] = True
    assert measured(mask_of(array)).diameters.slice_number == 3


def test_an_empty_segment_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="the segment is empty; draw it"):
        measured(mask_of(np.zeros((4, 4, 4), dtype=bool)))


@pytest.mark.alone
def test_a_large_lesion_takes_a_tenth_of_the_time_of_pyradiomics_at_most() -> None:
    """Less than 100 ms on a processor of 2020 that has nothing else to do; PyRadiomics' mesh takes seconds."""
    from radiomics import cShape

    indices = np.indices((240, 240, 155)).transpose(1, 2, 3, 0) - (120, 130, 80)
    ragged = RNG.normal(0, 0.03, (240, 240, 155))
    mask = mask_of(np.linalg.norm(indices / (40, 50, 35), axis=3) + ragged < 1)
    measured(mask)
    ours = min(seconds(lambda: measured(mask)) for _ in range(5))
    box = np.ascontiguousarray(np.pad(window_of(mask.array > 0).crop(mask).array, 1).astype(np.int8))
    assert ours < 0.1 * seconds(lambda: cShape.calculate_coefficients(box, np.ones(3)))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
