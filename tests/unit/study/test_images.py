from __future__ import annotations

import gzip
import struct
import tempfile
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gliomics.errors import GeometryError, InputError
from gliomics.study import Volume, from_sitk, read_mask, read_volume, to_sitk, write_volume
from tests.unit.study.grids import affines, oblique_affine

SUFFIXES = (".nii.gz", ".nii", ".nrrd")
TYPES = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64)


def nifti_header(shape: tuple[int, ...], dtype: type = np.uint8) -> bytes:
    """A valid header that claims ``shape``, padded to where its voxels begin."""
    header = nib.Nifti1Header()
    header.set_data_dtype(dtype)
    header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    header["pixdim"][:4] = 1
    header["magic"], header["vox_offset"] = b"n+1", 352
    header.set_sform(np.eye(4), code=1)
    return header.binaryblock + b"\0\0\0\0"


@settings(max_examples=25, deadline=None)
@example(affine=oblique_affine((0.0, 2.0, 3.0), (1.0, 1.0, 1.0)), suffix=".nrrd", dtype=np.uint8)
@given(affine=affines(), suffix=st.sampled_from(SUFFIXES), dtype=st.sampled_from(TYPES))
def test_a_file_read_and_written_again_is_bit_for_bit_the_same_volume(
    affine: np.ndarray, suffix: str, dtype: type
) -> None:
    values = np.arange(60).reshape(5, 4, 3).astype(dtype)
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / f"a{suffix}", Path(folder) / f"b{suffix}"
        write_volume(Volume(values, affine), path)
        first = read_volume(path)
        write_volume(first, copy)
        second = read_volume(copy)
    assert first.array.dtype == second.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(first.array, values)
    np.testing.assert_array_equal(second.array, values)
    np.testing.assert_array_equal(second.affine, first.affine)
    np.testing.assert_allclose(first.affine, affine.astype(np.float32), rtol=0, atol=1e-11)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_itk_sees_the_voxels_of_a_written_file_at_the_same_places(
    tmp_path: Path, suffix: str, an_oblique_volume: Volume
) -> None:
    write_volume(an_oblique_volume, tmp_path / f"a{suffix}")
    image = sitk.ReadImage(str(tmp_path / f"a{suffix}"))
    for index in [(0, 0, 0), (6, 0, 0), (0, 5, 0), (0, 0, 4), (3, 2, 1)]:
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose((-x, -y, z), (an_oblique_volume.affine @ [*index, 1])[:3], atol=1e-3)
        assert image[index] == an_oblique_volume.array[index]


def test_written_nifti_has_sform_and_qform_with_codes_and_millimetres(
    tmp_path: Path, an_oblique_volume: Volume
) -> None:
    write_volume(an_oblique_volume, tmp_path / "a.nii.gz")
    image = nib.load(tmp_path / "a.nii.gz")
    for form, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(form, an_oblique_volume.affine, atol=1e-3)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_a_file_with_a_qform_only_keeps_its_orientation(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
    image.set_qform(oblique_affine(), code=1)
    image.set_sform(None, code=0)
    nib.save(image, tmp_path / "q.nii.gz")
    np.testing.assert_allclose(read_volume(tmp_path / "q.nii.gz").affine, oblique_affine(), atol=1e-4)


def test_sheared_nifti_is_read_as_it_is_and_refused_by_itk_conversion(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[0, 2] = 1.0
    write_volume(Volume(np.zeros((3, 3, 3), np.uint8), affine), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.affine, affine)
    with pytest.raises(GeometryError, match="shear"):
        to_sitk(volume)


@settings(max_examples=40, deadline=None)
@given(affine=affines())
def test_conversion_to_itk_and_back_keeps_values_and_geometry(affine: np.ndarray) -> None:
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    back = from_sitk(to_sitk(volume))
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.affine, affine, rtol=1e-12, atol=1e-10)


def test_big_endian_files_are_read_in_native_byte_order(tmp_path: Path) -> None:
    values = np.arange(27, dtype=">i2").reshape(3, 3, 3)
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nib.save(nib.Nifti1Image(values, np.eye(4), header), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.array.dtype.isnative
    np.testing.assert_array_equal(volume.array, values)


def test_scaled_nifti_is_read_with_its_slope_and_intercept(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    image.header.set_data_dtype(np.int16)
    raw = image.header.binaryblock + b"\0\0\0\0" + np.full(8, 6, np.int16).tobytes()
    content = bytearray(raw)
    content[112:120] = struct.pack("<ff", 0.5, 10)
    content[108:112] = struct.pack("<f", 352)
    content[344:348] = b"n+1\0"
    (tmp_path / "a.nii").write_bytes(bytes(content))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii").array, np.full((2, 2, 2), 13.0))


def test_header_in_metres_becomes_millimetres(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.diag([0.001, 0.001, 0.005, 1]))
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").spacing, (1, 1, 5), rtol=1e-6)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_fourth_axis_of_one_entry_is_dropped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    values = np.arange(24, dtype=np.int16).reshape(1, 4, 3, 2)
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=False), str(path))
    volume = read_volume(path)
    assert volume.shape == (2, 3, 4)
    np.testing.assert_array_equal(volume.array, values[0].transpose(2, 1, 0))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_series_of_volumes_is_refused_with_its_dimensions(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 4, 3, 2), np.int16), isVector=False), str(path))
    with pytest.raises(InputError, match=r"4 dimensions \(2, 3, 4, 2\)"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_colour_image_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 3, 2, 3), np.uint8), isVector=True), str(path))
    with pytest.raises(InputError, match="colour"):
        read_volume(path)


