from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from gliomics.dicom import Examination, find_examinations, read_series
from tests.unit.dicom.dicom_files import OBLIQUE, TIMES, change, series_pixels, write_enhanced, write_series
from tests.unit.dicom.examined import examined, only_series


def sequences(examination: Examination) -> dict[str, str | None]:
    """The sequence of each series by its number."""
    return {series.number: series.recognition.sequence for series in examination.series}


@pytest.fixture
def an_examination(tmp_path: Path) -> Path:
    """An oblique MR examination: T1, T1 after contrast, T2, FLAIR and a localizer."""
    folder = tmp_path / "exam"
    write_series(folder, 1, "3-plane LOC", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(folder, 2, "AX T1", axes=OBLIQUE, **TIMES["t1"])
    write_series(folder, 3, "AX T2 TSE", axes=OBLIQUE, **TIMES["t2"])
    write_series(folder, 4, "AX FLAIR", axes=OBLIQUE, **TIMES["flair"])
    write_series(folder, 5, "AX T1", axes=OBLIQUE, ContrastBolusAgent="Gadovist", **TIMES["t1"])
    return folder


def test_the_series_of_an_examination_are_recognised(an_examination: Path) -> None:
    examination, omissions = examined(an_examination)
    assert (examination.patient_id, examination.date) == ("SUBJ/01", "20210304")
    assert sequences(examination) == {"1": None, "2": "t1", "3": "t2", "4": "flair", "5": "t1c"}
    assert examination.series[0].recognition.is_other
    assert omissions == []


@pytest.mark.parametrize("attribute", ["PatientID", "StudyInstanceUID"])
def test_patients_and_studies_are_told_apart(an_examination: Path, attribute: str) -> None:
    change(an_examination / "series3", **{attribute: generate_uid()})
    examinations, _ = find_examinations(path for path in an_examination.rglob("*") if path.is_file())
    assert sorted(len(item.series) for item in examinations) == [1, 4]


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.66", "Raw Data Storage"),
        ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State Storage"),
        ("1.2.840.10008.5.1.4.1.1.88.22", "Enhanced SR Storage"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RT Structure Set Storage"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage"),
        ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"),
        ("1.3.12.2.1107.5.9.1", "Siemens non-image object"),
        ("1.3.46.670589.11.0.0.12.1", "Philips private object"),
    ],
)
def test_an_object_that_is_no_mr_image_is_left_out_with_its_kind(
    an_examination: Path, sop_class: str, kind: str
) -> None:
    folder = write_series(an_examination, 99, "PhoenixZIPReport", pixels=series_pixels(slices=1))
    change(folder, SOPClassUID=sop_class, Rows=None, Columns=None, ImagePositionPatient=None)
    examination, omissions = examined(an_examination)
    assert "99" not in sequences(examination)
    ((what, reason, is_open),) = [(item.what, item.reason, item.is_open) for item in omissions]
    assert (what, is_open) == ("series 99 'PhoenixZIPReport'", False)
    assert reason == f"no MR image: {kind}"


