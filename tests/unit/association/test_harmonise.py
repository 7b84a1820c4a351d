"""Planted differences between batches go, planted associations stay, and what cannot be told apart is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.association.associate import KRUSKAL, Plan, associate, questions
from gliomics.association.harmonise import Harmonised, cautions, harmonise, harmonised_rows
from gliomics.cohort.feature_table import read_features_csv, write_features_csv
from gliomics.cohort.patient_table import PatientTable, patient_table
from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array
from gliomics.subtype.table import join
from gliomics.survival.table import survival_table

N, FEATURES = 60, 12
SITES = {f"P-{number}": "ABC"[number % 3] for number in range(N)}
GRADES = {f"P-{number}": "high" if number % 2 else "low" for number in range(N)}


def drawn(shift: float = 5.0, effect: float = 2.0, seed: int = 0) -> Array:
    """Normal features, of site B higher and more spread; the first goes with the grade, which sites do not."""
    number = np.arange(N)
    values = np.random.default_rng(seed).normal(size=(N, FEATURES))
    values[:, 0] += effect * (number % 2)
    of_b = (number % 3 == 1)[:, None]
    return np.where(of_b, 2 * values + shift, values)


def rows_of(values: Array) -> list[FeatureRow]:
    return [
        FeatureRow(f"P-{n}", "whole", {f"f{k}": float(v) for k, v in enumerate(row) if not np.isnan(v)})
        for n, row in enumerate(values)
    ]


def table_of(values: Array) -> PatientTable:
    return patient_table(rows_of(values))


def p_of_grade(table: PatientTable) -> float:
    rows = associate(table.of(SITES), questions(table, {"grade": GRADES}), Plan())
    return next(row.p for row in rows if (row.test, row.feature) == (KRUSKAL, "f0"))


@pytest.fixture(scope="module")
def result() -> Harmonised:
    return harmonise(table_of(drawn()), "site", SITES)


def test_planted_batches_are_removed_and_a_planted_association_is_seen_better(result: Harmonised) -> None:
    assert min(effect.share_before for effect in result.effects) > 0.2
    assert max(effect.p_before for effect in result.effects) < 0.001
    assert max(effect.share_after for effect in result.effects) < 0.05
    of_b = result.labels == "B"
    assert result.harmonised.values[of_b].std() / result.harmonised.values[~of_b].std() == pytest.approx(1, abs=0.15)
    assert p_of_grade(result.harmonised) < 0.1 * p_of_grade(result.measured)


def test_what_a_kept_value_explains_stays_where_batches_differ_in_it() -> None:
    """Two batches of unequal ages, features that rise with the age and nothing else."""
    rng, older = np.random.default_rng(0), np.arange(N) % 2
    age = 40 + 15 * older + rng.normal(scale=8, size=N)
    table = table_of(0.1 * age[:, None] + 0.5 * rng.normal(size=(N, FEATURES)))
    batches = {f"P-{number}": "old" if older[number] else "young" for number in range(N)}
    kept = {f"P-{number}": {"age": float(age[number])} for number in range(N)}

    def difference(result: Harmonised) -> float:
        values = result.harmonised.values.mean(axis=1)
        return float(values[older == 1].mean() - values[older == 0].mean())

    assert abs(difference(harmonise(table, "site", batches))) < 0.1
    with_age = harmonise(table, "site", batches, kept)
    assert difference(with_age) == pytest.approx(1.5, abs=0.4)
    assert "of the variance of 'age' lie between the batches" in " ".join(with_age.warnings)


def test_patients_without_batch_and_small_batches_are_left_out_and_named() -> None:
    batches = {**{p: site for p, site in SITES.items() if p != "P-0"}, "P-1": "alone"}
    result = harmonise(table_of(drawn()), "site", batches)
    assert result.left_out == {"P-0": "no batch", "P-1": "batch 'alone' has 1, fewer than 5 patients"}
    assert "P-1" not in result.harmonised.patients


def test_features_that_a_batch_lacks_or_that_never_vary_are_said() -> None:
    values = drawn()
    values[np.arange(N) % 3 == 2, 3] = np.nan
    values[:, 4] = 7.0
    result = harmonise(table_of(values), "site", SITES)
    assert result.effects[3].note == "as measured where fewer than 3 patients have it: C"
    assert np.isnan(result.effects[4].p_before)
    assert np.array_equal(result.harmonised.values[:, 4], values[:, 4])
    assert np.array_equal(np.isnan(result.harmonised.values), np.isnan(values))


@pytest.mark.parametrize(
    ("batches", "kept", "message"),
    [
        (dict.fromkeys(SITES, "A"), None, r"'site' has fewer than two batches of 5 patients each \(A: 60\)"),
        ({p: p for p in SITES}, None, "fewer than two batches of 5 patients"),
        ({"X": "A"}, None, "no patient has both features and a value in column 'site'"),
        (SITES, {p: {"is_b": float(s == "B")} for p, s in SITES.items()}, "'is_b' does not vary within the batches"),
        (SITES, {p: {"a": float(p[-1]), "b": 2 * float(p[-1])} for p in SITES}, "a, b and the batches of 'site' tell"),
    ],
)
def test_batches_that_cannot_be_told_are_refused(
    batches: dict[str, str], kept: dict[str, dict[str, float]] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        harmonise(table_of(drawn()), "site", batches, kept)


def test_the_table_says_that_it_was_harmonised_and_models_refuse_it(result: Harmonised, tmp_path: Path) -> None:
    write_features_csv(harmonised_rows(rows_of(drawn()), result), tmp_path / "harmonised.csv")
    rows = read_features_csv(tmp_path / "harmonised.csv")
    table = patient_table(rows)
    assert np.array_equal(table.values, result.harmonised.values)
    assert table.harmonisation == result.harmonisation
    assert "not for models" in rows[0].warnings[-1]
    with pytest.raises(InputError, match="harmonised over 'site' with 60 patients at once"):
        join(rows, GRADES, {})
    with pytest.raises(InputError, match="harmonised over 'site'"):
        survival_table(table, {}, "days")
    with pytest.raises(InputError, match="harmonised before, over 'site'"):
        harmonise(table, "site", SITES)
    with pytest.raises(InputError, match="not harmonised together"):
        patient_table([*rows[:5], *rows_of(drawn())[5:]])


def test_targets_that_batches_tell_are_refused_and_those_that_go_with_them_said(result: Harmonised) -> None:
    table = result.harmonised
    assert cautions(table, {"grade": GRADES}) == []
    with pytest.raises(InputError, match="'scanner' is told by 'site'"):
        cautions(table, {"scanner": {patient: "x" if site == "A" else "y" for patient, site in SITES.items()}})
    half = {p: "x" if site == "A" and int(p[2:]) < 50 else "y" for p, site in SITES.items()}
    assert "'half' goes with 'site' (exact test p =" in cautions(table, {"half": half})[0]
    kept = harmonise(table_of(drawn()), "site", SITES, {p: {"grade": float(g == "high")} for p, g in GRADES.items()})
    assert "'grade' was kept" in cautions(kept.harmonised, {"grade": GRADES})[0]
