"""The wheel holds everything that an installed Gliomics needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked; the checkout itself is out of reach."""
    source = tmp_path_factory.mktemp("source")
    for name in ("lib", "apps", "sample_studies"):
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    wheels = tmp_path_factory.mktemp("wheels")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(wheels),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(next(wheels.glob("gliomics-*.whl"))) as wheel:
        wheel.extractall(target)
    shutil.rmtree(source)
    return target


def run(installed: Path, code: str) -> str:
    """What Python prints when only the unpacked wheel is on its path."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=installed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_package_finds_its_app_and_sample_studies(installed: Path) -> None:
    code = "from gliomics.bundled import bundled; print(bundled('apps/radiogenomics'), bundled('sample_studies'))"
    app, samples = (Path(path) for path in run(installed, code).split())
    assert app.is_relative_to(installed)
    assert (app / "main.py").is_file()
    assert (samples / "manifest.json").is_file()
    assert (samples / "sample-03" / "followup" / "flair.nii.gz").is_file()


def test_installed_models_are_whole(installed: Path) -> None:
    code = "from gliomics.models import ModelStore; print(*ModelStore().names())"
    shipped = ["correction", "segmentation_flair", "segmentation_multi", "subtype_coc", "subtype_idh"]
    assert run(installed, code).split() == shipped


def test_installed_presets_and_configurations_are_there(installed: Path) -> None:
    code = (
        "from gliomics.radiomics.config import load_config;"
        "from gliomics.segmentation.config import load_training_config;"
        "load_config('panel'); print(load_training_config('segmentation_multi').name)"
    )
    assert run(installed, code).strip() == "segmentation_multi"
