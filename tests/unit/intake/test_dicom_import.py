"""Folders of DICOM files imported by the command: examinations, sequences, and everything left out by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from gliomics.study import find_study, read_volume
from tests.unit.dicom.dicom_files import TIMES, series_pixels, write_series
from tests.unit.intake.trees import gliomics, imported

pytestmark = pytest.mark.slow

RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
_PIXEL_FIELDS = (
    "PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel", "PixelRepresentation",
    "PhotometricInterpretation", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
)  # fmt: skip


def an_examination(folder: Path, **attributes: object) -> Path:
    """FLAIR (4), T1 (5), T1 after contrast (6) and a localizer (1)."""
    write_series(folder, 1, "3 plane localizer", **TIMES["t1"], **attributes)
    write_series(folder, 4, "AX FLAIR", **TIMES["flair"], **attributes)
    write_series(folder, 5, "AX T1", **TIMES["t1"], **attributes)
    write_series(folder, 6, "AX T1 POST GD", **TIMES["t1"], **attributes)
    return folder


def without_preamble(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[144 + int.from_bytes(raw[140:144], "little") :])


def test_an_examination_becomes_a_study_with_its_date_and_reasons(tmp_path: Path) -> None:
    studies, message = imported(an_examination(tmp_path / "in"), tmp_path / "out")
    (study,) = studies.values()
    assert (study.id, study.patient_id, study.date) == ("SUBJ-01_20210304", "SUBJ/01", "2021-03-04")
    assert set(study.sequences) == {"t1", "t1c", "flair"}
    pixels = read_volume(study.path("t1c")).array
    assert sorted(pixels.ravel()) == sorted(series_pixels(seed=6).ravel())
    assert study.source["flair"].startswith("series 4 'AX FLAIR'")
    assert "series 1 '3 plane localizer'" in message
    assert "layout: DICOM" in message


def test_many_patients_and_examinations_become_studies_of_their_patients(tmp_path: Path) -> None:
    for patient, days in (("A", ("20200101", "20210101")), ("B", ("20200101",))):
        for day in days:
            uid = generate_uid(entropy_srcs=[patient, day])
            attributes = {"PatientID": patient, "StudyDate": day, "StudyInstanceUID": uid}
            folder = write_series(tmp_path / "in" / patient / day, 4, "AX FLAIR", **TIMES["flair"], **attributes)
            for path in folder.iterdir():
                dataset = pydicom.dcmread(path)
                dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, day, "series"])
                dataset.save_as(path)
    studies, _ = imported(tmp_path / "in", tmp_path / "out")
    assert [(study.id, study.patient_id) for study in studies.values()] == [
        ("A_20200101", "A"),
        ("A_20210101", "A"),
        ("B_20200101", "B"),
    ]


def test_two_dates_under_one_study_uid_are_left_to_the_user(tmp_path: Path) -> None:
    for number, day in enumerate(("20200101", "20210101")):
        write_series(tmp_path / "in" / day, 3 + number, ("AX FLAIR", "AX T1")[number], StudyDate=day)
    _, message = imported(tmp_path / "in", tmp_path / "out", code=2)
    assert "one Study Instance UID and are of 20200101 and 20210101" in " ".join(message.split())


def test_two_examinations_of_one_day_get_ids_of_their_own(tmp_path: Path) -> None:
    for number in (1, 2):
        uid = generate_uid(entropy_srcs=["exam", str(number)])
        write_series(tmp_path / "in" / str(number), 3 + number, "AX FLAIR", **TIMES["flair"], StudyInstanceUID=uid)
    studies, _ = imported(tmp_path / "in", tmp_path / "out")
    assert set(studies) == {"SUBJ-01_20210304", "SUBJ-01_20210304-2"}
    assert {study.patient_id for study in studies.values()} == {"SUBJ/01"}


@pytest.mark.parametrize("stripped", ["all", "one slice", "one series"])
def test_files_without_preamble_are_read_like_the_others(tmp_path: Path, stripped: str) -> None:
    an_examination(tmp_path / "in")
    folder = tmp_path / "in" if stripped == "all" else tmp_path / "in" / "series6"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files[:1] if stripped == "one slice" else files:
        without_preamble(path)
    studies, _ = imported(tmp_path / "in", tmp_path / "out")
    (study,) = studies.values()
    assert set(study.sequences) == {"t1", "t1c", "flair"}
    assert read_volume(study.path("t1c")).shape == (8, 10, 6)


def test_objects_without_pixels_are_left_out_and_named(tmp_path: Path) -> None:
    an_examination(tmp_path / "in")
    folder = write_series(tmp_path / "in", 99, "PhoenixZIPReport", skip=(1, 2, 3, 4, 5))
    (path,) = folder.iterdir()
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RAW_DATA
    for name in _PIXEL_FIELDS:
        delattr(dataset, name)
    dataset.save_as(path)
    studies, message = imported(tmp_path / "in", tmp_path / "out")
    assert set(next(iter(studies.values())).sequences) == {"t1", "t1c", "flair"}
    assert any("PhoenixZIPReport" in line for line in message.splitlines() if line.startswith("left out"))


def test_an_undecided_series_is_left_out_until_it_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "in", 4, "AX BRAIN", **TIMES["flair"])
    write_series(tmp_path / "in", 5, "AX T1", **TIMES["t1"])
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(next(iter(studies.values())).sequences) == {"t1"}
    assert "series 4 'AX BRAIN'" in message
    for number, selector in enumerate(("4", "AX BRAIN", "ax b*")):
        studies, _ = imported(tmp_path / "in", tmp_path / f"named{number}", "--sequence", f"flair={selector}")
        assert set(next(iter(studies.values())).sequences) == {"t1", "flair"}


def test_two_series_of_one_sequence_are_left_out_until_one_is_named(tmp_path: Path) -> None:
    for number in (4, 9):
        write_series(tmp_path / "in", number, "AX FLAIR", **TIMES["flair"])
    write_series(tmp_path / "in", 5, "AX T1", **TIMES["t1"])
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(next(iter(studies.values())).sequences) == {"t1"}
    assert "one of 2 series that are flair" in message
    studies, message = imported(tmp_path / "in", tmp_path / "named", "--sequence", "flair=9")
    (study,) = studies.values()
    assert sorted(read_volume(study.path("flair")).array.ravel()) == sorted(series_pixels(seed=9).ravel())
    assert "a second flair" in message


def test_a_series_with_a_missing_slice_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    write_series(tmp_path / "in", 4, "AX FLAIR", skip=(2,), **TIMES["flair"])
    write_series(tmp_path / "in", 5, "AX T1", **TIMES["t1"])
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(next(iter(studies.values())).sequences) == {"t1"}
    assert "slices are missing" in message


def test_only_localizers_are_no_study(tmp_path: Path) -> None:
    write_series(tmp_path / "in", 1, "localizer", **TIMES["t1"])
    process = gliomics("import", tmp_path / "in", tmp_path / "out", "--yes")
    assert process.returncode == 2
    assert "series 1 'localizer'" in process.stderr
    assert not (tmp_path / "out").exists()


def test_a_patient_can_be_renamed_and_neither_name_nor_id_is_copied(tmp_path: Path) -> None:
    imported(an_examination(tmp_path / "in"), tmp_path / "out", "--patient", "anon7")
    study = find_study(tmp_path / "out", "anon7_20210304")
    assert study.patient_id == "anon7"
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Doe" not in written
    assert b"SUBJ" not in written
    assert np.isfinite(read_volume(study.path("t1")).array).all()


def test_examinations_without_patient_are_left_out_until_the_patient_is_named(tmp_path: Path) -> None:
    an_examination(tmp_path / "in", PatientID="")
    process = gliomics("import", tmp_path / "in", tmp_path / "out", "--yes")
    assert process.returncode == 2
    assert "its files hold no Patient ID; say the patient with --patient" in process.stderr
    studies, _ = imported(tmp_path / "in", tmp_path / "out", "--patient", "P7")
    assert [(study.id, study.patient_id) for study in studies.values()] == [("P7_20210304", "P7")]
