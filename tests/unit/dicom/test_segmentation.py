"""Masks as DICOM Segmentation objects, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest

from gliomics.dicom import find_examinations, read_series
from gliomics.dicom.segmentation import read_segmentation, segmentation_of
from gliomics.errors import InputError
from gliomics.study import Mask, Volume, on_grid_of, same_grid
from tests.unit.dicom.dicom_files import OBLIQUE, write_series


def a_series(folder: Path, axes: npt.NDArray[np.float64] | None = None) -> tuple[Volume, list[pydicom.Dataset]]:
    """A series as the volume that it makes and as its instances."""
    files = sorted(write_series(folder, 1, "FLAIR", axes=axes).iterdir())
    (examination,), _ = find_examinations(files)
    return read_series(examination.series[0]), [pydicom.dcmread(path) for path in files]


def a_mask(image: Volume) -> Mask:
    """Values 1, 2 and 4 in a part of the slices."""
    array = np.zeros(image.shape, np.uint8)
    array[1:5, 2:6, 2], array[3, 3, 2:4], array[6, 1, 1] = 1, 4, 2
    return image.with_array(array)


def written(mask: Mask, instances: list[pydicom.Dataset], folder: Path) -> Path:
    names = {1: "necrosis", 2: "oedema", 4: "enhancing"}
    segmentation_of(mask, instances, names, drawn="AUTOMATIC", description="tumour").save_as(folder / "seg.dcm")
    return folder / "seg.dcm"


@pytest.mark.parametrize("axes", [None, OBLIQUE, OBLIQUE[:, [2, 0, 1]]], ids=["axial", "oblique", "sagittal"])
def test_mask_comes_back_from_its_segmentation(tmp_path: Path, axes: npt.NDArray[np.float64] | None) -> None:
    image, instances = a_series(tmp_path, axes)
    mask = a_mask(image)
    again = on_grid_of(read_segmentation(written(mask, instances, tmp_path)), image, "the mask")
    assert same_grid(again, image)
    np.testing.assert_array_equal(again.array, mask.array)


def test_segmentation_names_its_series_and_its_segments(tmp_path: Path) -> None:
    image, instances = a_series(tmp_path)
    dataset = pydicom.dcmread(written(a_mask(image), instances, tmp_path))
    assert dataset.Modality == "SEG"
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == instances[0].SeriesInstanceUID
    segments = {int(item.SegmentNumber): str(item.SegmentLabel) for item in dataset.SegmentSequence}
    assert segments == {1: "necrosis", 2: "oedema", 3: "label 3", 4: "enhancing"}


@pytest.mark.parametrize(("value", "content"), [(0, "no labelled voxel"), (256, "the label value 256")])
def test_mask_that_makes_no_segmentation_is_refused(tmp_path: Path, value: int, content: str) -> None:
    image, instances = a_series(tmp_path)
    with pytest.raises(InputError, match=content):
        segmentation_of(
            image.with_array(np.full(image.shape, value)), instances, {}, drawn="SEMIAUTOMATIC", description="tumour"
        )


def test_image_is_no_segmentation(tmp_path: Path) -> None:
    a_series(tmp_path)
    path = next((tmp_path / "series1").iterdir())
    with pytest.raises(InputError, match="cannot be read as a DICOM Segmentation"):
        read_segmentation(path)
