"""File names of public data sets, each with whose image it is and what it shows."""

from __future__ import annotations

import pytest

from gliomics.study.conventions import (
    CONVENTIONS,
    is_mask_folder,
    patient_and_role,
    plain_role,
    role_of,
    subject_of,
)
from gliomics.study.numbering import parse_numbering

MASK, BETTER_MASK, OTHER, UNDECIDED = "mask 1", "mask 0", "other", "undecided"

# name: convention, patient, session, what it is ("+" marks a second version)
NAMES = {
    "sub-01_T1w": ("BIDS", "sub-01", "", "t1"),
    "sub-01_ses-02_ce-gadolinium_T1w": ("BIDS", "sub-01", "ses-02", "t1c"),
    "sub-01_ses-02_ce-GADOVIST_run-1_T1w": ("BIDS", "sub-01", "ses-02", "t1c"),
    "sub-01_ce-none_T1w": ("BIDS", "sub-01", "", "t1"),
    "sub-A01_ses-pre_acq-mprage_T1w": ("BIDS", "sub-A01", "ses-pre", "t1"),
    "sub-01_acq-3D_FLAIR": ("BIDS", "sub-01", "", "flair"),
    "sub-01_T2w": ("BIDS", "sub-01", "", "t2"),
    "sub-01_T2starw": ("BIDS", "sub-01", "", OTHER),
    "sub-01_T2star": ("BIDS", "sub-01", "", OTHER),
    "sub-01_PDw": ("BIDS", "sub-01", "", OTHER),
    "sub-01_PDT2": ("BIDS", "sub-01", "", OTHER),
    "sub-01_UNIT1": ("BIDS", "sub-01", "", OTHER),
    "sub-01_inv-1_MP2RAGE": ("BIDS", "sub-01", "", OTHER),
    "sub-01_T1map": ("BIDS", "sub-01", "", OTHER),
    "sub-01_part-phase_T1w": ("BIDS", "sub-01", "", OTHER),
    "sub-01_dir-AP_dwi": ("BIDS", "sub-01", "", OTHER),
    "sub-01_task-rest_bold": ("BIDS", "sub-01", "", OTHER),
    "sub-01_dseg": ("BIDS", "sub-01", "", BETTER_MASK),
    "sub-01_space-T1w_label-tumor_mask": ("BIDS", "sub-01", "", BETTER_MASK),
    "sub-01_desc-brain_mask": ("BIDS", "sub-01", "", OTHER),
    "sub-01_desc-aseg_dseg": ("BIDS", "sub-01", "", OTHER),
    "sub-01_label-GM_probseg": ("BIDS", "sub-01", "", OTHER),
    "BraTS-GLI-00000-000-t1n": ("BraTS 2023", "BraTS-GLI-00000", "000", "t1"),
    "BraTS-GLI-02060-101-t2f": ("BraTS 2023", "BraTS-GLI-02060", "101", "flair"),
    "BraTS-SSA-00002-000-t1c": ("BraTS 2023", "BraTS-SSA-00002", "000", "t1c"),
    "BraTS-PED-00001-000-seg": ("BraTS 2023", "BraTS-PED-00001", "000", BETTER_MASK),
    "BraTS-MEN-RT-0001-1-t2w": ("BraTS 2023", "BraTS-MEN-RT-0001", "1", "t2"),
    "BraTS2021_00000_t1ce": ("BraTS 2021", "BraTS2021_00000", "", "t1c"),
    "BraTS2021_00000_seg": ("BraTS 2021", "BraTS2021_00000", "", BETTER_MASK),
    "BraTS20_Training_001_flair": ("BraTS 2021", "BraTS20_Training_001", "", "flair"),
    "Brats18_2013_10_1_t1": ("BraTS 2017-2019", "Brats18_2013_10", "1", "t1"),
    "Brats17_CBICA_AAB_1_t2": ("BraTS 2017-2019", "Brats17_CBICA_AAB", "1", "t2"),
    "BraTS19_TCIA01_147_1_seg": ("BraTS 2017-2019", "BraTS19_TCIA01_147", "1", BETTER_MASK),
    "UPENN-GBM-00001_11_T1GD": ("UPENN-GBM", "UPENN-GBM-00001", "11", "t1c"),
    "UPENN-GBM-00001_21_T1": ("UPENN-GBM", "UPENN-GBM-00001", "21", "t1"),
    "UPENN-GBM-00001_11_T1GD_unstripped": ("UPENN-GBM", "UPENN-GBM-00001", "11", "t1c+"),
    "UPENN-GBM-00001_11_segm": ("UPENN-GBM", "UPENN-GBM-00001", "11", BETTER_MASK),
    "UPENN-GBM-00001_11_automated_approx_segm": ("UPENN-GBM", "UPENN-GBM-00001", "11", MASK),
    "UPENN-GBM-00001_11_DTI_TR": ("UPENN-GBM", "UPENN-GBM-00001", "11", OTHER),
    "UPENN-GBM-00001_11_DSC_PSR": ("UPENN-GBM", "UPENN-GBM-00001", "11", OTHER),
    "UCSF-PDGM-0004_T1c": ("UCSF-PDGM", "UCSF-PDGM-0004", "", "t1c"),
    "UCSF-PDGM-0004_T1_bias": ("UCSF-PDGM", "UCSF-PDGM-0004", "", "t1+"),
    "UCSF-PDGM-0429_FU003d_FLAIR": ("UCSF-PDGM", "UCSF-PDGM-0429", "FU003d", "flair"),
    "UCSF-PDGM-0004_tumor_segmentation": ("UCSF-PDGM", "UCSF-PDGM-0004", "", BETTER_MASK),
    "UCSF-PDGM-0004_brain_segmentation": ("UCSF-PDGM", "UCSF-PDGM-0004", "", OTHER),
    "UCSF-PDGM-0004_DTI_eddy_L2": ("UCSF-PDGM", "UCSF-PDGM-0004", "", OTHER),
    "UCSF-PDGM-0004_ASL": ("UCSF-PDGM", "UCSF-PDGM-0004", "", OTHER),
    "TCGA-02-0006_1996.08.23_t1Gd": ("TCGA-GBM and TCGA-LGG (Bakas)", "TCGA-02-0006", "1996.08.23", "t1c"),
    "TCGA-02-0006_1996.08.23_GlistrBoost": ("TCGA-GBM and TCGA-LGG (Bakas)", "TCGA-02-0006", "1996.08.23", MASK),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_public_data_set_is_read_by_its_convention(name: str) -> None:
    subject = subject_of(name)
    assert subject is not None
    role = role_of(subject)
    if role.mask_rank is not None:
        what = f"mask {role.mask_rank}"
    else:
        what = OTHER if role.is_other else (role.sequence or UNDECIDED) + ("+" if role.variant else "")
    assert (subject.convention.name, subject.patient, subject.session, what) == NAMES[name]


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention.example)
def test_a_convention_reads_its_own_example_and_knows_its_numberings(convention) -> None:
    subject = subject_of(convention.example.split("/")[-1].removesuffix(".nii.gz"))
    assert subject is not None
    assert subject.convention.name == convention.name
    assert role_of(subject).sequence is not None
    for numbering in convention.numberings:
        assert parse_numbering(numbering).name == numbering


