from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.records import FeatureRow
from gliomics.study.patients import read_patient_column
from gliomics.subtype.table import check_class_counts, join


def row(study: str, patient: str | None = None, config: str = "c", **values: float) -> FeatureRow:
    diagnostics = {"config_sha256": config} | ({"patient_id": patient} if patient else {})
    return FeatureRow(study, "whole", values, diagnostics)


def test_outcomes_are_read_from_the_imported_table_and_from_the_published_one(tmp_path: Path) -> None:
    (tmp_path / "genomics.csv").write_text(
        "patient_id,Patient,COCCluster\nTCGA-CS-4941,TCGA_CS_4941,2\nTCGA-CS-4942,x,\n"
    )
    (tmp_path / "clinical.tsv").write_text(
        "Study ID\tPatient ID\tIDH status\ns\tTCGA-CS-4941\tWT\ns\tTCGA-CS-4942\tNA\n"
    )
    assert read_patient_column(tmp_path / "genomics.csv", "COCCluster") == {"TCGA-CS-4941": "2"}
    assert read_patient_column(tmp_path / "clinical.tsv", "IDH status") == {"TCGA-CS-4941": "WT"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("patient_id,a\nP,1\n", UnknownNameError, "has no column 'COC'; it has patient_id, a"),
        ("who,COC\nP,1\n", UnknownNameError, "has no column patient_id or Patient ID or Patient"),
        ("patient_id,COC\n", InputError, "has no rows"),
        ("patient_id,COC\nP,1\nP,2\n", InputError, "gives patient 'P' two values of 'COC', 1 and 2"),
    ],
)
def test_unusable_outcomes_are_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(error, match=message):
        read_patient_column(tmp_path / "bad.csv", "COC")


def test_join_is_by_patient_however_it_is_written() -> None:
    table = join(
        [row("S2", "TCGA_CS_2", f=2.0), row("S1", "TCGA-CS-1", f=1.0)], {"TCGA-CS-1": "b", "TCGA-CS-2": "a"}, {}
    )
    assert (table.patients, table.classes) == (["TCGA-CS-1", "TCGA-CS-2"], ["a", "b"])
    assert table.outcome.tolist() == [1, 0]
    assert table.values[:, 0].tolist() == [1.0, 2.0]


def test_a_patient_counts_once_with_the_first_study() -> None:
    table = join([row("P_followup", "P", f=9.0), row("P_baseline", "P", f=1.0)], {"P": "a"}, {})
    assert table.studies == ["P_baseline"]


def test_patients_without_an_outcome_are_left_out_and_missing_features_are_nan() -> None:
    table = join([row("A", f=1.0), row("B", g=2.0), row("C", f=3.0)], {"A": "x", "B": "y"}, {})
    assert table.patients == ["A", "B"]
    np.testing.assert_array_equal(table.columns(["f", "g"]), [[1, np.nan], [np.nan, 2]])


def test_classes_keep_the_order_in_which_they_were_named() -> None:
    table = join([row("A", f=1.0), row("B", f=2.0)], {"A": "WT", "B": "Mutant"}, {"Mutant": "mutant", "WT": "wildtype"})
    assert table.classes == ["mutant", "wildtype"]
    assert table.outcome.tolist() == [1, 0]


def test_value_without_a_class_name_is_refused() -> None:
    with pytest.raises(InputError, match="has the value '4', for which no class was given"):
        join([row("A", f=1.0)], {"A": "4"}, {"1": "coc1"})


def test_rows_of_two_configurations_are_refused() -> None:
    with pytest.raises(InputError, match="different feature configurations: of 'B' beside 'A', its digest is d, exp"):
        join([row("A", f=1.0), row("B", config="d", f=1.0)], {"A": "x", "B": "y"}, {})


def test_rows_with_a_brain_mask_and_without_are_refused_and_a_table_says_which_it_has() -> None:
    rows = [
        replace(item, diagnostics=item.diagnostics | {"brain_mask": True}) for item in (row("A", f=1), row("B", f=2))
    ]
    assert join(rows, {"A": "x", "B": "y"}, {}).brain_mask
    assert not join([row("A", f=1.0)], {"A": "x"}, {}).brain_mask
    with pytest.raises(InputError, match="of 'C' and 'A', only the row of 'A' was measured with a brain mask"):
        join([*rows, row("C", f=1.0)], {"A": "x", "B": "y"}, {})


def test_rows_of_two_regions_are_refused() -> None:
    other = FeatureRow("B", "enhancing", {"f": 1.0}, {"config_sha256": "c"})
    with pytest.raises(InputError, match=r"different regions \(enhancing, whole\); keep one"):
        join([row("A", f=1.0), other], {"A": "x", "B": "y"}, {})


def test_nobody_in_common_is_refused_with_an_example_of_each() -> None:
    with pytest.raises(InputError, match=r"features are of e.g. 'A', outcomes of e.g. 'P1'"):
        join([row("A", f=1.0)], {"P1": "x"}, {})


def test_too_small_a_class_is_refused_with_all_counts() -> None:
    table = join([row(f"P{n}", f=1.0) for n in range(17)], {f"P{n}": "b" if n < 7 else "a" for n in range(17)}, {})
    with pytest.raises(InputError, match=r"too few patients in a class \(a 10, b 7\); at least 8"):
        check_class_counts(table.classes, table.outcome)
    check_class_counts(["a", "b"], np.repeat([0, 1], 8))


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="one class only"):
        check_class_counts(["x"], np.zeros(9, dtype=np.int64))


def test_fingerprint_follows_who_had_which_class() -> None:
    rows = [row("A", f=1.0), row("B", f=2.0)]
    table, exchanged = join(rows, {"A": "x", "B": "y"}, {}), join(rows, {"A": "y", "B": "x"}, {})
    assert table.fingerprint == join(rows[::-1], {"B": "y", "A": "x"}, {}).fingerprint != exchanged.fingerprint
