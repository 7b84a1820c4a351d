"""The wheel, installed into an empty environment without the server part, is whole, and every command of it works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gliomics import __version__
from gliomics.cli.main import app
from gliomics.cohort.feature_table import read_features_csv
from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.study import label_path, load_sequences, read_mask, read_volume, write_mask
from tests.server.servers import start_server
from tests.server.studies import a_lesion_case, add_study

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and subcommand."""
    yield path
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


COMMANDS = list(commands(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with what this checkout's archive makes and requires; the sources are gone."""
    source, empty = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("environment")
    for name in ("lib", "apps", "sample_studies", "requirements"):
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path in PROJECT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    for kept in (".gliomics/tokens.json", "labels/final/sample-01.nii.gz"):
        (source / "sample_studies" / kept).parent.mkdir(parents=True, exist_ok=True)
        (source / "sample_studies" / kept).touch()
    subprocess.run([UV, "build", "--quiet", "--sdist", "--out-dir", source / "dist", source], check=True)
    (archive,) = (source / "dist").glob("*.tar.gz")
    subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, empty], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", empty / "bin" / "python"]
    subprocess.run([*install, "--constraint", PROJECT / "requirements" / "lock.txt", archive], check=True)
    with tarfile.open(archive) as opened:
        (empty / "archive.txt").write_text("\n".join(opened.getnames()))
    shutil.rmtree(source)
    return empty / "bin"


def run(environment: Path, *words: str | Path, status: int = 0, folder: Path | None = None) -> str:
    """What a command of the environment prints; on standard error where it fails or prints nothing else."""
    done = subprocess.run(
        [environment / "gliomics", *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(environment), "COLUMNS": "200"},
        cwd=folder or environment,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status else done.stdout or done.stderr


def python(environment: Path, code: str) -> str:
    """What Python prints there."""
    return subprocess.run([environment / "python", "-P", "-c", code], check=True, capture_output=True, text=True).stdout


def test_archive_of_the_sources_has_what_make_needs_to_install_and_demonstrate(environment: Path) -> None:
    archived = {name.partition("/")[2] for name in (environment.parent / "archive.txt").read_text().splitlines()}
    requirements = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "requirements").rglob("*.*")}
    needed = {"Makefile", "setup.py", "pyproject.toml", "lib/gliomics/packages.py", "CITATION.cff", *requirements}
    assert {name for name in needed if "__pycache__" not in name} - archived == set()
    assert [name for name in archived if "tokens.json" in name or "labels/final" in name] == [], "of who tried it here"


def test_installed_package_finds_its_app_and_sample_studies(environment: Path) -> None:
    code = "from gliomics.bundled import bundled; print(bundled('apps/radiogenomics'), bundled('sample_studies'))"
    app_folder, samples = (Path(path) for path in python(environment, code).split())
    assert app_folder.is_relative_to(environment.parent)
    assert (app_folder / "main.py").is_file()
    assert (samples / "manifest.json").is_file()
    page = python(environment, "from gliomics.server.web.assets import FOLDER; print(*sorted(FOLDER.rglob('*.*')))")
    sources = {path.name for path in (PROJECT / "lib/gliomics/server/web/page").rglob("*.*")}
    assert {Path(path).name for path in page.split()} == sources
    assert (samples / "sample-03" / "followup" / "flair.nii.gz").is_file()


def test_installed_presets_and_configurations_are_there(environment: Path) -> None:
    code = (
        "from importlib.resources import files;"
        "from gliomics.features.config import load_config;"
        "load_config('panel');"
        "print(*(path.name for path in (files('gliomics') / 'training' / 'configs').iterdir()))"
    )
    kept = {path.name for path in (PROJECT / "lib" / "gliomics" / "training" / "configs").iterdir()}
    assert set(python(environment, code).split()) == kept
    assert "segmentation_multi.yaml" in kept


def test_every_file_of_the_library_is_installed(environment: Path) -> None:
    """Among them the templates of reports, which need the server part."""
    library = PROJECT / "lib" / "gliomics"
    files = {path.relative_to(library) for path in library.rglob("*") if path.is_file()}
    code = "from importlib.resources import files; print(files('gliomics'))"
    installed = Path(python(environment, code).strip())
    missing = {path for path in files if "__pycache__" not in path.parts and not (installed / path).is_file()}
    assert missing == set()


def test_installed_models_are_whole(environment: Path) -> None:
    said = run(environment, "models", "list")
    for name in ("correction", "segmentation_flair", "segmentation_multi", "segmentation_parts", "subtype_idh"):
        assert name in said


def test_version_is_told(environment: Path) -> None:
    assert run(environment, "--version") == f"gliomics {__version__}\n"