@pytest.mark.parametrize("name", ["case7_t1", "sub_01_T1w", "BraTS_2021", "UPENN_GBM_1", "flair", "sub-01"])
def test_other_names_follow_no_convention(name: str) -> None:
    assert subject_of(name) is None


@pytest.mark.parametrize("name", ["labels", "labelsTr", "masks", "Segmentations", "images_segm", "seg", "ground_truth"])
def test_folders_of_masks_are_told(name: str) -> None:
    assert is_mask_folder(name)
    assert not is_mask_folder(f"patient_{name}")


@pytest.mark.parametrize("name", ["brainmask", "t1_brain_mask", "skull_mask", "head_mask", "wm_seg", "bet_mask"])
def test_masks_of_the_brain_are_no_tumours(name: str) -> None:
    assert plain_role(name).is_other
    assert plain_role(name).mask_rank is None


@pytest.mark.parametrize(
    ("name", "patient", "sequence"),
    [
        ("sub-01_ses-02_ce-gadolinium_T1w", "sub-01", "t1c"),
        ("BraTS-GLI-00000-001-t2w", "BraTS-GLI-00000", "t2"),
        ("case7_t1ce", "case7", "t1c"),
        ("case7_2020-01-31_t1ce", "case7", "t1c"),
        ("case7_ses-2_flair", "case7", "flair"),
        ("case7_visit1_t1", "case7", "t1"),
        ("case7_t1", "case7", "t1"),
        ("case7", "case7", None),
        ("case7_seg", "case7_seg", None),
    ],
)
def test_an_image_alone_in_a_folder_tells_its_patient(name: str, patient: str, sequence: str | None) -> None:
    patient_found, role = patient_and_role(name)
    assert (patient_found, role.sequence) == (patient, sequence)
