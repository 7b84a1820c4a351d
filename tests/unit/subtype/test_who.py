"""The WHO class from the estimates of IDH and of 1p/19q."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliomics.cli.main import app
from gliomics.cohort.feature_table import write_features_csv
from gliomics.records import SubtypeEstimate
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.who import CLASSES, who_estimate, with_who
from tests.unit.subtype.cohorts import outcomes, patients


def estimate(model: str, first: str, second: str, p: float, spread: float = 0.0, **others: object) -> SubtypeEstimate:
    """An estimate of two classes, of which ``p`` is the probability of the first."""
    probabilities = {first: p, second: 1 - p}
    base = SubtypeEstimate(
        study_id="a-study",
        model=model,
        model_version="3",
        target="IDH status" if model == "subtype_idh" else "1p/19q codeletion",
        predicted=max(probabilities, key=lambda name: probabilities[name]),
        probabilities=probabilities,
        intervals={name: [max(v - spread, 0.0), min(v + spread, 1.0)] for name, v in probabilities.items()},
        inside_training_range=True,
        population="drawn patients",
        n_training=80,
        performance="AUC 0.8",
        prediction_set=[first, second],
        given={} if model == "subtype_idh" else {"IDH status": "Mutant"},
        variant="images",
        by_input={"images": probabilities},
    )
    return replace(base, **others)


def idh(mutant: float, spread: float = 0.0, **others: object) -> SubtypeEstimate:
    return estimate("subtype_idh", "mutant", "wildtype", mutant, spread, **others)


def codeletion(intact: float, spread: float = 0.0, **others: object) -> SubtypeEstimate:
    return estimate("subtype_codeletion", "intact", "codeleted", intact, spread, **others)


def joined(*estimates: SubtypeEstimate) -> SubtypeEstimate:
    who = who_estimate(estimates)
    assert who is not None
    return who


def test_probabilities_are_the_products_along_the_branches() -> None:
    who = joined(codeletion(0.75), idh(0.8))
    assert who.probabilities == pytest.approx({"wildtype": 0.2, "mutant_intact": 0.6, "mutant_codeleted": 0.2})
    assert who.predicted == "mutant_intact"
    assert who.by_input == {"images": who.probabilities}
    assert who.given == {}
    assert who.model_version == "subtype_idh 3, subtype_codeletion 3"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3), st.floats(0, 0.3))
def test_probabilities_sum_to_1_and_lie_in_their_intervals(m: float, i: float, of_idh: float, of_codel: float) -> None:
    who = joined(idh(m, of_idh), codeletion(i, of_codel))
    assert sum(who.probabilities.values()) == pytest.approx(1)
    for name, (low, high) in who.intervals.items():
        assert 0 <= low <= who.probabilities[name] <= high <= 1
    assert who.predicted in who.prediction_set


@pytest.mark.parametrize(
    ("idh_set", "codeletion_set", "expected"),
    [
        (["wildtype"], ["intact", "codeleted"], ["wildtype"]),
        (["mutant"], ["codeleted"], ["mutant_codeleted"]),
        (["mutant", "wildtype"], ["intact"], ["wildtype", "mutant_intact"]),
        (["mutant", "wildtype"], ["intact", "codeleted"], [*CLASSES]),
        ([], ["intact"], []),
        (["mutant"], [], []),
    ],
)
def test_set_follows_the_branches(idh_set: list[str], codeletion_set: list[str], expected: list[str]) -> None:
    mutant, intact = 0.1 if idh_set == ["wildtype"] else 0.9, 0.9 if codeletion_set[:1] == ["intact"] else 0.1
    who = joined(idh(mutant, prediction_set=idh_set), codeletion(intact, prediction_set=codeletion_set))
    assert who.prediction_set == expected


def test_most_probable_class_is_in_the_set_where_the_branch_was_excluded() -> None:
    who = joined(idh(0.55, prediction_set=["mutant"]), codeletion(0.5, prediction_set=["intact", "codeleted"]))
    assert who.predicted == "wildtype"
    assert who.prediction_set == [*CLASSES]


def test_doubts_of_both_are_kept() -> None:
    first = idh(0.9, reasons=["of both", "of one"], in_sample=True, contradicts=["subtype_coc2"], margin=[0.8, 0.9])
    second = codeletion(0.8, reasons=["of both", "of the other"], inside_training_range=False, margin=[0.5, 0.8])
    who = joined(first, second)
    assert who.reasons == ["of both", "IDH status: of one", "1p/19q codeletion: of the other"]
    assert who.in_sample
    assert not who.inside_training_range
    assert who.contradicts == ["subtype_coc2"]
    assert who.margin == pytest.approx([0.8 * 0.5, 0.9 * 0.8])
    assert "IDH status: AUC 0.8; 1p/19q codeletion: AUC 0.8" in who.performance
    assert who.notice == first.notice


def test_margin_of_the_other_branch_is_turned_over() -> None:
    who = joined(idh(0.2, margin=[0.6, 0.9]), codeletion(0.8, margin=[0.5, 0.8]))
    assert who.predicted == "wildtype"
    assert who.margin == [0.6, 0.9]


@pytest.mark.parametrize(
    "second",
    [
        codeletion(0.8, study_id="another-study"),
        codeletion(0.8, variant="FLAIR"),
        codeletion(0.8, covariates={"age": 50.0}),
        codeletion(0.8, given={}),
        estimate("subtype_codeletion", "yes", "no", 0.8),
        estimate("subtype_coc2", "other", "coc2", 0.8),
    ],
    ids=["study", "input", "age", "not given mutant", "classes", "model"],
)
def test_estimates_that_do_not_belong_together_are_not_joined(second: SubtypeEstimate) -> None:
    assert who_estimate([idh(0.9), second]) is None
    assert with_who([idh(0.9), second]) == [idh(0.9), second]


@pytest.mark.slow
def test_predict_writes_the_class_before_the_two_estimates_that_it_is_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = (12, 12, 12)
    rows, classes = patients(counts, effect=1.0), outcomes(counts, CLASSES)
    of_idh = {patient: "wildtype" if name == "wildtype" else "mutant" for patient, name in classes.items()}
    of_codeletion = {p: name.removeprefix("mutant_") for p, name in classes.items() if name != "wildtype"}
    fit = {"title": "Drawn", "population": "drawn", "repeats": 1, "permutations": 0, "members": 2}
    options = [
        FitOptions("subtype_idh", "IDH status", **fit),
        FitOptions("subtype_codeletion", "1p/19q codeletion", given={"IDH status": "mutant"}, **fit),
    ]
    for option, truth in zip(options, (of_idh, of_codeletion), strict=True):
        fit_model(Cohort(rows, truth), tmp_path / option.name, option)
    write_features_csv(rows, tmp_path / "features.csv")
    models = [word for option in options for word in ("--model", str(tmp_path / option.name))]
    command = ["subtype", "predict", str(tmp_path / "features.csv"), *models, "--out", str(tmp_path / "out.csv")]
    assert app(command, standalone_mode=False) in (None, 0)
    with (tmp_path / "out.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["model"] for row in table[:4]] == ["who_class", "subtype_idh", "subtype_codeletion", "who_class"]
    for who, first, second in zip(table[::3], table[1::3], table[2::3], strict=True):
        product = float(first["probability_mutant"]) * float(second["probability_codeleted"])
        assert float(who["probability_mutant_codeleted"]) == pytest.approx(product, abs=1e-6)
    assert "36 estimates of the WHO class" in capsys.readouterr().err
