"""Folders that follow no convention: who is the patient, which file is which sequence, and what stays undecided."""

from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.intake import Choices, ImportPlan, plan_import, write_plan
from tests.unit.intake.trees import write_image, write_label

Summary = dict[str, tuple[str, str | None, set[str]]]


def planned(root: Path, *choices: str, images: tuple[str, ...] = (), masks: tuple[str, ...] = ()) -> ImportPlan:
    for name in images:
        write_image(root / name)
    for name in masks:
        write_label(root / name)
    return plan_import(root, choices=Choices.parse(choices))


def summary(plan: ImportPlan) -> Summary:
    """Patient, date and what there is (sequences, label) of each study."""
    return {
        study.id: (study.patient_id, study.date, {*study.sequences, *(["label"] if study.label else [])})
        for study in plan.studies
    }


def test_one_patients_folder_is_named_after_the_folder(tmp_path: Path) -> None:
    plan = planned(tmp_path / "patient9", images=("t1.nii.gz", "T1c.nii", "flair.nii.gz"), masks=("seg.nii.gz",))
    assert summary(plan) == {"patient9": ("patient9", None, {"t1", "t1c", "flair", "label"})}


def test_groups_above_the_patients_are_no_patients(tmp_path: Path) -> None:
    images = [f"{group}/case{n}/case{n}_{s}.nii.gz" for group, n in (("train", 1), ("val", 2)) for s in ("t1", "t2")]
    plan = planned(tmp_path, images=tuple(images), masks=("train/case1/case1_seg.nii.gz",))
    assert summary(plan) == {"case1": ("case1", None, {"t1", "t2", "label"}), "case2": ("case2", None, {"t1", "t2"})}


def test_a_folder_for_each_sequence_holds_a_file_for_each_patient(tmp_path: Path) -> None:
    images = [f"{folder}/p{n}.nii.gz" for folder in ("T1", "T1CE", "FLAIR") for n in (1, 2)]
    plan = planned(tmp_path, images=tuple(images), masks=("masks/p1.nii.gz",))
    assert summary(plan) == {
        "p1": ("p1", None, {"t1", "t1c", "flair", "label"}),
        "p2": ("p2", None, {"t1", "t1c", "flair"}),
    }


def test_a_patients_folders_tell_the_sequence_where_the_files_do_not(tmp_path: Path) -> None:
    images = tuple(f"pat1/{folder}/image.nii.gz" for folder in ("T1", "T1 post contrast", "FLAIR"))
    plan = planned(tmp_path, images=images, masks=("pat1/mask/image.nii.gz",))
    assert summary(plan) == {"pat1": ("pat1", None, {"t1", "t1c", "flair", "label"})}


def test_dates_in_names_make_examinations_of_one_patient(tmp_path: Path) -> None:
    images = tuple(f"case7_{day}_{s}.nii.gz" for day in ("2020-01-31", "20210506") for s in ("t1", "flair"))
    assert summary(planned(tmp_path, images=images)) == {
        "case7_2020-01-31": ("case7", "2020-01-31", {"t1", "flair"}),
        "case7_20210506": ("case7", "2021-05-06", {"t1", "flair"}),
    }


def test_dates_inside_a_patients_folder_make_examinations(tmp_path: Path) -> None:
    images = tuple(f"P1/P1_{day}_{s}.nii.gz" for day in ("2020-01-31", "2021-05-06") for s in ("t1", "flair"))
    assert summary(planned(tmp_path, images=images)) == {
        "P1_2020-01-31": ("P1", "2020-01-31", {"t1", "flair"}),
        "P1_2021-05-06": ("P1", "2021-05-06", {"t1", "flair"}),
    }


@pytest.mark.parametrize("sessions", [("2020-01-31", "2021-05-06"), ("baseline", "followup1"), ("ses-1", "ses-2")])
def test_sessions_alone_belong_to_the_patient_whose_folder_was_given(tmp_path: Path, sessions: tuple[str, ...]) -> None:
    plan = planned(tmp_path / "patX", images=tuple(f"{s}/{name}.nii.gz" for s in sessions for name in ("t1", "flair")))
    assert [study.id for study in plan.studies] == [f"patX_{session}" for session in sessions]
    assert {study.patient_id for study in plan.studies} == {"patX"}


