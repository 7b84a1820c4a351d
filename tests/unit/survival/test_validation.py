"""What features add is found where it was planted, and not where there is nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gliomics.report.cohort.survival import findings
from gliomics.survival.accuracy import c_index
from gliomics.survival.figures import figures, rows_over_time
from gliomics.survival.hazards import SCORE, hazard_rows
from gliomics.survival.validation import BOTH, CLINICAL, NOBODY, RADIOMICS, Validation, horizons_of, validate
from tests.unit.survival.cohorts import a_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def planted() -> Validation:
    return validate(a_table(140, of_feature=0.9, of_age=0.6), repeats=1)


@pytest.fixture(scope="module")
def rows(planted: Validation) -> list[dict[str, Any]]:
    return figures(planted)


def value(rows: list[dict[str, Any]], model: str, minus: str | None = None, measure: str = "c_index") -> dict[str, Any]:
    return next(row for row in rows if (row["model"], row["minus"], row["measure"]) == (model, minus, measure))


def test_both_is_better_than_clinical_where_features_tell(rows: list[dict[str, Any]]) -> None:
    assert value(rows, RADIOMICS)["low"] > 0.6
    assert value(rows, BOTH)["value"] > value(rows, RADIOMICS)["value"] > value(rows, CLINICAL)["value"] > 0.55
    assert value(rows, BOTH, CLINICAL)["low"] > 0
    assert value(rows, BOTH, CLINICAL, "brier")["high"] < 0
    difference = value(rows, BOTH)["value"] - value(rows, CLINICAL)["value"]
    assert value(rows, BOTH, CLINICAL)["value"] == pytest.approx(difference)
    assert value(rows, BOTH)["n"] == 140


def test_intervals_hold_their_values(rows: list[dict[str, Any]]) -> None:
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_curves_begin_at_nothing_and_meet_the_figures(planted: Validation, rows: list[dict[str, Any]]) -> None:
    curves = rows_over_time(planted)
    brier = [row for row in curves if (row["model"], row["measure"]) == (BOTH, "brier")]
    assert brier[0]["time"] == brier[0]["value"] == 0
    integrated = value(rows, BOTH, measure="integrated_brier")
    assert integrated["time"] == brier[-1]["time"] == planted.times[-1]
    assert integrated["value"] == pytest.approx(np.mean([row["value"] for row in brier]), abs=0.005)
    assert value(rows, BOTH, CLINICAL, "integrated_brier")["high"] < 0 < integrated["low"]
    auc = [row for row in curves if (row["model"], row["measure"]) == (BOTH, "auc")]
    assert all(row["low"] <= row["value"] <= row["high"] for row in curves)
    assert auc[0]["events"] >= 8 and auc[0]["low"] > 0.4 and all(row["beyond"] >= 8 for row in auc)


def test_model_of_nobody_is_the_curve_of_the_others(planted: Validation) -> None:
    survival = planted.models[NOBODY].survival[0]
    assert np.ptp(survival, axis=0).max() < 0.15
    assert len(np.unique(survival[:, 0])) == 5


def test_patient_has_no_part_in_the_own_prediction(planted: Validation) -> None:
    """Another outcome of some patients changes what is said of the others, and nothing that is said of them."""
    table = planted.table
    other = dataclasses.replace(table, time=np.where(np.arange(140) < 1, table.time * 40, table.time))
    changed = validate(other, repeats=1)
    for model in (CLINICAL, RADIOMICS):
        before, after = planted.models[model].risk[0], changed.models[model].risk[0]
        assert before[0] == after[0]
        assert (before != after).any()


def test_null_cohorts_tell_nothing() -> None:
    tables = [a_table(50, seed=seed, clinical=False) for seed in range(5)]
    risks = [validate(table, repeats=1).models[RADIOMICS].risk[0] for table in tables]
    found = [c_index(risk, table.time, table.event) for risk, table in zip(risks, tables, strict=True)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_horizons_have_events_before_and_patients_beyond() -> None:
    time, event = np.arange(0.5, 8, 0.1), np.full(75, True)
    assert horizons_of(time, event, "years") == [2, 3, 5]
    assert horizons_of(time * 365.25, event, "days") == [730.5, 1095.75, 1826.25]
    assert horizons_of(time / 10, event, "years") == [pytest.approx(0.42)]


def test_hazard_ratios_of_what_was_planted(planted: Validation) -> None:
    by_name = {(row["model"], row["covariate"]): row for row in hazard_rows(planted)}
    age = by_name["clinical", "age"]
    assert age["low"] < np.exp(0.06) < age["high"] + 0.02
    assert by_name["clinical and score", SCORE]["low"] > 1
    alone = [row for (model, _), row in by_name.items() if model == "alone"]
    assert alone[0]["covariate"] == "f0"
    assert alone[0]["low"] > 1.3
    assert all(row["p"] <= row["p_fdr"] for row in alone)


def test_clinical_value_that_tells_who_dies_has_no_ratio_and_is_named(
    planted: Validation, rows: list[dict[str, Any]]
) -> None:
    died = dataclasses.replace(
        planted.table, clinical=planted.table.event[:, None].astype(float), clinical_names=["necropsy"]
    )
    known_afterwards = dataclasses.replace(planted, table=died)
    told = findings(known_afterwards, rows, hazard_rows(known_afterwards))
    assert any(line.startswith("No hazard ratio of necropsy: Cox's model has no solution") for line in told)
    assert not any("No hazard ratio" in line for line in findings(planted, rows, hazard_rows(planted)))