def test_objects_of_one_kind_are_named_once_with_their_number(an_examination: Path) -> None:
    folder = write_series(an_examination, 4, "AX FLAIR", pixels=series_pixels(slices=3))
    change(folder, SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    assert [item.reason for item in examined(an_examination)[1]] == ["no MR image: 6 files, Raw Data Storage"]


def test_copies_of_files_are_read_once_and_named(an_examination: Path) -> None:
    shutil.copytree(an_examination / "series4", an_examination / "again" / "series4")
    examination, omissions = examined(an_examination)
    assert sequences(examination)["4"] == "flair"
    flair = next(series for series in examination.series if series.number == "4")
    assert len(flair.frames) == 6
    assert omissions[0].what.startswith("6 files, e.g. series4/IM")
    assert "copies of images that are taken (the same instance and pixels)" in omissions[0].reason


def test_copies_under_new_instance_uids_are_read_once_too(an_examination: Path) -> None:
    shutil.copytree(an_examination / "series4", an_examination / "again" / "series4")
    for path in (an_examination / "again" / "series4").iterdir():
        file = pydicom.dcmread(path)
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        file.save_as(path)
    examination, omissions = examined(an_examination)
    assert sequences(examination)["4"] == "flair"
    assert [item.what.split(",")[0] for item in omissions] == ["6 files"]


def test_series_of_one_uid_are_told_apart_by_number_and_description(an_examination: Path) -> None:
    for folder in an_examination.iterdir():
        change(folder, SeriesInstanceUID="1.2.3.4")
    assert sequences(examined(an_examination)[0]) == {"1": None, "2": "t1", "3": "t2", "4": "flair", "5": "t1c"}


def test_images_that_share_an_instance_uid_but_no_pixels_are_no_copies(an_examination: Path) -> None:
    change(an_examination / "series4", SOPInstanceUID=generate_uid())
    examination, omissions = examined(an_examination)
    assert sequences(examination)["4"] == "flair"
    assert omissions == []


def test_a_file_that_cannot_be_read_is_open_and_leaves_the_series_beside_it_open(an_examination: Path) -> None:
    path = sorted((an_examination / "series4").iterdir())[0]
    path.write_bytes(path.read_bytes()[:300])
    examination, omissions = examined(an_examination)
    assert [(item.what, item.is_open) for item in omissions] == [(str(path), True)]
    assert "copy it again from its source" in omissions[0].reason
    assert sequences(examination) == {"1": None, "2": "t1", "3": "t2", "4": None, "5": "t1c"}
    reason = examination.series[3].recognition.reason
    assert reason == f"{path.name} beside its files cannot be read, so an image may be missing"


def test_echoes_are_told_apart_and_left_open(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "AX T2", pixels=series_pixels(seed=1), RepetitionTime=4500, EchoTime=20)
    second = write_series(tmp_path / "x", 2, "AX T2", pixels=series_pixels(seed=2), RepetitionTime=4500, EchoTime=90)
    change(second, SOPInstanceUID=None)
    second.rename(folder / "second")
    examination, _ = examined(tmp_path)
    assert sequences(examination) == {"2.1": None, "2.2": None}
    reasons = {series.recognition.reason for series in examination.series}
    assert reasons == {"one of 2 images at each position (echo time 20)",
                       "one of 2 images at each position (echo time 90)"}  # fmt: skip
    late = next(series for series in examination.series if "90" in series.recognition.reason)
    np.testing.assert_array_equal(read_series(late).array, series_pixels(seed=2).transpose(2, 1, 0))


def test_time_points_are_a_dynamic_series(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "AX T1", TemporalPositionIdentifier=1, **TIMES["t1"])
    second = write_series(tmp_path / "x", 2, "AX T1", TemporalPositionIdentifier=2, **TIMES["t1"])
    change(second, SOPInstanceUID=None)
    second.rename(folder / "second")
    recognitions = [series.recognition for series in examined(tmp_path)[0].series]
    assert [(item.is_other, item.reason) for item in recognitions] == [(True, "2 time points (dynamic)")] * 2


def test_repeats_are_told_apart_by_the_order_they_were_taken_in(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "AX T1", pixels=series_pixels(seed=1), AcquisitionNumber=1, **TIMES["t1"])
    second = write_series(tmp_path / "x", 2, "AX T1", pixels=series_pixels(seed=2), AcquisitionNumber=2, **TIMES["t1"])
    change(second, SOPInstanceUID=None)
    second.rename(folder / "second")
    examination, _ = examined(tmp_path)
    assert sequences(examination) == {"2.1": None, "2.2": None}
    for series, seed in zip(examination.series, (1, 2), strict=True):
        np.testing.assert_array_equal(read_series(series).array, series_pixels(seed=seed).transpose(2, 1, 0))


def test_magnitude_and_phase_are_recognised_each_for_itself(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "AX T1", **TIMES["t1"])
    second = write_series(tmp_path / "x", 2, "AX T1", ImageType=["ORIGINAL", "PRIMARY", "P", "ND"], **TIMES["t1"])
    change(second, SOPInstanceUID=None)
    second.rename(folder / "second")
    recognitions = {series.recognition for series in examined(tmp_path)[0].series}
    assert {(item.sequence, item.is_other) for item in recognitions} == {("t1", False), (None, True)}


def test_images_that_nothing_tells_apart_leave_the_series_open(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "AX T1", **TIMES["t1"])
    second = write_series(tmp_path / "x", 2, "AX T1", pixels=series_pixels(slices=1, seed=8), **TIMES["t1"])
    change(second, SOPInstanceUID=None)
    second.rename(folder / "second")
    recognition = only_series(tmp_path).recognition
    assert (recognition.sequence, recognition.is_other) == (None, False)
    assert recognition.reason == "1 or 2 images at one position, which nothing tells apart"


def test_echoes_of_a_multi_frame_file_are_told_apart(tmp_path: Path) -> None:
    write_enhanced(tmp_path, 2, "AX T2", pixels=series_pixels(seed=1), echoes=(20.0, 90.0), repetition_time=4500.0)
    examination, _ = examined(tmp_path)
    assert sequences(examination) == {"2.1": None, "2.2": None}
    assert [len(series.frames) for series in examination.series] == [6, 6]


def test_a_multi_frame_file_says_its_contrast_agent_by_a_code(tmp_path: Path) -> None:
    agent = pydicom.Dataset()
    agent.CodeValue, agent.CodingSchemeDesignator, agent.CodeMeaning = "C-17800", "SRT", "Gadoterate"
    write_enhanced(tmp_path, 2, "AX T1", pixels=series_pixels(), ContrastBolusAgentSequence=[agent])
    assert only_series(tmp_path).recognition.sequence == "t1c"


def test_a_multi_frame_file_without_positions_is_open(tmp_path: Path) -> None:
    write_series(tmp_path, 2, "FLAIR", NumberOfFrames=4, **TIMES["flair"])
    recognition = only_series(tmp_path).recognition
    assert (recognition.sequence, recognition.is_other) == (None, False)
    assert "frames without their positions; convert it to NIfTI (dcm2niix) first" in recognition.reason


def test_a_series_of_each_slice_is_put_together(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 7, "AX FLAIR", axes=OBLIQUE, **TIMES["flair"])
    expected = read_series(only_series(tmp_path))
    for path in folder.iterdir():
        file = pydicom.dcmread(path)
        file.SeriesInstanceUID = generate_uid()
        file.save_as(path)
    series = only_series(tmp_path)
    assert (series.number, series.recognition.sequence) == ("7", "flair")
    np.testing.assert_array_equal(read_series(series).array, expected.array)


def test_a_series_of_one_image_is_left_out_and_the_others_stay(an_examination: Path) -> None:
    write_series(an_examination, 8, "COR T2", pixels=series_pixels(slices=1), **TIMES["t2"])
    examination, _ = examined(an_examination)
    recognition = next(series.recognition for series in examination.series if series.number == "8")
    assert recognition.is_other
    assert recognition.reason == "one image; a volume needs at least two slices"
    assert sequences(examination)["3"] == "t2"


def test_planes_of_several_orientations_are_a_localizer(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "T2 quick", pixels=series_pixels(slices=3), **TIMES["t2"])
    for path, orientation in zip(
        sorted(folder.iterdir()), ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]), strict=True
    ):
        file = pydicom.dcmread(path)
        file.ImageOrientationPatient = orientation
        file.save_as(path)
    recognition = only_series(tmp_path).recognition
    assert (recognition.is_other, recognition.reason) == (
        True,
        "its images lie in planes of 3 orientations (a localizer)",
    )


