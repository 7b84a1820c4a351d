"""The studies that retrain networks, whole, on tiny synthetic studies: what they write, and that they go on."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gliomics.files import write_json
from gliomics.segmentation.networks.efficientnet_unet import EfficientNetLite
from gliomics.study import Study, write_mask, write_study_json, write_volume
from tests.unit.tiny_networks import a_lesion_case

from . import learning_curve, source_networks

PROJECT = Path(__file__).resolve().parents[2]
PATIENTS = 8
TESTED = {"patient-0", "patient-1", "patient-2"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Eight patients with T1, T1c and FLAIR, the last with FLAIR alone; three are tested on. As options."""
    root = tmp_path_factory.mktemp("retraining")
    for number in range(PATIENTS):
        volumes, mask = a_lesion_case(number)
        volumes["t1c"] = volumes["t1"]
        names = ["flair"] if number == PATIENTS - 1 else ["flair", "t1", "t1c"]
        folder = root / "studies" / f"case-{number}"
        paths = {name: folder / f"{name}.nii.gz" for name in names}
        for name, path in paths.items():
            write_volume(volumes[name], path)
        study = Study(id=f"case-{number}", patient_id=f"patient-{number}", folder=folder, sequences=paths)
        write_study_json(folder, [study])
        write_mask(mask, root / "studies" / "labels" / "final" / f"{study.id}.nii.gz")
    others = [f"patient-{number}" for number in range(PATIENTS) if f"patient-{number}" not in TESTED]
    write_json(root / "folds.json", {"folds": [sorted(TESTED), others]})
    return ["--data", str(root / "studies"), "--folds", str(root / "folds.json"), "--size", "32"]


@pytest.fixture(scope="module")
def encoder_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as that of the published encoder, though of random weights."""
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(EfficientNetLite(3, "lite0").state_dict(), path)
    return path


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def rows(out: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (out / "rows").glob("*.json")}


def killed_at_its_first_checkpoint(module: str, arguments: list[str], out: Path) -> None:
    """Run a study until a row has a checkpoint, and kill it."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments, "--out", str(out)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("rows/*/checkpoint.pt")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(out.glob("rows/*/checkpoint.pt"))


def test_sequences_are_compared_on_the_patients_that_have_them_all(given: list[str], tmp_path: Path) -> None:
    budget = ["--minutes", "0.03", "--base", "4", "--tables", "a"]
    assert source_networks.main([*given, *budget, "--out", str(tmp_path)]) == 0
    found = table(tmp_path / "sequences.csv")
    assert [row["row"] for row in found] == ["T1", "T1c", "FLAIR", "Stack (T1, T1c, FLAIR)"]
    assert {(row["patients_trained"], row["patients_tested"]) for row in found} == {("4", "3")}
    best = max(found, key=lambda row: float(row["mean_dice"]))
    for row in found:
        gap = float(row["mean_dice"]) - float(best["mean_dice"])
        assert float(row["difference_to_best"]) == pytest.approx(gap, abs=1e-12)
        assert float(row["difference_to_best_low"]) <= gap <= float(row["difference_to_best_high"])
        assert 0 < float(row["minutes"]) < 1
        assert int(row["epochs"]) >= 2
        assert float(row["balanced_accuracy"]) == pytest.approx(
            (float(row["sensitivity"]) + float(row["specificity"])) / 2
        )
    assert (tmp_path / "sequences.png").read_bytes().startswith(b"\x89PNG")
    assert "balanced accuracy" in (tmp_path / "sequences.md").read_text()


