"""``gliomics import`` on folders of DICOM files as scanners and archives write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from gliomics.intake import plan_import
from gliomics.study import find_study, load_sequences, read_volume
from tests.unit.dicom.dicom_files import (
    OBLIQUE,
    TIMES,
    change,
    series_pixels,
    without_preamble,
    write_enhanced,
    write_series,
)
from tests.unit.intake.trees import gliomics, imported

pytestmark = pytest.mark.slow


@pytest.fixture
def an_examination(tmp_path: Path) -> Path:
    """T1 before and after contrast, T2, FLAIR, a localizer, and a text file."""
    folder = tmp_path / "exam"
    write_series(folder, 1, "3-plane LOC", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(folder, 2, "AX T1", axes=OBLIQUE, **TIMES["t1"])
    write_series(folder, 3, "AX T2 TSE", axes=OBLIQUE, **TIMES["t2"])
    write_series(folder, 4, "AX FLAIR", axes=OBLIQUE, **TIMES["flair"])
    write_series(folder, 5, "3D T1 GADO", axes=OBLIQUE, **TIMES["t1"])
    (folder / "README.txt").write_text("not DICOM")
    return folder


def test_an_examination_becomes_a_study_of_its_four_sequences(an_examination: Path, tmp_path: Path) -> None:
    studies, message = imported(an_examination, tmp_path / "studies")
    study = studies["SUBJ-01_20210304"]
    assert (study.patient_id, study.date, study.spacing_known) == ("SUBJ/01", "2021-03-04", True)
    assert set(load_sequences(study, study.sequences)) == {"t1", "t1c", "t2", "flair"}
    assert study.source["t1c"] == "series 5 '3D T1 GADO' (the name says 't1' and 'gado')"
    assert "series 1 '3-plane LOC': image type LOCALIZER" in message
    for name, number in (("t1", 2), ("t2", 3), ("flair", 4), ("t1c", 5)):
        volume = read_volume(study.path(name))
        np.testing.assert_array_equal(volume.array, series_pixels(seed=number).transpose(2, 1, 0))


def test_nothing_personal_but_the_patient_id_is_copied(an_examination: Path, tmp_path: Path) -> None:
    studies, _ = imported(an_examination, tmp_path / "studies", "--patient", "anon7", "--id", "anon7")
    for path in studies["anon7"].folder.rglob("*"):
        for personal in (b"Doe", b"19500101", b"SUBJ"):
            assert personal not in path.read_bytes()


@pytest.mark.parametrize("with_preamble", [0, 11])
def test_files_without_preamble_are_slices_like_the_others(tmp_path: Path, with_preamble: int) -> None:
    pixels = series_pixels(slices=12)
    folder = write_series(tmp_path / "exam", 4, "AX FLAIR", pixels=pixels, **TIMES["flair"])
    for path in sorted(folder.iterdir())[with_preamble:]:
        without_preamble(path)
    studies, _ = imported(tmp_path / "exam", tmp_path / "studies")
    (study,) = studies.values()
    np.testing.assert_array_equal(read_volume(study.path("flair")).array, pixels.transpose(2, 1, 0))


def test_objects_that_are_no_images_are_named_and_the_rest_imported(an_examination: Path, tmp_path: Path) -> None:
    report = write_series(an_examination, 99, "PhoenixZIPReport", pixels=series_pixels(slices=1))
    change(report, SOPClassUID="1.3.12.2.1107.5.9.1", Rows=None, Columns=None, ImagePositionPatient=None)
    studies, message = imported(an_examination, tmp_path / "studies")
    assert len(next(iter(studies.values())).sequences) == 4
    assert "series 99 'PhoenixZIPReport': no MR image: Siemens non-image object" in message


def test_a_file_that_cannot_be_read_leaves_its_series_open_until_it_is_named(
    an_examination: Path, tmp_path: Path
) -> None:
    path = next(file for file in (an_examination / "series4").iterdir() if dcmread(file).InstanceNumber == 1)
    path.write_bytes(path.read_bytes()[:300])
    process = gliomics("import", an_examination, tmp_path / "studies", "--yes")
    assert process.returncode == 1
    assert f"series4/{path.name}: cannot be read as DICOM" in process.stderr
    assert f"series 4 'AX FLAIR': {path.name} beside its files cannot be read" in process.stderr
    assert set(find_study(tmp_path / "studies", "SUBJ-01_20210304").sequences) == {"t1", "t1c", "t2"}
    named = gliomics("import", an_examination, tmp_path / "named", "--yes", "--sequence", "flair=4")
    assert set(find_study(tmp_path / "named", "SUBJ-01_20210304").sequences) == {"t1", "t1c", "t2", "flair"}
    assert named.returncode == 1  # the file is still named


def test_one_echo_of_a_series_is_taken_by_its_number(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "exam", 4, "AX T2", pixels=series_pixels(seed=1), RepetitionTime=4500, EchoTime=20)
    late = write_series(tmp_path / "x", 4, "AX T2", pixels=series_pixels(seed=2), RepetitionTime=4500, EchoTime=90)
    change(late, SOPInstanceUID=None)
    late.rename(folder / "late")
    refused = gliomics("import", tmp_path / "exam", tmp_path / "studies", "--yes")
    assert refused.returncode == 2
    assert "one of 2 images at each position (echo time 90)" in refused.stderr
    studies, _ = imported(tmp_path / "exam", tmp_path / "studies", "--sequence", "t2=4.2", code=1)
    (study,) = studies.values()
    np.testing.assert_array_equal(read_volume(study.path("t2")).array, series_pixels(seed=2).transpose(2, 1, 0))


def test_a_multi_frame_examination_is_imported(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "exam", 2, "AX T1", pixels=series_pixels(seed=3), axes=OBLIQUE)
    studies, _ = imported(tmp_path / "exam", tmp_path / "studies")
    (study,) = studies.values()
    np.testing.assert_array_equal(read_volume(study.path("t1")).array, series_pixels(seed=3).transpose(2, 1, 0))


def test_examinations_of_several_patients_become_studies_of_their_own(an_examination: Path, tmp_path: Path) -> None:
    for number in (3, 4):
        change(
            an_examination / f"series{number}",
            PatientID="P2",
            StudyInstanceUID=generate_uid(entropy_srcs=["P2", str(number)]),
        )
    studies, _ = imported(an_examination, tmp_path / "studies")
    assert {study.patient_id for study in studies.values()} == {"SUBJ/01", "P2"}
    assert len(studies) == 3


def test_different_frames_of_reference_are_recorded(an_examination: Path, tmp_path: Path) -> None:
    change(an_examination / "series3", FrameOfReferenceUID=generate_uid())
    studies, _ = imported(an_examination, tmp_path / "studies")
    (study,) = studies.values()
    assert study.source["frames_of_reference"] == "the sequences have different ones; register them before resampling"


@pytest.mark.parametrize("header_values", [{"PatientID": "ANON"}, {"PatientID": ""}])
@pytest.mark.parametrize(
    ("attributes", "is_one"),
    [
        ({"PatientName": "Roe^Ann", "PatientBirthDate": ""}, False),
        ({"PatientBirthDate": "19610203"}, False),
        ({"PatientName": "Doe^Jane^Mary", "PatientBirthDate": ""}, True),
    ],
)
def test_people_of_one_patient_id_are_not_made_one_patient(
    tmp_path: Path, header_values: dict[str, str], attributes: dict[str, str], is_one: bool
) -> None:
    change(write_series(tmp_path / "data/1", 4, "AX FLAIR", **TIMES["flair"]), **header_values)
    change(write_series(tmp_path / "data/2", 4, "AX FLAIR", **TIMES["flair"]), **header_values, **attributes,
           StudyInstanceUID=generate_uid())  # fmt: skip
    plan = plan_import(tmp_path / "data", patient_id="X")
    assert len(plan.studies) == (2 if is_one else 0)
    assert all("several patients" in item.reason and item.is_open for item in plan.left_out)
    assert not any("Roe" in str(item) or "1961" in str(item) for item in plan.left_out)
    assert len(plan_import(tmp_path / "data/2", patient_id="Y").with_ids(None, "Y").studies) == 1
