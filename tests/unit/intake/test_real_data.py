"""Real data sets as they are downloaded, imported by the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.study import read_mask, read_volume
from gliomics.study.labels import label_path
from tests.unit.intake.trees import imported

pytestmark = [pytest.mark.slow, pytest.mark.realdata]


def test_brats_2021_patients_have_all_sequences_and_a_label_whose_numbering_is_asked(
    real_data: Path, tmp_path: Path
) -> None:
    source = real_data / "brats2021"
    studies, message = imported(source, tmp_path / "out", code=1)
    assert len(studies) == 7
    for study in studies.values():
        assert set(study.sequences) == {"t1", "t1c", "t2", "flair"}
        for sequence, path in study.sequences.items():
            original = read_volume(source / f"{study.id}_{sequence}.nii.gz")
            np.testing.assert_array_equal(read_volume(path).array, original.array)
        label = read_mask(label_path(tmp_path / "out", study.id))
        np.testing.assert_array_equal(label.array, read_mask(source / f"{study.id}_seg.nii.gz").array)
    assert "holds 1, 2, 3, which is not brats-2021" in message, "these copies number enhancing tumour 3, not 4"
    assert studies["BraTS2021_00006"].numbering is None
    studies, _ = imported(source, tmp_path / "out", "--numbering", "brats-2023")
    assert studies["BraTS2021_00006"].numbering == "brats-2023"


def test_a_patient_with_masks_of_six_sources_gets_the_one_that_is_named(real_data: Path, tmp_path: Path) -> None:
    studies, message = imported(real_data / "brats", tmp_path / "out", code=1)
    assert [(s.patient_id, set(s.sequences)) for s in studies.values()] == [
        ("TCGA-DU-7294", {"t1", "t1c", "t2", "flair"})
    ]
    assert "one of 6 masks" in message
    assert not label_path(tmp_path / "out", "TCGA-DU-7294").exists()
    imported(real_data / "brats", tmp_path / "out", "--sequence", "label=*_seg")
    label = read_mask(label_path(tmp_path / "out", "TCGA-DU-7294"))
    np.testing.assert_array_equal(label.array, read_mask(real_data / "brats" / "TCGA-DU-7294_seg.nii.gz").array)


def test_the_lgg_download_becomes_studies_with_labels_and_genomics(lgg_kaggle: Path, tmp_path: Path) -> None:
    studies, message = imported(lgg_kaggle, tmp_path / "out")
    assert len(studies) == 6
    assert "layout: Kaggle lgg-mri-segmentation" in message
    assert (tmp_path / "out" / "genomics.csv").read_text().startswith("patient_id,Patient,")
    for study in studies.values():
        assert study.numbering == "whole"
        assert not study.spacing_known
        assert read_mask(label_path(tmp_path / "out", study.id)).array.any()