def test_a_gzip_that_claims_a_huge_image_is_refused_without_being_loaded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(nifti_header((2000, 2000, 1500)))
        for _ in range(32):
            file.write(bytes(1 << 22))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"claims \(2000, 2000, 1500\) voxels"):
        read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size < 1 << 20
    assert peak < 1 << 22


def test_a_huge_nrrd_is_refused_from_its_header(tmp_path: Path) -> None:
    header = (
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2000 2000 1500\nencoding: gzip\nspace: left-posterior-superior\n"
    )
    path = tmp_path / "bomb.nrrd"
    path.write_bytes(header.encode() + b"\n" + gzip.compress(bytes(1000)))
    with pytest.raises(InputError, match=r"claims \(2000, 2000, 1500\) voxels"):
        read_volume(path)


def test_a_stream_longer_than_claimed_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "long.nii.gz"
    with gzip.open(path, "wb") as file:
        file.write(nifti_header((4, 4, 4)) + bytes(64))
        for _ in range(16):
            file.write(bytes(1 << 22))
    tracemalloc.start()
    with pytest.raises(InputError, match="416 bytes expected, more found"):
        read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 22


@pytest.mark.parametrize("compress", [True, False])
def test_a_stream_shorter_than_claimed_is_refused_with_both_sizes(tmp_path: Path, compress: bool) -> None:
    content = nifti_header((4, 4, 4)) + bytes(60)
    path = tmp_path / ("short.nii.gz" if compress else "short.nii")
    path.write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(InputError, match="416 bytes expected, 412 bytes found"):
        read_volume(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [1, 100, 400, -20])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, suffix: str, keep: int, an_oblique_volume: Volume) -> None:
    path = tmp_path / f"cut{suffix}"
    write_volume(an_oblique_volume, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=f"cut{suffix}"):
        read_volume(path)


@settings(max_examples=40, deadline=None)
@given(suffix=st.sampled_from(SUFFIXES), content=st.binary(max_size=700))
def test_random_bytes_are_refused_and_nothing_else_is_raised(suffix: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        path.write_bytes(content)
        with pytest.raises(InputError, match=path.name):
            read_volume(path)


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 351), value=st.integers(0, 255))
def test_a_damaged_nifti_header_gives_a_volume_or_an_input_error(position: int, value: int) -> None:
    content = bytearray(nifti_header((4, 4, 4), np.int16) + bytes(128))
    content[position] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii"
        path.write_bytes(bytes(content))
        try:
            assert read_volume(path).array.ndim == 3
        except InputError as error:
            assert "a.nii" in str(error)


