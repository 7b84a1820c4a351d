"""What estimators tell from published features of three tumour regions on four sequences (Bakas 2017).

    python -m tests.benchmarks.subtype_bakas TCGA_FOLDER OUT [--target NAME ...] [--repeats 5] [--permutations 40]

TCGA_FOLDER holds `tcga_gbm_bakas_features.csv`, `tcga_lgg_bakas_features.csv` and `lgggbm_clinical.tsv` (cBioPortal).
OUT gets a feature table of each in the form that `gliomics` reads, and for each target the table that `gliomics subtype
compare` makes of the candidates in `subtype_bakas.yaml`, whose choice is made inside the folds. The permutations deal
the outcome out at random and choose among the linear candidates, which are fast, beside the same choice on the real
outcome.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gliomics.cohort.feature_table import write_features_csv
from gliomics.csv_files import write_csv
from gliomics.records import FeatureRow
from gliomics.statistics.probability_scores import macro_auc
from gliomics.study.patients import read_patient_column
from gliomics.subtype.circumstances import read_ages
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.estimators.comparison import compare
from gliomics.subtype.estimators.config import EstimatorConfig
from gliomics.subtype.estimators.figures import figures
from gliomics.subtype.table import TrainingTable, join
from gliomics.yaml_files import read_yaml

LINEAR = ("ridge-lasso", "strong-ridge", "correlation-strong-ridge")
MOST_MISSING = 0.3


@dataclass(frozen=True)
class Target:
    """A question: of which table's patients, by which column, and the classes by its values."""

    cohort: str
    column: str
    classes: Mapping[str, str]
    with_age: bool = False


_THREE = {"CL": "classical", "ME": "mesenchymal", "PN": "proneural"}
TARGETS = {
    "gbm-three": Target("gbm", "Transcriptome Subtype", _THREE),
    "gbm-four": Target("gbm", "Transcriptome Subtype", _THREE | {"NE": "neural"}),
    "idh-lgg": Target("lgg", "IDH status", {"Mutant": "mutant", "WT": "wildtype"}),
    "idh-lgg-age": Target("lgg", "IDH status", {"Mutant": "mutant", "WT": "wildtype"}, with_age=True),
}


def read_published(path: Path) -> list[FeatureRow]:
    """The rows of a published table: the patient in ``ID``, numbers elsewhere; what most patients have is kept."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [FeatureRow(r["ID"], "whole", _numbers(r), {"patient_id": r["ID"]}) for r in csv.DictReader(file)]
    names = dict.fromkeys(name for row in rows for name in row.values)
    kept = [n for n in names if sum(n in row.values for row in rows) >= (1 - MOST_MISSING) * len(rows)]
    return [replace(row, values={n: row.values[n] for n in kept if n in row.values}) for row in rows]


def _numbers(cells: Mapping[str, str]) -> dict[str, float]:
    values = {}
    for name, cell in cells.items():
        try:
            value = float(cell)
        except ValueError:  # the date, and what a spreadsheet writes where it divides by 0
            continue
        if name != "ID" and math.isfinite(value):
            values[name] = value
    return values


def read_table(folder: Path, target: Target) -> TrainingTable:
    """Patients with features and a class that counts; classes of fewer than eight patients are not refused."""
    clinical = folder / "lgggbm_clinical.tsv"
    outcomes = {p: v for p, v in read_patient_column(clinical, target.column).items() if v in target.classes}
    ages = read_ages(clinical, "Diagnosis Age") if target.with_age else None
    return join(read_published(folder / f"tcga_{target.cohort}_bakas_features.csv"), outcomes, target.classes, ages)


def read_candidates() -> dict[str, EstimatorConfig]:
    """The configurations that are compared, by name."""
    settings = read_yaml(Path(__file__).with_suffix(".yaml"))
    return {name: EstimatorConfig.model_validate(config) for name, config in settings.items()}


def nested_auc(table: TrainingTable, candidates: Mapping[str, EstimatorConfig], seed: int) -> float:
    """The macro AUC of the choice among candidates that is made inside the folds; one repeat."""
    folds = [stratified_folds(table.outcome, FOLDS, np.random.default_rng(seed))]
    return macro_auc(compare(table, candidates, folds, seed=seed).nested[0], table.outcome)


def permutation_test(table: TrainingTable, candidates: Mapping[str, EstimatorConfig], permutations: int) -> str:
    """The nested choice on the outcome and on so many random assignments of it, each in folds of its own."""
    real = float(np.mean([nested_auc(table, candidates, seed) for seed in range(FOLDS)]))
    rng = np.random.default_rng(0)
    by_chance = np.array(
        [
            nested_auc(replace(table, outcome=rng.permutation(table.outcome)), candidates, seed)
            for seed in range(permutations)
        ]
    )
    low, high = np.percentile(by_chance, (2.5, 97.5))
    p_value = (1 + int(np.sum(by_chance >= real))) / (1 + permutations)
    chance = f"by chance {by_chance.mean():.3f} ({low:.3f} to {high:.3f}), p = {p_value:.3f}"
    return f"nested choice among {len(candidates)}: {real:.3f}; {chance}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Estimators on the published features of Bakas 2017.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", action="append", choices=[*TARGETS])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--permutations", type=int, default=40)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    candidates = read_candidates()
    for cohort in ("gbm", "lgg"):
        rows = read_published(arguments.folder / f"tcga_{cohort}_bakas_features.csv")
        write_features_csv(rows, arguments.out / f"{cohort}.csv")
    for target in arguments.target or [*TARGETS]:
        table = read_table(arguments.folder, TARGETS[target])
        rng = np.random.default_rng(0)
        folds = [stratified_folds(table.outcome, FOLDS, rng) for _ in range(arguments.repeats)]
        rows = figures(compare(table, candidates, folds), table, candidates)
        write_csv(arguments.out / f"{target}.csv", rows)
        counts = np.bincount(table.outcome).tolist()
        print(f"{target}: {dict(zip(table.classes, counts, strict=True))}, {len(table.names)} features", flush=True)
        for row in rows:
            auc = f"{row['auc']:.3f} ({row['auc_low']:.3f} to {row['auc_high']:.3f})"
            others = f"balanced accuracy {row['balanced_accuracy']:.2f}, Brier {row['brier']:.3f}"
            print(f"  {row['estimator']}: AUC {auc}, {others}, best in {row.get('times_best')}", flush=True)
        if arguments.permutations:
            linear = {name: candidates[name] for name in LINEAR}
            print(f"  {permutation_test(table, linear, arguments.permutations)}", flush=True)


if __name__ == "__main__":
    main()
