"""Fixtures that all tests share: where the real cases are."""

from __future__ import annotations

import functools
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.testing

from tests import once

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the other cores have workers of their own
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the hundreds of processes that tests start would each compile anew
sys.dont_write_bytecode = False  # and this one the tests themselves, with their assertions

gc.disable()  # while the tests are loaded, which makes a million objects that stay

PROJECT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not among what was loaded."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def interrupts_count() -> None:
    """A shell's background job ignores Ctrl-C, and so would every command that is started in it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Rows measured by tests are kept apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """For each call of a command Typer builds all commands anew, which takes longer than most calls."""
    build = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", build)
        patch.setattr(typer.testing, "_get_command", build)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All processes of a run make some things once; `make test`, which is several runs, says where they find them."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    once.folder = Path(os.environ.get("MADE_ONCE", shared))


@pytest.fixture(scope="session")
def folder_in_the_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run commands in; its clone and its files are called as modules and must not be taken for them."""
    folder = tmp_path_factory.mktemp("working")
    (folder / "gliomics" / "lib").mkdir(parents=True)
    for name in ("numpy", "torch", "monailabel", "radiomics", "random", "signal", "tempfile"):
        (folder / f"{name}.py").write_text("raise SystemExit(f'{__file__} hides what it is called as')\n")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real cases: ``GLIOMICS_DATA`` or ``../shared/data`` beside the project; skips without it."""
    named = os.environ.get("GLIOMICS_DATA")
    folder = Path(named) if named else PROJECT.parent / "shared" / "data"
    if not (folder / "lgg" / "restore.py").is_file():
        pytest.skip(f"no real cases in {folder} (set GLIOMICS_DATA to the folder that holds lgg/restore.py)")
    return folder


@pytest.fixture(scope="session")
def lgg_kaggle(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six real patients in the layout of the public Kaggle download; the folder that contains ``kaggle_3m``."""
    folder = tmp_path_factory.mktemp("lgg")
    command = [sys.executable, str(real_data / "lgg" / "restore.py"), str(folder), "--patients", "6"]
    subprocess.run(command, check=True, capture_output=True)
    return folder
