"""What the age tells of the survival of the real patients, and what published features add to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.cohort.patient_table import patient_table
from gliomics.records import FeatureRow
from gliomics.study.patients import canonical_patient
from gliomics.survival.accuracy import c_index
from gliomics.survival.figures import figures
from gliomics.survival.outcomes import read_clinical, read_outcomes
from gliomics.survival.table import SurvivalTable, survival_table
from gliomics.survival.validation import BOTH, CLINICAL, validate
from tests.benchmarks.subtype_bakas import read_published

pytestmark = pytest.mark.realdata
AGE = "age_at_initial_pathologic_diagnosis"


def a_table(rows: list[FeatureRow], real_data: Path) -> SurvivalTable:
    outcomes, missing, _ = read_outcomes(real_data / "tcga" / "survival_cdr.tsv", "OS.time", "OS")
    ages = read_clinical(real_data / "tcga" / "survival_cdr.tsv", [AGE])
    return survival_table(patient_table(rows), outcomes, "days", missing=missing, clinical=ages)


def test_age_alone_tells_of_survival(real_data: Path) -> None:
    names = sorted(path.stem for path in (real_data / "lgg").glob("TCGA*.zip"))
    table = a_table([FeatureRow(name, "whole", {"place": float(k)}) for k, name in enumerate(names)], real_data)
    assert (len(table.patients), int(table.event.sum())) == (88, 27)
    assert table.patients == [canonical_patient(name) for name in names]
    assert c_index(table.clinical[:, 0], table.time, table.event) == pytest.approx(0.77, abs=0.005)


def test_published_features_of_lower_grade_glioma_add_nothing_to_the_age(real_data: Path) -> None:
    table = a_table(read_published(real_data / "tcga" / "tcga_lgg_bakas_features.csv"), real_data)
    rows = [row for row in figures(validate(table, repeats=1)) if row["measure"] == "c_index"]
    for row in rows:
        print(row["model"], row["minus"] or "", f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})")
    difference = next(row for row in rows if (row["model"], row["minus"]) == (BOTH, CLINICAL))
    assert difference["low"] <= 0
