"""Surface distances against geometry, MONAI, and the laws that they obey."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gliomics.evaluation.surfaces import surface_distances

from .conftest import quick

volumes = arrays(np.bool_, (5, 4, 4), elements=st.booleans()).filter(np.any)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3)


def a_ball(
    shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float, spacing: tuple
) -> np.ndarray:
    grid = np.indices(shape).reshape(3, -1).T * spacing
    return (np.linalg.norm(grid - np.multiply(centre, spacing), axis=1) <= radius).reshape(shape)


def test_distance_of_two_voxels_is_that_of_their_centres_in_millimetres() -> None:
    a, b = np.zeros((2, 10, 10, 10), dtype=bool)
    a[1, 2, 3] = b[4, 6, 5] = True
    distances = surface_distances(a, b, (1.0, 0.5, 6.0))
    assert distances.hausdorff_95 == distances.average == pytest.approx(math.sqrt(3**2 + 2**2 + 12**2))
    assert surface_distances(a, b).average == pytest.approx(math.sqrt(3**2 + 4**2 + 2**2))


def test_average_is_over_the_voxels_of_both_surfaces() -> None:
    a, b = np.zeros((2, 8, 3, 3), dtype=bool)
    a[1, 1, 1] = True
    b[1:4, 1, 1] = True
    distances = surface_distances(a, b)
    assert distances.average == pytest.approx((0 + 0 + 1 + 2) / 4)
    assert distances.hausdorff_95 == pytest.approx(np.percentile([0, 1, 2], 95))


@pytest.mark.parametrize(("axis", "steps"), [(0, 24), (1, 16), (2, 6)])
def test_shifted_ball_has_the_distances_of_geometry_on_anisotropic_voxels(axis: int, steps: int) -> None:
    spacing, radius, shape = (0.25, 0.375, 1.0), 14.0, (144, 100, 42)
    centre = (60.0, 42.0, 18.0)
    moved = tuple(c + steps * (k == axis) for k, c in enumerate(centre))
    distances = surface_distances(
        a_ball(shape, centre, radius, spacing), a_ball(shape, moved, radius, spacing), spacing
    )
    shift = steps * spacing[axis]
    assert shift == 6.0
    distance, weight = sphere_distances(radius, shift, axis, spacing)
    order = np.argsort(distance)
    share = np.cumsum(weight[order]) / weight.sum()
    assert distances.hausdorff_95 == pytest.approx(distance[order][np.searchsorted(share, 0.95)], abs=0.25)
    assert distances.average == pytest.approx(np.average(distance, weights=weight), abs=0.25)


def sphere_distances(
    radius: float, shift: float, axis: int, spacing: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances from points all over a sphere to a shifted one, and how densely voxels with a face outside lie there.

    Where the normal is n, they are as many as the columns of voxels along axis i that leave the surface, for the axis
    of which there are most: max over i of |n_i| s_i per unit of area, up to a constant.
    """
    normals = np.random.default_rng(0).normal(size=(200_000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    distance = np.abs(np.linalg.norm(radius * normals - shift * np.eye(3)[axis], axis=1) - radius)
    return distance, (np.abs(normals) * spacing).max(axis=1)


@pytest.mark.filterwarnings("ignore")
def test_distances_are_those_of_monai() -> None:
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    rng = np.random.default_rng(3)
    for spacing in ((1.0, 1.0, 1.0), (0.9, 0.8, 5.0)):
        blobs = [a_ball((40, 40, 12), tuple(rng.uniform(5, 9, 3)), 7.0, spacing) for _ in range(2)]
        a, b = (blob | (rng.random(blob.shape) < 0.002) for blob in blobs)
        one_hot = [torch.from_numpy(array)[None, None] for array in (a, b)]
        distances = surface_distances(a, b, spacing)
        theirs = compute_hausdorff_distance(*one_hot, include_background=True, percentile=95, spacing=spacing)
        assert distances.hausdorff_95 == pytest.approx(theirs.item(), rel=1e-6)
        theirs = compute_average_surface_distance(*one_hot, include_background=True, symmetric=True, spacing=spacing)
        assert distances.average == pytest.approx(theirs.item(), rel=1e-6)


def test_identical_volumes_are_at_no_distance() -> None:
    ball = a_ball((12, 12, 12), (6, 6, 6), 4, (1, 1, 1))
    distances = surface_distances(ball, ball)
    assert (distances.hausdorff_95, distances.average) == (0.0, 0.0)


def test_volume_that_fills_the_image_has_its_surface_at_the_edge() -> None:
    full, inner = np.ones((7, 7, 7), dtype=bool), np.zeros((7, 7, 7), dtype=bool)
    inner[3, 3, 3] = True
    to_centre = np.linalg.norm(np.argwhere(np.abs(np.indices((7, 7, 7)) - 3).max(axis=0) == 3) - 3, axis=1)
    assert surface_distances(inner, full).hausdorff_95 == pytest.approx(np.percentile(to_centre, 95))


@pytest.mark.parametrize("empty", [(0,), (1,), (0, 1)])
def test_empty_volume_has_no_distance(empty: tuple[int, ...]) -> None:
    pair = np.ones((2, 4, 4, 4), dtype=np.uint8)
    pair[list(empty)] = 0
    distances = surface_distances(*pair)
    assert math.isnan(distances.hausdorff_95) and math.isnan(distances.average)


@quick
@given(volumes, volumes, spacings)
def test_distances_are_symmetric(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float]) -> None:
    forth, back = surface_distances(a, b, spacing), surface_distances(b, a, spacing)
    assert forth.hausdorff_95 == back.hausdorff_95
    assert forth.average == pytest.approx(back.average)


@quick
@given(volumes, volumes, spacings, st.permutations(range(3)))
def test_axes_may_be_permuted_with_their_spacing(
    a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float], axes: list[int]
) -> None:
    turned = surface_distances(a.transpose(axes), b.transpose(axes), [spacing[axis] for axis in axes])
    straight = surface_distances(a, b, spacing)
    assert turned.hausdorff_95 == pytest.approx(straight.hausdorff_95)
    assert turned.average == pytest.approx(straight.average)


@quick
@given(volumes, volumes)
def test_distances_scale_with_the_voxels(a: np.ndarray, b: np.ndarray) -> None:
    assert surface_distances(a, b, (3.0, 3.0, 3.0)).average == pytest.approx(3 * surface_distances(a, b).average)