def test_row_that_two_tables_share_is_trained_once(given: list[str], encoder_weights: Path, tmp_path: Path) -> None:
    chosen = "lgg_unet,lgg_unet_elu_average,segmentation_flair,segmentation_flair_pretrained"
    budget = ["--minutes", "0.02", "--base", "4", "--tables", "b,c", "--rows", chosen]
    options = [*given, *budget, "--encoder-weights", str(encoder_weights), "--out", str(tmp_path)]
    assert source_networks.main(options) == 0
    assert set(rows(tmp_path)) == set(chosen.split(","))
    networks, sweep = table(tmp_path / "networks.csv"), table(tmp_path / "activation_pooling.csv")
    assert [row["row"] for row in networks] == ["LGG U-Net", "EfficientNet U-Net", "EfficientNet U-Net, pretrained"]
    assert [row["row"] for row in sweep] == ["relu, max", "elu, average"]
    assert networks[0]["mean_dice"] == sweep[0]["mean_dice"]
    assert networks[1]["parameters"] == networks[2]["parameters"]
    assert networks[0]["patients_trained"] == "5"


def test_comparison_goes_on_after_a_kill_and_keeps_its_rows(given: list[str], tmp_path: Path) -> None:
    options = [*given, "--minutes", "0.1", "--base", "4", "--tables", "a", "--rows", "gbm_unet_t1,gbm_unet_t1c"]
    killed_at_its_first_checkpoint("source_networks", options, tmp_path)
    planned = json.loads((tmp_path / "rows" / "gbm_unet_t1" / "plan.json").read_text())["epochs"]
    assert source_networks.main([*options, "--out", str(tmp_path)]) == 0
    before = rows(tmp_path)
    assert json.loads(before["gbm_unet_t1"])["epochs"] == planned
    assert [path.suffix for path in (tmp_path / "rows").iterdir()] == [".json", ".json"]
    (tmp_path / "sequences.csv").unlink()
    assert source_networks.main([*options, "--out", str(tmp_path)]) == 0
    assert rows(tmp_path) == before
    assert len(table(tmp_path / "sequences.csv")) == 2


def test_rows_of_another_budget_are_not_mixed_in(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*given, "--base", "4", "--tables", "a", "--rows", "gbm_unet_t1", "--out", str(tmp_path)]
    assert source_networks.main([*options, "--minutes", "0.01"]) == 0
    before = rows(tmp_path)
    assert source_networks.main([*options, "--minutes", "0.02"]) == 1
    assert "is of another budget" in capsys.readouterr().out
    assert rows(tmp_path) == before


def test_learning_curve_ends_the_same_after_a_kill(given: list[str], tmp_path: Path) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "{name: tiny, title: Tiny, description: Of a test., sequences: {required: [flair], optional: [t1]}, "
        "model: {network: {kind: gbm_unet, base: 8, levels: 3, dropout: 0}}, "
        "training: {batch: 8, learning_rate: 0.03, sequence_dropout: 0.2}}"
    )
    options = [*given, "--config", str(config), "--passes", "15", "--patients", "1,2,5"]
    assert learning_curve.main([*options, "--out", str(tmp_path / "whole")]) == 0
    killed_at_its_first_checkpoint("learning_curve", options, tmp_path / "killed")
    assert learning_curve.main([*options, "--out", str(tmp_path / "killed")]) == 0
    whole, resumed = (table(tmp_path / name / "learning_curve.csv") for name in ("whole", "killed"))
    assert [row["patients_trained"] for row in whole] == ["1", "2", "5"]
    assert [row["mean_dice"] for row in whole] == [row["mean_dice"] for row in resumed]
    steps = [int(row["steps"]) for row in whole]
    assert max(steps) - min(steps) <= 0.1 * max(steps)
    dice = json.loads(rows(tmp_path / "whole")["5_patients"])["dice"]
    assert set(dice) == TESTED
    assert max(dice.values()) > 0.5
    assert (tmp_path / "killed" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_smaller_sets_of_patients_lie_inside_larger_ones(given: list[str]) -> None:
    training, _ = learning_curve.training_and_test(Path(given[1]), Path(given[3]))
    sets = {
        size: {item.study.patient_id for item in items}
        for size, items in learning_curve.nested(training, [4, 1, 2]).items()
    }
    assert [len(patients) for patients in sets.values()] == [1, 2, 4]
    assert sets[1] < sets[2] < sets[4]
    assert not sets[4] & TESTED