def test_an_empty_file_is_refused_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").touch()
    with pytest.raises(InputError, match=r"a\.nii\.gz is empty"):
        read_volume(tmp_path / "a.nii.gz")


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder.nii.gz").mkdir()
    for name, reason in (("none.nii.gz", "does not exist"), ("folder.nii.gz", "is a folder, not a file")):
        with pytest.raises(InputError, match=f"{name} {reason}"):
            read_volume(tmp_path / name)


def test_another_file_type_is_refused_with_the_accepted_ones(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"type \.png; expected \.nii\.gz, \.nii, \.nrrd"):
        read_volume(tmp_path / "a.png")


def test_an_nrrd_that_takes_its_voxels_from_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: secret.raw\n\n"
    (tmp_path / "a.nrrd").write_text(header)
    with pytest.raises(InputError, match="keeps its voxels in another file"):
        read_volume(tmp_path / "a.nrrd")


@pytest.mark.parametrize("hiding", [b"# " + b"x" * 70_000 + b"\n", b"# " + b"x" * (2 << 20) + b"\n", b"# x\r"])
def test_an_nrrd_does_not_hide_that_it_takes_its_voxels_from_another_file(tmp_path: Path, hiding: bytes) -> None:
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    start, end = b"NRRD0004\n", b"type: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
    (tmp_path / "a.nrrd").write_bytes(start + end + hiding + b"data file: secret.raw\n\n")
    with pytest.raises(InputError, match=r"keeps its voxels in another file|its header has no end"):
        read_volume(tmp_path / "a.nrrd")


@pytest.mark.parametrize("skip", [b"byte skip: -1", b"byteskip: 4000000000", b"line skip: 9"])
def test_an_nrrd_that_skips_bytes_is_refused_because_itk_would_decompress_them(tmp_path: Path, skip: bytes) -> None:
    header = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: gzip\n" + skip + b"\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + gzip.compress(bytes(8)))
    with pytest.raises(InputError, match=r"a\.nrrd has bytes before its voxels that are to be skipped"):
        read_volume(tmp_path / "a.nrrd")


def test_voxels_of_more_than_half_a_gib_are_refused_from_the_header(tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: double\ndimension: 3\nsizes: 512 512 512\nendian: little\nencoding: gzip\n"
    space = b"space: left-posterior-superior\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + space + gzip.compress(bytes(1000)))
    (tmp_path / "a.nii").write_bytes(nifti_header((512, 512, 512), np.float64) + bytes(1000))
    for name in ("a.nrrd", "a.nii"):
        with pytest.raises(InputError, match=f"{name} claims .* voxels of 8 bytes; at most 536870912 bytes"):
            read_volume(tmp_path / name)


def test_reading_holds_little_more_than_the_voxels(tmp_path: Path) -> None:
    path = tmp_path / "large.nii.gz"
    path.write_bytes(gzip.compress(nifti_header((256, 256, 64), np.float64) + bytes(1 << 25), compresslevel=1))
    tracemalloc.start()
    read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * (1 << 25)


def test_an_affine_that_cannot_be_inverted_is_refused(tmp_path: Path) -> None:
    content = bytearray(nifti_header((2, 2, 2)) + bytes(8))
    content[280:328] = bytes(48)
    (tmp_path / "a.nii").write_bytes(bytes(content))
    with pytest.raises(GeometryError, match=r"a\.nii has no usable geometry"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_not_finite_are_refused_with_their_number(tmp_path: Path, bad: float) -> None:
    values = np.zeros((3, 3, 3), np.float32)
    values[0, 0, :2] = bad
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    for read in (read_volume, read_mask):
        with pytest.raises(InputError, match="2 voxels that are NaN or infinite"):
            read(tmp_path / "a.nii.gz")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, an_oblique_volume: Volume) -> None:
    path = tmp_path / "a.nii.gz"
    write_volume(an_oblique_volume, path)
    before = path.read_bytes()
    with pytest.raises(GeometryError, match="cannot be inverted"):
        write_volume(Volume(an_oblique_volume.array, np.zeros((4, 4))), path)
    with pytest.raises(InputError, match="type complex128"):
        write_volume(Volume(np.zeros((2, 2, 2), complex), np.eye(4)), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nii.gz"]
