"""The demonstration, as the README's first command runs it, only shorter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gliomics.files import read_json
from gliomics.models import ModelStore
from gliomics.study import list_studies
from tests.server.servers import environment

GLIOMICS = Path(sys.executable).with_name("gliomics")


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory, folder_in_the_way: Path) -> tuple[Path, str]:
    """The folder of a finished demonstration, of its server and of the training, and what it printed."""
    out = tmp_path_factory.mktemp("demonstration") / "out"
    command = [GLIOMICS, "demo", "--out", str(out), "--labels", "2", "--epochs", "1"]
    options = {"env": environment(), "cwd": folder_in_the_way}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_demo_shows_features_estimates_the_training_and_the_next_study(demonstration: tuple[Path, str]) -> None:
    _, output = demonstration
    assert "original_outline_Solidity" in output
    assert "COC cluster:" in output
    assert "IDH:" in output
    assert "Volume " in output and "Side " in output
    assert "published" in output
    assert "next to annotate:" in output
    assert "For research use only" in output


def test_demo_saves_labels_and_keeps_the_new_version(demonstration: tuple[Path, str]) -> None:
    studies = demonstration[0] / "studies"
    saved = {path.name.removesuffix(".nii.gz") for path in (studies / "labels" / "final").iterdir()}
    assert len(saved) == 2
    assert saved < {study.id for study in list_studies(studies)}
    shipped = ModelStore().current("segmentation_flair").card.version
    version = str(int(shipped) + 1)
    card = read_json(studies / ".gliomics" / "models" / "segmentation_flair" / version / "model.json")
    assert card["parent"] == shipped


def test_demo_s_report_is_one_file_with_pictures_of_the_case(demonstration: tuple[Path, str]) -> None:
    page = (demonstration[0] / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "subtype_coc2" in page
    assert "not a medical device" in page
    assert "http://" not in page
