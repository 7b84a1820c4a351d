"""Estimates of one study that can hardly be true together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gliomics.models import ModelCard, ModelStore, Relation
from gliomics.records import SubtypeEstimate
from gliomics.subtype.contradictions import relations, with_contradictions
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.table import join
from tests.unit.subtype.cohorts import outcomes, patients

pytestmark = pytest.mark.slow

SENTENCE = (
    "coc2 by subtype_coc2 and mutant by subtype_idh hardly go together: of the 17 patients with coc2 on the card of "
    "subtype_coc2, 13 were wildtype; at least one of the two estimates is probably wrong"
)


@pytest.fixture(scope="module")
def cards() -> dict[str, ModelCard]:
    """The cards that ship."""
    return {name: ModelStore().current(name).card for name in ("subtype_coc2", "subtype_idh")}


@pytest.fixture
def estimate() -> Callable[[str, str], SubtypeEstimate]:
    """An estimate by a model of a class."""
    return lambda model, predicted: SubtypeEstimate(
        study_id="a-study",
        model=model,
        model_version="1",
        target=model,
        predicted=predicted,
        probabilities={predicted: 1.0},
        intervals={predicted: [1.0, 1.0]},
        inside_training_range=True,
        population="",
        n_training=88,
        performance="",
        reasons=["a reason"],
    )


Estimate = Callable[[str, str], SubtypeEstimate]


@pytest.mark.parametrize("order", [1, -1])
def test_estimates_that_the_card_says_hardly_go_together_both_say_so(
    cards: dict[str, ModelCard], estimate: Estimate, order: int
) -> None:
    given = [estimate("subtype_coc2", "coc2"), estimate("subtype_idh", "mutant")][::order]
    estimates = with_contradictions(given, cards)
    assert [answer.model for answer in estimates] == [answer.model for answer in given]
    assert [answer.reasons for answer in estimates] == [["a reason", SENTENCE]] * 2
    assert {answer.model: answer.contradicts for answer in estimates} == {
        "subtype_coc2": ["subtype_idh"], "subtype_idh": ["subtype_coc2"]
    }  # fmt: skip


@pytest.mark.parametrize(("coc", "idh"), [("other", "wildtype"), ("coc2", "mutant")])
def test_every_pair_that_hardly_goes_together_is_found(
    cards: dict[str, ModelCard], estimate: Estimate, coc: str, idh: str
) -> None:
    estimates = with_contradictions([estimate("subtype_coc2", coc), estimate("subtype_idh", idh)], cards)
    assert all(answer.contradicts for answer in estimates)


@pytest.mark.parametrize(("coc", "idh"), [("other", "mutant"), ("coc2", "wildtype")])
def test_estimates_that_go_together_are_left_as_they_are(
    cards: dict[str, ModelCard], estimate: Estimate, coc: str, idh: str
) -> None:
    given = [estimate("subtype_coc2", coc), estimate("subtype_idh", idh)]
    assert with_contradictions(given, cards) == given


def test_one_estimate_contradicts_nothing(cards: dict[str, ModelCard], estimate: Estimate) -> None:
    assert with_contradictions([estimate("subtype_coc2", "coc2")], cards) == [estimate("subtype_coc2", "coc2")]


def test_relations_are_counted_on_the_training_patients_and_only_where_most_agree() -> None:
    counts = (12, 12, 9)
    table = join(patients(counts, effect=1.0), outcomes(counts, ("a", "b", "c")), {})
    idh_status = [*["mutant"] * 11, "wildtype", *["mutant", "wildtype"] * 6, *["mutant"] * 9]
    idh = dict(zip(table.patients, idh_status, strict=True))
    del idh[table.patients[0]]
    idh["TCGA-ZZ-0000"] = "wildtype"
    assert relations(table, {"other": idh}) == [
        Relation(predicted="a", model="other", expected="mutant", patients=10, n=11)
    ]


def test_fitted_model_s_card_tells_what_its_classes_go_with(tmp_path: Path) -> None:
    counts = (12, 12)
    classes = outcomes(counts, ("a", "b"))
    idh = {patient: "wildtype" if k == "b" else "mutant" for patient, k in classes.items()}
    options = FitOptions("subtype_x", "x", "X", "drawn", repeats=1, permutations=0, members=2)
    cohort = Cohort(patients(counts, effect=1.0), classes, related={"subtype_idh": idh})
    card = fit_model(cohort, tmp_path / "m", options).folder.card
    assert {(r.predicted, r.expected, r.patients, r.n) for r in card.relations} == {
        ("a", "mutant", 12, 12), ("b", "wildtype", 12, 12)
    }  # fmt: skip


@pytest.mark.realdata
def test_shipped_relations_are_those_of_the_cohort(cards: dict[str, ModelCard], real_data: Path) -> None:
    from gliomics.study.patients import read_patient_column

    coc = read_patient_column(real_data / "lgg" / "data.csv", "COCCluster")
    idh = read_patient_column(real_data / "tcga" / "lgggbm_clinical.tsv", "IDH status")
    names = {"mutant": "Mutant", "wildtype": "WT"}
    for relation in cards["subtype_coc2"].relations:
        members = [p for p, value in coc.items() if (value == "2") == (relation.predicted == "coc2") and p in idh]
        assert relation.n == len(members)
        assert relation.patients == np.sum([idh[p] == names[relation.expected] for p in members])