def test_numbered_patients_with_sessions_in_one_folder(tmp_path: Path) -> None:
    names = ("001_Baseline_T1", "001_Baseline_FLAIR", "001_Followup1_T1", "001_Followup1_FLAIR", "002_Baseline_T1")
    plan = planned(tmp_path, images=tuple(f"{name}.nii.gz" for name in names))
    assert [(study.id, study.patient_id) for study in plan.studies] == [
        ("001_Baseline", "001"),
        ("001_Followup1", "001"),
        ("002_Baseline", "002"),
    ]


def test_visits_in_names_are_sessions_and_no_words_about_the_sequence(tmp_path: Path) -> None:
    names = tuple(f"glioma_{n}_visit{v}_{s}.nii.gz" for n in (1, 2) for v in (1, 2) for s in ("t1", "t1ce"))
    plan = planned(tmp_path, images=names, masks=("glioma_1_visit1_mask.nii.gz",))
    assert summary(plan) == {
        "glioma_1_visit1": ("glioma_1", None, {"t1", "t1c", "label"}),
        "glioma_1_visit2": ("glioma_1", None, {"t1", "t1c"}),
        "glioma_2_visit1": ("glioma_2", None, {"t1", "t1c"}),
        "glioma_2_visit2": ("glioma_2", None, {"t1", "t1c"}),
    }


def test_a_numbered_folder_for_each_series_below_the_patient(tmp_path: Path) -> None:
    series = ("1_T1", "2_T1GD", "3_T2", "4_FLAIR")
    images = tuple(f"EGD-{n:04d}/{name}/NIFTI/{name[2:]}.nii.gz" for n in (1, 2) for name in series)
    plan = planned(tmp_path, images=images, masks=("EGD-0001/5_MASK/NIFTI/MASK.nii.gz",))
    assert summary(plan) == {
        "EGD-0001": ("EGD-0001", None, {"t1", "t1c", "t2", "flair", "label"}),
        "EGD-0002": ("EGD-0002", None, {"t1", "t1c", "t2", "flair"}),
    }


def test_a_mask_in_a_folder_below_the_images_is_theirs(tmp_path: Path) -> None:
    mask = "Patient-001/week-044/HD-GLIO-AUTO-segmentation/native/segmentation_origspace.nii.gz"
    plan = planned(tmp_path, images=("Patient-001/week-044/FLAIR.nii.gz",), masks=(mask,))
    assert summary(plan) == {"Patient-001_week-044": ("Patient-001", None, {"flair", "label"})}


def test_two_patients_that_would_get_one_id_are_left_to_the_user(tmp_path: Path) -> None:
    plan = planned(tmp_path, images=("Pat A/T1.nii.gz", "Pat-A/FLAIR.nii.gz", "Pat-B/T1.nii.gz"))
    assert set(summary(plan)) == {"Pat-B"}
    assert all("give the same study id" in item.reason for item in plan.left_out if item.is_open)


def test_sessions_that_hold_patients_are_turned_round(tmp_path: Path) -> None:
    images = tuple(f"{session}/pat{n}/t1.nii.gz" for session in ("baseline", "followup1") for n in (1, 2))
    plan = planned(tmp_path, images=images)
    assert [(s.id, s.patient_id) for s in plan.studies] == [
        ("pat1_baseline", "pat1"),
        ("pat1_followup1", "pat1"),
        ("pat2_baseline", "pat2"),
        ("pat2_followup1", "pat2"),
    ]


def test_patients_of_one_name_in_two_hospitals_are_two_patients(tmp_path: Path) -> None:
    plan = planned(tmp_path, images=tuple(f"{h}/001/{day}/t1.nii.gz" for h in "AB" for day in ("20200101", "20210101")))
    assert {study.patient_id for study in plan.studies} == {"A-001", "B-001"}
    assert len(plan.studies) == 4


