"""Images of two examinations never become one study, whatever the layout: they are kept apart, or asked about."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import pytest

from gliomics.intake import Choices, ImportPlan, plan_import
from tests.unit.intake.trees import AFFINE, voxels, write_image, write_json_file, write_label

TIMES = [("20200131", "20210506"), ("ses-1", "ses-2"), ("baseline", "followup"), ("preop", "postop")]
LAYOUTS = [
    "P1/{sequence}_{time}",
    "P1/P1_{time}_{sequence}",
    "P{patient}_{sequence}_{time}",
    "P1/{sequence}_{time}/image",
    "P1/{sequence}/{time}",
    "BraTS2021_00001/BraTS2021_00001_{sequence}_{time}",
    "sub-01/anat/sub-01_{sequence}_{time}",
]


def plan_of(folder: Path, *choices: str) -> ImportPlan:
    return plan_import(folder, choices=Choices.parse(choices))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("times", TIMES)
def test_two_examinations_in_a_folder_are_never_mixed(tmp_path: Path, layout: str, times: tuple[str, str]) -> None:
    before, after = times
    for sequence, time in (("t1", before), ("t1c", before), ("t2", after), ("flair", after)):
        for patient in (1, 2) if "{patient}" in layout else (1,):
            path = layout.format(sequence=sequence, time=time, patient=patient)
            write_image(tmp_path / "in" / f"{path}.nii.gz")
    plan = plan_of(tmp_path / "in")
    for study in plan.studies:
        names = [str(path) for source in study.sequences.values() for path in source.files]
        assert not (any(before in name for name in names) and any(after in name for name in names)), study.id
    assert plan.studies or plan.left_out


def test_what_the_user_names_by_its_path_is_taken(tmp_path: Path) -> None:
    for name in ("t1_20200131", "flair_20210506"):
        write_image(tmp_path / "P1" / f"{name}.nii.gz")
    assert not plan_of(tmp_path).studies
    (study,) = plan_of(tmp_path, "flair=P1/flair_20210506.nii.gz").studies
    assert set(study.sequences) == {"t1", "flair"}
    (study,) = plan_of(tmp_path, "none=P1/flair_20210506.nii.gz").studies
    assert set(study.sequences) == {"t1"}


def test_a_mask_of_another_examination_is_asked_about(tmp_path: Path) -> None:
    write_image(tmp_path / "P1" / "flair_20200131.nii.gz")
    write_label(tmp_path / "P1" / "seg_20210506.nii.gz")
    plan = plan_of(tmp_path)
    assert not plan.studies
    assert {item.name for item in plan.left_out} == {"P1/flair_20200131.nii.gz", "P1/seg_20210506.nii.gz"}


@pytest.mark.parametrize(
    ("ours", "theirs", "what"),
    [
        ({"AcquisitionDateTime": "2020-01-31T10:00:00"}, {"AcquisitionDateTime": "2021-05-06T10:20:00"}, "2020-01-31"),
        ({"StudyInstanceUID": "1.2.3"}, {"StudyInstanceUID": "1.2.4"}, "1.2.3"),
        ({"MagneticFieldStrength": 1.5}, {"MagneticFieldStrength": 3}, "a field of 1.5 T"),
        ({"AcquisitionTime": "08:10:00.5"}, {"AcquisitionTime": "15:30:00"}, "08:10"),
    ],
)
def test_descriptions_beside_the_images_tell_of_two_examinations(
    tmp_path: Path, ours: dict[str, object], theirs: dict[str, object], what: str
) -> None:
    for name, description in (("t1", ours), ("flair", theirs)):
        write_image(tmp_path / "P1" / f"{name}.nii.gz")
        write_json_file(tmp_path / "P1" / f"{name}.json", description)
    plan = plan_of(tmp_path)
    assert not plan.studies
    assert any(what in item.reason for item in plan.left_out)
    write_json_file(tmp_path / "P1" / "flair.json", ours)
    assert len(plan_of(tmp_path).studies) == 1


def test_headers_written_by_dcm2niix_tell_of_two_examinations(tmp_path: Path) -> None:
    for name, time in (("t1", "101500.000"), ("flair", "163000.250")):
        image = nib.Nifti1Image(voxels(name), AFFINE)
        image.header["descrip"] = f"TE=2.5;Time={time};phase=1"
        (tmp_path / "P1").mkdir(exist_ok=True)
        nib.save(image, tmp_path / "P1" / f"{name}.nii.gz")
    (item, _) = plan_of(tmp_path).left_out
    assert "10:15" in item.reason and "16:30" in item.reason
