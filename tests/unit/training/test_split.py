from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.files import write_json
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.training.crossvalidate import check_folds
from gliomics.training.split import Split, read_split, share_of


def written(path: Path, content: object) -> Path:
    write_json(path, content)
    return path


def test_validation_and_test_patients_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "split.json", {"validation": ["a"], "test": ["b", "c"]})
    assert read_split(path) == Split(("a",), ("b", "c"))


def test_folds_are_read(tmp_path: Path) -> None:
    assert read_split(written(tmp_path / "folds.json", {"folds": [["a"], ["b", "c"]]})) == [("a",), ("b", "c")]


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"validation": "a"},
        {"validation": []},
        {"validation": [1]},
        {"train": ["a"]},
        {"folds": [["a"]]},
        {"folds": [["a"], ["b"]], "test": ["c"]},
    ],
)
def test_other_content_is_refused_with_what_is_expected(tmp_path: Path, content: object) -> None:
    with pytest.raises(InputError, match=r"split\.json must be \{\"validation\""):
        read_split(written(tmp_path / "split.json", content))


def test_patient_in_two_folds_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in two folds: b"):
        read_split(written(tmp_path / "folds.json", {"folds": [["a", "b"], ["b", "c"]]}))


def test_patient_in_validation_and_test_is_named(labelled: list[LabelledStudy]) -> None:
    with pytest.raises(InputError, match="both in validation and in test: patient-1"):
        Split(("patient-1",), ("patient-1",)).apply(labelled)


def test_parts_cover_every_study_once(labelled: list[LabelledStudy]) -> None:
    parts = Split(("patient-0",), ("patient-1", "patient-2")).apply(labelled)
    assert {name: [item.study.id for item in items] for name, items in parts.items()} == {
        "training": ["case-3", "case-4", "case-5"],
        "validation": ["case-0"],
        "test": ["case-1", "case-2"],
    }


def test_patient_in_no_fold_is_named(labelled: list[LabelledStudy]) -> None:
    with pytest.raises(InputError, match="patients in no fold: patient-5"):
        check_folds([[f"patient-{i}" for i in range(3)], ["patient-3", "patient-4"]], labelled)


def test_share_of_patients_depends_on_their_ids_alone() -> None:
    patients = [f"patient-{number}" for number in range(10)]
    assert len(share_of(patients, 0.2)) == 2
    assert share_of(patients, 0.2) == share_of([*patients[::-1], *patients], 0.2)
    assert share_of(patients, 0.2) < share_of(patients, 0.5)
    assert share_of(["only"], 0.2) == {"only"}
