"""The import commands as a person runs them, in their own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gliomics.study import find_study, list_studies
from tests.unit.study.dicom_files import TIMES, write_series
from tests.unit.study.test_kaggle_lgg import PATIENTS, write_patient


def gliomics(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "lib"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "gliomics.cli.main", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_import_lgg_writes_studies_and_says_what_is_unknown(tmp_path: Path) -> None:
    write_patient(tmp_path / "kaggle_3m", PATIENTS[0], slices=3, copy_of_flair="02")
    done = gliomics("import-lgg", tmp_path, tmp_path / "studies", "--slice-spacing", "5")
    assert done.returncode == 0, done.stderr
    assert "1 studies with final labels" in done.stderr
    assert "1 of them have FLAIR only" in done.stderr
    assert "no in-plane voxel size" in done.stderr
    assert "data.csv is missing" in done.stderr
    assert done.stdout == ""
    assert [study.id for study in list_studies(tmp_path / "studies")] == [PATIENTS[0]]


def test_import_lgg_ends_with_one_line_and_code_2_on_a_missing_slice(tmp_path: Path) -> None:
    write_patient(tmp_path / "kaggle_3m", PATIENTS[0], slices=3)
    (tmp_path / "kaggle_3m" / PATIENTS[0] / f"{PATIENTS[0]}_2.tif").unlink()
    done = gliomics("import-lgg", tmp_path, tmp_path / "studies")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert f"{PATIENTS[0]}_2.tif is missing" in done.stderr


def test_import_dicom_lists_an_unclear_examination_and_takes_the_names_given(tmp_path: Path) -> None:
    write_series(tmp_path / "exam", 4, "AX BRAIN", **TIMES["flair"])
    unclear = gliomics("import-dicom", tmp_path / "exam", tmp_path / "studies")
    assert unclear.returncode == 2
    assert unclear.stderr.count("\n") == 1
    assert "series 4 'AX BRAIN': undecided" in unclear.stderr
    assert not (tmp_path / "studies").exists()
    named = gliomics("import-dicom", tmp_path / "exam", tmp_path / "studies", "--sequence", "flair=4", "--id", "case1")
    assert named.returncode == 0, named.stderr
    assert "flair: series 4 'AX BRAIN' (named at import)" in named.stderr
    assert set(find_study(tmp_path / "studies", "case1").sequences) == {"flair"}


def test_import_dicom_refuses_a_series_choice_that_is_not_name_equals_series(tmp_path: Path) -> None:
    done = gliomics("import-dicom", tmp_path, tmp_path / "studies", "--sequence", "flair")
    assert done.returncode == 2
    assert "write NAME=SERIES" in done.stderr
