"""``gliomics subtype compare`` as a person runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gliomics.cohort.feature_table import write_features_csv
from gliomics.records import FeatureRow
from tests.unit.features.command import Done, gliomics

Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command, with rough intervals."""
    monkeypatch.setattr("gliomics.statistics.bootstrap._RESAMPLES_OF_REPEATS", 20)
    return lambda *arguments: gliomics(capsys, "subtype", "compare", *arguments)


@pytest.fixture
def tables(tmp_path: Path) -> list[object]:
    """40 patients of three hospitals, whose first feature tells the class, and what is said of them."""
    rng = np.random.default_rng(0)
    rows, outcomes = [], [["patient_id", "status", "grade", "age"]]
    for i in range(40):
        patient = f"TCGA-{('CS', 'DU', 'HT')[i % 3]}-{i:04d}"
        values = {f"feature_{k}": float(rng.normal() + 2 * (k == 0 and i % 2)) for k in range(4)}
        rows.append(FeatureRow(f"{patient}_2000", "whole", values, {"patient_id": patient}))
        outcomes.append([patient, str(i % 2), "2" if i < 32 else "3", str(30 + i)])
    write_features_csv(rows, tmp_path / "features.csv")
    (tmp_path / "outcomes.csv").write_text("".join(",".join(line) + "\n" for line in outcomes))
    return [tmp_path / "features.csv", "--outcomes", tmp_path / "outcomes.csv"]


def written(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {row["estimator"]: row for row in csv.DictReader(file)}


def test_table_has_a_row_for_each_estimator_the_choice_and_the_majority(
    run: Run, tables: list[object], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    clinical = ["--clinical", tmp_path / "outcomes.csv"]
    names = ["--estimator", "ridge", "--estimator", "combat-ridge"]
    process = run(*tables, "--target", "status", "--where", "grade=2", *clinical, *names, "--repeats", 1, "--out", out)
    assert process.returncode == 0, process.stderr
    rows = written(out)
    assert list(rows) == ["ridge", "combat-ridge", "nested choice", "majority class"]
    assert float(rows["ridge"]["auc"]) > 0.75
    assert float(rows["combat-ridge"]["unharmonised"]) == 0
    assert {row["n"] for row in rows.values()} == {"32"}
    assert "32 patients: 0 16, 1 16; 2 estimators" in process.stderr


def test_each_hospital_can_be_left_out(run: Run, tables: list[object], tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    process = run(*tables, "--target", "status", "--leave-site-out", "--estimator", "combat-ridge", "--out", out)
    assert process.returncode == 0, process.stderr
    assert float(written(out)["combat-ridge"]["unharmonised"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "status", "--estimator", "ridges"], "did you mean 'ridge'"),
        (["--target", "statuses"], "no column 'statuses'"),
        (["--target", "status", "--where", "grade=4"], "has no '4'"),
        (["--target", "grade", "--where", "grade=2"], "one class only"),
        (["--target", "status", "--where", "grade=3"], "0 4, 1 4"),
        (["--target", "status", "--site", "town"], "no column 'town'"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_written(
    run: Run, tables: list[object], tmp_path: Path, arguments: list[str], message: str
) -> None:
    out = tmp_path / "out.csv"
    process = run(*tables, *arguments, "--out", out)
    assert process.returncode == 2
    assert message in process.stderr
    assert not out.exists()


def test_interrupted_comparison_writes_nothing(
    run: Run, tables: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rich.progress.Progress.advance", interrupt)
    out = tmp_path / "out.csv"
    process = run(*tables, "--target", "status", "--estimator", "ridge", "--out", out)
    assert process.returncode == 130
    assert not out.exists()
