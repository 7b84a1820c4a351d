"""What a release holds, as somebody takes it who has nothing else: built, installed, demonstrated."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(5400)

PROJECT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
SHORT = ("--labels", "2", "--epochs", "1")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive and the wheel of what git has of this checkout; the wheel is built from the archive."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("release")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    for name in filter(None, files.decode().split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, source / name)
    subprocess.run([UV, "build", "--quiet", "--out-dir", out, source], check=True)
    shutil.rmtree(source)
    return out


def alone() -> dict[str, str]:
    """An environment in which nothing leads to this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "VIRTUAL_ENV"))}


def demonstrated(gliomics: Path, folder: Path) -> None:
    """Run the demonstration there."""
    done = subprocess.run(
        [gliomics, "demo", "--out", "out", *SHORT], cwd=folder, env=alone(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done in" in done.stdout
    assert "subtype_idh" in (folder / "out" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def unpacked(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is in the archive."""
    folder = tmp_path_factory.mktemp("unpacked")
    (archive,) = release.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return next(folder.iterdir())


def test_archive_installs_itself_and_demonstrates(unpacked: Path) -> None:
    subprocess.run(["make", "install", f"PYTHON={sys.executable}"], cwd=unpacked, env=alone(), check=True)
    demonstrated(unpacked / ".venv" / "bin" / "gliomics", unpacked)


def test_wheel_demonstrates_in_an_empty_environment(release: Path, unpacked: Path, tmp_path: Path) -> None:
    """In the folder of the archive, whose pyproject.toml says what of MONAI Label's requirements nothing calls."""
    (wheel,) = release.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "environment"], check=True)
    python = tmp_path / "environment" / "bin" / "python"
    command = [UV, "pip", "install", "--quiet", "--python", python, "-c", "requirements/lock.txt"]
    pyradiomics = {"PYTHONPATH": str(unpacked / "requirements" / "pyradiomics")}
    subprocess.run(
        [*command, f"gliomics[server] @ {wheel.as_uri()}"], cwd=unpacked, env=alone() | pyradiomics, check=True
    )
    demonstrated(python.with_name("gliomics"), tmp_path)
