"""Images as arrays and as NIfTI files, checked against nibabel."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, readNifti, sameGrid, writeNifti
from scipy.spatial.transform import Rotation

ANGLES = st.floats(-180, 180)
SPACINGS = st.floats(0.3, 8)


Triple = tuple[float, float, float]


def affineOf(angles: Triple, spacing: Triple, offset: Triple, flip: bool) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(spacing)
    affine[:3, 2] *= -1 if flip else 1
    affine[:3, 3] = offset
    return affine


AFFINES = st.builds(
    affineOf, st.tuples(ANGLES, ANGLES, ANGLES), st.tuples(SPACINGS, SPACINGS, SPACINGS),
    st.tuples(*[st.floats(-200, 200)] * 3), st.booleans(),
)  # fmt: skip


@given(affine=AFFINES)
@settings(max_examples=60, deadline=None)
def test_any_orientation_and_spacing_survives_a_file_in_both_codes(
    affine: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("nifti") / "image.nii.gz"
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    writeNifti(OrientedImage(array, affine), path)
    image = nibabel.load(path)
    assert np.allclose(image.get_sform(), affine, atol=1e-3)
    assert np.allclose(image.get_qform(), affine, atol=1e-2)
    assert np.array_equal(np.asarray(image.dataobj), array.T)
    assert sameGrid(readNifti(path), OrientedImage(array, affine))


def test_a_sheared_grid_survives_a_file(tmp_path: Path) -> None:
    affine = np.array([[1.0, 0, 0.3, 5], [0, 1, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])
    writeNifti(OrientedImage(np.ones((3, 4, 5), np.uint8), affine), tmp_path / "image.nii")
    assert np.allclose(readNifti(tmp_path / "image.nii").ijkToRas, affine)
    assert np.allclose(nibabel.load(tmp_path / "image.nii").affine, affine)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", ">i2", ">f4"])
def test_voxels_of_every_number_type_are_kept(dtype: str, tmp_path: Path) -> None:
    array = (np.arange(60).reshape(3, 4, 5) + 1).astype(dtype)
    writeNifti(OrientedImage(array, np.eye(4)), tmp_path / "image.nii")
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "image.nii").dataobj), array.T)
    assert np.array_equal(readNifti(tmp_path / "image.nii").array, array)


def test_an_image_with_only_a_qform_is_read_where_it_lies(tmp_path: Path) -> None:
    affine = affineOf((20, -40, 65), (0.8, 0.9, 5.0), (10, -20, 30), True)
    image = nibabel.Nifti1Image(np.zeros((4, 3, 2), np.float32), affine)
    image.set_sform(None, 0)
    image.set_qform(affine, 1)
    nibabel.save(image, tmp_path / "image.nii.gz")
    assert np.allclose(readNifti(tmp_path / "image.nii.gz").ijkToRas, affine, atol=1e-3)


def test_scaled_voxels_are_read_as_their_real_values(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.full((4, 3, 2), 5, np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 10.0)
    nibabel.save(image, tmp_path / "image.nii")
    assert np.allclose(nibabel.load(tmp_path / "image.nii").get_fdata(), 12.5)
    assert np.allclose(readNifti(tmp_path / "image.nii").array, 12.5)


def test_a_fourth_axis_of_one_is_accepted_and_of_two_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 3, 2, 1), np.uint8), np.eye(4)), tmp_path / "one.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 3, 2, 2), np.uint8), np.eye(4)), tmp_path / "two.nii.gz")
    assert readNifti(tmp_path / "one.nii.gz").array.shape == (2, 3, 4)
    with pytest.raises(VolumeError, match=r"two\.nii\.gz is not a 3-D image"):
        readNifti(tmp_path / "two.nii.gz")


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "image.nii"
    writeNifti(OrientedImage(np.ones((3, 4, 5), np.float32), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(VolumeError, match=r"image\.nii is truncated"):
        readNifti(path)


@pytest.mark.parametrize("content", [b"", b"hello" * 200, gzip.compress(b"no header", mtime=0)[:20]])
def test_what_is_no_nifti_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    for name in ("image.nii", "image.nii.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VolumeError, match=r"image\.nii"):
            readNifti(tmp_path / name)


def test_a_header_that_claims_too_many_voxels_is_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "image.nii"
    writeNifti(OrientedImage(np.ones((3, 4, 5), np.uint8), np.eye(4)), path)
    header = bytearray(path.read_bytes())
    struct.pack_into("<8h", header, 40, 3, 2000, 2000, 1500, 1, 1, 1, 1)
    path.write_bytes(bytes(header))
    with pytest.raises(VolumeError, match="more than"):
        readNifti(path)


def test_an_image_without_a_place_in_space_is_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((4, 3, 2), np.uint8), None)
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nibabel.save(image, tmp_path / "image.nii")
    with pytest.raises(VolumeError, match="neither qform nor sform"):
        readNifti(tmp_path / "image.nii")


def test_grids_that_differ_by_more_than_a_hundredth_of_a_voxel_are_different() -> None:
    array, affine = np.zeros((2, 30, 40)), np.diag([1.0, 1.0, 5.0, 1.0])
    near, far = affine.copy(), affine.copy()
    near[0, 3], far[0, 3] = 0.005, 0.5
    assert sameGrid(OrientedImage(array, affine), OrientedImage(array, near))
    assert not sameGrid(OrientedImage(array, affine), OrientedImage(array, far))
    assert not sameGrid(OrientedImage(array, affine), OrientedImage(array[:, :, 1:], affine))
