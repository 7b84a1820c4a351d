"""The examples, notebooks, Python blocks of the documentation and examples of docstrings run as they stand."""

from __future__ import annotations

import csv
import doctest
import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import gliomics
from tests.conftest import PROJECT

PACKAGE = Path(gliomics.__file__).parent
NOTEBOOKS = sorted((PROJECT / "examples").glob("*.ipynb"))
SCRIPTS = {
    "01_open_and_look": "the outline is in sample-02.png",
    "02_segment": "Segmentation(of 'sample-03': ",
    "03_measure_a_cohort": "8 rows in features.csv, each with 445 features",
    "04_estimate_the_subtype": "For research use only",
    "05_follow_up": "original_shape_MeshVolume: +",
    "07_change_and_outcome": "by volume 40 of 40 progress",
}
"""What each says when it has worked."""
ELSEWHERE = {"06_ask_a_server": "tests/server", "08_samples_as_dicom": "tests/unit/test_tutorials.py"}
"""Where the others are run."""
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
WITH_EXAMPLES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the sample studies, as the folder of a checkout."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "sample_studies").symlink_to(PROJECT / "sample_studies")
    return folder


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_show_what_is_so(
    path: Path, working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(working_folder)
    name = ".".join(("gliomics", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_script_runs(
    name: str, working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(working_folder)
    runpy.run_path(str(PROJECT / "examples" / f"{name}.py"), run_name="__main__")
    assert SCRIPTS[name] in capsys.readouterr().out


def test_every_script_is_run_and_short() -> None:
    scripts = {path.stem: len(path.read_text().splitlines()) for path in (PROJECT / "examples").glob("*.py")}
    assert scripts.keys() == {*SCRIPTS, *ELSEWHERE}
    assert max(lines for name, lines in scripts.items() if name != "08_samples_as_dicom") <= 26


def shown_by(name: str, folder: Path) -> list[dict[str, Any]]:
    """What the cells of a notebook show, by MIME type, after it ran in a folder."""
    notebook = nbformat.read(PROJECT / "examples" / name, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
def test_notebook_runs_and_shows_pictures_and_the_notice(working_folder: Path) -> None:
    shown = shown_by("first_session.ipynb", working_folder)
    pages = [str(data["text/html"]) for data in shown if "text/html" in data]
    assert sum("<img" in page for page in pages) == 3
    assert "For research use only" in pages[-1]
    assert any("image/png" in data for data in shown)


@pytest.mark.slow
def test_notebook_of_a_cohort_finds_what_was_planted_and_reports_it(tmp_path: Path) -> None:
    shown = shown_by("cohort.ipynb", tmp_path)
    assert sum("image/png" in data for data in shown) == 2
    assert "goes_with_idh" in shown[0]["text/plain"].splitlines()[1]
    with (tmp_path / "survival" / "hazard_ratios.csv").open() as file:
        alone = [row for row in csv.DictReader(file) if row["model"] == "alone"]
    assert alone[0]["covariate"] == "goes_with_survival"
    report = (tmp_path / "report.html").read_text()
    for told in ("8 features of the region &#39;whole&#39; in 80 studies", "METRICS", "TRIPOD+AI", "seed 0"):
        assert told in report


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


@pytest.mark.slow
def test_session_of_the_documentation_runs(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(working_folder)
    page = (PROJECT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    printed = capsys.readouterr().out
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    # A network's mask has a voxel more or less where the processor has units for bfloat16, and with it a warning.
    for here, there in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert float(here) == pytest.approx(float(there), abs=0.011 if "." in there else 1)
