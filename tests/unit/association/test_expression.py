"""Pairs that tell of each other are found among those that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.association.expression import HISTOGRAM, NEAREST, Information, information
from gliomics.cohort.patient_table import PatientTable, read_values
from gliomics.errors import InputError, UnknownNameError

N = 50


def table_of(values: np.ndarray, kind: str, first: int = 0) -> PatientTable:
    patients = [f"P-{number + first}" for number in range(len(values))]
    return PatientTable(patients, patients, [f"{kind}{number}" for number in range(values.shape[1])], values)


@pytest.fixture(scope="module")
def found() -> Information:
    """Six features and eight genes of 50 patients; feature 0 goes with gene 0, and feature 1 lacks ten patients."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, 6)), rng.normal(size=(N, 8))
    y[:, 0] = x[:, 0] + 0.4 * y[:, 0]
    x[:10, 1], x[:35, 5], y[0, 7] = np.nan, np.nan, np.nan
    genes = table_of(y[::-1], "g")
    genes = PatientTable(genes.patients[::-1], genes.studies, genes.names, genes.values)  # another order
    return information(table_of(x, "f"), genes, permutations=99)


@pytest.mark.parametrize("test", [HISTOGRAM, NEAREST])
def test_planted_pair_is_the_strongest_and_survives(found: Information, test: str) -> None:
    estimate = found.estimates[test]
    assert np.unravel_index(estimate.p.argmin(), estimate.p.shape) == (0, 0)
    assert estimate.p[0, 0] == pytest.approx(estimate.smallest_p, abs=0.002)
    assert estimate.fdr[0, 0] < 0.35
    assert np.median(estimate.p) > 0.25


def test_correction_is_over_all_pairs(found: Information) -> None:
    estimate = found.estimates[NEAREST]
    assert estimate.bonferroni[0, 0] == pytest.approx(35 * estimate.p[0, 0])
    assert estimate.bonferroni[0, 0] < 0.05
    assert (estimate.fdr < 0.05).sum() == 1


def test_strongest_pair_of_permuted_tables_is_weaker(found: Information) -> None:
    estimate = found.estimates[HISTOGRAM]
    assert estimate.p_max is not None
    assert estimate.p_max[0, 0] == 0.01
    assert len(estimate.by_chance[10]) == 99


def test_what_is_not_complete_is_left_out_and_said(found: Information) -> None:
    assert (found.features, found.n) == (["f0", "f1", "f2", "f3", "f4"], [50, 40, 50, 50, 50])
    assert found.left_out == [
        "1 features with fewer than 20 patients or one value: f5",
        "1 genes with missing values or one value: g7",
    ]


def test_tables_of_other_patients_are_refused() -> None:
    rng = np.random.default_rng(0)
    features, genes = table_of(rng.normal(size=(N, 2)), "f"), table_of(rng.normal(size=(N, 2)), "g", first=40)
    with pytest.raises(InputError, match="10 patients are in both tables, at least 20 are needed"):
        information(features, genes)


def test_numbers_are_read_by_patient_and_texts_are_named(tmp_path: Path) -> None:
    (tmp_path / "genes.csv").write_text("ID;class;TP53;EGFR\nTCGA_CS_4941;a;1.5;NA\nTCGA-CS-4942;b;-2;3e-1\n")
    table, texts = read_values(tmp_path / "genes.csv")
    assert (table.patients, table.names, texts) == (["TCGA-CS-4941", "TCGA-CS-4942"], ["TP53", "EGFR"], ["class"])
    assert table.values.tolist()[1] == [-2.0, 0.3]
    assert np.isnan(table.values[0, 1])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("ID,g\nP,1\nP,2\n", InputError, "has two rows of patient 'P'"),
        ("ID,g\nP,x\n", InputError, "has no column of numbers; it has g"),
        ("who,g\nP,1\n", UnknownNameError, "to tell the patient"),
    ],
)
def test_unusable_expression_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    (tmp_path / "genes.csv").write_text(text)
    with pytest.raises(error, match=message):
        read_values(tmp_path / "genes.csv")
