"""No command writes over what it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.cli.main import main
from gliomics.study import Volume, write_mask, write_volume

AFFINE = np.diag([-1.0, -1.0, 3.0, 1.0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image and its mask, tables, and a configuration, in the working folder."""
    write_volume(Volume(np.ones((32, 32, 4), np.float32), AFFINE), tmp_path / "images" / "case-1.nii.gz")
    write_mask(Volume(np.ones((32, 32, 4), np.uint8), AFFINE), tmp_path / "masks" / "case-1.nii.gz")
    (tmp_path / "table.csv").write_text("study_id,x\ncase-1,1\n")
    (tmp_path / "own.csv").write_text("setting: {binWidth: 5}\n")
    (tmp_path / "maps" / "patients.csv").parent.mkdir()
    (tmp_path / "maps" / "patients.csv").write_text("patient_id,site\ncase-1,A\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        "delta table.csv --out ./table.csv",
        "delta table.csv --out images/case-1.nii.gz",
        "subtype predict table.csv --model subtype_idh --out table.csv",
        "features images --masks masks --config own.csv --out own.csv",
        "features images --masks masks --out masks/case-1.nii.gz",
        "features images --masks masks --out masks",
        "segment images --model segmentation_flair --out images",
        "segment images/case-1.nii.gz --model segmentation_flair --out images",
        "masks resample masks images --out images",
        "masks resample masks images --out masks",
        "evaluate segmentation images --masks masks --labels masks --groups maps/patients.csv --group site --out maps",
    ],
)
def test_output_that_would_replace_an_input_is_refused(
    arguments: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr("sys.argv", ["gliomics", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert said.strip().splitlines()[-1].startswith("error: ")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
