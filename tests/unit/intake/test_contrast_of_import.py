"""An image after contrast is never imported as T1, wherever it is that contrast is spoken of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gliomics.dicom import find_examinations
from gliomics.intake import plan_import
from tests.unit.dicom.dicom_files import TIMES, write_series
from tests.unit.intake.trees import write_image, write_json_file


@pytest.mark.parametrize("folder", ["GD", "with_contrast", "postcontrast", "T1 + Gd", "post", "nach KM", "6_C+"])
def test_a_folder_that_says_contrast_leaves_the_t1_in_it_undecided(tmp_path: Path, folder: str) -> None:
    write_image(tmp_path / "P1" / folder / "T1.nii.gz")
    plan = plan_import(tmp_path)
    assert not any("t1" in study.sequences for study in plan.studies)
    assert [item.is_open for item in plan.left_out] == [True] or "t1c" in plan.studies[0].sequences


@pytest.mark.parametrize("folder", ["native", "precontrast", "post-op", "follow-up"])
def test_other_folders_leave_a_t1_what_its_name_says(tmp_path: Path, folder: str) -> None:
    write_image(tmp_path / "P1" / folder / "T1.nii.gz")
    assert "t1" in plan_import(tmp_path).studies[0].sequences


@pytest.mark.parametrize(
    "description",
    [
        {"ContrastBolusIngredient": "GADOLINIUM"},
        {"SeriesDescription": "AX T1 POST GD"},
        {"ContrastBolusRoute": "IV"},
        {"ContrastBolusVolume": 7.5},
    ],
)
@pytest.mark.parametrize("place", ["T1w.json", "sub-01/sub-01_T1w.json", "sub-01/anat/sub-01_acq-3d_T1w.json"])
def test_json_files_of_an_image_and_those_it_inherits_end_t1(
    tmp_path: Path, place: str, description: dict[str, Any]
) -> None:
    write_image(tmp_path / "sub-01/anat/sub-01_acq-3d_T1w.nii.gz")
    write_json_file(tmp_path / place, description)
    assert not any("t1" in study.sequences for study in plan_import(tmp_path).studies)


def test_a_nearer_json_file_counts_before_one_above_and_others_do_not_speak_of_it(tmp_path: Path) -> None:
    write_image(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz")
    write_json_file(tmp_path / "T1w.json", {"ContrastBolusAgent": "Gadovist"})
    write_json_file(tmp_path / "sub-01/anat/sub-01_T1w.json", {"ContrastBolusAgent": "none"})
    write_json_file(tmp_path / "sub-01/anat/sub-01_acq-gd_T1w.json", {"ContrastBolusAgent": "Gadovist"})
    assert set(plan_import(tmp_path).studies[0].sequences) == {"t1"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"ContrastBolusIngredient": "GADOLINIUM"},
        {"ContrastBolusRoute": "IV"},
        {"ContrastBolusTotalDose": "8"},
        {"ContrastFlowRate": "2"},
        {"ContrastBolusStartTime": "101010"},
        {"ContrastBolusAgent": "unknown"},
    ],
)
def test_dicom_attributes_that_record_contrast_end_t1(tmp_path: Path, attributes: dict[str, str]) -> None:
    write_series(tmp_path, 5, "AX T1", **TIMES["t1"], **attributes)
    examinations, _ = find_examinations(sorted((tmp_path / "series5").iterdir()))
    assert examinations[0].series[0].recognition.sequence in (None, "t1c")
    assert not examinations[0].series[0].recognition.is_other


@pytest.mark.parametrize("agent", ["NONE GIVEN", "Kein KM", "No Contrast given", "not given", "No_IV"])
def test_an_agent_in_words_that_deny_it_is_none(tmp_path: Path, agent: str) -> None:
    write_series(tmp_path, 5, "AX T1", **TIMES["t1"], ContrastBolusAgent=agent)
    examinations, _ = find_examinations(sorted((tmp_path / "series5").iterdir()))
    assert examinations[0].series[0].recognition.sequence == "t1"


@pytest.mark.parametrize(
    "name",
    ["GD/sub-01_T1w", "sub-01/ses-gd/anat/sub-01_ses-gd_T1w", "sub-01_ses-postcontrast_T1w",
     "with contrast/TCGA-02-0006_1996.08.23_t1"],
)  # fmt: skip
def test_folders_and_sessions_that_say_contrast_end_t1_of_public_conventions_too(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / f"{name}.nii.gz")
    plan = plan_import(tmp_path)
    assert not plan.studies
    assert [item.is_open for item in plan.left_out] == [True]


@pytest.mark.parametrize(
    "folder",
    ["sub-01/ses-post/anat", "BraTS2024-BraTS-GLI-PostTreatment", "UCSD-PTGBM-v1", "training_data1_v2", "PKG - NIfTI",
     "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData", "IDH-mutant", "C1", "derived"],
)  # fmt: skip
def test_folders_of_data_sets_and_after_surgery_do_not_end_t1(tmp_path: Path, folder: str) -> None:
    write_image(tmp_path / folder / "sub-01_ses-post_T1w.nii.gz")
    assert set(plan_import(tmp_path).studies[0].sequences) == {"t1"}
