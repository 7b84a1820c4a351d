from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from gliomics.errors import GeometryError, InputError
from gliomics.study import find_study, from_sitk, list_studies, load_sequences, read_volume
from gliomics.study.dicom import import_dicom
from tests.unit.study.dicom_files import OBLIQUE, TIMES, series_pixels, write_series


@pytest.fixture
def an_examination(tmp_path: Path) -> Path:
    """An oblique MR examination: T1, T1 after contrast, T2, FLAIR and a localizer, and a text file."""
    folder = tmp_path / "exam"
    write_series(folder, 1, "3-plane LOC", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(folder, 2, "AX T1", axes=OBLIQUE, **TIMES["t1"])
    write_series(folder, 3, "AX T2 TSE", axes=OBLIQUE, **TIMES["t2"])
    write_series(folder, 4, "AX FLAIR", axes=OBLIQUE, **TIMES["flair"])
    write_series(folder, 5, "AX T1", axes=OBLIQUE, ContrastBolusAgent="Gadovist", **TIMES["t1"])
    (folder / "README.txt").write_text("not DICOM")
    return folder


def change(series: Path, **attributes: object) -> None:
    """Set attributes of every file of a series."""
    for path in series.iterdir():
        file = pydicom.dcmread(path)
        for name, value in attributes.items():
            setattr(file, name, value)
        file.save_as(path)


def itk_volume(series: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    return reader.Execute()


def test_an_examination_becomes_a_study_of_its_four_sequences(an_examination: Path, tmp_path: Path) -> None:
    study = import_dicom(an_examination, tmp_path / "studies")
    assert set(study.sequences) == {"t1", "t1c", "t2", "flair"}
    assert (study.id, study.patient_id, study.date) == ("SUBJ-01_20210304", "SUBJ/01", "2021-03-04")
    assert study.spacing_known
    assert find_study(tmp_path / "studies", study.id) == study
    assert study.source["t1c"] == "series 5 'AX T1' (the name says 't1', contrast agent 'Gadovist' is recorded)"
    assert study.source["left_out"] == "series 1 '3-plane LOC' (image type LOCALIZER)"
    assert set(load_sequences(study, study.sequences)) == set(study.sequences)


def test_geometry_and_voxels_agree_with_itk_on_an_oblique_series(an_examination: Path, tmp_path: Path) -> None:
    study = import_dicom(an_examination, tmp_path / "studies")
    for name, number in (("t1", 2), ("t2", 3), ("flair", 4), ("t1c", 5)):
        expected = from_sitk(itk_volume(an_examination / f"series{number}"))
        volume = read_volume(study.path(name))
        np.testing.assert_allclose(volume.affine, expected.affine, atol=2e-4)
        np.testing.assert_array_equal(volume.array, expected.array)
        assert volume.array.dtype == np.uint16
        np.testing.assert_array_equal(volume.array, series_pixels(seed=number).transpose(2, 1, 0))


@pytest.mark.parametrize("axes", [np.eye(3)[:, [1, 2, 0]], np.eye(3)[:, [0, 2, 1]] * [1, -1, 1], OBLIQUE * [1, 1, -1]])
def test_sagittal_coronal_and_reversed_stacks_agree_with_itk(tmp_path: Path, axes: np.ndarray) -> None:
    series = write_series(tmp_path / "exam", 2, "FLAIR", axes=axes, **TIMES["flair"])
    study = import_dicom(tmp_path / "exam", tmp_path / "studies")
    expected = from_sitk(itk_volume(series))
    volume = read_volume(study.path("flair"))
    np.testing.assert_allclose(volume.affine, expected.affine, atol=2e-4)
    np.testing.assert_array_equal(volume.array, expected.array)


def test_rescaled_values_are_the_scanner_s(tmp_path: Path) -> None:
    write_series(tmp_path / "exam", 2, "FLAIR", RescaleSlope=0.5, RescaleIntercept=-3, **TIMES["flair"])
    study = import_dicom(tmp_path / "exam", tmp_path / "studies")
    volume = read_volume(study.path("flair"))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, series_pixels(seed=2).transpose(2, 1, 0) * 0.5 - 3)


def test_nothing_personal_but_the_patient_id_is_copied(an_examination: Path, tmp_path: Path) -> None:
    study = import_dicom(an_examination, tmp_path / "studies", patient_id="anon7")
    assert (study.id, study.patient_id) == ("anon7_20210304", "anon7")
    for path in study.folder.rglob("*"):
        for personal in (b"Doe", b"19500101", b"SUBJ"):
            assert personal not in path.read_bytes()


def test_an_undecided_series_is_refused_with_all_series_and_how_to_name_them(
    an_examination: Path, tmp_path: Path
) -> None:
    write_series(an_examination, 6, "AX BRAIN", **TIMES["flair"])
    with pytest.raises(InputError) as caught:
        import_dicom(an_examination, tmp_path / "studies")
    for part in (
        "series 6 'AX BRAIN': undecided (the name says no sequence, its times are like FLAIR)",
        "series 4 'AX FLAIR': flair",
        "series 1 '3-plane LOC': left out",
        "--sequence flair=",
    ):
        assert part in str(caught.value)
    assert not (tmp_path / "studies").exists()


def test_two_series_of_one_sequence_are_refused(an_examination: Path, tmp_path: Path) -> None:
    write_series(an_examination, 7, "COR T2", **TIMES["t2"])
    with pytest.raises(InputError, match=r"series 3 'AX T2 TSE': t2 .*series 7 'COR T2': t2"):
        import_dicom(an_examination, tmp_path / "studies")


def test_only_unrelated_series_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "exam", 1, "DWI")
    with pytest.raises(InputError, match="no sequence is recognised"):
        import_dicom(tmp_path / "exam", tmp_path / "studies")


