"""Folders that are no studies yet: what is said of them, and the way to make them some."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.study import (
    find_study,
    open_studies,
)
from gliomics.study.no_study import why_no_studies
from tests.unit.study.listing import failures


def test_loose_images_are_refused_with_a_study_json_that_works(a_studies_folder: Path) -> None:
    names = [f"BraTS-GLI-00000-000-{tail}.nii.gz" for tail in ("t1n", "t1c", "t2w", "t2f", "seg")]
    loose = a_studies_folder / "BraTS-GLI-00000-000"
    loose.mkdir()
    for name in names:
        shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", loose / name)
    message = failures(a_studies_folder)[1][loose.name]
    assert "holds images named as in BraTS 2023" in message
    assert f"run: gliomics import {loose} OUT" in message
    (loose / "study.json").write_text(message[message.index("{") :])
    study = find_study(a_studies_folder, loose.name)
    assert study.patient_id == "BraTS-GLI-00000"
    assert study.sequences == dict(zip(("t1", "t1c", "t2", "flair"), (loose / name for name in names), strict=False))


@pytest.mark.parametrize(
    "names",
    [
        ("scan.nii.gz",),
        ("seg.nii.gz", "case_label.nii.gz"),
        ("a_t1.nii.gz", "b_t1.nii.gz"),
        ("case1_t1.nii.gz", "case2_flair.nii.gz"),
        ("BraTS-GLI-00000-000-t1n.nii.gz", "BraTS-GLI-00000-001-t2f.nii.gz"),
        ("ADC.nii.gz",),
    ],
)
def test_no_study_json_is_suggested_where_the_names_do_not_tell_it(
    a_studies_folder: Path, names: tuple[str, ...]
) -> None:
    (a_studies_folder / "loose").mkdir()
    for name in names:
        shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", a_studies_folder / "loose" / name)
    message = failures(a_studies_folder)[1]["loose"]
    assert f"run: gliomics import {a_studies_folder / 'loose'} OUT" in message
    assert "{" not in message


def test_a_tree_is_named_by_its_layout_with_the_command_to_run(a_studies_folder: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for session in ("ses-01", "ses-02"):
        anat = tree / "sub-01" / session / "anat"
        anat.mkdir(parents=True)
        shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", anat / f"sub-01_{session}_T1w.nii.gz")
    with pytest.raises(InputError, match="named as in BIDS") as caught:
        open_studies(tree)
    assert f"run: gliomics import {tree} OUT" in str(caught.value)
    listed, errors = failures(tree)
    assert listed == []
    assert "named as in BIDS" in errors["sub-01"]


def test_a_tree_of_one_folder_a_study_gets_a_description_without_its_masks(
    a_studies_folder: Path, tmp_path: Path
) -> None:
    name = "BraTS-GLI-00000-000"
    (tmp_path / "tree" / name).mkdir(parents=True)
    for tail in ("t1n", "t1c", "t2w", "t2f", "seg"):
        shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", tmp_path / "tree" / name / f"{name}-{tail}.nii.gz")
    with pytest.raises(InputError, match="named as in BraTS 2023") as caught:
        open_studies(tmp_path / "tree")
    message = str(caught.value)
    assert f"run: gliomics import {tmp_path / 'tree'} OUT, or write study.json into {name}" in message
    suggestion = message[message.index("{") :]
    assert "seg" not in suggestion
    (tmp_path / "tree" / name / "study.json").write_text(suggestion)
    assert set(open_studies(tmp_path / "tree")[0].sequences) == {"t1", "t1c", "t2", "flair"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BraTS-GLI-00000-000-seg", "a mask"),
        ("UPENN-GBM-00001_11_segm", "a mask"),
        ("UCSF-PDGM-0004_tumor_segmentation", "a mask"),
        ("case7_label", "a mask"),
        ("sub-01_dseg", "a mask"),
        ("UCSF-PDGM-0004_brain_segmentation", "none of the sequences"),
        ("UCSF-PDGM-0004_ADC", "none of the sequences"),
    ],
)
def test_masks_and_other_images_by_name_are_no_studies_and_are_reported(
    a_studies_folder: Path, name: str, reason: str
) -> None:
    shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", a_studies_folder / f"{name}.nii.gz")
    listed, errors = failures(a_studies_folder)
    assert listed == ["case1"]
    assert f"is {reason}" in errors[f"{name}.nii.gz"]


def test_a_dicom_folder_is_refused_with_the_command_to_run(a_studies_folder: Path) -> None:
    (a_studies_folder / "exam" / "series1").mkdir(parents=True)
    (a_studies_folder / "exam" / "series1" / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(20))
    listed, errors = failures(a_studies_folder)
    assert listed == ["case1"]
    assert f"run: gliomics import {a_studies_folder / 'exam'} OUT" in errors["exam"]


def test_a_folder_of_nothing_but_dicom_says_what_to_run_and_one_with_a_study_nothing(a_studies_folder: Path) -> None:
    exam = a_studies_folder / "exam"
    (exam / "series1").mkdir(parents=True)
    (exam / "series1" / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(20))
    assert why_no_studies(exam) == f"{exam} holds DICOM files, not a study; run: gliomics import {exam} OUT"
    assert why_no_studies(a_studies_folder) is None
