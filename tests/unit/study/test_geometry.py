from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gliomics.errors import GeometryError, UnknownNameError
from gliomics.study import Study, Volume, check_same_grid, load_sequences, resample_to, same_grid, write_volume
from tests.unit.study.grids import affines, oblique_affine


def linear_field(shape: tuple[int, int, int], affine: np.ndarray) -> Volume:
    """An image whose value is a linear function of the place in space, which linear interpolation reproduces."""
    places = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    return Volume((places @ [1.0, -2.0, 0.5] + 100.0).astype(np.float64), affine)


@settings(max_examples=40, deadline=None)
@given(affine=affines(), labels=st.booleans(), dtype=st.sampled_from([np.uint8, np.int16, np.float32]))
def test_resampling_to_the_own_grid_changes_nothing(affine: np.ndarray, labels: bool, dtype: type) -> None:
    volume = Volume(np.arange(60).reshape(3, 4, 5).astype(dtype), affine)
    result = resample_to(volume, Volume(np.zeros((3, 4, 5)), affine), labels=labels)
    assert result.array.dtype == volume.array.dtype
    np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_array_equal(result.affine, affine)


@settings(max_examples=40, deadline=None)
@example(affine=oblique_affine((0.0, 2.0, 2e-296), (1.0, 1.0, 1.0)), axes=[0, 1, 2], flips=(False, False, True))
@given(affine=affines(), axes=st.permutations([0, 1, 2]), flips=st.tuples(*[st.booleans()] * 3))
def test_resampling_to_a_reordered_grid_and_back_is_the_identity(
    affine: np.ndarray, axes: list[int], flips: tuple[bool, bool, bool]
) -> None:
    volume = Volume(np.random.default_rng(0).integers(0, 9, (4, 5, 6)).astype(np.uint8), affine)
    order = np.eye(4)[:, [*axes, 3]]
    for axis, flipped in enumerate(flips):
        if flipped:
            size = volume.shape[axes[axis]]
            order[:, 3] += order[:, axis] * (size - 1)
            order[:, axis] *= -1
    grid = Volume(np.zeros([volume.shape[axis] for axis in axes]), affine @ order)
    there = resample_to(volume, grid, labels=True)
    back = resample_to(there, volume, labels=True)
    np.testing.assert_array_equal(back.array, volume.array)
    expected = volume.array.transpose(axes)[tuple(slice(None, None, -1 if flipped else 1) for flipped in flips)]
    np.testing.assert_array_equal(there.array, expected)


def test_linear_resampling_reproduces_a_linear_field_on_an_oblique_grid() -> None:
    field = linear_field((20, 20, 12), oblique_affine(spacing=(2.0, 2.0, 4.0)))
    centre = (field.affine @ [9.5, 9.5, 5.5, 1])[:3]
    grid_affine = oblique_affine((5.0, 40.0, -20.0), (1.5, 1.0, 1.0), tuple(centre))
    expected = linear_field((5, 6, 7), grid_affine)
    np.testing.assert_allclose(resample_to(field, expected).array, expected.array, atol=1e-6)


def test_integer_images_are_interpolated_not_truncated() -> None:
    volume = Volume(np.array([0, 1, 0, 1], np.uint8).reshape(4, 1, 1).repeat(2, 1).repeat(2, 2), np.eye(4))
    halves = np.eye(4)
    halves[0, 3] = 0.5
    result = resample_to(volume, Volume(np.zeros((3, 2, 2)), halves))
    assert result.array.dtype == np.float32
    np.testing.assert_allclose(result.array, 0.5)


def test_label_resampling_makes_no_new_values_and_keeps_the_type() -> None:
    labels = np.random.default_rng(1).choice([0, 1, 2, 4], (10, 10, 10)).astype(np.int16)
    fine = oblique_affine((3.0, 2.0, 1.0), (0.4, 0.4, 0.4), (2.0, 2.0, 2.0))
    result = resample_to(Volume(labels, np.eye(4)), Volume(np.zeros((15, 15, 15)), fine), labels=True)
    assert result.array.dtype == np.int16
    assert set(np.unique(result.array)) == {0, 1, 2, 4}


def test_outside_the_image_the_result_is_zero() -> None:
    volume = Volume(np.full((3, 3, 3), 7, np.float32), np.eye(4))
    result = resample_to(volume, Volume(np.zeros((9, 3, 3)), np.eye(4)))
    assert result.array[:3].min() == 7
    assert not result.array[3:].any()


