"""Masks on the voxels of a series as OHIF orders them: columns, rows, then slices along the normal of the plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from gliomics.dicom import find_examinations, read_series
from gliomics.dicom.segmentation import segmentation_of
from gliomics.server.viewer.shown import (
    SavedSegmentation,
    ShownSeries,
    usual_values,
    write_for_viewer,
    write_label_of_voxels,
)
from gliomics.study import Mask, Study, read_mask, read_volume, write_mask, write_volume
from gliomics.study.images import read_label_names
from gliomics.study.records import SourceSeries
from tests.unit.dicom.dicom_files import OBLIQUE, series_pixels, write_series

REVERSED = OBLIQUE @ np.diag([1.0, 1.0, -1.0])
"""Slices that are numbered against the normal of their plane."""


@pytest.fixture(params=[OBLIQUE, REVERSED], ids=["along", "against"])
def shown(request: pytest.FixtureRequest, tmp_path: Path) -> ShownSeries:
    """An oblique series, as a study whose image has its axes in another order."""
    folder = write_series(tmp_path / "dicom", 1, "AX T2 FLAIR", axes=request.param)
    (examination,), _ = find_examinations(sorted(folder.iterdir()))
    (series,) = examination.series
    volume = read_series(series)
    turned = volume.affine[:, [1, 2, 0, 3]]
    path = tmp_path / "study" / "flair.nii.gz"
    write_volume(type(volume)(volume.array.transpose(1, 2, 0), turned), path)
    source = SourceSeries(series.uid, series.number, folder)
    study = Study(id="s", patient_id="p", folder=path.parent, sequences={"flair": path}, series={"flair": source})
    return ShownSeries(study, "flair")


def pixels_by_position(shown: ShownSeries) -> np.ndarray:
    """(slice, row, column), the slices along the normal."""
    files = [pydicom.dcmread(path) for path in shown.study.series["flair"].folder.iterdir()]
    first = files[0]
    normal = np.cross(
        np.array(first.ImageOrientationPatient[:3], float), np.array(first.ImageOrientationPatient[3:], float)
    )
    files.sort(key=lambda file: float(np.array(file.ImagePositionPatient, float) @ normal))
    return np.stack([file.pixel_array for file in files])


def test_mask_of_a_study_is_in_the_order_of_the_viewer(shown: ShownSeries, tmp_path: Path) -> None:
    image = read_volume(shown.study.path("flair"))
    write_mask(Mask((image.array > 300).astype(np.uint8), image.affine), tmp_path / "mask.nii.gz")
    write_for_viewer(shown, tmp_path / "mask.nii.gz", tmp_path / "mask.nrrd")
    header, voxels = (tmp_path / "mask.nrrd").read_bytes().split(b"\n\n", 1)
    assert b"type: unsigned char" in header
    assert np.array_equal(np.frombuffer(voxels, np.uint8), (pixels_by_position(shown) > 300).ravel())


def test_voxels_of_the_viewer_become_a_label_in_their_places(shown: ShownSeries, tmp_path: Path) -> None:
    pixels = pixels_by_position(shown)
    values = np.select([pixels > 400, pixels > 300], [1, 3]).astype(np.uint16)
    (tmp_path / "label.bin").write_bytes(values.astype("<u2").tobytes())
    names = {1: "enhancing", 3: "core-without-enhancement"}
    write_label_of_voxels(shown, tmp_path / "label.bin", names, tmp_path / "label.seg.nrrd")
    label, image = read_mask(tmp_path / "label.seg.nrrd"), read_volume(shown.study.path("flair"))
    placed = label.array.transpose(1, 2, 0)
    assert np.array_equal(placed, np.select([image.array > 400, image.array > 300], [3, 1]))
    assert read_label_names(tmp_path / "label.seg.nrrd") == {1: "core-without-enhancement", 3: "enhancing"}


def test_segmentation_comes_back_in_its_place(shown: ShownSeries, tmp_path: Path) -> None:
    image = read_volume(shown.study.path("flair"))
    mask = Mask((image.array > 300).astype(np.uint8), image.affine)
    source = shown.source(mask)
    made = segmentation_of(source.mask, source.instances, {1: "tumour"}, drawn="MANUAL", description="by hand")
    made.save_as(tmp_path / "made.dcm")
    saved = SavedSegmentation(source.series.uid, tmp_path / "made.dcm", "1.2", "1.3")
    saved.write_label(shown, tmp_path / "label.seg.nrrd")
    assert np.array_equal(read_mask(tmp_path / "label.seg.nrrd").array, source.mask.array)
    assert series_pixels().shape == tuple(reversed(source.mask.shape))


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ({1: "core-without-enhancement", 2: "enhancing", 3: "oedema"}, {1: 1, 2: 3, 3: 2}),
        ({4: "tumour"}, {4: 1}),
        ({1: "core-without-enhancement", 4: "tumour"}, {1: 1, 4: 4}),
        ({1: "segment 1", 2: "oedema"}, {1: 1, 2: 2}),
        ({}, {}),
    ],
)
def test_named_parts_get_the_values_of_the_server_s_own_masks(names: dict[int, str], values: dict[int, int]) -> None:
    assert usual_values(names) == values
