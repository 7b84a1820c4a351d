"""Files of masks: which values are labels, and what is no mask."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.study import Volume, read_mask, write_mask, write_volume

SUFFIXES = (".nii.gz", ".nii", ".nrrd")
TYPES = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64)


def test_probabilities_in_steps_of_percents_are_no_mask(tmp_path: Path) -> None:
    percents = np.arange(0, 105, 5, dtype=np.uint8).reshape(3, 7, 1)
    nib.save(nib.Nifti1Image(percents, np.eye(4)), tmp_path / "m.nii.gz")
    with pytest.raises(InputError, match=r"20 different values, up to 100.*map of probabilities"):
        read_mask(tmp_path / "m.nii.gz")


def test_label_that_is_off_an_integer_by_a_ten_thousandth_is_that_integer(tmp_path: Path) -> None:
    array = np.full((2, 2, 2), 0.9999, np.float32)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "m.nii.gz")
    assert (read_mask(tmp_path / "m.nii.gz").array == 1).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([0, 1], np.uint8), ([0, 255], np.uint8), ([0, 256], np.int16), ([0, 40000], np.uint16),
     ([0, 70000], np.int32)],
)  # fmt: skip
def test_label_values_are_kept_in_the_smallest_type(
    tmp_path: Path, suffix: str, labels: list[int], dtype: type
) -> None:
    values = np.array(labels * 4, dtype=np.int64).reshape(2, 2, 2)
    write_mask(Volume(values, np.eye(4)), tmp_path / f"m{suffix}")
    mask = read_mask(tmp_path / f"m{suffix}")
    assert mask.array.dtype == dtype
    np.testing.assert_array_equal(mask.array, values)


def test_a_float_file_that_holds_integers_is_a_mask(tmp_path: Path) -> None:
    values = np.array([0, 1, 2, 4] * 2, dtype=np.float64).reshape(2, 2, 2)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "m.nii.gz")
    mask = read_mask(tmp_path / "m.nii.gz")
    assert mask.array.dtype == np.uint8
    np.testing.assert_array_equal(mask.array, values)


def test_a_probability_map_is_refused_as_a_mask_and_nothing_is_written(tmp_path: Path) -> None:
    probability = Volume(np.full((2, 2, 2), 0.25, np.float32), np.eye(4))
    with pytest.raises(InputError, match=r"8 voxels are not integers \(the first is 0.25.*probability map"):
        write_mask(probability, tmp_path / "m.nii.gz")
    assert not list(tmp_path.iterdir())
    write_volume(probability, tmp_path / "p.nii.gz")
    with pytest.raises(InputError, match=r"p\.nii\.gz is not a mask"):
        read_mask(tmp_path / "p.nii.gz")


def test_a_boolean_mask_is_written_as_zeros_and_ones(tmp_path: Path) -> None:
    write_mask(Volume(np.array([True, False] * 4).reshape(2, 2, 2), np.eye(4)), tmp_path / "m.nii.gz")
    assert nib.load(tmp_path / "m.nii.gz").get_data_dtype() == np.uint8
    assert read_mask(tmp_path / "m.nii.gz").array.sum() == 4


def save_scaled(path: Path, stored: np.ndarray, slope: float) -> None:
    """A NIfTI file of integers with a scale in its header."""
    image = nib.Nifti1Image(stored, np.eye(4))
    header = image.header.copy()
    header.set_slope_inter(slope, 0)
    header["vox_offset"] = 352
    path.write_bytes(bytes(header.binaryblock) + bytes(4) + stored.tobytes(order="F"))


@pytest.mark.parametrize(
    ("largest", "stored_type"),
    [(1, np.int16), (4, np.int16), (255, np.int16), (1000, np.int32), (4, np.uint8), (3, np.uint8)],
)
def test_values_that_a_header_scale_leaves_beside_an_integer_are_that_integer(
    tmp_path: Path, largest: int, stored_type: type
) -> None:
    values = np.array([0, 1, max(1, largest // 2), largest] * 2).reshape(2, 2, 2)
    slope = largest / np.iinfo(stored_type).max
    save_scaled(tmp_path / "m.nii", np.rint(values / slope).astype(stored_type), slope)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii").array, values)


def test_a_mask_that_nibabel_scaled_into_an_integer_type_is_read(tmp_path: Path) -> None:
    values = np.array([0, 1, 2, 4] * 2, np.float64).reshape(2, 2, 2)
    image = nib.Nifti1Image(values, np.eye(4))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii.gz").array, values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.linspace(0, 1, 8), "probability map, make a mask of it first"),
        (np.array([0, 1, 1.002, 1, 0, 0, 1, 1]), r"the first is 1\.00[0-9]{3,}, values go from 0 to 1\.00"),
        (np.array([0, 1, np.nan, 1, 0, 0, 1, 1]), "NaN or infinite"),
        (np.array([0, -1, 1, 1, 0, 0, 1, 1]), "negative values, down to -1"),
    ],
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_mask_is_refused_with_the_reason(
    tmp_path: Path, suffix: str, values: np.ndarray, reason: str
) -> None:
    array = values.reshape(2, 2, 2).astype(np.float32)
    if suffix == ".nrrd":
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"m{suffix}"))
    else:
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / f"m{suffix}")
    with pytest.raises(InputError, match=reason):
        read_mask(tmp_path / f"m{suffix}")


def test_a_probability_map_of_scaled_integers_is_no_mask(tmp_path: Path) -> None:
    save_scaled(tmp_path / "p.nii", np.linspace(0, 255, 8).astype(np.uint8).reshape(2, 2, 2), 1 / 255)
    with pytest.raises(InputError, match="probability map"):
        read_mask(tmp_path / "p.nii")


def test_an_image_is_refused_as_a_mask_by_its_many_values(tmp_path: Path) -> None:
    write_volume(Volume(np.arange(125, dtype=np.int16).reshape(5, 5, 5), np.eye(4)), tmp_path / "i.nii.gz")
    with pytest.raises(InputError, match=r"124 different values.*is it an image"):
        read_mask(tmp_path / "i.nii.gz")
