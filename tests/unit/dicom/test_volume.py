from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import RLELossless

from gliomics.dicom import read_series
from gliomics.errors import GeometryError, InputError
from gliomics.study import from_sitk
from tests.unit.dicom.dicom_files import OBLIQUE, TIMES, series_pixels, without_preamble, write_enhanced, write_series
from tests.unit.dicom.examined import examined, only_series


def itk_volume(series: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    return reader.Execute()


@pytest.mark.parametrize(
    "axes",
    [OBLIQUE, np.eye(3)[:, [1, 2, 0]], np.eye(3)[:, [0, 2, 1]] * [1, -1, 1], OBLIQUE * [1, 1, -1]],
    ids=["oblique", "sagittal", "coronal", "reversed"],
)
def test_geometry_and_voxels_agree_with_itk(tmp_path: Path, axes: np.ndarray) -> None:
    folder = write_series(tmp_path, 2, "FLAIR", axes=axes, **TIMES["flair"])
    volume = read_series(only_series(tmp_path))
    expected = from_sitk(itk_volume(folder))
    np.testing.assert_allclose(volume.affine, expected.affine, atol=2e-4)
    np.testing.assert_array_equal(volume.array, expected.array)
    assert volume.array.dtype == np.uint16


def test_rescaled_values_are_the_scanner_s(tmp_path: Path) -> None:
    write_series(tmp_path, 2, "FLAIR", RescaleSlope=0.5, RescaleIntercept=-3, **TIMES["flair"])
    volume = read_series(only_series(tmp_path))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, series_pixels(seed=2).transpose(2, 1, 0) * 0.5 - 3)


@pytest.mark.parametrize(
    "encoding", [{}, {"implicit": True}, {"big_endian": True}], ids=["explicit", "implicit", "big endian"]
)
def test_files_without_preamble_are_read_as_those_with_one(tmp_path: Path, encoding: dict[str, bool]) -> None:
    folder = write_series(tmp_path, 2, "FLAIR", axes=OBLIQUE, RescaleSlope=2, RescaleIntercept=1, **TIMES["flair"])
    expected = read_series(only_series(tmp_path))
    for path in folder.iterdir():
        without_preamble(path, **encoding)
    series = only_series(tmp_path)
    assert series.recognition.sequence == "flair"
    volume = read_series(series)
    np.testing.assert_array_equal(volume.array, expected.array)
    np.testing.assert_array_equal(volume.affine, expected.affine)


def test_an_enhanced_multi_frame_file_is_the_volume_of_its_single_slices(tmp_path: Path) -> None:
    pixels = series_pixels(seed=3)
    write_series(tmp_path / "slices", 2, "AX T1", pixels=pixels, axes=OBLIQUE, **TIMES["t1"])
    write_enhanced(tmp_path / "enhanced", 2, "AX T1", pixels=pixels, axes=OBLIQUE)
    expected, series = read_series(only_series(tmp_path / "slices")), only_series(tmp_path / "enhanced")
    assert (series.recognition.sequence, series.acquisition.repetition_time, series.acquisition.echo_time) == (
        "t1",
        600.0,
        12.0,
    )
    volume = read_series(series)
    np.testing.assert_array_equal(volume.array, expected.array)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-9)


def test_a_compressed_multi_frame_file_is_read(tmp_path: Path) -> None:
    pixels = series_pixels(seed=3)
    (path,) = write_enhanced(tmp_path, 2, "AX T1", pixels=pixels).iterdir()
    file = pydicom.dcmread(path)
    file.compress(RLELossless)
    file.save_as(path)
    np.testing.assert_array_equal(read_series(only_series(tmp_path)).array, pixels.transpose(2, 1, 0))


def test_each_frame_of_a_multi_frame_file_has_its_own_rescaling(tmp_path: Path) -> None:
    pixels = series_pixels(seed=3)
    write_enhanced(tmp_path, 2, "AX T1", pixels=pixels, rescale=(0.25, -2.0))
    volume = read_series(only_series(tmp_path))
    slopes = 0.25 * np.arange(1, len(pixels) + 1)
    np.testing.assert_allclose(volume.array, pixels.transpose(2, 1, 0) * slopes - 2.0)


def test_a_missing_slice_is_refused_with_its_neighbours(tmp_path: Path) -> None:
    write_series(tmp_path, 2, "FLAIR", axes=OBLIQUE, skip=(3,), **TIMES["flair"])
    with pytest.raises(InputError, match=r"slices are missing between IM\d+ and IM\d+: 11 mm apart, the others 5.5 mm"):
        read_series(only_series(tmp_path))


def test_unevenly_spaced_slices_are_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "FLAIR", **TIMES["flair"])
    for path in folder.iterdir():
        file = pydicom.dcmread(path)
        if file.InstanceNumber == 4:
            x, y, z = file.ImagePositionPatient
            file.ImagePositionPatient = [x, y, float(z) + 1.5]
            file.save_as(path)
    with pytest.raises(GeometryError, match="not evenly spaced"):
        read_series(only_series(tmp_path))


def test_a_tilted_stack_is_refused(tmp_path: Path) -> None:
    tilted = np.eye(3)
    tilted[:, 2] = [0, np.sin(0.3), np.cos(0.3)]
    write_series(tmp_path, 2, "FLAIR", axes=tilted, **TIMES["flair"])
    with pytest.raises(GeometryError, match="tilted stack"):
        read_series(only_series(tmp_path))


def test_slices_of_another_spacing_are_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "FLAIR", **TIMES["flair"])
    path = sorted(folder.iterdir())[2]
    file = pydicom.dcmread(path)
    file.PixelSpacing = [0.5, 0.5]
    file.save_as(path)
    with pytest.raises(GeometryError, match="differ in size or pixel spacing"):
        read_series(only_series(tmp_path))


@pytest.mark.parametrize("preamble", [True, False])
def test_damaged_pixels_are_refused_by_name(tmp_path: Path, preamble: bool) -> None:
    folder = write_series(tmp_path, 4, "FLAIR", **TIMES["flair"])
    path = sorted(folder.iterdir())[0]
    if not preamble:
        without_preamble(path)
    path.write_bytes(path.read_bytes()[:-100])
    (series,) = examined(tmp_path)[0].series
    with pytest.raises(InputError, match=path.name):
        read_series(series)