def test_named_series_are_imported_by_number_description_or_uid(an_examination: Path, tmp_path: Path) -> None:
    write_series(an_examination, 6, "AX BRAIN", **TIMES["flair"])
    uid = str(pydicom.dcmread(next((an_examination / "series3").iterdir())).SeriesInstanceUID)
    study = import_dicom(
        an_examination, tmp_path / "studies", sequences={"FLAIR": "ax brain", "t1c": "2", "t2": uid}, study_id="mine"
    )
    assert study.id == "mine"
    for name, number in (("flair", 6), ("t1c", 2), ("t2", 3)):
        np.testing.assert_array_equal(
            read_volume(study.path(name)).array, series_pixels(seed=number).transpose(2, 1, 0)
        )
    assert set(study.sequences) == {"flair", "t1c", "t2"}


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ({"t1": "99"}, "0 series match '99' for 't1'"),
        ({"t1": "AX T1"}, "2 series match 'AX T1' for 't1'"),
        ({"t9": "2"}, "sequence 't9' is not known; the sequences are t1, t1c, t2, flair"),
        ({"t1c": "2", "T1CE": "5"}, "sequence 'T1CE' is given twice"),
        ({"t1": "2", "t2": "2"}, "named for two sequences"),
    ],
)
def test_a_wrong_choice_of_series_is_refused(
    an_examination: Path, tmp_path: Path, sequences: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_dicom(an_examination, tmp_path / "studies", sequences=sequences)
    assert not (tmp_path / "studies").exists()


def test_a_missing_slice_is_refused_with_its_neighbours(tmp_path: Path) -> None:
    series = write_series(tmp_path / "exam", 2, "FLAIR", axes=OBLIQUE, skip=(3,), **TIMES["flair"])
    with pytest.raises(InputError, match=r"slices are missing between IM\d+ and IM\d+: 11 mm apart, the others 5.5 mm"):
        import_dicom(tmp_path / "exam", tmp_path / "studies")
    assert len(list(series.iterdir())) == 5


def test_several_images_at_one_position_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "exam", 2, "FLAIR", **TIMES["flair"])
    again = write_series(tmp_path / "again", 2, "FLAIR", **TIMES["flair"])
    again.rename(tmp_path / "exam" / "second echo")
    with pytest.raises(InputError, match="several images at one position"):
        import_dicom(tmp_path / "exam", tmp_path / "studies")


def test_unevenly_spaced_slices_are_refused(tmp_path: Path) -> None:
    series = write_series(tmp_path / "exam", 2, "FLAIR", **TIMES["flair"])
    for path in series.iterdir():
        file = pydicom.dcmread(path)
        if file.InstanceNumber == 4:
            x, y, z = file.ImagePositionPatient
            file.ImagePositionPatient = [x, y, float(z) + 1.5]
            file.save_as(path)
    with pytest.raises(GeometryError, match="not evenly spaced"):
        import_dicom(tmp_path / "exam", tmp_path / "studies")


