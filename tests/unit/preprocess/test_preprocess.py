from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gliomics.errors import InputError
from gliomics.preprocess import SliceGrid, foreground, from_canonical, standardise, to_canonical
from gliomics.preprocess.intensity import percentile
from gliomics.study import Volume


def a_head(shape: tuple[int, int, int] = (60, 72, 6), centre: tuple[int, int] = (28, 40)) -> Volume:
    """An elliptic head of intensity about 100 on air of about 1."""
    i, j, _ = np.indices(shape)
    head = ((i - centre[0]) / 18) ** 2 + ((j - centre[1]) / 24) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 5, shape)
    return Volume(np.where(head, 100 + noise, 1 + np.abs(noise) / 10).astype(np.float32), np.eye(4))


def every_orientation() -> list[np.ndarray]:
    affines = []
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            affine = np.zeros((4, 4))
            affine[3, 3] = 1
            for column, (row, sign) in enumerate(zip(axes, signs, strict=True)):
                affine[row, column] = sign * (column + 1)
            affines.append(affine)
    return affines


@pytest.mark.parametrize("affine", every_orientation())
def test_canonical_orientation_is_undone_exactly(affine: np.ndarray) -> None:
    volume = Volume(np.random.default_rng(1).random((3, 4, 5)), affine)
    canonical = to_canonical(volume)
    assert (np.diag(canonical.affine)[:3] > 0).all()
    restored = from_canonical(canonical, volume)
    np.testing.assert_array_equal(restored.array, volume.array)
    np.testing.assert_array_equal(restored.affine, volume.affine)


def test_foreground_is_the_head() -> None:
    head = a_head()
    np.testing.assert_array_equal(foreground(head.array), head.array > 50)


def test_foreground_of_a_skull_stripped_standardised_image_keeps_its_negative_voxels() -> None:
    array = a_head().array
    brain = array > 50
    scaled = np.where(brain, (array - array[brain].mean()) / array[brain].std(), 0)
    np.testing.assert_array_equal(foreground(scaled), brain)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.01, 1000), offset=st.floats(0, 500))
def test_standardised_head_does_not_depend_on_the_scanner_gain(gain: float, offset: float) -> None:
    array = a_head().array.astype(np.float64)
    head = array > 50
    scaled = standardise(array * gain + offset)
    np.testing.assert_allclose(scaled[head], standardise(array)[head], atol=2e-3)


def test_standardised_head_has_mean_0_and_deviation_1() -> None:
    head = a_head()
    values = standardise(head.array)[head.array > 50]
    assert abs(values.mean()) < 1e-3
    assert abs(values.std() - 1) < 1e-3


@pytest.mark.parametrize("array", [np.zeros((4, 4, 4)), np.full((4, 4, 4), 7.0)])
def test_constant_image_is_refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match="every voxel of the image has the same value"):
        standardise(array)


@given(
    arrays(st.sampled_from([np.uint8, np.int16, np.uint16, np.int32]), st.integers(1, 60)),
    st.sampled_from([0, 1, 50, 99.5, 100]),
)
def test_percentile_of_integers_is_that_of_numpy(array: np.ndarray, q: float) -> None:
    assert percentile(array, q) == pytest.approx(np.percentile(array.astype(np.float64), q))


def test_image_with_nan_is_refused() -> None:
    array = a_head().array.copy()
    array[3, 3, 3] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        standardise(array)


def test_slice_grid_is_centred_on_the_head_and_square_in_millimetres() -> None:
    head = a_head()
    stretched = Volume(head.array, np.diag([2.0, 1.0, 5.0, 1.0]))
    grid = SliceGrid.around_head(stretched, 64)
    millimetres = grid.extent[0] * 2.0, grid.extent[1] * 1.0
    assert abs(millimetres[0] - millimetres[1]) <= 2
    assert abs(grid.start[0] + grid.extent[0] / 2 - 28.5) <= 1
    assert abs(grid.start[1] + grid.extent[1] / 2 - 40.5) <= 1


@pytest.mark.parametrize("size", [32, 64, 128])
def test_sampled_lesion_is_restored_in_place(size: int) -> None:
    head = a_head()
    i, j, k = np.indices(head.shape)
    lesion = ((i - 24) ** 2 + (j - 45) ** 2 < 64) & (k > 1) & (k < 4)
    grid = SliceGrid.around_head(head, size)
    restored = grid.restore(grid.sample(lesion.astype(np.float32)), head.shape) > 0.5
    overlap = 2 * np.count_nonzero(restored & lesion) / (np.count_nonzero(restored) + np.count_nonzero(lesion))
    assert overlap > 0.9
    assert not restored[:, :, [0, 1, 4, 5]].any()


def test_head_at_the_image_border_is_padded_not_cut() -> None:
    head = a_head(centre=(10, 20))
    grid = SliceGrid.around_head(head, 64)
    assert grid.start[0] < 0
    restored = grid.restore(grid.sample((head.array > 50).astype(np.float32)), head.shape) > 0.5
    assert np.count_nonzero(restored != (head.array > 50)) < 0.02 * np.count_nonzero(restored)
