"""``gliomics train segmentation``: killed and run again, by several processes at once, and refusing what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner, Result

from gliomics.cli.main import app
from gliomics.cli.terminal.ending import exit_code
from gliomics.files import write_json
from gliomics.models import load_model_folder
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.weights import WEIGHTS
from gliomics.training.card import TrainingPlan
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.config import load_training_config
from gliomics.training.crossvalidate import RECORD
from gliomics.training.fit import CHECKPOINT, fit
from tests.processes import Process
from tests.unit.tiny_networks import write_tiny_config

pytestmark = pytest.mark.slow

EPOCHS = 20


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy]) -> list[str]:
    """The studies and a configuration that takes a few seconds, as options of the command."""
    root = tmp_path_factory.mktemp("training")
    config = write_tiny_config(root / "tiny.yaml", optional=("t1",), epochs=EPOCHS, sequence_dropout=0.3)
    return ["--data", str(labelled[0].label.parents[2]), "--config", str(config)]


def start(*arguments: str | Path) -> Process:
    return Process("train", "segmentation", *arguments, own_session=True, stderr=subprocess.STDOUT)


def finished(process: Process | subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return output


def invoke(*arguments: str | Path) -> Result:
    """Run the command in this process, where nothing must be killed."""
    return CliRunner().invoke(app, ["train", "segmentation", *map(str, arguments)])


def succeed(*arguments: str | Path) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refuse(*arguments: str | Path) -> str:
    """Why the command refuses, as a mistake of its user."""
    error = invoke(*arguments).exception
    assert error is not None
    assert exit_code(error) == 2
    return str(error)


def count_epochs(run: Path) -> int:
    history = run / "history.csv"
    return len(history.read_text().splitlines()) - 1 if history.is_file() else 0


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(safetensors.torch.load_file(load_model_folder(run / "model").file(WEIGHTS)))


def test_training_killed_twice_ends_at_the_same_weights(options: list[str], tmp_path: Path) -> None:
    succeed(*options, "--out", tmp_path / "whole")
    interrupted = tmp_path / "interrupted"
    for kill in range(2):
        process = start(*options, "--out", interrupted)
        deadline = time.monotonic() + 60
        while count_epochs(interrupted) < (kill + 1) * EPOCHS // 5 and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert 0 < count_epochs(interrupted) < EPOCHS
        assert not (interrupted / "model").exists()
    finished(start(*options, "--out", interrupted))
    whole, resumed = weights(tmp_path / "whole"), weights(interrupted)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert count_epochs(interrupted) == EPOCHS
    assert (interrupted / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_two_processes_of_torchrun_train_one_model_whatever_the_working_folder_holds(
    options: list[str], tmp_path: Path, folder_in_the_way: Path
) -> None:
    programs = Path(sys.executable).parent
    several = ["--standalone", "--nproc-per-node", "2", "--no-python", str(programs / "gliomics")]
    program = [str(programs / "torchrun"), *several, "train", "segmentation"]
    split = tmp_path / "split.json"
    write_json(split, {"test": ["patient-5"]})
    arguments = (*options, "--split", split, "--out", tmp_path / "run")
    process = subprocess.Popen(
        [*program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=folder_in_the_way,
    )
    output = finished(process)
    assert output.count(f"epoch {EPOCHS} of {EPOCHS}") == 1
    # How much is learned in so few epochs differs between processors: 0.68 on one with units for bfloat16.
    assert load_model_folder(tmp_path / "run" / "model").card.metrics[0].value > 0.6


def test_folds_make_masks_and_these_a_model_of_all_patients(options: list[str], tmp_path: Path) -> None:
    folds = tmp_path / "folds.json"
    write_json(folds, {"folds": [["patient-0", "patient-1", "patient-2"], ["patient-3", "patient-4", "patient-5"]]})
    output = succeed(*options, "--split", folds, "--out", tmp_path / "cv")
    assert f"fold 2 of 2, epoch {EPOCHS} of {EPOCHS}" in output
    assert len(list((tmp_path / "cv" / "masks").iterdir())) == 6
    data = options[:2]
    held_out = tmp_path / "held_out.json"
    write_json(held_out, {"test": ["patient-2"]})
    succeed(*data, "--validated-by", tmp_path / "cv", "--split", held_out, "--out", tmp_path / "final")
    card = load_model_folder(tmp_path / "final" / "model").card
    record = json.loads((tmp_path / "cv" / RECORD).read_text())
    assert card.training.n_patients == 5
    assert card.metrics[0].value == record["metrics"][0]["value"]


def test_damaged_checkpoint_is_refused_by_name(options: list[str], tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    error = refuse(*options, "--out", tmp_path)
    assert str(tmp_path / CHECKPOINT) in error
    assert "is not a checkpoint of a training" in error


def test_checkpoint_of_another_training_is_refused(
    options: list[str], labelled: list[LabelledStudy], tmp_path: Path
) -> None:
    def interrupt(records: Sequence[EpochRecord], epochs: int) -> None:
        raise InterruptedError

    plan = TrainingPlan(load_training_config(options[3]), "six test cases")
    with pytest.raises(InterruptedError):
        fit(labelled, plan, tmp_path, on_epoch=interrupt)
    split = tmp_path / "split.json"
    write_json(split, {"test": ["patient-5"]})
    assert "other settings or other studies" in refuse(*options, "--split", split, "--out", tmp_path)


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        (["--out", "x"], "give either --config, or --validated-by"),
        (["--out", "x", "--config", "segmentation_flair", "--validated-by", "y"], "give either --config"),
        (["--out", "x", "--validated-by", "y", "--split", "z"], "z"),
    ],
)
def test_contradicting_options_are_refused(options: list[str], choices: list[str], error: str) -> None:
    assert error in refuse(*options[:2], *choices)
