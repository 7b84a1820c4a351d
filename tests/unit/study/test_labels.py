from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.study import find_mask, label_path, unused_masks
from gliomics.study.labels import misplaced_labels


def test_labels_lie_in_the_folder_of_their_tag() -> None:
    assert label_path(Path("studies"), "case1") == Path("studies/labels/final/case1.nii.gz")
    assert label_path(Path("studies"), "case1", "original") == Path("studies/labels/original/case1.nii.gz")


@pytest.mark.parametrize(("study_id", "tag"), [("../x", "final"), ("case1", "../../x"), ("/etc/x", "final"), ("a", "")])
def test_names_that_leave_the_labels_folder_are_refused(study_id: str, tag: str) -> None:
    with pytest.raises(InputError, match="is not allowed"):
        label_path(Path("studies"), study_id, tag)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".seg.nrrd"])
def test_a_mask_of_any_type_is_found_by_its_study(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"case1{suffix}").touch()
    assert find_mask(tmp_path, "case1") == tmp_path / f"case1{suffix}"
    assert find_mask(tmp_path, "case") is None
    assert unused_masks(tmp_path, ["case1"]) == {}


def test_two_masks_of_one_study_are_named_and_not_guessed(tmp_path: Path) -> None:
    for name in ("case1.nii.gz", "case1.seg.nrrd"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"case1\.seg\.nrrd, case1\.nii\.gz"):
        find_mask(tmp_path, "case1")
    reasons = unused_masks(tmp_path, ["case1"])
    assert list(reasons) == ["case1.nii.gz", "case1.seg.nrrd"]
    assert all("several masks" in reason for reason in reasons.values())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("case7.nii.gz", "there is no study 'case7'"),
        ("CASE1.nii.gz", "if it is of study 'case1', name it case1.nii.gz"),
        ("case1_seg.nii.gz", "if it is of study 'case1', name it case1.nii.gz"),
        ("case1-label.seg.nrrd", "if it is of study 'case1', name it case1.seg.nrrd"),
        ("case1.NII.GZ", "it is no file of the types"),
        ("case1.png", "it is no file of the types"),
        ("case1.mha", "it is no file of the types"),
    ],
)
def test_a_file_that_is_of_no_study_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "masks.json").touch()
    unused = unused_masks(tmp_path, ["case1", "case2"])
    assert list(unused) == [name]
    assert reason in unused[name]


def test_a_folder_among_masks_is_named(tmp_path: Path) -> None:
    (tmp_path / "case1").mkdir()
    assert "no file of the types" in unused_masks(tmp_path, ["case1"])["case1"]


def test_labels_where_none_are_looked_for_are_named_with_their_place(tmp_path: Path) -> None:
    for name in ("case1.nii.gz", "Final/case1.nii.gz", "final/case1.nii.gz", "review/case1.nii.gz", "read.me"):
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    reasons = misplaced_labels(tmp_path)
    assert list(reasons) == ["labels/Final", "labels/case1.nii.gz"]
    assert "rename the folder" in reasons["labels/Final"]
    assert "move it to labels/final" in reasons["labels/case1.nii.gz"]