def test_images_apart_in_space_are_not_resampled() -> None:
    far = np.eye(4)
    far[2, 3] = 500
    with pytest.raises(GeometryError, match="do not overlap in space"):
        resample_to(Volume(np.ones((3, 3, 3)), np.eye(4)), Volume(np.ones((3, 3, 3)), far))


def test_tiny_differences_of_an_affine_are_the_same_grid_and_real_ones_are_not() -> None:
    a = Volume(np.zeros((256, 256, 25)), oblique_affine())
    rounded = Volume(a.array, np.round(a.affine, 5))
    assert same_grid(a, rounded)
    shifted = a.affine.copy()
    shifted[0, 3] += 0.05
    assert not same_grid(a, Volume(a.array, shifted))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Volume(np.zeros((4, 4, 5)), np.diag([1.0, 1, 5, 1])), r"size \(4, 4, 4\) vs \(4, 4, 5\)"),
        (Volume(np.zeros((4, 4, 4)), np.diag([1.0, 1, 6, 1])), r"spacing \(1, 1, 5\) vs \(1, 1, 6\)"),
        (Volume(np.zeros((4, 4, 4)), np.diag([-1.0, 1, 5, 1])), "axes RAS vs LAS"),
        (Volume(np.zeros((4, 4, 4)), np.diag([1.0, 1, 5, 1]) + np.eye(4, k=1) * [0, 0, 0, 9]), "origin .* vs .*9"),
    ],
)
def test_a_differing_grid_is_refused_with_both_names_and_what_differs(other: Volume, message: str) -> None:
    volume = Volume(np.zeros((4, 4, 4)), np.diag([1.0, 1, 5, 1]))
    with pytest.raises(GeometryError, match=f"geometry of the mask differs from image 'case3': .*{message}"):
        check_same_grid(volume, other, "the mask", "image 'case3'")


@pytest.fixture
def a_study_on_two_grids(tmp_path: Path) -> Study:
    fine = linear_field((10, 10, 8), oblique_affine(spacing=(1.0, 1.0, 2.0)))
    centre = (fine.affine @ [4.5, 4.5, 3.5, 1])[:3]
    coarse = linear_field((4, 4, 3), oblique_affine(spacing=(1.5, 1.5, 2.0), origin=tuple(centre)))
    paths = {"t1": tmp_path / "t1.nii.gz", "t2": tmp_path / "t2.nrrd", "flair": tmp_path / "flair.nii.gz"}
    for name, volume in (("t1", fine), ("t2", fine), ("flair", coarse)):
        write_volume(volume, paths[name])
    return Study("two", "P", tmp_path, paths)


def test_sequences_on_one_grid_are_loaded_from_either_format(a_study_on_two_grids: Study) -> None:
    volumes = load_sequences(a_study_on_two_grids, ["t1", "t2"])
    assert list(volumes) == ["t1", "t2"]
    np.testing.assert_array_equal(volumes["t1"].array, volumes["t2"].array)


def test_sequences_on_two_grids_are_refused_with_both_and_the_remedy(a_study_on_two_grids: Study) -> None:
    with pytest.raises(GeometryError) as caught:
        load_sequences(a_study_on_two_grids, ["t1", "flair"])
    for part in ("study 'two'", "'t1' and 'flair'", "(10, 10, 8)", "(4, 4, 3)", "(1.5, 1.5, 2)", "ask for resampling"):
        assert part in str(caught.value)


def test_sequences_are_resampled_to_the_one_that_is_named(a_study_on_two_grids: Study) -> None:
    volumes = load_sequences(a_study_on_two_grids, ["t1", "t2"], grid_of="flair")
    expected = linear_field((4, 4, 3), load_sequences(a_study_on_two_grids, ["flair"])["flair"].affine)
    for volume in volumes.values():
        assert same_grid(volume, expected)
        np.testing.assert_allclose(volume.array, expected.array, atol=1e-4)


@pytest.mark.parametrize(("names", "to"), [(["t1c"], None), (["t1"], "t1c")])
def test_an_unknown_sequence_is_refused_with_those_that_exist(
    a_study_on_two_grids: Study, names: list[str], to: str | None
) -> None:
    with pytest.raises(UnknownNameError, match="no sequence 't1c'; it has flair, t1, t2"):
        load_sequences(a_study_on_two_grids, names, grid_of=to)
