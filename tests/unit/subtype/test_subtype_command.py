"""``gliomics subtype`` as a person runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.cli.subtype import too_few_permutations
from gliomics.cohort.feature_table import write_features_csv
from gliomics.models import ModelFolder, load_model_folder
from gliomics.subtype.fit import FitOptions, fit_model
from tests.unit.features.command import Done, gliomics
from tests.unit.subtype.cohorts import outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (16, 12)
Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: gliomics(capsys, "subtype", *arguments)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    write_features_csv(patients(COUNTS, effect=1.0), tmp_path / "features.csv")
    return tmp_path / "features.csv"


def test_predict_writes_a_row_per_study_with_probabilities_and_intervals(
    run: Run, a_model: ModelFolder, features: Path, tmp_path: Path
) -> None:
    process = run("predict", features, "--model", a_model.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 0, process.stderr
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "study_id", "predicted", "probability_coc1", "probability_coc2", "probability_coc3",
        "low_coc1", "high_coc1", "low_coc2", "high_coc2", "low_coc3", "high_coc3",
        "inside_training_range", "in_sample", "contradicts", "reasons", "model", "model_version", "notice",
    ]  # fmt: skip
    assert [row["study_id"] for row in rows] == [row.study_id for row in patients(COUNTS, effect=1.0)]
    for row in rows:
        assert sum(float(row[f"probability_coc{k}"]) for k in (1, 2, 3)) == pytest.approx(1)
        assert float(row["low_coc1"]) <= float(row["probability_coc1"]) <= float(row["high_coc1"])
        assert (row["model"], row["model_version"]) == ("subtype_test", "1")
        assert row["notice"].startswith("For research use only")
        assert row["in_sample"] == "true"
    assert "28 estimates of cluster in" in process.stderr
    assert "28 studies are of patients that the model was fitted on: these estimates are not predict" in process.stderr


def test_several_models_share_a_table_and_contradictions_are_told(
    run: Run, a_model: ModelFolder, features: Path, tmp_path: Path
) -> None:
    """The second model was fitted where the first one's classes are exchanged."""
    truth = outcomes(COUNTS, ("one", "two"))
    exchanged = {patient: "coc2" if k == "one" else "coc1" for patient, k in truth.items()}
    options = FitOptions("subtype_other", "other", "Other", "drawn", repeats=1, permutations=0, members=4)
    other = fit_model(
        patients(COUNTS, effect=1.0), truth, tmp_path / "other", options, related={"subtype_test": exchanged}
    )
    process = run("predict", features, "--model", a_model.path, "--model", other.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 0, process.stderr
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows[:2]] == ["subtype_test", "subtype_other"]
    assert rows[0]["probability_one"] == "" != rows[1]["probability_one"]
    contradicted = [row for row in rows if row["model"] == "subtype_other" and row["contradicts"] == "subtype_test"]
    assert len(contradicted) > 20
    assert all("hardly go together" in row["reasons"] for row in contradicted)
    assert f"{len(contradicted)} of them hardly go with another model's estimate" in process.stderr


