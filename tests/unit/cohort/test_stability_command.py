from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.cohort.perturb import PERTURBATIONS
from gliomics.cohort.stability import read_stability_csv
from gliomics.study import write_mask
from tests.unit.features.command import Done, gliomics
from tests.unit.features.heads import lesion, write_study


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Three studies; the masks of a second annotator, who saw only the core, lie in ``second``."""
    for number in range(3):
        write_study(tmp_path / "studies", f"case-{number}", seed=number)
        core = np.isin(lesion(0).array, (1, 4)).astype(np.uint8)
        write_mask(lesion().with_array(core), tmp_path / "second" / f"case-{number}.nii.gz")
    (tmp_path / "quick.yaml").write_text("featureClass: {shape: [VoxelVolume], firstorder: [Mean]}\n")
    return tmp_path / "studies"


def run(capsys: pytest.CaptureFixture[str], studies: Path, *masks: Path) -> Done:
    options = [item for folder in masks for item in ("--masks", folder)]
    config = ("--config", studies.parent / "quick.yaml")
    return gliomics(capsys, "stability", studies, *options, *config, "--out", studies.parent / "icc.csv")


def test_one_folder_gives_the_stability_under_perturbations(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, studies, studies / "labels" / "final")
    assert answer.returncode == 0, answer.stderr
    found = read_stability_csv(studies.parent / "icc.csv")
    assert [one.feature for one in found] == [
        "original_shape_VoxelVolume", "t1c_original_firstorder_Mean", "flair_original_firstorder_Mean"
    ]  # fmt: skip
    assert {(one.icc.n, one.icc.k) for one in found} == {(3, len(PERTURBATIONS))}
    assert "3 targets only: the intervals are wide" in answer.stderr


def test_several_folders_are_compared(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (studies.parent / "second" / "case-2.nii.gz").unlink()
    answer = run(capsys, studies, studies / "labels" / "final", studies.parent / "second")
    assert answer.returncode == 0, answer.stderr
    volume, *_ = read_stability_csv(studies.parent / "icc.csv")
    assert (volume.icc.n, volume.icc.k) == (2, 2)
    assert volume.variation > 0.5
    assert f"left out case-2: no mask case-2.nii.gz in {studies.parent / 'second'}" in answer.stderr


def test_no_common_mask_ends_in_one_error_line(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (studies.parent / "empty").mkdir()
    answer = run(capsys, studies, studies / "labels" / "final", studies.parent / "empty")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].startswith("error: no region was measured under all masks")
    assert not (studies.parent / "icc.csv").exists()