@pytest.fixture(scope="module")
def explanations(environment: Path) -> dict[str, str]:
    """What each command says to ``--help``, all from one process of the environment."""
    code = (
        "import contextlib, io, json, sys\n"
        "from gliomics.cli.main import main\n"
        "said = {}\n"
        f"for command in {[' '.join(command) for command in COMMANDS]}:\n"
        "    sys.argv[:] = ['gliomics', *command.split(), '--help']\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as output:\n"
        "        try:\n"
        "            main()\n"
        "        except SystemExit as end:\n"
        "            assert not end.code, command\n"
        "    said[command] = output.getvalue()\n"
        "print(json.dumps(said))\n"
    )
    said: dict[str, str] = json.loads(python(environment, code))
    return said


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(explanations: dict[str, str], command: tuple[str, ...]) -> None:
    said = explanations[" ".join(command)]
    assert f"Usage: gliomics {' '.join(command)}".strip() in said


def test_a_study_is_segmented_by_a_server(environment: Path, tmp_path: Path) -> None:
    study = add_study(tmp_path / "studies", "case-0", 0)
    server = start_server(tmp_path / "studies")
    try:
        options = ("--model", "segmentation_flair", "--server", server.url, "--out", tmp_path / "masks")
        run(environment, "segment", tmp_path / "studies", *options)
    finally:
        server.stop()
    assert read_mask(tmp_path / "masks" / "case-0.nii.gz").shape == read_volume(study.path("flair")).shape


@pytest.mark.parametrize(
    "words",
    [
        "demo --out out",
        "serve --studies studies",
        "segment studies --model segmentation_flair --out out",
        "train segmentation --data studies --out out",
        "train correction --data studies --masks studies/labels/final --out out",
    ],
)
def test_command_that_computes_asks_for_the_server_part(environment: Path, tmp_path: Path, words: str) -> None:
    study = add_study(tmp_path / "studies", "case-0", 0)
    write_mask(a_lesion_case(0)[1], label_path(tmp_path / "studies", study.id))
    message = run(environment, *words.split(), status=2, folder=tmp_path)
    assert "server part" in message
    assert message.count("\n") == 1


def test_features_estimates_and_reports_need_no_server_part(environment: Path, tmp_path: Path) -> None:
    study = add_study(tmp_path / "studies", "case-0", 0)
    mask = a_lesion_case(0)[1]
    write_mask(mask, label_path(tmp_path / "studies", study.id))
    measure = ("features", "studies", "--masks", "studies/labels/final", "--out", "features.csv")
    assert "measured by the native engine" in run(environment, *measure, folder=tmp_path)
    (row,) = read_features_csv(tmp_path / "features.csv")
    config = load_config("panel").model_copy(update={"engine": "pyradiomics"})
    here = extract_features(StudyImages(study.id, load_sequences(study, study.sequences)), mask, config)
    assert row.diagnostics["engine"] == "native"
    assert row.values == pytest.approx(here.values, rel=1e-9, abs=1e-9)
    predict = ("subtype", "predict", "features.csv", "--model", "subtype_idh", "--out", "out.csv")
    run(environment, *predict, folder=tmp_path)
    assert "case-0" in (tmp_path / "out.csv").read_text()
    run(environment, "report", "case-0", "--studies", "studies", "--out", "report.html", folder=tmp_path)
    assert "IDH" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "asked.yaml").write_text("engine: pyradiomics\n")
    message = run(environment, *measure, "--config", "asked.yaml", status=2, folder=tmp_path)
    assert "PyRadiomics, which the configuration names as its engine, is not installed" in message


def test_tokens_are_given_without_the_server_part(environment: Path, tmp_path: Path) -> None:
    add_study(tmp_path / "studies", "case-0", 0)
    run(environment, "tokens", "add", "dr-a", "--role", "reader", "--studies", "studies", folder=tmp_path)
    assert "dr-a" in run(environment, "tokens", "list", "--studies", "studies", folder=tmp_path)


def test_monai_labels_command_asks_for_the_server_part(environment: Path) -> None:
    command = [environment / "python", "-m", "gliomics.server", "start_server"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "server part" in done.stderr
    assert done.stderr.count("\n") == 1


def checked(python: str | Path, **changed: str) -> str:
    """What the check before an installation says of a Python; empty where nothing is missing."""
    check = ["/bin/sh", PROJECT / "requirements" / "check.sh", python]
    done = subprocess.run(check, env={**os.environ, **changed}, capture_output=True, text=True)
    assert done.returncode == (1 if done.stderr else 0)
    return done.stderr


@pytest.mark.parametrize(
    ("python", "programs", "missing"),
    [
        ("", None, "no python3.13, python3.12 or python3.11 runs here"),
        ("/nowhere/python3.12", None, "/nowhere/python3.12 does not run"),
    ],
)
def test_installation_says_in_a_sentence_what_is_missing(python: str, programs: str | None, missing: str) -> None:
    assert missing in checked(python, PATH=programs or os.environ["PATH"]).splitlines()[-1]


def test_installation_misses_nothing_of_the_python_that_runs_the_tests() -> None:
    assert checked(sys.executable) == ""


def test_python_that_does_not_fit_is_named_with_its_version(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 3.10\n")
    python.chmod(0o755)
    assert checked(python).startswith(f"Gliomics needs Python 3.11, 3.12 or 3.13, and {python} is 3.10")


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_python_that_makes_no_environments_is_told_with_the_package_to_install(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("raise ImportError\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt install python{version}-venv" in checked(sys.executable, PYTHONPATH=str(tmp_path))