def test_model_that_is_named_twice_is_refused(run: Run, a_model: ModelFolder, features: Path, tmp_path: Path) -> None:
    process = run("predict", features, "--model", a_model.path, "--model", a_model.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 2
    assert "names a model twice" in process.stderr


def test_study_that_lacks_features_is_reported_and_the_others_go_on(
    run: Run, a_model: ModelFolder, tmp_path: Path
) -> None:
    rows = patients(COUNTS, effect=1.0)
    rows[0] = replace(rows[0], values={"original_outline_Extent": 0.5})
    write_features_csv(rows, tmp_path / "features.csv")
    process = run("predict", tmp_path / "features.csv", "--model", a_model.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 1
    assert "failed TCGA_XX_0000_20000101: nothing was measured of study" in process.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + 27


def test_no_usable_study_ends_in_one_error_line_and_writes_nothing(
    run: Run, a_model: ModelFolder, tmp_path: Path
) -> None:
    (tmp_path / "features.csv").write_text("study_id,original_outline_Extent\nA,0.5\n")
    process = run("predict", tmp_path / "features.csv", "--model", a_model.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 2
    assert "error: nothing was measured of study 'A' in flair, which model 'subtype_test' needs" in process.stderr
    assert not (tmp_path / "out.csv").exists()


def test_two_regions_of_a_study_are_refused(run: Run, a_model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "features.csv").write_text("study_id,region,x\nA,whole,1\nA,enhancing,2\n")
    process = run("predict", tmp_path / "features.csv", "--model", a_model.path, "--out", tmp_path / "out.csv")
    assert process.returncode == 2
    assert "has several regions of study 'A'" in process.stderr


def test_unknown_model_is_refused_with_those_that_exist(run: Run, features: Path, tmp_path: Path) -> None:
    process = run("predict", features, "--model", "subtype_foo", "--out", tmp_path / "out.csv")
    assert process.returncode == 2
    assert "there is no model 'subtype_foo'" in process.stderr


@pytest.mark.parametrize(
    ("permutations", "warning"),
    [
        (1, "1 permutation: the p-value cannot be below 0.5; give --permutations 20"),
        (5, "5 permutations: the p-value cannot be below 0.17; give --permutations 20"),
        (20, None),
    ],
)
def test_permutations_that_are_too_few_for_a_p_value_are_told(permutations: int, warning: str | None) -> None:
    note = too_few_permutations(permutations)
    assert note is None if warning is None else warning in str(note)


def test_fit_makes_a_model_that_predict_uses(run: Run, features: Path, tmp_path: Path) -> None:
    lines = ["patient_id,IDH", *(f"{patient},{value}" for patient, value in outcomes(COUNTS, ("WT", "Mut")).items())]
    (tmp_path / "genomics.csv").write_text("\n".join(lines))
    process = run(
        "fit", features, "--outcomes", tmp_path / "genomics.csv", "--target", "IDH", "--out", tmp_path / "subtype_mine",
        "--class", "Mut=mutant", "--class", "WT=wildtype", "--repeats", 1, "--permutations", 0,
        "--other-masks", f"masks drawn twice={features}",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "28 patients: mutant 12, wildtype 16" in process.stderr
    assert "without --permutations there is no AUC by chance and no p-value" in process.stderr
    assert "AUC, masks drawn twice 0." in process.stderr
    card = load_model_folder(tmp_path / "subtype_mine").card
    assert (card.name, card.classes, card.settings["target"]) == ("subtype_mine", ["mutant", "wildtype"], "IDH")
    process = run("predict", features, "--model", tmp_path / "subtype_mine", "--out", tmp_path / "out.csv")
    assert process.returncode == 0, process.stderr
    assert ",probability_mutant,probability_wildtype," in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "COC"], "has no column 'COC'; it has patient_id, IDH"),
        (["--target", "IDH", "--class", "Mut"], "--class 'Mut' is not VALUE=NAME"),
        (["--target", "IDH", "--class", "Mut=mutant"], "the outcome has the value 'WT', for which no class was given"),
        (["--target", "IDH"], "too few patients in a class (Mut 12, WT 9)"),
    ],
)
def test_fit_refuses_in_one_line(run: Run, features: Path, tmp_path: Path, options: list[str], message: str) -> None:
    few = list(outcomes(COUNTS, ("WT", "Mut")).items())[7:]
    (tmp_path / "genomics.csv").write_text("\n".join(["patient_id,IDH", *(f"{p},{v}" for p, v in few)]))
    process = run("fit", features, "--outcomes", tmp_path / "genomics.csv", "--out", tmp_path / "m", *options)
    assert process.returncode == 2
    assert process.stderr.strip().splitlines()[-1].startswith("error: ")
    assert message in process.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "m").exists()
