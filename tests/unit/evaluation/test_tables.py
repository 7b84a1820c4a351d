"""The tables of an evaluation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gliomics.evaluation import Pair, evaluate_masks
from gliomics.evaluation.groups import built_in_groups
from gliomics.evaluation.tables import class_rows, source_rows, statistics, subgroup_rows, summary_rows, write_tables
from gliomics.statistics.bootstrap import bootstrap_interval

from .conftest import EMPTY, HALF, REFERENCE, Cohort

DICE = [2 * n / (n + 10) for n in range(1, 11)]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_summary_is_over_patients_with_bootstrap_intervals(ten_patients: Callable[[], list[Pair]]) -> None:
    rows = {(row["metric"], row["statistic"]): row for row in summary_rows(evaluate_masks(ten_patients()))}
    for name, statistic in (("mean", np.mean), ("median", np.median)):
        expected = bootstrap_interval(DICE, statistic=statistic)
        row = rows["dice", name]
        assert (row["value"], row["low"], row["high"], row["n"]) == pytest.approx(
            (expected.value, expected.low, expected.high, 10)
        )
    assert (rows["lesions", "total"]["value"], rows["missed_lesions", "total"]["value"]) == (10, 0)
    assert rows["hausdorff_95_voxels", "mean"]["n"] == 0


def test_undefined_values_are_left_out_of_an_average_and_counted(a_cohort: Cohort) -> None:
    pairs = [a_cohort.add(f"p{n}", HALF) for n in range(5)] + [a_cohort.add("none", EMPTY)]
    mean = statistics(evaluate_masks(pairs).patients, ["hausdorff_95_mm"])[0]
    assert (mean["value"], mean["n"]) == (pytest.approx(8.0), 5)


def test_fewer_than_five_patients_have_no_interval(a_cohort: Cohort) -> None:
    mean = statistics(evaluate_masks([a_cohort.add(f"p{n}", HALF) for n in range(4)]).patients, ["dice"])[0]
    assert mean["value"] == pytest.approx(2 / 3)
    assert np.isnan(mean["low"]) and np.isnan(mean["high"])


def test_the_three_levels_of_the_sources_differ_as_they_should(a_cohort: Cohort) -> None:
    pairs = [a_cohort.add("a", REFERENCE), a_cohort.add("b", EMPTY)]
    rows = {row["metric"]: row for row in source_rows(evaluate_masks(pairs))}
    f1 = rows["f1"]
    assert f1["pooled"] == pytest.approx(2 / 3)
    assert (f1["slices_with_lesion"], f1["n_slices_with_lesion"]) == (0.5, 8)
    assert (f1["all_slices"], f1["n_all_slices"]) == (pytest.approx(8 / 12), 12)
    assert (f1["patients"], f1["n_patients"]) == (0.5, 2)
    assert rows["sensitivity"]["n_all_slices"] == 8


def test_classes_hold_the_confusion_matrix(a_cohort: Cohort) -> None:
    background, lesion = class_rows(evaluate_masks([a_cohort.add("a", HALF)]))
    assert (lesion["called_background"], lesion["called_lesion"], lesion["support"]) == (160, 160, 320)
    assert (background["called_background"], background["called_lesion"]) == (2880 - 320, 0)
    assert background["precision"] == pytest.approx(2560 / 2720)
    assert (lesion["recall"], lesion["f1"]) == (0.5, pytest.approx(2 / 3))


def test_subgroups_are_averaged_apart(ten_patients: Callable[[], list[Pair]]) -> None:
    evaluation = evaluate_masks(ten_patients())
    rows = [
        row
        for row in subgroup_rows(evaluation, built_in_groups(evaluation))
        if (row["group"], row["metric"], row["statistic"]) == ("site", "dice", "mean")
    ]
    assert [(row["value_of_group"], row["n"]) for row in rows] == [("CS", 6), ("DU", 4)]
    assert [row["value"] for row in rows] == pytest.approx([np.mean(DICE[:6]), np.mean(DICE[6:])])
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]
    assert np.isnan(rows[1]["low"])


def test_files_read_back_exactly_and_leave_the_undefined_empty(a_cohort: Cohort, tmp_path: Path) -> None:
    evaluation = evaluate_masks([a_cohort.add("a", HALF, spacing_known=False), a_cohort.add("b", EMPTY)])
    write_tables(evaluation, {"grade": {"a": "II", "b": "III"}}, tmp_path / "out")
    first, second = rows_of(tmp_path / "out" / "patients.csv")
    assert (first["patient_id"], first["studies"], first["group_grade"]) == ("a", "1", "II")
    assert float(first["dice"]) == evaluation.patients[0].values["dice"]
    assert (first["hausdorff_95_mm"], second["hausdorff_95_mm"]) == ("", "")
    assert second["notes"] == "the mask is empty: no distances"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "patients.csv", "summary.csv", "sources.csv", "classes.csv", "subgroups.csv",
    }  # fmt: skip
    assert list(rows_of(tmp_path / "out" / "summary.csv")[0]) == ["metric", "statistic", "value", "low", "high", "n"]


def test_table_of_no_subgroups_has_its_header(a_cohort: Cohort, tmp_path: Path) -> None:
    write_tables(evaluate_masks([a_cohort.add("a", HALF)]), {}, tmp_path)
    assert (tmp_path / "subgroups.csv").read_text() == "group,value_of_group,metric,statistic,value,low,high,n\n"
