"""Each named layout, made small by its own rules, imported by the command and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.intake import plan_import, write_plan
from gliomics.study.labels import label_path
from tests.unit.intake.trees import (
    assert_images,
    assert_label,
    imported,
    write_image,
    write_json_file,
    write_label,
    write_volumes,
)

pytestmark = pytest.mark.slow


def test_bids_sessions_are_studies_of_one_patient_and_contrast_is_seen(tmp_path: Path) -> None:
    root, names = tmp_path / "bids", {}
    write_json_file(root / "dataset_description.json", {"Name": "x", "BIDSVersion": "1.8.0"})
    (root / "participants.tsv").write_text("participant_id\nsub-01\n")
    for session in ("ses-01", "ses-02"):
        stem = f"sub-01_{session}"
        names[stem] = {
            "t1": f"{stem}_T1w.nii.gz",
            "t1c": f"{stem}_ce-gadolinium_T1w.nii.gz",
            "t2": f"{stem}_T2w.nii.gz",
            "flair": f"{stem}_FLAIR.nii.gz",
        }
        others = [f"{stem}_{suffix}.nii.gz" for suffix in ("T2starw", "PDw", "UNIT1", "T1map", "inv-1_MP2RAGE")]
        for name in (*names[stem].values(), *others):
            write_image(root / "sub-01" / session / "anat" / name)
        write_image(root / "sub-01" / session / "dwi" / f"{stem}_dwi.nii.gz")
    derived = root / "derivatives" / "manual" / "sub-01" / "ses-01" / "anat"
    write_label(derived / "sub-01_ses-01_label-lesion_mask.nii.gz", (1,))
    write_label(derived / "sub-01_ses-01_desc-brain_mask.nii.gz", (1,))
    write_image(derived / "sub-01_ses-01_desc-preproc_T1w.nii.gz")
    write_label(root / "derivatives/fmriprep/sub-01/ses-01/anat/sub-01_ses-01_dseg.nii.gz", (1, 2, 3))
    write_label(root / "derivatives/manual/sub-01/ses-02/anat/sub-01_ses-02_dseg.nii.gz", (1, 2, 3))
    studies, message = imported(root, tmp_path / "out")
    assert set(studies) == {"sub-01_ses-01", "sub-01_ses-02"}
    assert {study.patient_id for study in studies.values()} == {"sub-01"}
    assert [study.timepoint for study in studies.values()] == ["ses-01", "ses-02"]
    for study_id, files in names.items():
        assert_images(studies[study_id], files)
    assert_label(tmp_path / "out", studies["sub-01_ses-01"], (1,), None)
    assert_label(tmp_path / "out", studies["sub-01_ses-02"], (1, 2, 3), None)
    assert "layout: BIDS" in message
    for name in ("T2starw", "PDw", "UNIT1", "T1map", "MP2RAGE", "dwi", "desc-brain_mask", "desc-preproc", "fmriprep"):
        assert any(name in line for line in message.splitlines() if line.startswith("left out")), name


def test_bids_without_sessions_and_with_a_sidecar_that_tells_of_contrast(tmp_path: Path) -> None:
    write_image(tmp_path / "bids/sub-A7/anat/sub-A7_T2w.nii.gz")
    write_image(tmp_path / "bids/sub-A7/anat/sub-A7_T1w.nii.gz")
    write_json_file(
        tmp_path / "bids/sub-A7/anat/sub-A7_T1w.json", {"RepetitionTime": 1.9, "ContrastBolusIngredient": "GADOLINIUM"}
    )
    studies, _ = imported(tmp_path / "bids", tmp_path / "out")
    assert_images(studies["sub-A7"], {"t1c": "sub-A7_T1w.nii.gz", "t2": "sub-A7_T2w.nii.gz"})


@pytest.mark.parametrize(
    ("patient", "folder"),
    [
        ("BraTS2021_00000", "BraTS2021_00000"),
        ("BraTS20_Training_001", "MICCAI_BraTS2020_TrainingData/BraTS20_Training_001"),
        ("Brats18_TCIA01_147_1", "HGG/Brats18_TCIA01_147_1"),
        ("BraTS19_2013_10_1", "MICCAI_BraTS_2019_Data_Training/LGG/BraTS19_2013_10_1"),
    ],
)
def test_brats_up_to_2021_in_folders_of_patients(tmp_path: Path, patient: str, folder: str) -> None:
    files = {
        name: f"{patient}_{tail}.nii.gz"
        for name, tail in zip(("t1", "t1c", "t2", "flair"), ("t1", "t1ce", "t2", "flair"), strict=True)
    }
    for name in files.values():
        write_image(tmp_path / "brats" / folder / name)
    write_label(tmp_path / "brats" / folder / f"{patient}_seg.nii.gz", (1, 2, 4))
    studies, message = imported(tmp_path / "brats", tmp_path / "out")
    assert_images(studies[patient], files)
    assert_label(tmp_path / "out", studies[patient], (1, 2, 4), "brats-2021")
    assert studies[patient].patient_id == (patient if "_1" not in patient[-2:] else patient[:-2])
    assert "BraTS" in message.splitlines()[0]


def test_a_brats_mask_with_a_foreign_name_belongs_to_the_patient_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "brats" / "BraTS20_Training_355"
    write_image(folder / "BraTS20_Training_355_flair.nii.gz")
    write_label(folder / "W39_1998.09.19_Segm.nii.gz", (1, 2, 4))
    studies, _ = imported(tmp_path / "brats", tmp_path / "out")
    assert_label(tmp_path / "out", studies["BraTS20_Training_355"], (1, 2, 4), "brats-2021")


def test_brats_2023_time_points_are_one_patient_and_cavities_are_numbered_as_in_2024(tmp_path: Path) -> None:
    files = {"t1": "t1n", "t1c": "t1c", "t2": "t2w", "flair": "t2f"}
    for study, values in (("BraTS-GLI-00000-000", (1, 2, 3)), ("BraTS-GLI-00000-001", (1, 2, 3, 4))):
        for tail in files.values():
            write_image(tmp_path / "gli" / study / f"{study}-{tail}.nii.gz")
        write_label(tmp_path / "gli" / study / f"{study}-seg.nii.gz", values)
    studies, message = imported(tmp_path / "gli", tmp_path / "out")
    assert [(s.id, s.patient_id, s.timepoint) for s in studies.values()] == [
        ("BraTS-GLI-00000-000", "BraTS-GLI-00000", "000"),
        ("BraTS-GLI-00000-001", "BraTS-GLI-00000", "001"),
    ]
    for study_id, study in studies.items():
        assert_images(study, {name: f"{study_id}-{tail}.nii.gz" for name, tail in files.items()})
    assert_label(tmp_path / "out", studies["BraTS-GLI-00000-000"], (1, 2, 3), "brats-2023")
    assert_label(tmp_path / "out", studies["BraTS-GLI-00000-001"], (1, 2, 3, 4), "brats-2024")
    assert message.startswith("layout: BraTS 2023")


def test_a_brats_mask_numbered_otherwise_is_imported_without_numbering_until_it_is_told(tmp_path: Path) -> None:
    write_image(tmp_path / "brats/BraTS2021_00006_flair.nii.gz")
    write_label(tmp_path / "brats/BraTS2021_00006_seg.nii.gz", (1, 2, 3))
    studies, message = imported(tmp_path / "brats", tmp_path / "out", code=1)
    assert_label(tmp_path / "out", studies["BraTS2021_00006"], (1, 2, 3), None)
    assert "holds 1, 2, 3, which is not brats-2021" in message
    assert "--numbering" in message
    studies, _ = imported(tmp_path / "brats", tmp_path / "out", "--numbering", "brats-2023")
    assert_label(tmp_path / "out", studies["BraTS2021_00006"], (1, 2, 3), "brats-2023")


def test_upenn_gbm_takes_expert_masks_before_automated_ones_and_stripped_images_first(tmp_path: Path) -> None:
    root, tails = tmp_path / "upenn", {"t1": "T1", "t1c": "T1GD", "t2": "T2", "flair": "FLAIR"}
    for study in ("UPENN-GBM-00001_11", "UPENN-GBM-00001_21"):
        for tail in (*tails.values(), "DSC_ap-rCBV"):
            write_image(root / "images_structural" / study / f"{study}_{tail}.nii.gz")
        write_image(root / "images_structural_unstripped" / study / f"{study}_T1_unstripped.nii.gz")
        write_label(root / "automated_segm" / f"{study}_automated_approx_segm.nii.gz", (2, 4))
    write_image(root / "images_DTI/UPENN-GBM-00001_11/UPENN-GBM-00001_11_DTI_FA.nii.gz")
    write_label(root / "images_segm/UPENN-GBM-00001_11_segm.nii.gz", (1, 2, 4))
    (root / "UPENN-GBM_clinical_info_v2.1.csv").write_text("ID\n")
    studies, message = imported(root, tmp_path / "out")
    assert [(s.id, s.patient_id, s.timepoint) for s in studies.values()] == [
        ("UPENN-GBM-00001_11", "UPENN-GBM-00001", "11"),
        ("UPENN-GBM-00001_21", "UPENN-GBM-00001", "21"),
    ]
    for study_id, study in studies.items():
        assert_images(study, {name: f"{study_id}_{tail}.nii.gz" for name, tail in tails.items()})
    assert_label(tmp_path / "out", studies["UPENN-GBM-00001_11"], (1, 2, 4), "brats-2021")
    assert_label(tmp_path / "out", studies["UPENN-GBM-00001_21"], (2, 4), "brats-2021")
    assert "automated_approx_segm.nii.gz: a second mask of the study" in message
    assert "T1_unstripped.nii.gz" in message
    assert "DTI_FA" in message


def test_ucsf_pdgm_takes_the_tumour_not_the_brain_and_leaves_bias_corrected_copies_out(tmp_path: Path) -> None:
    root, tails = tmp_path / "ucsf", {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
    others = (
        "ADC",
        "ASL",
        "SWI",
        "SWI_bias",
        "DWI",
        "DTI_eddy_FA",
        "DTI_eddy_MD",
        "DTI_eddy_noreg",
        "T1_bias",
        "FLAIR_bias",
    )
    for study in ("UCSF-PDGM-0004", "UCSF-PDGM-0429_FU003d"):
        folder = root / "UCSF-PDGM-v3" / f"{study}_nifti"
        for tail in (*tails.values(), *others):
            write_image(folder / f"{study}_{tail}.nii.gz")
        write_label(folder / f"{study}_tumor_segmentation.nii.gz", (1, 2, 4))
        write_label(folder / f"{study}_brain_segmentation.nii.gz", (1,))
        write_label(folder / f"{study}_brain_parenchyma_segmentation.nii.gz", (1,))
    studies, message = imported(root, tmp_path / "out")
    assert [(s.id, s.patient_id, s.timepoint) for s in studies.values()] == [
        ("UCSF-PDGM-0004", "UCSF-PDGM-0004", "baseline"),
        ("UCSF-PDGM-0429_FU003d", "UCSF-PDGM-0429", "FU003d"),
    ]
    for study_id, study in studies.items():
        assert_images(study, {name: f"{study_id}_{tail}.nii.gz" for name, tail in tails.items()})
        assert_label(tmp_path / "out", study, (1, 2, 4), "brats-2021")
    for name in (*others, "brain_segmentation", "brain_parenchyma_segmentation"):
        assert f"_{name}.nii.gz" in message


def test_a_flat_folder_mixes_data_sets_and_masks_are_never_studies(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    for tail in ("t1n", "t1c", "t2w", "t2f"):
        write_image(flat / f"BraTS-GLI-00000-000-{tail}.nii.gz")
    write_label(flat / "BraTS-GLI-00000-000-seg.nii.gz", (1, 2, 3))
    write_label(flat / "UPENN-GBM-00001_11_segm.nii.gz", (1, 2, 4))
    write_label(flat / "UCSF-PDGM-0004_tumor_segmentation.nii.gz", (1, 2, 4))
    write_image(flat / "UCSF-PDGM-0004_T1c_bias.nii.gz")
    studies, message = imported(flat, tmp_path / "out", code=1)
    assert set(studies) == {"BraTS-GLI-00000-000", "UCSF-PDGM-0004"}
    assert_images(studies["UCSF-PDGM-0004"], {"t1c": "UCSF-PDGM-0004_T1c_bias.nii.gz"})
    assert_label(tmp_path / "out", studies["UCSF-PDGM-0004"], (1, 2, 4), "brats-2021")
    assert "UPENN-GBM-00001_11_segm.nii.gz: a mask without an image" in message


def test_the_decathlon_has_four_sequences_in_one_file_and_its_own_numbering(tmp_path: Path) -> None:
    root = tmp_path / "Task01_BrainTumour"
    write_json_file(
        root / "dataset.json",
        {
            "name": "BRATS",
            "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
            "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
        },
    )
    order = ("flair", "t1", "t1c", "t2")
    write_volumes(root / "imagesTr" / "BRATS_001.nii.gz", order)
    write_label(root / "labelsTr" / "BRATS_001.nii.gz", (1, 2, 3))
    write_volumes(root / "imagesTs" / "BRATS_485.nii.gz", order)
    (root / "imagesTr" / "._BRATS_001.nii.gz").write_bytes(b"Mac OS X")
    studies, message = imported(root, tmp_path / "out")
    assert set(studies) == {"BRATS_001", "BRATS_485"}
    for study in studies.values():
        assert_images(study, {name: name for name in order})
    assert_label(tmp_path / "out", studies["BRATS_001"], (1, 2, 3), "msd")
    assert not label_path(tmp_path / "out", "BRATS_485").exists()
    assert "dataset.json" in message.splitlines()[0]


def test_nnunet_channels_and_regions_are_read_from_its_description(tmp_path: Path) -> None:
    root = tmp_path / "Dataset137_BraTS2021"
    write_json_file(
        root / "dataset.json",
        {
            "channel_names": {"0": "T1", "1": "T1ce", "2": "T2", "3": "Flair"},
            "labels": {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]},
            "regions_class_order": [1, 2, 3],
            "numTraining": 1,
            "file_ending": ".nii.gz",
        },
    )
    for channel in range(4):
        write_image(root / "imagesTr" / f"case_12_{channel:04d}.nii.gz")
    write_label(root / "labelsTr" / "case_12.nii.gz", (1, 2, 3))
    studies, _ = imported(root, tmp_path / "out")
    files = {name: f"case_12_{k:04d}.nii.gz" for k, name in enumerate(("t1", "t1c", "t2", "flair"))}
    assert_images(studies["case_12"], files)
    assert_label(tmp_path / "out", studies["case_12"], (1, 2, 3), "msd")


def test_nnunet_without_a_description_asks_for_its_channels(tmp_path: Path) -> None:
    for channel in range(2):
        write_image(tmp_path / "task" / "imagesTr" / f"case1_{channel:04d}.nii.gz")
    studies, message = imported(tmp_path / "task", tmp_path / "out", code=2)
    assert studies == {}
    assert "--channels" in message
    studies, _ = imported(tmp_path / "task", tmp_path / "out", "--channels", "t1c,none")
    assert_images(studies["case1"], {"t1c": "case1_0000.nii.gz"})


def test_other_4d_files_need_their_volumes_named_and_take_them(tmp_path: Path) -> None:
    order = ("t2", "flair", "t1c", "t1")
    write_volumes(tmp_path / "scans" / "case7.nii.gz", order)
    write_label(tmp_path / "scans" / "labels" / "case7.nii.gz", (1, 2))
    studies, message = imported(tmp_path / "scans", tmp_path / "out", code=2)
    assert studies == {}
    assert "a 4-D file of 4 volumes" in message
    assert "--channels flair,t1,t1c,t2" in message
    studies, message = imported(tmp_path / "scans", tmp_path / "out", "--channels", "t2,flair,t1c", code=2)
    assert "3 channels are named" in message
    studies, _ = imported(tmp_path / "scans", tmp_path / "out", "--channels", "T2,FLAIR,t1ce,none")
    assert_images(studies["case7"], {"t2": "t2", "flair": "flair", "t1c": "t1c"})
    assert_label(tmp_path / "out", studies["case7"], (1, 2), None)


def test_a_folder_of_one_file_a_patient_needs_their_sequence_named(tmp_path: Path) -> None:
    for name in ("case1", "case2"):
        write_image(tmp_path / "scans" / "images" / f"{name}.nii.gz")
        write_label(tmp_path / "scans" / "masks" / f"{name}.nii.gz", (1,))
    studies, message = imported(tmp_path / "scans", tmp_path / "out", code=2)
    assert studies == {}
    assert "case?" in message
    studies, _ = imported(tmp_path / "scans", tmp_path / "out", "--sequence", "flair=case?")
    assert set(studies) == {"case1", "case2"}
    for name, study in studies.items():
        assert_images(study, {"flair": f"{name}.nii.gz"})
        assert_label(tmp_path / "out", study, (1,), None)


def test_a_flat_folder_of_one_file_a_sequence(tmp_path: Path) -> None:
    for patient in ("case7", "case8"):
        for tail in ("t1", "t1ce", "flair"):
            write_image(tmp_path / "flat" / f"{patient}_{tail}.nii.gz")
        write_label(tmp_path / "flat" / f"{patient}_seg.nii.gz", (1, 2))
    studies, _ = imported(tmp_path / "flat", tmp_path / "out")
    assert set(studies) == {"case7", "case8"}
    for patient, study in studies.items():
        assert study.patient_id == patient
        assert_images(
            study, {"t1": f"{patient}_t1.nii.gz", "t1c": f"{patient}_t1ce.nii.gz", "flair": f"{patient}_flair.nii.gz"}
        )
        assert_label(tmp_path / "out", study, (1, 2), None)


def test_patients_and_examinations_in_folders_are_dated_and_share_the_patient(tmp_path: Path) -> None:
    for day in ("2021-03-04", "2021-09-30"):
        for tail in ("T1", "T1_GD", "FLAIR"):
            write_image(tmp_path / "tree" / "Smith" / day / f"{tail}.nii.gz", f"{day} {tail}")
    studies, _ = imported(tmp_path / "tree", tmp_path / "out")
    assert [(s.id, s.patient_id, s.date) for s in studies.values()] == [
        ("Smith_2021-03-04", "Smith", "2021-03-04"),
        ("Smith_2021-09-30", "Smith", "2021-09-30"),
    ]
    assert_images(
        studies["Smith_2021-09-30"],
        {"t1": "2021-09-30 T1", "t1c": "2021-09-30 T1_GD", "flair": "2021-09-30 FLAIR"},
    )


def test_names_near_bids_are_read_and_what_denies_contrast_is_no_t1c(tmp_path: Path) -> None:
    for name in ("t1", "T1ce", "T2", "flair"):
        write_image(tmp_path / "sub-01/ses-1" / f"sub-01_ses-1_{name}.nii.gz")
    write_image(tmp_path / "sub-02/anat/sub-02_ce-nogad_T1w.nii.gz")
    write_label(tmp_path / "sub-02/anat/sub-02_mod-T1w_defacemask.nii.gz", (1,))
    studies = {study.id: study for study in plan_import(tmp_path).studies}
    assert set(studies["sub-01_ses-1"].sequences) == {"t1", "t1c", "t2", "flair"}
    assert "sub-02" not in studies  # 'nogad' is left open, and the mask of the face is no tumour's


@pytest.mark.parametrize(
    ("values", "numbering"),
    [
        ((1, 2, 4), "1=enhancing,2=core-without-enhancement,3=core-without-enhancement,4=oedema"),
        ((1, 2, 3), None),
    ],
)
def test_brats_of_children_has_its_own_numbering_or_is_asked(
    tmp_path: Path, values: tuple[int, ...], numbering: str | None
) -> None:
    folder = tmp_path / "data/BraTS-PED-00001-000"
    write_image(folder / "BraTS-PED-00001-000-t1c.nii.gz")
    write_label(folder / "BraTS-PED-00001-000-seg.nii.gz", values)
    report = write_plan(plan_import(tmp_path / "data"), tmp_path / "out")
    assert [study.numbering for study in report.written] == [numbering]
    assert any("--numbering" in item.reason for item in report.left_out) == (numbering is None)


@pytest.mark.parametrize(
    ("labels", "numbering"),
    [
        ({"ET": 1, "NET": 2, "CC": 3, "ED": 4}, "1=enhancing,2=core-without-enhancement,"
         "3=core-without-enhancement,4=oedema"),
        ({"foo": 1, "bar": 2, "third": 4}, None),
    ],
)  # fmt: skip
def test_the_labels_of_a_description_are_its_own_or_are_asked(
    tmp_path: Path, labels: dict[str, int], numbering: str | None
) -> None:
    write_image(tmp_path / "data/imagesTr/case_0000.nii.gz")
    write_label(tmp_path / "data/labelsTr/case.nii.gz")
    description = {"channel_names": {"0": "FLAIR"}, "labels": {"background": 0, **labels}}
    write_json_file(tmp_path / "data/dataset.json", description)
    plan = plan_import(tmp_path / "data")
    assert [study.numbering for study in write_plan(plan, tmp_path / "out").written] == [numbering]
    assert ("not understood, say it with --numbering" in plan.evidence) == (numbering is None)
