"""``gliomics simulate``, whole, on tiny synthetic studies."""

from __future__ import annotations

import csv
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.errors import InputError
from gliomics.files import write_json
from gliomics.segmentation.labelled import LabelledStudy
from tests.processes import Process
from tests.unit.tiny_networks import labelled, write_tiny_config

pytestmark = pytest.mark.slow

__all__ = ["labelled"]

SHORT = ["--first", "1", "--step", "2", "--until", "3", "--seeds", "2", "--epochs", "3"]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy]) -> list[str]:
    """Studies, a configuration of a tiny network and two test patients, as options."""
    root = tmp_path_factory.mktemp("options")
    config = write_tiny_config(root / "tiny.yaml")
    write_json(root / "split.json", {"test": ["patient-4", "patient-5"]})
    studies = str(labelled[0].label.parents[2])
    return [studies, "--config", str(config), "--split", str(root / "split.json")]


def said(*arguments: object, command: str = "active-learning") -> str:
    options = ["simulate", command, *map(str, arguments)]
    result = CliRunner().invoke(app, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_command_writes_tables_and_curves(given: list[str], tmp_path: Path) -> None:
    said(*given, *SHORT, "--strategy", "random", "--strategy", "epistemic", "--out", tmp_path)
    curves = table(tmp_path / "curves.csv")
    assert [(row["strategy"], row["seed"], row["patients"], row["n"]) for row in curves] == [
        (strategy, seed, patients, "2")
        for seed in "01"
        for strategy in ("random", "epistemic")
        for patients in ("1", "3")
    ]
    assert all(float(row["low"]) <= float(row["mean_dice"]) <= float(row["high"]) for row in curves)
    random, epistemic = table(tmp_path / "summary.csv")
    assert (random["strategy"], float(random["minus_random"]), random["minus_random_foreground"]) == ("random", 0, "")
    difference = float(epistemic["area"]) - float(random["area"])
    assert float(epistemic["minus_random"]) == pytest.approx(difference)
    assert "| strategy | area under the curve | less random |" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_whole_studies_are_compared_with_asked_slices(given: list[str], tmp_path: Path) -> None:
    plan = ["--first", "4", "--step", "4", "--until", "12", "--seeds", "2", "--optimiser-steps", "4"]
    arms = ["--strategy", "random", "--slices", "2"]
    output = said(*given, *plan, *arms, "--out", tmp_path, command="asked-slices")
    assert "seed 1, random, 2, 12 slices of 4 patients" in output
    curves = table(tmp_path / "curves.csv")
    assert [(row["slices"], row["seed"], row["drawn_slices"], row["patients"]) for row in curves] == [
        (slices, seed, drawn, patients)
        for seed in "01"
        for slices, of in (("whole", "123"), ("2", "134"))
        for drawn, patients in zip(("4", "8", "12"), of, strict=True)
    ]
    whole, two = table(tmp_path / "summary.csv")
    difference = float(two["area"]) - float(whole["area"])
    assert float(two["minus_whole"]) == pytest.approx(difference)
    assert (
        "| less whole studies | slices for the Dice of whole studies at 12 |" in (tmp_path / "summary.md").read_text()
    )
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_same_command_again_leaves_the_same_files(given: list[str], tmp_path: Path) -> None:
    options = [*given, *SHORT, "--strategy", "diversity", "--out", str(tmp_path)]
    assert "3 trainings left" in said(*options)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "rounds").iterdir()}
    assert "trainings left" not in said(*options)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "rounds").iterdir()} == before


def files(out: Path) -> dict[str, bytes]:
    paths = [path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".tmp-")]
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(paths)}


def started(options: list[str], out: Path) -> Process:
    """The command as a process of its own, on one core: sums come out the same each time."""
    return Process("simulate", "active-learning", *options, "--out", out, stderr=subprocess.STDOUT)


def finished(options: list[str], out: Path) -> dict[str, bytes]:
    process = started(options, out)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return files(out)


def killed_after(rounds: int, seconds: float, options: list[str], out: Path) -> None:
    """Run the command until it has written so many rounds and has gone on for ``seconds``; then kill it."""
    process = started(options, out)
    deadline = time.monotonic() + 120
    while len(list(out.glob("rounds/[!.]*.json"))) < rounds:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output


def test_replay_killed_twice_ends_with_the_files_of_an_undisturbed_one(given: list[str], tmp_path: Path) -> None:
    plan = ["--first", "1", "--step", "1", "--until", "3", "--seeds", "1", "--epochs", "8"]
    options = [*given, *plan, "--strategy", "hybrid"]
    for rounds in (1, 2):
        killed_after(rounds, 0.05 * rounds, options, tmp_path / "killed")
        assert not (tmp_path / "killed" / "curves.csv").exists()
    assert finished(options, tmp_path / "killed") == finished(options, tmp_path / "undisturbed")


def test_folds_are_refused_with_what_is_expected(given: list[str], tmp_path: Path) -> None:
    folds = tmp_path / "folds.json"
    write_json(folds, {"folds": [["patient-0"], ["patient-1"]]})
    with pytest.raises(InputError, match=r"has folds; give .*\"test\""):
        said(*given[:-1], folds, "--out", tmp_path / "out")