def test_one_image_in_another_plane_leaves_the_series_open(tmp_path: Path) -> None:
    folder = write_series(tmp_path, 2, "FLAIR", pixels=series_pixels(slices=12), **TIMES["flair"])
    path = sorted(folder.iterdir())[3]
    file = pydicom.dcmread(path)
    file.ImageOrientationPatient = [0, 1, 0, 0, 0, 1]
    file.save_as(path)
    recognition = only_series(tmp_path).recognition
    assert (recognition.sequence, recognition.is_other) == (None, False)
    assert f"{path.name} differs from the others" in recognition.reason


def test_an_image_without_a_position_leaves_its_series_open(an_examination: Path) -> None:
    path = sorted((an_examination / "series4").iterdir())[2]
    file = pydicom.dcmread(path)
    file.ImagePositionPatient = ""
    file.save_as(path)
    examination, _ = examined(an_examination)
    recognition = examination.series[3].recognition
    assert (recognition.sequence, recognition.is_other) == (None, False)
    assert recognition.reason == f"{path.name} has no usable ImagePositionPatient; it cannot be placed in space"


def test_a_mosaic_is_none_of_the_four(tmp_path: Path) -> None:
    write_series(tmp_path, 2, "AX T2", ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], **TIMES["t2"])
    assert only_series(tmp_path).recognition.is_other
