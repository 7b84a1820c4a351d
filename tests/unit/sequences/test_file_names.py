from __future__ import annotations

import pytest

from gliomics.sequences import canonical_sequence, is_mask_name, split_sequence_suffix


@pytest.mark.parametrize(
    ("written", "sequence"),
    [("T1", "t1"), ("t1n", "t1"), ("T1ce", "t1c"), ("T1-Gd", "t1c"), ("T2w", "t2"), ("t2f", "flair"), ("FLA", "flair"),
     ("T2_FLAIR", "flair"), ("adc", None), ("", None), ("T1 T2", None)],
)  # fmt: skip
def test_usual_sequence_names_are_known_in_any_case(written: str, sequence: str | None) -> None:
    assert canonical_sequence(written) == sequence


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("BraTS_001_t1ce", ("BraTS_001", "t1c")),
        ("BraTS-GLI-00000-000-t2f", ("BraTS-GLI-00000-000", "flair")),
        ("TCGA-DU-7294_fla", ("TCGA-DU-7294", "flair")),
        ("UPENN-GBM-00001_11_T1_unstripped", ("UPENN-GBM-00001_11", "t1")),
        ("UCSF-PDGM-0004_T1c_bias", ("UCSF-PDGM-0004", "t1c")),
        ("sub-01_ses-01_ce-gadolinium_T1w", ("sub-01_ses-01", "t1c")),
        ("sub-01_ses-01_acq-highres_T1w", ("sub-01_ses-01", "t1")),
        ("case-7-T1c", ("case-7", "t1c")),
        ("case7_t2_flair", ("case7", "flair")),
        ("case7", ("case7", None)),
        ("flair", ("flair", "flair")),
        ("patient_t11", ("patient_t11", None)),
        ("case7_seg", ("case7_seg", None)),
    ],
)
def test_the_sequence_is_taken_from_the_end_of_a_file_name(stem: str, expected: tuple[str, str | None]) -> None:
    assert split_sequence_suffix(stem) == expected


@pytest.mark.parametrize(
    "name",
    ["BraTS-GLI-00000-000-seg", "UPENN-GBM-00001_11_segm", "UCSF-PDGM-0004_tumor_segmentation", "T1_brain_mask",
     "brainmask", "sub-01_space-T1w_dseg", "TumorSeg", "labels", "case1_label", "roi2", "GTV", "lesionmask",
     "case7.seg.nrrd", "sub-01_desc-manual_mask"],
)  # fmt: skip
def test_names_of_masks_are_known(name: str) -> None:
    assert is_mask_name(name)


@pytest.mark.parametrize("name", ["t1c", "FLAIR_masked", "UPENN-GBM-00001_11_T1_unstripped", "case7", "AX T2 TSE"])
def test_names_of_images_are_no_masks(name: str) -> None:
    assert not is_mask_name(name)