def test_numbers_of_series_are_no_patients_and_two_planes_are_left_to_the_user(tmp_path: Path) -> None:
    names = ("4_AX_T1.nii.gz", "5_AX_FLAIR.nii.gz", "6_AX_T1_POST_GD.nii.gz", "8_DWI_b1000.nii.gz", "9_SAG_T1.nii.gz")
    plan = planned(tmp_path / "exam", images=names)
    assert summary(plan) == {"exam": ("exam", None, {"flair", "t1c"})}
    assert {item.what for item in plan.left_out if item.is_open} == {"4_AX_T1.nii.gz", "9_SAG_T1.nii.gz"}
    assert {item.what for item in plan.left_out if not item.is_open} == {"8_DWI_b1000.nii.gz"}
    plan = planned(tmp_path / "exam", "t1=4_AX_T1")
    assert summary(plan) == {"exam": ("exam", None, {"t1", "flair", "t1c"})}
    assert "a second version of t1" in next(i.reason for i in plan.left_out if i.what == "9_SAG_T1.nii.gz")


def test_numbered_patients_in_one_folder_are_patients(tmp_path: Path) -> None:
    images = tuple(f"{n:03d}_{s}.nii.gz" for n in (1, 2) for s in ("t1", "flair"))
    assert [s.id for s in planned(tmp_path, images=images, masks=("001_seg.nii.gz",)).studies] == ["001", "002"]


def test_an_undecided_name_is_one_question_for_all_its_files(tmp_path: Path) -> None:
    images = tuple(f"pat{n}/{s}.nii.gz" for n in (1, 2, 3) for s in ("t1", "SPACE_X"))
    plan = planned(tmp_path, images=images)
    assert {name: len(items) for name, items in plan.questions.items()} == {"SPACE_X": 3}
    assert summary(planned(tmp_path, "flair=SPACE_X"))["pat2"] == ("pat2", None, {"t1", "flair"})
    assert summary(planned(tmp_path, "none=space_x"))["pat2"] == ("pat2", None, {"t1"})


def test_several_masks_are_left_to_the_user_until_one_is_named(tmp_path: Path) -> None:
    masks = ("p/p_seg.nii.gz", "p/p_seg_rater_a.nii.gz", "p/p_seg_rater_b.nii.gz")
    plan = planned(tmp_path, images=("p/p_flair.nii.gz",), masks=masks)
    assert plan.studies[0].label is None
    assert {item.what for item in plan.left_out if item.is_open} == set(masks)
    plan = planned(tmp_path, "label=*_rater_b")
    assert plan.studies[0].label is not None
    assert plan.studies[0].label.source.files[0].name == "p_seg_rater_b.nii.gz"
    assert not any(item.is_open for item in plan.left_out)


def test_masks_of_the_brain_are_no_labels(tmp_path: Path) -> None:
    plan = planned(tmp_path / "p", images=("flair.nii.gz",), masks=("brain_mask.nii.gz", "t1_brainmask.nii.gz"))
    assert plan.studies[0].label is None
    assert all("brain" in item.reason for item in plan.left_out)


def test_labels_as_a_server_keeps_them_belong_to_the_images_and_final_ones_are_taken(tmp_path: Path) -> None:
    masks = ("labels/final/case1.nii.gz", "labels/original/case1.nii.gz", "labels/final/case2.nii.gz")
    plan = planned(tmp_path, "flair=case?", images=("case1.nii.gz", "case2.nii.gz"), masks=masks)
    assert {study.id: study.label and study.label.source.path.parent.name for study in plan.studies} == {
        "case1": "final",
        "case2": "final",
    }
    assert [item.what for item in plan.left_out] == ["labels/original/case1.nii.gz"]


def test_two_choices_for_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keep one"):
        planned(tmp_path, "t1=x", "flair=x*", images=("x.nii.gz",))


def test_a_choice_that_selects_nothing_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t1=nothing selects nothing; there are: .*SPACE_X"):
        planned(tmp_path, "t1=nothing", images=("SPACE_X.nii.gz", "t2.nii.gz"))


@pytest.mark.parametrize("text", ["t1", "=x", "t1=", "swi=x", "t9=x"])
def test_a_choice_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--sequence"):
        Choices.parse([text])


@pytest.mark.parametrize("channels", ["flair,flair", "t1,label", "t1,what"])
def test_channels_that_are_none_are_refused(channels: str) -> None:
    with pytest.raises(InputError, match="--channels"):
        Choices.parse([], channels)


