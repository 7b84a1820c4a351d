"""Planted associations are found at their strength, and what cannot be tested is refused and said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, false_discovery_control, kruskal, kstest, mannwhitneyu

from gliomics.association.associate import ALL, AUC, FISHER, KRUSKAL, Association, Plan, associate, questions
from gliomics.cohort.patient_table import PatientTable, patient_table
from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.statistics.probability_scores import auc

pytestmark = pytest.mark.slow

MEDIAN = Plan()
CLASSES = {"a": 24, "b": 20, "c": 16}


def labels_of(counts: dict[str, int]) -> dict[str, str]:
    names = [name for name, count in counts.items() for _ in range(count)]
    return {f"P-{number}": name for number, name in enumerate(names)}


def table_of(values: np.ndarray) -> PatientTable:
    patients = [f"P-{number}" for number in range(len(values))]
    return PatientTable(patients, patients, [f"f{number}" for number in range(values.shape[1])], values)


def planted(shift: float, features: int = 1, seed: int = 0, counts: dict[str, int] = CLASSES) -> PatientTable:
    """Normal features, of which class ``c`` is higher by ``shift`` standard deviations."""
    high = np.array([label == "c" for label in labels_of(counts).values()])
    return table_of(np.random.default_rng(seed).normal(size=(high.size, features)) + shift * high[:, None])


def rows_of(
    table: PatientTable, counts: dict[str, int] = CLASSES, plan: Plan = MEDIAN, groups: dict[str, str] | None = None
) -> list[Association]:
    return associate(table, questions(table, {"cluster": labels_of(counts)}, groups), plan)


def one(rows: list[Association], test: str, class_: str = "", group: str = ALL) -> Association:
    return next(row for row in rows if (row.test, row.class_, row.group) == (test, class_, group))


def test_figures_are_those_of_scipy() -> None:
    table, labels = planted(1.0), np.array([*labels_of(CLASSES).values()])
    values, rows = table.values[:, 0], rows_of(table)
    groups = [values[labels == name] for name in CLASSES]
    h = kruskal(*groups)
    assert (one(rows, KRUSKAL).statistic, one(rows, KRUSKAL).p) == pytest.approx((h.statistic, h.pvalue))
    assert one(rows, KRUSKAL).effect == pytest.approx(h.statistic / (len(values) - 1))
    above = [[int((group > np.median(values)).sum()), int((group <= np.median(values)).sum())] for group in groups]
    chi2 = chi2_contingency(above, correction=False).statistic
    assert one(rows, FISHER).effect == pytest.approx(math.sqrt(chi2 / len(values)))
    assert one(rows, AUC, "c").p == pytest.approx(mannwhitneyu(values[labels == "c"], values[labels != "c"]).pvalue)
    assert one(rows, AUC, "c").effect == pytest.approx(auc(values, labels == "c"))
    assert (one(rows, AUC, "c").n, one(rows, AUC, "c").n_class) == (60, 16)


def test_planted_association_is_found_at_its_strength() -> None:
    counts = {"a": 240, "b": 200, "c": 160}
    rows = rows_of(planted(1.0, counts=counts), counts)
    row = one(rows, AUC, "c")
    assert row.effect_low < 0.7602 < row.effect_high  # Phi(1 / sqrt(2))
    assert row.effect_high - row.effect_low < 0.1
    assert all(row.p_bonferroni < 1e-6 for row in rows if row.test in (FISHER, KRUSKAL))


def test_effects_of_nothing_have_intervals_down_to_0() -> None:
    rows = rows_of(planted(0.0, features=12))
    lowest = [row.effect_low for row in rows if row.test in (FISHER, KRUSKAL)]
    assert np.mean(np.array(lowest) < 0.02) > 0.8


def test_null_p_values_are_uniform_and_corrections_hold_their_level() -> None:
    tables = [rows_of(planted(0.0, features=12, seed=seed)) for seed in range(10)]
    of_kruskal = [[row for row in rows if row.test == KRUSKAL] for rows in tables]
    assert kstest([row.p for rows in of_kruskal for row in rows], "uniform").pvalue > 0.01
    any_discovery = np.mean([min(row.p_holm for row in rows) < 0.05 for rows in of_kruskal])
    assert any_discovery <= 0.3  # of 10 tables at 0.05: 4 or more come with a probability of 0.001
    exact = np.array([row.p for rows in tables for row in rows if row.test == FISHER])
    assert np.mean(exact < 0.05) < 0.1  # discrete, so at most its level


def test_corrections_are_over_features_targets_and_classes_of_a_test_and_group() -> None:
    table, labels = planted(1.0, features=3), labels_of(CLASSES)
    groups = {patient: "even" if int(patient[2:]) % 2 else "odd" for patient in table.patients}
    rows = associate(table, questions(table, {"first": labels, "second": labels}, groups), Plan())
    assert {row.group for row in rows} == {ALL, "even", "odd"}
    family = [row for row in rows if (row.test, row.group) == (AUC, "odd")]
    assert len(family) == 3 * 2 * 3
    p = [row.p for row in family]
    assert [row.p_bonferroni for row in family] == pytest.approx(np.minimum(1, np.array(p) * 18))
    assert [row.p_fdr for row in family] == pytest.approx(false_discovery_control(p))


def test_small_classes_are_left_out_and_said() -> None:
    counts = CLASSES | {"d": 4}
    rows = rows_of(planted(1.0, counts=counts), counts)
    assert (one(rows, KRUSKAL).n, one(rows, KRUSKAL).note) == (60, "left out, with fewer than 5 patients: d (4)")
    refused = one(rows, AUC, "d")
    assert (refused.n_class, refused.note) == (4, "refused: a class needs at least 5 patients")
    assert math.isnan(refused.p) and math.isnan(refused.p_holm) and math.isnan(refused.effect)
    assert one(rows, AUC, "c").p_bonferroni == pytest.approx(3 * one(rows, AUC, "c").p)


def test_group_without_two_classes_is_refused() -> None:
    labels = labels_of(CLASSES)
    rows = rows_of(planted(0.0), groups={patient: label for patient, label in labels.items()})
    assert one(rows, FISHER, group="a").note.startswith("refused: fewer than two classes are left")


@pytest.mark.parametrize(
    ("values", "test", "message"),
    [
        (np.full(60, 2.0), KRUSKAL, "the feature has one value everywhere"),
        (np.r_[1.0, np.zeros(59)], FISHER, "a cell would be expected to hold 0.3 patients"),
    ],
)
def test_feature_that_cannot_be_tested_is_refused(values: np.ndarray, test: str, message: str) -> None:
    row = one(rows_of(table_of(values[:, None])), test)
    assert math.isnan(row.p)
    assert message in row.note


def test_patients_without_the_feature_or_the_class_do_not_count() -> None:
    table = planted(1.0)
    table.values[:4, 0] = np.nan
    labels = {patient: label for patient, label in labels_of(CLASSES).items() if patient != "P-59"}
    rows = associate(table, questions(table, {"cluster": labels}), Plan())
    assert one(rows, KRUSKAL).n == 55


def test_quartiles_make_four_levels() -> None:
    median, quartiles = (one(rows_of(planted(1.0), plan=Plan(cut)), FISHER) for cut in ("median", "quartiles"))
    assert median.p != quartiles.p
    assert median.p_se == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"P-0": "a", "P-1": "a"}, "'cluster' has fewer than two classes among the 60 patients"),
        ({"X": "a", "Y": "b"}, "in column 'cluster': features are of 'P-0', 'P-1', 'P-2', ..., values of 'X', 'Y'"),
        ({}, "features are of 'P-0', 'P-1', 'P-2', ..., values of nobody"),
        (
            {f"P-{k}": f"{k / 7:.2f}" for k in range(60)},
            "'cluster' has 60 values among 60 patients, such as 0.00, 0.14",
        ),
    ],
)
def test_target_that_is_no_classes_of_these_patients_is_refused(labels: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        questions(planted(0.0), {"cluster": labels})


def test_groups_of_a_measurement_are_refused() -> None:
    ages = {f"P-{k}": f"{40 + k / 2}" for k in range(60)}
    with pytest.raises(InputError, match=r"60 groups, such as 40.0, 40.5, 41.0; expected at most 20: give '--by'"):
        questions(planted(0.0), {"cluster": labels_of(CLASSES)}, ages)


def test_patient_at_two_time_points_is_refused() -> None:
    rows = [FeatureRow(f"P_{when}", "whole", {"f": 1.0}, {"patient_id": "P", "timepoint": when}) for when in "ab"]
    with pytest.raises(InputError, match=r"patient 'P' has two rows of features, 'P_a' \(time point a\) and 'P_b'"):
        patient_table(rows)


@pytest.mark.parametrize(("values", "message"), [({}, "no feature"), ({"f": math.inf}, "'f' has an infinite value")])
def test_rows_without_usable_features_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        patient_table([FeatureRow("A", "whole", values)])
