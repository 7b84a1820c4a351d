"""Which sequence an uploaded image is, by its name, and what is refused as no image."""

from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.server.request_study import sequence_of_file, study_of_upload


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("BraTS-GLI-00000-000-t2f.nii.gz", "flair"),
        ("sub-01_ses-01_ce-gadolinium_T1w.nii.gz", "t1c"),
        ("UCSF-PDGM-0004_T1c_bias.nii", "t1c"),
        ("AX T1 POST GD.nrrd", "t1c"),
        ("volume.nii.gz", "image"),
    ],
)
def test_an_uploaded_image_is_the_sequence_that_its_name_tells(tmp_path: Path, name: str, sequence: str) -> None:
    assert list(study_of_upload(tmp_path / name, "uploaded").sequences) == [sequence]


@pytest.mark.parametrize("name", ["case7_seg.nii.gz", "UCSF-PDGM-0004_tumor_segmentation.nii.gz", "AX DWI.nii.gz"])
def test_an_uploaded_mask_or_another_image_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="send the MR image"):
        study_of_upload(tmp_path / name, "uploaded")


@pytest.mark.parametrize(("name", "sequence"), [("flair.nii.gz", "flair"), ("case7_t1ce.nii.gz", "t1c")])
def test_a_file_of_several_is_named_after_its_sequence(name: str, sequence: str) -> None:
    assert sequence_of_file(name) == sequence


@pytest.mark.parametrize("name", ["case7.nii.gz", "t1_seg.nii.gz", "adc.nii.gz", "flair.txt"])
def test_a_file_of_several_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not named after a sequence"):
        sequence_of_file(name)