@pytest.mark.parametrize("sessions", [("scan1", "scan2"), ("time1", "time2"), ("A", "B")])
def test_what_follows_the_folders_name_in_a_files_is_a_session(tmp_path: Path, sessions: tuple[str, ...]) -> None:
    images = [f"{p}/{p}_{s}_{name}.nii.gz" for p in ("10", "11") for s in sessions for name in ("t1c", "flair")]
    plan = planned(tmp_path, images=tuple(images))
    assert {study.id: study.patient_id for study in plan.studies} == {
        f"{patient}_{session}": patient for patient in ("10", "11") for session in sessions
    }


@pytest.mark.parametrize("cohorts", [("siteA", "siteB"), ("center 1", "center 2"), ("Astrocytoma", "IDH-wt")])
def test_patients_of_cohorts_are_not_joined(tmp_path: Path, cohorts: tuple[str, str]) -> None:
    images = [f"{cohort}/{p}/{s}.nii.gz" for cohort in cohorts for p in ("001", "002") for s in ("t1", "flair")]
    plan = planned(tmp_path, images=tuple(images))
    assert {study.patient_id for study in plan.studies} == {f"{c}-{p}" for c in cohorts for p in ("001", "002")}
    assert len(plan.studies) == 4


def test_folders_of_an_xnat_archive_are_no_patients(tmp_path: Path) -> None:
    images = [
        f"SUBJECTS/EGD-{n}/SESSIONS/EGD-{n}/SCANS/{s}/NIFTI/{s}.nii.gz" for n in (1, 2) for s in ("T1", "T1GD", "FLAIR")
    ]
    plan = planned(tmp_path, images=tuple(images))
    assert [(study.patient_id, set(study.sequences)) for study in plan.studies] == [
        ("EGD-1", {"t1", "t1c", "flair"}),
        ("EGD-2", {"t1", "t1c", "flair"}),
    ]


@pytest.mark.parametrize("name", ["FLAIR_lesion", "FLAIR_tumor", "T1_tumour", "T2_outline", "FLAIR_bin"])
def test_a_mask_under_an_images_name_is_no_image(tmp_path: Path, name: str) -> None:
    write_label(tmp_path / "data" / name / f"{name}.nii.gz", (1,))
    report = write_plan(plan_import(tmp_path / "data"), tmp_path / "out")
    assert not report.written
    assert any(item.is_open and f"--sequence label='{name}.nii.gz'" in item.reason for item in report.left_out)


def test_scans_of_one_patient_in_a_folder_of_many_are_sessions_of_the_patient(tmp_path: Path) -> None:
    images = [f"{p}_scan{n}_{s}.nii.gz" for p in ("P1", "P2") for n in (1, 2) for s in ("T1", "T1c")]
    plan = planned(tmp_path, images=tuple(images))
    assert [(s.id, s.patient_id, set(s.sequences)) for s in plan.studies] == [
        (f"{p}_scan{n}", p, {"t1", "t1c"}) for p in ("P1", "P2") for n in (1, 2)
    ]


def test_numbers_in_a_folder_of_one_sequence_are_patients(tmp_path: Path) -> None:
    plan = planned(tmp_path, images=("FLAIR/001.nii.gz", "FLAIR/002.nii.gz"), masks=("masks/001_mask.nii.gz",))
    assert summary(plan) == {"001": ("001", None, {"flair", "label"}), "002": ("002", None, {"flair"})}


@pytest.mark.parametrize("patients", [("P1", "P2"), ("PAT1", "PAT2"), ("patient1", "subject2")])
def test_short_patients_names_behind_a_date_are_no_words_of_the_sequence(
    tmp_path: Path, patients: tuple[str, ...]
) -> None:
    plan = planned(tmp_path, images=tuple(f"2020-01-02_{p}_{s}.nii.gz" for p in patients for s in ("T1", "FLAIR")))
    assert [(study.patient_id, set(study.sequences)) for study in plan.studies] == [
        (patient, {"t1", "flair"}) for patient in patients
    ]


def test_a_patient_named_behind_sequence_and_contrast_is_one_patient(tmp_path: Path) -> None:
    images = tuple(f"{s}_{p}.nii.gz" for p in ("Jones", "Smith") for s in ("T1_GD", "T2_AX", "FLAIR"))
    plan = planned(tmp_path, images=images)
    assert [(s.patient_id, set(s.sequences)) for s in plan.studies] == [
        ("Jones", {"t1c", "t2", "flair"}),
        ("Smith", {"t1c", "t2", "flair"}),
    ]
