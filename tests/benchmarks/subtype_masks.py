"""How far subtype estimates change when automatic masks take the place of manual ones, and whether it is announced.

    python -m tests.benchmarks.subtype_masks MANUAL.csv AUTOMATIC.csv GROWN.csv SHRUNK.csv REDRAWN.csv ...
        --outcomes TABLE --target COLUMN --class VALUE=NAME ... [--where COLUMN=VALUE] --clinical TABLE [--repeats 3]

All tables come from `gliomics features --config panel`: of manual masks; of masks by networks that did not see the
patients; of the latter with `--boundary-shift 1` and `-1`; and redrawn (`gliomics.cohort.perturb.redraw_contour`).
Every patient is estimated by models of others, as in `gliomics subtype fit`. Announced is a change where an estimate
from the automatic mask moves, from the mask as it is to the others, by more than a bound, or as the panel has it: by
more than the spread of the fit, or past one half.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gliomics.cli.subtype.cohort import pairs, read_outcomes
from gliomics.cohort.feature_table import read_features_csv
from gliomics.statistics.arrays import Array
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.statistics.probability_scores import macro_auc
from gliomics.subtype.circumstances import read_ages
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.subtype.predict import INTERVAL
from gliomics.subtype.table import TrainingTable, join
from gliomics.subtype.validation.crossvalidate import fit_variant, table_variants

LARGE = 0.2
"""A change of the probability that somebody would act on."""
MEMBERS = 50


def estimates(table: TrainingTable, others: list[Array], variant: str, repeats: int) -> tuple[Array, Array]:
    """The second class's probability by models of others, (masks, repeats, patients), the table's own masks first.

    And the spread of the fit on the first of the ``others``, (repeats, patients).
    """
    rng = np.random.default_rng(11)
    values = [table.values, *(np.where(np.isnan(other), others[0], other) for other in others)]
    probability = np.zeros((len(values), repeats, len(table.patients)))
    spread = np.zeros(probability.shape[1:])
    for repeat in range(repeats):
        for train, test in stratified_folds(table.outcome, FOLDS, rng):
            chosen = next(item for item in table_variants(table, train) if item.name == variant)
            classifier = fit_variant(table, chosen, train, rng, members=MEMBERS)
            columns = [table.names.index(name) for name in chosen.features]
            for mask, of_mask in enumerate(values):
                probability[mask, repeat, test] = classifier.probabilities(of_mask[test][:, columns])[:, 1]
            scores = classifier.ensemble.member_scores(values[1][test][:, columns])
            spread[repeat, test] = np.ptp(
                np.quantile(classifier.calibration.probabilities(scores)[:, :, 1], INTERVAL, axis=0), axis=0
            )
    return probability, spread


def report(table: TrainingTable, probability: Array, spread: Array) -> None:
    """Changes of the probability, and which of the large ones are announced."""
    manual, automatic = probability[:2]
    change = np.abs(automatic - manual)
    large = change > LARGE
    mean, share = (bootstrap_interval(values.mean(axis=0)) for values in (change, large))
    print(f"  mean change {mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})")
    print(f"  above {LARGE}: {share.value:.3f} ({share.low:.3f} to {share.high:.3f})")
    log_odds = np.log(probability[:2] / (1 - probability[:2]))
    print(f"  log-odds of {table.classes[1]}: {np.mean(log_odds[1] - log_odds[0]):+.2f} in the mean")
    for name, p in (("manual", manual), ("automatic", automatic)):
        auc = np.mean([macro_auc(np.stack([1 - row, row], axis=1), table.outcome) for row in p])
        print(f"  AUC on {name} masks {auc:.3f}")
    for name, masks in (("edge moved", probability[1:4]), ("edge moved and redrawn", probability[1:])):
        low, high = masks.min(axis=0), masks.max(axis=0)
        announced = {f"wider than {bound}": high - low > bound for bound in (0.05, 0.1)}
        announced["as the panel says"] = (high - low > spread) | ((low < 0.5) & (high >= 0.5))
        for definition, flags in announced.items():
            print(
                f"  {name}, {definition}: {int(flags[large].sum())} of {int(large.sum())} large changes, "
                f"{flags.mean():.2f} of all"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Subtype estimates on manual and on automatic masks.")
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--outcomes", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--class", dest="classes", action="append")
    parser.add_argument("--where", action="append")
    parser.add_argument("--clinical", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    manual, *others = (read_features_csv(path) for path in arguments.tables)
    where = pairs(arguments.where, "--where", "COLUMN=VALUE")
    outcomes = read_outcomes(arguments.outcomes, arguments.target, where)
    ages = read_ages(arguments.clinical, "Diagnosis Age")
    table = join(manual, outcomes, pairs(arguments.classes, "--class", "VALUE=NAME"), ages)
    for variant in ("images", "images and age"):
        print(f"{arguments.target}, {variant}, {len(table.patients)} patients")
        report(table, *estimates(table, [table.aligned(rows) for rows in others], variant, arguments.repeats))


if __name__ == "__main__":
    main()
