from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.subtype.estimators.cohort import comparison_table, with_sites


def rows(patients: int = 20) -> list[FeatureRow]:
    rng = np.random.default_rng(0)
    return [
        FeatureRow(f"TCGA_{'CS' if i % 2 else 'DU'}_{i:04d}_2000", "whole", {"a": float(rng.normal())}, {})
        for i in range(patients)
    ]


OUTCOMES = {f"TCGA-{'CS' if i % 2 else 'DU'}-{i:04d}": "x" if i < 10 else "y" for i in range(20)}


def test_two_values_can_be_one_class() -> None:
    outcomes = {patient: ("1", "2", "3", "2")[number % 4] for number, patient in enumerate(OUTCOMES)}
    table = comparison_table(rows(), outcomes, {"1": "rest", "2": "two", "3": "rest"})
    assert table.classes == ["rest", "two"]
    assert np.bincount(table.outcome).tolist() == [10, 10]


def test_sites_are_those_of_the_ids_or_of_a_column() -> None:
    table = comparison_table(rows(), OUTCOMES, {})
    assert with_sites(table, None).values[:, -1].tolist() == [
        0.0 if "CS" in patient else 1.0 for patient in table.patients
    ]
    by_column = with_sites(table, {table.patients[0]: "Rome", table.patients[1]: "Oslo"})
    assert by_column.values[:2, -1].tolist() == [1, 0]
    assert np.isnan(by_column.values[2:, -1]).all()
    with pytest.raises(InputError, match="no patient's site is known"):
        with_sites(table, {"somebody": "Rome"})


def test_age_is_a_column() -> None:
    patients = comparison_table(rows(), OUTCOMES, {}).patients
    aged = comparison_table(rows(), OUTCOMES, {}, dict.fromkeys(patients, 44.5))
    assert aged.names == ["a", "clinical_age"]
    assert aged.values[0, 1] == 44.5


def test_patient_with_two_rows_is_refused() -> None:
    twice = [*rows(), FeatureRow("TCGA_DU_0000_2001", "whole", {"a": 1.0}, {})]
    with pytest.raises(InputError, match="'TCGA-DU-0000' has 2 rows"):
        comparison_table(twice, OUTCOMES, {})


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        (dict.fromkeys(OUTCOMES, "x"), "one class only"),
        ({patient: "x" if number < 13 else "y" for number, patient in enumerate(OUTCOMES)}, "x 13, y 7"),
        ({"somebody": "x"}, "no patient has both"),
    ],
)
def test_outcomes_that_cannot_be_compared_on_are_refused(outcomes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        comparison_table(rows(), outcomes, {})


def test_feature_without_a_value_is_refused() -> None:
    empty = [FeatureRow(row.study_id, row.region, {**row.values, "b": np.nan}, {}) for row in rows()]
    with pytest.raises(InputError, match="'b' has no value for any of the 20 patients"):
        comparison_table(empty, OUTCOMES, {})


def test_infinite_value_is_refused() -> None:
    infinite = [*rows()[1:], FeatureRow(rows()[0].study_id, "whole", {"a": np.inf}, {})]
    with pytest.raises(InputError, match="'a' has an infinite value"):
        comparison_table(infinite, OUTCOMES, {})
