"""Whether a block of location features makes subtype models better, and by how much.

    python -m tests.benchmarks.subtype_location FEATURES.csv --outcomes TABLE --target COLUMN --class VALUE=NAME ...
        [--where COLUMN=VALUE] --clinical TABLE [--repeats 5]

FEATURES.csv comes from `gliomics features --config panel --vasari`. The one candidate, written down before any figure
of it was seen: the estimator of the models that ship, its two blocks as they are, and a third block of all columns of
location and VASARI that the table has, in their mean with equal weight. It is compared with the same estimator without
the block, on the same folds; nothing is chosen. Differences are paired over patients, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from gliomics.cli.subtype.cohort import pairs, read_outcomes
from gliomics.cohort.feature_table import read_features_csv
from gliomics.models import Metric
from gliomics.records import FeatureRow
from gliomics.report.markdown import markdown_table
from gliomics.subtype.blocks import is_location
from gliomics.subtype.circumstances import read_ages
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.table import join
from gliomics.subtype.validation.crossvalidate import OutOfFold, predict_folds
from gliomics.subtype.validation.figures import Predictions, figures_of, gain_over

VARIANTS = ("images", "images and age")


def without_location(row: FeatureRow) -> FeatureRow:
    """The row as `gliomics features` writes it without `--vasari`."""
    return replace(row, values={name: value for name, value in row.values.items() if not is_location(name)})


def _cell(metric: Metric) -> str:
    return f"{metric.value:.3f}" + (f" ({metric.low:.3f} to {metric.high:.3f})" if metric.low is not None else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Subtype models with a block of location features.")
    parser.add_argument("features", type=Path)
    parser.add_argument("--outcomes", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--class", dest="classes", action="append", default=[])
    parser.add_argument("--where", action="append", default=[])
    parser.add_argument("--clinical", type=Path, required=True)
    parser.add_argument("--age", default="Diagnosis Age")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    rows = read_features_csv(arguments.features)
    conditions = pairs(arguments.where, "--where", "COLUMN=VALUE")
    outcomes = read_outcomes(arguments.outcomes, arguments.target, conditions)
    classes, ages = pairs(arguments.classes, "--class", "VALUE=NAME"), read_ages(arguments.clinical, arguments.age)
    results: dict[tuple[str, str], OutOfFold] = {}
    for name, of_study in (("without", [without_location(row) for row in rows]), ("with", rows)):
        table = join(of_study, outcomes, classes, ages)
        rng = np.random.default_rng(0)
        folds = [stratified_folds(table.outcome, FOLDS, rng) for _ in range(arguments.repeats)]
        for variant in VARIANTS:
            results[name, variant] = predict_folds(table, folds, np.random.default_rng(1), only=variant)
    shares = np.bincount(table.outcome) / table.outcome.size
    cells = []
    for variant in VARIANTS:
        predictions = {
            name: Predictions(
                result.probabilities[variant], result.sets[variant], table.outcome, table.classes, shares, ""
            )
            for (name, of), result in results.items()
            if of == variant
        }
        for name, each in predictions.items():
            metrics = figures_of(each, np.random.default_rng(0), "", has_sets=True)
            cells += [[variant, f"{name} location", metric.name, _cell(metric)] for metric in metrics]
        before = results["without", variant].probabilities[variant]
        gain = gain_over(predictions["with"], before, "AUC with less without", np.random.default_rng(0))
        cells.append([variant, "difference", gain.name, _cell(gain)])
    counts = ", ".join(f"{name} {int(np.sum(table.outcome == k))}" for k, name in enumerate(table.classes))
    placed = sum("location_left_share" in row.values for row in rows)
    print(f"{len(table.patients)} patients: {counts}; {placed} of {len(rows)} studies have a place\n")
    print(markdown_table(["from", "blocks", "figure", "value"], cells))


if __name__ == "__main__":
    main()