def test_a_tilted_stack_is_refused(tmp_path: Path) -> None:
    tilted = np.eye(3)
    tilted[:, 2] = [0, np.sin(0.3), np.cos(0.3)]
    write_series(tmp_path / "exam", 2, "FLAIR", axes=tilted, **TIMES["flair"])
    with pytest.raises(GeometryError, match="tilted stack"):
        import_dicom(tmp_path / "exam", tmp_path / "studies")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "planes of different orientation"),
        ({"PixelSpacing": [0.5, 0.5]}, "differ in size or pixel spacing"),
        ({"ImagePositionPatient": ""}, "has no usable ImagePositionPatient"),
    ],
)
def test_a_slice_unlike_the_others_is_refused(tmp_path: Path, attributes: dict[str, object], message: str) -> None:
    series = write_series(tmp_path / "exam", 2, "FLAIR", **TIMES["flair"])
    path = sorted(series.iterdir())[2]
    file = pydicom.dcmread(path)
    for name, value in attributes.items():
        setattr(file, name, value)
    file.save_as(path)
    with pytest.raises(GeometryError, match=message):
        import_dicom(tmp_path / "exam", tmp_path / "studies")


def test_a_single_image_and_a_multi_frame_file_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "one", 2, "FLAIR", pixels=series_pixels(slices=1), **TIMES["flair"])
    with pytest.raises(InputError, match="has one image"):
        import_dicom(tmp_path / "one", tmp_path / "studies")
    write_series(tmp_path / "many", 2, "FLAIR", NumberOfFrames=4, **TIMES["flair"])
    with pytest.raises(InputError, match="multi-frame file; convert it to NIfTI"):
        import_dicom(tmp_path / "many", tmp_path / "studies")


@pytest.mark.parametrize("attribute", ["PatientID", "StudyInstanceUID"])
def test_two_examinations_in_one_folder_are_refused(an_examination: Path, tmp_path: Path, attribute: str) -> None:
    change(an_examination / "series3", **{attribute: generate_uid()})
    with pytest.raises(InputError, match="holds 2 examinations"):
        import_dicom(an_examination, tmp_path / "studies")


def test_a_folder_without_mr_is_refused_with_what_it_holds(an_examination: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no DICOM MR series \(no DICOM files\)"):
        import_dicom(tmp_path / "empty", tmp_path / "studies")
    for series in an_examination.glob("series*"):
        change(series, Modality="CT")
    with pytest.raises(InputError, match=r"no DICOM MR series \(only CT\)"):
        import_dicom(an_examination, tmp_path / "studies")


def test_damaged_pixels_are_refused_by_name_and_leave_nothing(an_examination: Path, tmp_path: Path) -> None:
    path = sorted((an_examination / "series4").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=path.name):
        import_dicom(an_examination, tmp_path / "studies")
    assert list_studies(tmp_path / "studies") == []
    assert not list((tmp_path / "studies").iterdir())


def test_a_file_cut_inside_its_header_is_refused_by_name(an_examination: Path, tmp_path: Path) -> None:
    path = sorted((an_examination / "series4").iterdir())[0]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=path.name):
        import_dicom(an_examination, tmp_path / "studies")


def test_a_study_that_exists_is_not_overwritten(an_examination: Path, tmp_path: Path) -> None:
    study = import_dicom(an_examination, tmp_path / "studies")
    before = study.path("t1").read_bytes()
    with pytest.raises(InputError, match="exists; remove it or choose another study id"):
        import_dicom(an_examination, tmp_path / "studies")
    assert study.path("t1").read_bytes() == before


def test_a_missing_patient_id_asks_for_one(an_examination: Path, tmp_path: Path) -> None:
    for series in an_examination.glob("series*"):
        change(series, PatientID="")
    with pytest.raises(InputError, match="have no Patient ID"):
        import_dicom(an_examination, tmp_path / "studies")
    assert import_dicom(an_examination, tmp_path / "studies", patient_id="p1").id == "p1_20210304"


def test_different_frames_of_reference_are_recorded(
    an_examination: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change(an_examination / "series3", FrameOfReferenceUID=generate_uid())
    study = import_dicom(an_examination, tmp_path / "studies")
    assert "register them before resampling" in study.source["frames_of_reference"]
    assert "register them" in caplog.text
