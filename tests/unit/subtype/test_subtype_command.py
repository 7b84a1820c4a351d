"""``gliomics subtype`` as a person runs it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.cli.subtype.fit import too_few_permutations
from gliomics.cohort.feature_table import write_features_csv
from gliomics.models import ModelFolder, load_model_folder
from gliomics.subtype.circumstances import Circumstances
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.predict import SubtypeModel
from tests.unit.features.command import Done, gliomics
from tests.unit.subtype.cohorts import ages, outcomes, patients

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
        "study_id", "predicted", "not_excluded", "variant", "probability_coc1", "probability_coc2", "probability_coc3",
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
    cohort = Cohort(patients(COUNTS, effect=1.0), truth, related={"subtype_test": exchanged})
    other = fit_model(cohort, tmp_path / "other", options).folder
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
    assert "AUC, images, masks drawn twice " in process.stderr
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
        (["--target", "IDH"], "too few patients in a class (Mut 12, WT 7)"),
    ],
)
def test_fit_refuses_in_one_line(run: Run, features: Path, tmp_path: Path, options: list[str], message: str) -> None:
    few = list(outcomes(COUNTS, ("WT", "Mut")).items())[9:]
    (tmp_path / "genomics.csv").write_text("\n".join(["patient_id,IDH", *(f"{p},{v}" for p, v in few)]))
    process = run("fit", features, "--outcomes", tmp_path / "genomics.csv", "--out", tmp_path / "m", *options)
    assert process.returncode == 2
    assert process.stderr.strip().splitlines()[-1].startswith("error: ")
    assert message in process.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "m").exists()


@pytest.fixture(scope="module")
def a_model_with_age(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two classes, of patients of whom another column says the same."""
    folder = tmp_path_factory.mktemp("aged")
    cohort = Cohort(patients(COUNTS, effect=1.0), outcomes(COUNTS, ("wildtype", "mutant")), ages=ages(COUNTS))
    options = FitOptions("subtype_aged", "IDH", "IDH", "drawn", repeats=1, permutations=0, members=4)
    fit_model(cohort, folder / "subtype_aged", options)
    return folder / "subtype_aged"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Features, outcomes and ages of patients that no model has seen, besides three that it has."""
    rows = [
        replace(row, study_id=f"new-{number}", diagnostics={"patient_id": f"new-{number}"})
        for number, row in enumerate(patients(COUNTS, effect=1.0, seed=4))
    ]
    write_features_csv([*rows, *patients(COUNTS, effect=1.0)[:3]], tmp_path / "others.csv")
    lines = ["patient_id,IDH,grade,age"]
    for number in range(sum(COUNTS)):
        lines.append(f"new-{number},{'WT' if number < COUNTS[0] else 'Mut'},{2 + number % 2},{40 + number}")
    lines += [f"{row.diagnostics['patient_id']},WT,2,50" for row in patients(COUNTS, effect=1.0)[:3]]
    (tmp_path / "clinical.csv").write_text("\n".join(lines))
    return tmp_path


def test_age_and_prevalence_count_where_they_are_given(run: Run, a_model_with_age: Path, others: Path) -> None:
    files = ("others.csv", "clinical.csv", "plain.csv", "aged.csv", "shifted.csv")
    features, clinical, plain, aged, shifted = (others / name for name in files)
    options = ("predict", features, "--model", a_model_with_age)
    assert run(*options, "--out", plain).returncode == 0
    assert run(*options, "--out", aged, "--clinical", clinical).returncode == 0
    assert run(*options, "--out", shifted, "--prevalence", "mutant=0.9").returncode == 0
    rows = {path: list(csv.DictReader(path.open())) for path in (plain, aged, shifted)}
    assert {row["variant"] for row in rows[plain]} == {"images"}
    assert {row["variant"] for row in rows[aged]} == {"images and age"}
    for before, after in zip(rows[plain], rows[shifted], strict=True):
        assert float(after["probability_mutant"]) > float(before["probability_mutant"])
        assert after["not_excluded"] == before["not_excluded"]


def test_age_that_no_training_patient_had_is_flagged(a_model_with_age: Path) -> None:
    model = SubtypeModel(load_model_folder(a_model_with_age))
    row = replace(patients(COUNTS, effect=1.0, seed=4)[0], study_id="child", diagnostics={})
    assert model.estimate(row, Circumstances(age=40)).inside_training_range
    child = model.estimate(row, Circumstances(age=5))
    assert not child.inside_training_range
    said = "the age, 5, is outside the range of 98 % of the training patients ("
    assert any(reason.startswith(said) for reason in child.reasons)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prevalence", "codeleted=0.3"], "--prevalence names class 'codeleted'; there are mutant, wildtype"),
        (["--prevalence", "mutant=much"], "--prevalence mutant=much is not a share; write e.g. mutant=0.35"),
        (["--prevalence", "mutant=1.5"], "does not give shares above 0 that sum to 1"),
        (["--clinical", "clinical.csv", "--age", "years"], "has no column 'years'"),
        (["--clinical", "clinical.csv", "--age", "IDH"], "'IDH' of patient 'new-0' is 'WT'; expected an age in years"),
        (["--clinical", "old.csv"], "'age' of patient 'new-0' is 400; expected years between 0 and 120"),
    ],
)
def test_ages_and_shares_that_are_none_are_refused_in_one_line(
    run: Run, a_model_with_age: Path, others: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    (others / "old.csv").write_text("patient_id,age\nnew-0,400\n")
    monkeypatch.chdir(others)
    process = run("predict", "others.csv", "--model", a_model_with_age, "--out", "out.csv", *options)
    assert process.returncode == 2
    assert message in process.stderr.strip().splitlines()[-1]
    assert not (others / "out.csv").exists()


def test_explain_prints_sums_that_are_the_log_odds(run: Run, a_model_with_age: Path, others: Path) -> None:
    process = run(
        "explain", a_model_with_age, others / "others.csv", "--study", "new-3", "--clinical", others / "clinical.csv"
    )
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[0] == "IDH of new-3, from images and age"
    assert {"from images and age", "from images", "from FLAIR", "from age"} <= {line.split(":")[0] for line in lines}
    start = next(number for number, line in enumerate(lines) if line.startswith("log-odds of "))
    total = float(lines[start].split(": ")[1].split(",")[0])
    parts = [float(line.split()[-1]) for line in lines[start + 1 : lines.index("the features that move it most:")]]
    assert sum(parts) == pytest.approx(total, abs=0.05)
    assert any(line.startswith("nearest of the 28 training patients: ") for line in lines)
    assert lines[-1].startswith("For research use only")
    assert (
        "has no study 'nobody'" in run("explain", a_model_with_age, others / "others.csv", "--study", "nobody").stderr
    )


def test_evaluate_judges_on_patients_that_the_model_did_not_see(run: Run, a_model_with_age: Path, others: Path) -> None:
    process = run(
        "evaluate", a_model_with_age, others / "others.csv", "--outcomes", others / "clinical.csv", "--target", "IDH",
        "--class", "WT=wildtype", "--class", "Mut=mutant", "--out", others / "figures.csv",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "3 studies are of patients that the model was fitted on; they do not count" in process.stderr
    figures = {row["name"]: row for row in csv.DictReader((others / "figures.csv").open())}
    assert float(figures["AUC"]["value"]) > 0.9
    assert {row["n"] for row in figures.values()} == {"28"}
    assert {"Brier score", "calibration slope", "90% set holds mutant", "flagged"} <= set(figures)
    assert any(name.startswith("sensitivity, wildtype called above") for name in figures)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "the outcome has the value 'Mut', but the classes of model 'subtype_aged' are mutant, wildtype; say"),
        (["--class", "WT=wildtype", "--class", "Mut=mutant", "--where", "grade=7"], "has no '7'; it has 2, 3"),
        (["--class", "WT=wildtype", "--class", "Mut=wildtype"], "are mutant 0, wildtype 28; at least 2 of each class"),
    ],
)
def test_evaluate_refuses_in_one_line(
    run: Run, a_model_with_age: Path, others: Path, options: list[str], message: str
) -> None:
    process = run(
        "evaluate", a_model_with_age, others / "others.csv", "--outcomes", others / "clinical.csv", "--target", "IDH",
        "--out", others / "figures.csv", *options,
    )  # fmt: skip
    assert process.returncode == 2
    assert message in process.stderr.strip().splitlines()[-1]
    assert not (others / "figures.csv").exists()


def test_fit_to_some_patients_says_so_and_writes_what_models_without_them_said(
    run: Run, features: Path, tmp_path: Path
) -> None:
    lines = ["patient_id,codeletion,IDH,hospital,years"]
    for number, (patient, value) in enumerate(outcomes(COUNTS, ("no", "yes")).items()):
        lines.append(f"{patient},{value},{'WT' if number in (0, 27) else 'Mut'},{'AB'[number % 2]},{30 + number}")
    (tmp_path / "clinical.csv").write_text("\n".join(lines))
    process = run(
        "fit", features, "--outcomes", tmp_path / "clinical.csv", "--target", "codeletion", "--where", "IDH=Mut",
        "--clinical", tmp_path / "clinical.csv", "--age", "years", "--site", "hospital", "--repeats", 1,
        "--permutations", 0, "--save-oof", tmp_path / "oof.csv", "--out", tmp_path / "subtype_mine",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    card = load_model_folder(tmp_path / "subtype_mine").card
    assert card.settings["given"] == {"IDH": "Mut"}
    assert card.training.n_patients == 26
    assert "AUC, images, leaving one site out" in {metric.name for metric in card.metrics}
    rows = list(csv.DictReader((tmp_path / "oof.csv").open()))
    assert len(rows) == 26 * 5
    assert {row["variant"] for row in rows} == {"images", "images and age", "FLAIR", "FLAIR and age", "age"}
    assert all(float(row["probability_no"]) + float(row["probability_yes"]) == pytest.approx(1) for row in rows)
    assert all(row["not_excluded"] for row in rows)


def test_site_needs_the_table_that_it_is_a_column_of(run: Run, features: Path, tmp_path: Path) -> None:
    (tmp_path / "clinical.csv").write_text("patient_id,IDH\nA,WT\n")
    process = run(
        "fit", features, "--outcomes", tmp_path / "clinical.csv", "--target", "IDH", "--site", "hospital",
        "--out", tmp_path / "m",
    )  # fmt: skip
    assert process.returncode == 2
    assert "--site names a column of the table --clinical; give that, too" in process.stderr
