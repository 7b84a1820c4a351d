"""``gliomics features`` as a person runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gliomics.cohort.extraction import Extraction, Job, measure
from gliomics.radiomics.config import load_config
from gliomics.radiomics.table import read_features_csv
from gliomics.study import Volume, find_study, read_volume, write_mask, write_volume
from tests.unit.radiomics.command import Done, gliomics
from tests.unit.radiomics.heads import SHAPE, lesion, write_study

QUICK = "featureClass:\n  firstorder: [Mean]\n  outline:\nsetting:\n  binWidth: 10\n"


Run = Callable[..., Done]


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Three studies with masks, and a configuration that is quick, in ``quick.yaml`` beside them."""
    for number in range(3):
        write_study(tmp_path / "studies", f"case-{number}", seed=number, patient_id=f"P{number}")
    (tmp_path / "quick.yaml").write_text(QUICK)
    return tmp_path / "studies"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``gliomics features`` with the quick configuration, writing ``out.csv``."""

    def features(studies: Path, *options: str | Path) -> Done:
        given = ["--out", tmp_path / "out.csv", "--config", tmp_path / "quick.yaml", *options]
        return gliomics(capsys, "features", studies, *given)

    return features


def test_one_row_per_study_with_its_patient(studies: Path, run: Run) -> None:
    done = run(studies, "--masks", studies / "labels" / "final")
    assert done.returncode == 0, done.stderr
    rows = read_features_csv(studies.parent / "out.csv")
    assert [(row.study_id, row.diagnostics["patient_id"]) for row in rows] == [(f"case-{n}", f"P{n}") for n in range(3)]
    assert list(rows[0].values)[-2:] == ["t1c_original_firstorder_Mean", "flair_original_firstorder_Mean"]
    assert "3 rows in" in done.stderr
    assert done.stdout == ""


def test_panel_of_the_command_is_the_panel_of_the_library(studies: Path, run: Run) -> None:
    mask = studies / "labels" / "final" / "case-0.nii.gz"
    done = run(studies / "case-0", "--masks", mask.parent, "--config", "panel")
    assert done.returncode == 0, done.stderr
    expected = measure(Job(find_study(studies, "case-0"), mask), Extraction(load_config("panel"))).tables[0]
    assert read_features_csv(studies.parent / "out.csv") == [expected]


def test_study_without_a_mask_is_reported_and_left_out(studies: Path, run: Run) -> None:
    (studies / "labels" / "final" / "case-1.nii.gz").unlink()
    done = run(studies, "--masks", studies / "labels" / "final")
    assert done.returncode == 0
    assert "left out case-1: no mask case-1.nii.gz in" in done.stderr
    assert [row.study_id for row in read_features_csv(studies.parent / "out.csv")] == ["case-0", "case-2"]


@pytest.mark.parametrize("suffix", [".nii", ".nrrd"])
def test_masks_may_be_nifti_or_nrrd(studies: Path, run: Run, tmp_path: Path, suffix: str) -> None:
    write_mask(lesion(), tmp_path / "masks" / f"case-0{suffix}")
    done = run(studies / "case-0", "--masks", tmp_path / "masks")
    assert done.returncode == 0, done.stderr
    assert read_features_csv(tmp_path / "out.csv")[0].study_id == "case-0"


def test_bad_study_is_reported_the_others_go_on_and_the_exit_code_is_1(studies: Path, run: Run) -> None:
    write_mask(lesion().with_array(np.zeros(SHAPE, np.uint8)), studies / "labels" / "final" / "case-0.nii.gz")
    other_grid = Volume(lesion().array, np.diag([2.0, 2.0, 7.0, 1.0]))
    write_mask(other_grid, studies / "labels" / "final" / "case-1.nii.gz")
    done = run(studies, "--masks", studies / "labels" / "final")
    assert done.returncode == 1
    assert "failed case-0: mask case-0.nii.gz" in done.stderr
    assert "is empty" in done.stderr
    assert "failed case-1: geometry of mask case-1.nii.gz" in done.stderr
    assert "(2, 2, 7) vs (2, 2, 5)" in done.stderr
    assert [row.study_id for row in read_features_csv(studies.parent / "out.csv")] == ["case-2"]


def test_nothing_computed_ends_in_one_error_line_and_writes_nothing(studies: Path, run: Run) -> None:
    (studies.parent / "empty").mkdir()
    done = run(studies, "--masks", studies.parent / "empty")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        f"error: no features were computed from 3 studies in {studies}; the reasons are above"
    ]
    assert not (studies.parent / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--masks", "nowhere"], "nowhere is not a folder; give the folder that holds <study id>.nii.gz"),
        (
            ["--masks", ".", "--config", "pannel"],
            "'pannel' is neither a preset (full, gbm-2022, lgg-shape, panel) nor an existing file",
        ),
    ],
)
def test_bad_option_ends_in_one_line(studies: Path, run: Run, options: list[str], message: str) -> None:
    done = run(studies, *options)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_region_and_boundary_shift_reach_the_table(studies: Path, run: Run) -> None:
    write_mask(lesion(0), studies / "labels" / "final" / "case-0.nii.gz")
    masks = studies / "labels" / "final"
    assert run(studies / "case-0", "--masks", masks, "--region", "tumour-core", "--boundary-shift", "1").returncode == 0
    (row,) = read_features_csv(studies.parent / "out.csv")
    core = np.isin(lesion(0).array, (1, 4)).sum()
    assert row.region == "tumour-core"
    assert row.diagnostics["boundary_shift"] == 1
    assert row.diagnostics["voxels"] > core


def test_sequences_on_different_grids_need_resample_to(studies: Path, run: Run) -> None:
    path = studies / "case-0" / "t1c.nii.gz"
    finer = read_volume(path)
    path.unlink()
    write_volume(Volume(np.repeat(finer.array, 2, axis=2), finer.affine @ np.diag([1, 1, 0.5, 1])), path)
    masks = studies / "labels" / "final"
    refused = run(studies / "case-0", "--masks", masks)
    assert refused.returncode == 2
    assert "sequences 't1c' and 'flair' lie on different grids" in refused.stderr
    assert run(studies / "case-0", "--masks", masks, "--resample-to", "flair").returncode == 0
