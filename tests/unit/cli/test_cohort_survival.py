"""``gliomics cohort survival``: what it writes, what it says, what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gliomics.cli.main import main
from gliomics.records import RESEARCH_NOTICE
from gliomics.report.cohort.survival import FILES
from gliomics.report.cohort_report.assemble import cohort_report, read_results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Features of 48 patients, and outcomes of 47 of them and one other; the age tells of survival."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    features, outcomes = ["study_id,a,b,c"], ["patient_id,months,status,age,grade"]
    for k in range(48):
        features.append(f"P-{k},{rng.normal()},{rng.normal()},{rng.normal()}")
        age = rng.normal()
        time, censored = rng.exponential(24 * np.exp(-age)), rng.exponential(40)
        seen = "DECEASED" if time < censored else "LIVING"
        outcomes.append(f"{'Q' if k == 47 else 'P'}-{k},{min(time, censored)},{seen},{50 + 9 * age},G{2 + k % 2}")
    for name, lines in (("features", features), ("outcomes", outcomes)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder / "features.csv", folder / "outcomes.csv"


def run(monkeypatch: pytest.MonkeyPatch, features: Path, outcomes: Path, *more: str) -> int:
    words = ["cohort", "survival", str(features), "--outcomes", str(outcomes), *more]
    monkeypatch.setattr("sys.argv", ["gliomics", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_figures_and_page_are_written(
    tables: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    columns = ("--time", "months", "--event", "status", "--clinical", "age", "--group", "grade")
    assert run(monkeypatch, *tables, *columns, "--repeats", "1", "--out", str(out)) == 0
    said = capsys.readouterr().err
    assert "event: DECEASED; censored: LIVING" in said
    assert "without status: 1 of 48 patients: P-47" in said
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    report = cohort_report([read_results(out)], "Report").html
    assert all(
        told in report for told in ("TRIPOD+AI", "a Cox model of age", "folds by patient, stratified by event, once")
    )
    figures = read(out / "survival.csv")
    assert {(row["model"], row["minus"]) for row in figures if row["measure"] == "c_index"} == {
        ("clinical", ""), ("radiomics", ""), ("both", ""),
        ("radiomics", "clinical"), ("both", "clinical"), ("both", "radiomics"),
    }  # fmt: skip
    assert {row["n"] for row in figures} == {"47"}
    events = figures[0]["events"]
    assert sum(int(row["events"]) for row in read(out / "kaplan_meier.csv") if row["group"] == "all") == int(events)
    assert {row["name"]: row["reason"] for row in read(out / "left_out.csv")} == {
        "P-47": "no outcome", "Q-47": "no features",
    }  # fmt: skip
    assert len(read(out / "out_of_fold.csv")) == 47
    page = (out / "survival.html").read_text()
    assert RESEARCH_NOTICE in page
    assert f"47 patients, {events} events, median follow-up" in page
    assert "five folds by patient" in page
    assert page.count("data:image/png") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--time age --event status", "the unit of the times in column 'age' is not known; give --unit"),
        ("--time months --unit days --event status", "--unit is days, and the column is called 'months'"),
        ("--time months --event grade", "whether 'G2' is an event is not known; name those that are by --event-value"),
        ("--time months --event status --group age", "the patients are of 47 groups"),
        ("--time months --event status --clinical patient_id", "has 48 values; expected numbers, or 2 to 6 categories"),
        ("--time os --event status", "has no column 'os'"),
    ],
)
def test_what_cannot_be_told_is_asked(
    words: str,
    message: str,
    tables: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *tables, *words.split(), "--out", str(tmp_path / "out")) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
