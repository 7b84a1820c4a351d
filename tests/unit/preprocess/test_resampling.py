from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gliomics.errors import InputError
from gliomics.preprocess.resampling import resample_to_spacing
from gliomics.study import Volume

Spacing = tuple[float, float, float]


def tilted(spacing: Spacing) -> npt.NDArray[np.float64]:
    """The affine of an oblique scan with a flipped axis."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    affine[:3, :3] = turn @ np.diag([-spacing[0], spacing[1], spacing[2]])
    affine[:3, 3] = [-30, 12, 77]
    return affine


def noise(shape: tuple[int, int, int], spacing: Spacing) -> Volume:
    return Volume(np.random.default_rng(0).normal(100, 20, shape), tilted(spacing))


def corners(volume: Volume) -> npt.NDArray[np.float64]:
    """Two opposite corners of the image's box, outer edges of its corner voxels, in mm."""
    ends = np.array([[-0.5, -0.5, -0.5, 1], [*(np.array(volume.shape) - 0.5), 1]])
    return (ends @ volume.affine.T)[:, :3]


def a_ball(shape: tuple[int, int, int], spacing: Spacing, radius: float) -> Volume:
    """A ball of ``radius`` mm in the middle, label 3."""
    centre = (np.array(shape) - 1) / 2
    away = (np.moveaxis(np.indices(shape), 0, -1) - centre) * spacing
    return Volume(np.where((away**2).sum(-1) <= radius**2, 3, 0).astype(np.uint8), tilted(spacing))


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 2.0, 0.5)])
def test_image_keeps_its_box_in_space(spacing: Spacing, labels: bool) -> None:
    volume = noise((24, 18, 6), (1.0, 2.0, 5.0))
    resampled = resample_to_spacing(volume, spacing, labels=labels)
    assert resampled.spacing == pytest.approx(spacing)
    assert resampled.shape == tuple(n * old / new for n, old, new in zip((24, 18, 6), (1, 2, 5), spacing, strict=True))
    np.testing.assert_allclose(corners(resampled), corners(volume), atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(spacing=st.tuples(*[st.floats(0.5, 6)] * 3))
def test_box_changes_by_less_than_half_a_voxel_and_starts_at_the_same_corner(spacing: Spacing) -> None:
    volume = noise((13, 11, 7), (1.0, 2.0, 5.0))
    resampled = resample_to_spacing(volume, spacing)
    np.testing.assert_allclose(corners(resampled)[0], corners(volume)[0], atol=1e-9)
    lengths = [np.array(image.shape) * image.spacing for image in (volume, resampled)]
    assert (np.abs(lengths[1] - lengths[0]) <= np.array(spacing) / 2 + 1e-9).all()


@pytest.mark.parametrize("labels", [False, True])
def test_image_on_the_same_voxels_is_unchanged(labels: bool) -> None:
    volume = noise((9, 8, 7), (1.0, 2.0, 5.0))
    resampled = resample_to_spacing(volume, (1.0, 2.0, 5.0), labels=labels)
    np.testing.assert_allclose(resampled.array, volume.array, rtol=1e-9)
    np.testing.assert_allclose(resampled.affine, volume.affine, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(value=st.floats(-1e4, 1e4), spacing=st.tuples(*[st.floats(0.4, 8)] * 3))
def test_constant_image_stays_constant(value: float, spacing: Spacing) -> None:
    volume = Volume(np.full((9, 8, 7), value), tilted((1.0, 2.0, 5.0)))
    np.testing.assert_allclose(resample_to_spacing(volume, spacing).array, value, rtol=1e-12)


def test_image_stays_within_its_own_range() -> None:
    volume = Volume(np.where(np.indices((20, 20, 20))[0] < 10, 0, 1000).astype(np.int16), np.eye(4))
    resampled = resample_to_spacing(volume, (0.7, 0.7, 0.7)).array
    assert (resampled.min(), resampled.max()) == (0, 1000)


def test_straight_slope_stays_straight() -> None:
    volume = Volume(np.indices((20, 9, 8))[0] * 10.0, np.diag([2.0, 1.0, 1.0, 1.0]))
    resampled = resample_to_spacing(volume, (1.0, 1.0, 1.0)).array
    expected = 10 * (np.arange(40) + 0.5) / 2 - 5
    np.testing.assert_allclose(resampled[10:30, 4, 4], expected[10:30], atol=0.01)


@settings(max_examples=20, deadline=None)
@given(spacing=st.tuples(*[st.floats(0.4, 4)] * 3))
def test_labels_keep_their_values_and_type(spacing: Spacing) -> None:
    labels = np.random.default_rng(0).choice([0, 1, 2, 4, 17], (12, 11, 9)).astype(np.uint8)
    resampled = resample_to_spacing(Volume(labels, tilted((1.0, 2.0, 3.0))), spacing, labels=True)
    assert resampled.array.dtype == np.uint8
    assert set(np.unique(resampled.array)) <= {0, 1, 2, 4, 17}


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (0.5, 3.0, 1.5)])
def test_ball_in_thick_slices_keeps_its_volume(spacing: Spacing) -> None:
    ball = a_ball((40, 40, 14), (1.0, 1.0, 3.0), 15.0)
    resampled = resample_to_spacing(ball, spacing, labels=True)
    volumes = [np.count_nonzero(image.array) * np.prod(image.spacing) for image in (ball, resampled)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.04)
    assert volumes[1] == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.05)


@pytest.mark.parametrize("labels", [False, True])
def test_content_stays_where_it_is_in_space(labels: bool) -> None:
    ball = a_ball((40, 40, 14), (1.0, 1.0, 3.0), 12.0)
    ball.array[25:, :, :] = 0
    resampled = resample_to_spacing(ball, (1.5, 1.0, 1.0), labels=labels)
    centres = []
    for image in (ball, resampled):
        weights = image.array / image.array.sum()
        mean = (np.indices(image.shape) * weights).sum(axis=(1, 2, 3))
        centres.append((image.affine @ [*mean, 1])[:3])
    assert np.linalg.norm(centres[0] - centres[1]) < 0.5


def test_image_of_one_slice_is_repeated_across() -> None:
    volume = noise((9, 8, 1), (1.0, 1.0, 4.0))
    resampled = resample_to_spacing(volume, (1.0, 1.0, 1.0)).array
    assert resampled.shape == (9, 8, 4)
    np.testing.assert_allclose(resampled, np.repeat(volume.array, 4, axis=2), rtol=1e-9)


def test_two_slices_are_not_interpolated_by_splines() -> None:
    volume = noise((9, 8, 2), (1.0, 1.0, 4.0))
    with pytest.raises(InputError, match=r"sequence 't1' has two voxels along an axis, shape \(9, 8, 2\).*more slices"):
        resample_to_spacing(volume, (1.0, 1.0, 1.0), name="sequence 't1'")
    assert resample_to_spacing(volume, (1.0, 1.0, 1.0), labels=True).shape == (9, 8, 8)
