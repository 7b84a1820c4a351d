"""A fresh clone on every Python that fits and is here: installed, demonstrated, and tested where Pythons differ."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(7200)

PROJECT = Path(__file__).resolve().parents[2]
TESTS = [
    "tests/unit/dicom",
    "tests/unit/monailabel",
    "tests/unit/features/test_extract.py",
    "tests/unit/features/test_features_killed.py",
    "tests/unit/segmentation/test_segmenter.py",
    "tests/unit/test_packaging.py",
    "tests/server/test_archive.py",
    "tests/server/test_learning.py",
    "tests/server/test_starting.py",
    "tests/slicer/panel/test_panel.py",
]


def interpreter(version: str) -> Path | None:
    """A Python of this version that runs: on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    for path in [*([Path(on_path)] if on_path else []), *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]:
        if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None


def run(folder: Path, *words: str | Path) -> None:
    """Run a command, which must go well; what it says is shown where it does not."""
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_fresh_clone_installs_and_works(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    clone = tmp_path / "gliomics"
    run(tmp_path, "git", "clone", "--quiet", PROJECT, clone)
    began = time.monotonic()
    run(clone, "make", "install", f"PYTHON={python}")
    installed = time.monotonic()
    run(clone, "make", "demo", f"PYTHON={python}")
    ended = time.monotonic()
    size = sum(path.lstat().st_size for path in (clone / ".venv").rglob("*")) / 1e9
    print(f"Python {version}: {size:.1f} GB in {installed - began:.0f} s, demonstration in {ended - installed:.0f} s")
    run(tmp_path, clone / ".venv" / "bin" / "gliomics", "models", "list")  # from above a clone of the library's name
    run(clone, clone / ".venv" / "bin" / "python", "-m", "pytest", "-q", *TESTS)
