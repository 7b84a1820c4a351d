"""The published features of Bakas 2017 as the benchmark reads them, and one of its estimators on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.cohort.feature_table import read_features_csv, write_features_csv
from gliomics.statistics.probability_scores import macro_auc
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.estimators.comparison import compare
from tests.benchmarks.subtype_bakas import TARGETS, read_candidates, read_published, read_table

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize(
    ("target", "counts", "least"),
    [("gbm-three", [23, 38, 20], 0.60), ("gbm-four", [23, 38, 20, 10], 0.57), ("idh-lgg", [46, 7], 0.70)],
)
def test_strong_ridge_tells_the_classes_of_patients_that_it_did_not_see(
    target: str, counts: list[int], least: float, real_data: Path
) -> None:
    table = read_table(real_data / "tcga", TARGETS[target])
    assert np.bincount(table.outcome).tolist() == counts
    rng = np.random.default_rng(1)
    folds = [stratified_folds(table.outcome, FOLDS, rng) for _ in range(3)]
    candidates = {"strong-ridge": read_candidates()["strong-ridge"]}
    of_others = compare(table, candidates, folds).by_candidate["strong-ridge"]
    assert np.mean([macro_auc(probability, table.outcome) for probability in of_others]) > least


@pytest.mark.parametrize("cohort", ["gbm", "lgg"])
def test_published_table_is_written_as_the_commands_read_it(cohort: str, real_data: Path, tmp_path: Path) -> None:
    rows = read_published(real_data / "tcga" / f"tcga_{cohort}_bakas_features.csv")
    write_features_csv(rows, tmp_path / "features.csv")
    assert [row.values for row in read_features_csv(tmp_path / "features.csv")] == [row.values for row in rows]
    assert len(rows[0].values) > 650
