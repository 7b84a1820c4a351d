"""Bad input ends in one line on standard error and exit code 2, and nothing is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.cli.main import main
from gliomics.study import Volume, read_mask, read_volume, write_mask, write_volume


@pytest.fixture
def a_study(tmp_path: Path) -> Path:
    """A folder of studies with one sample study in it."""
    studies = tmp_path / "studies"
    shutil.copytree(bundled("sample_studies") / "sample-01", studies / "sample-01")
    return studies


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """A folder with the sample study's true mask."""
    folder = tmp_path / "masks"
    folder.mkdir()
    shutil.copy(bundled("sample_studies") / "truth" / "sample-01.nii.gz", folder)
    return folder


def refusal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run the command line; returns its one line on standard error after checking that it is one."""
    monkeypatch.setattr("sys.argv", ["gliomics", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def segment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: Path, **options: object) -> str:
    out = path.parent / "out"
    model = options.get("model", "segmentation_flair")
    line = refusal(capsys, monkeypatch, "segment", path, "--model", model, "--out", out)
    assert not out.exists()
    return line


def test_corrupt_nifti_is_named(
    a_study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_study / "sample-01" / "flair.nii.gz"
    file.write_bytes(file.read_bytes()[:5000])
    assert "flair.nii.gz" in segment(capsys, monkeypatch, a_study)


def test_missing_sequence_is_named(
    a_study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = a_study / "sample-01" / "study.json"
    card.write_text(card.read_text().replace('"flair"', '"t2w_other"').replace('"t2w_other": "flair', '"adc": "flair'))
    line = segment(capsys, monkeypatch, a_study)
    assert "flair" in line


def test_sequences_on_different_grids_are_refused_with_the_remedy(
    a_study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_study / "sample-01" / "t1.nii.gz"
    volume = read_volume(file)
    file.unlink()
    write_volume(Volume(volume.array, volume.affine @ np.diag([1, 1, 1.3, 1])), file)
    line = segment(capsys, monkeypatch, a_study, model="segmentation_multi")
    assert "different grids" in line
    assert "resampling" in line


def test_unknown_model_is_refused_with_those_that_exist(
    a_study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = segment(capsys, monkeypatch, a_study, model="segmentation_t9")
    assert line.startswith("error: there is no model 'segmentation_t9'; models here:")


def test_folder_without_studies_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no study" in segment(capsys, monkeypatch, empty)


def test_study_whose_file_lies_outside_is_refused(
    a_study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = a_study / "sample-01" / "study.json"
    card.write_text(card.read_text().replace('"flair.nii.gz"', '"../../outside.nii.gz"'))
    assert "outside" in segment(capsys, monkeypatch, a_study / "sample-01")


def features(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, studies: Path, masks: Path, *more: object
) -> str:
    out = studies.parent / "features.csv"
    line = refusal(capsys, monkeypatch, "features", studies, "--masks", masks, "--out", out, *more)
    assert not out.exists()
    return line


def test_empty_mask_is_refused(
    a_study: Path, masks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = masks / "sample-01.nii.gz"
    mask = read_mask(file)
    write_mask(mask.with_array(np.zeros_like(mask.array)), file)
    assert "empty" in features(capsys, monkeypatch, a_study, masks)


def test_mask_of_another_geometry_is_refused(
    a_study: Path, masks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = masks / "sample-01.nii.gz"
    mask = read_mask(file)
    write_mask(Volume(mask.array[:, :, ::2], mask.affine @ np.diag([1, 1, 2, 1])), file)
    line = features(capsys, monkeypatch, a_study, masks)
    assert "geometry" in line
    assert "(144, 144, 12)" in line
    assert "gliomics masks resample" in line


def test_unknown_preset_is_refused(
    a_study: Path, masks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "panel" in features(capsys, monkeypatch, a_study, masks, "--config", "pannel")


def test_demo_never_replaces_a_folder_that_is_not_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    assert "not an earlier demonstration" in refusal(capsys, monkeypatch, "demo", "--out", tmp_path)
    assert (tmp_path / "thesis.docx").exists()


def test_server_of_a_missing_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = refusal(capsys, monkeypatch, "serve", "--studies", tmp_path / "none", "--port", 0)
    assert "is not a folder" in line


def test_page_is_not_opened_on_one_study(
    a_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = refusal(capsys, monkeypatch, "open", a_study / "sample-01")
    assert one.endswith(f"is one study; give the folder that holds it: gliomics open {a_study}")
    assert not list(tmp_path.rglob(".gliomics"))
