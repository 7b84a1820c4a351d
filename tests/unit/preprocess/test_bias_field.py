from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.preprocess.bias_field import correct_bias_field
from gliomics.study import Volume

Bools = npt.NDArray[np.bool_]


@pytest.fixture
def threads() -> Iterator[None]:
    """The number of ITK's threads is what it was before, afterwards."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    yield
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def tissue(shape: tuple[int, int, int] = (48, 52, 16)) -> tuple[Volume, Bools, Bools]:
    """A head of two tissues with a little noise in dark air, the whole of it, and its inner tissue."""
    grid = [index / size - 0.5 for index, size in zip(np.indices(shape), shape, strict=True)]
    away = np.sqrt(sum(part**2 for part in grid))
    inside, inner = away < 0.45, away < 0.3
    noise = np.random.default_rng(0).normal(0, 3, shape)
    array = np.where(inner, 140 + noise, np.where(inside, 100 + noise, 2))
    return Volume(array, np.diag([3.0, 3.0, 6.0, 1.0])), inside, inner


def bias(shape: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """A smooth field from about 0.75 to 1.4."""
    i, j, k = (index / size - 0.5 for index, size in zip(np.indices(shape), shape, strict=True))
    return np.exp(0.5 * i + 0.4 * j**2 - 0.3 * i * k)


def variation(array: npt.NDArray[np.float64], where: Bools) -> float:
    return float(array[where].std() / array[where].mean())


@pytest.mark.parametrize("slices", [16, 5, 2])
def test_brightness_that_changes_across_the_head_is_evened_out(slices: int) -> None:
    image, inside, inner = tissue((48, 52, slices))
    biased = image.array * bias(image.shape)
    corrected = correct_bias_field(image.with_array(biased.astype(np.float32)), inside).array
    for part in (inner, inside & ~inner):
        assert variation(biased, part) > 1.5 * variation(image.array, part)
        assert variation(corrected, part) < 1.15 * variation(image.array, part)


def test_even_image_is_nearly_left_alone() -> None:
    image, inside, _ = tissue()
    ratio = correct_bias_field(image, inside).array[inside] / image.array[inside]
    assert ratio.std() < 0.01
    assert ratio.mean() == pytest.approx(1, abs=0.02)


def test_field_is_taken_out_of_the_air_too_and_the_grid_stays() -> None:
    image, inside, _ = tissue()
    corrected = correct_bias_field(image.with_array(image.array * bias(image.shape)), inside)
    assert np.isfinite(corrected.array).all()
    assert (corrected.array > 0).all()
    np.testing.assert_array_equal(corrected.affine, image.affine)


def test_brightness_of_the_whole_image_does_not_count() -> None:
    image, inside, _ = tissue()
    once = correct_bias_field(image, inside).array
    np.testing.assert_allclose(correct_bias_field(image.with_array(7 * image.array), inside).array, 7 * once, rtol=1e-3)


@pytest.mark.usefixtures("threads")
def test_field_does_not_depend_on_the_number_of_cores() -> None:
    image, inside, _ = tissue((40, 44, 10))
    fields = []
    for count in (1, 2, 8):
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
        fields.append(correct_bias_field(image.with_array(image.array * bias(image.shape)), inside).array)
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == count
    np.testing.assert_array_equal(fields[0], fields[1])
    np.testing.assert_array_equal(fields[0], fields[2])


def test_dark_voxels_inside_are_no_trouble() -> None:
    image, inside, _ = tissue()
    image.array[20:28, 22:30, 6:10] = 0
    corrected = correct_bias_field(image, inside).array
    assert np.isfinite(corrected).all()
    assert not corrected[20:28, 22:30, 6:10].any()


def test_image_of_one_slice_is_refused() -> None:
    image, inside, _ = tissue((48, 52, 1))
    with pytest.raises(InputError, match=r"sequence 't1' is one slice \(48, 52, 1\); its bias field"):
        correct_bias_field(image, inside, "sequence 't1'")


def test_negative_intensities_are_refused() -> None:
    image, inside, _ = tissue()
    with pytest.raises(InputError, match=r"sequence 't1' has intensities down to -.*not negative: leave out biasField"):
        correct_bias_field(image.with_array(image.array - 120), inside, "sequence 't1'")


def test_image_without_a_head_is_refused() -> None:
    image, inside, _ = tissue()
    with pytest.raises(InputError, match="sequence 't1' shows no head or brain to estimate a bias field from"):
        correct_bias_field(image, np.zeros_like(inside), "sequence 't1'")
