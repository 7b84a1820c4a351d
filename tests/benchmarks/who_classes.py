"""How well the WHO's three classes are told by the models of IDH and of 1p/19q together.

    python -m tests.benchmarks.who_classes FEATURES.csv CLINICAL.tsv [--repeats 10]

FEATURES.csv comes from `gliomics features --config panel`, CLINICAL.tsv is cBioPortal's table of TCGA's diffuse
gliomas. In five folds by patient, stratified by the three classes, both models are fitted as `gliomics subtype fit`
does, that of 1p/19q to the training patients that are IDH mutant, and each test patient is estimated by both and joined
by `gliomics.subtype.who`. Figures with 95 % bootstrap intervals over patients.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from gliomics.cohort.feature_table import read_features_csv
from gliomics.models import Metric
from gliomics.records import SubtypeEstimate
from gliomics.report.markdown import markdown_table
from gliomics.statistics.arrays import Array, Classes
from gliomics.study.patients import read_patient_column
from gliomics.subtype.circumstances import read_ages
from gliomics.subtype.classifier import FOLDS, Classifier, stratified_folds
from gliomics.subtype.table import TrainingTable, join
from gliomics.subtype.validation.crossvalidate import fit_variant, table_variants
from gliomics.subtype.validation.figures import Predictions, figures_of, gain_over
from gliomics.subtype.variants import Variant
from gliomics.subtype.who import CLASSES, CODELETION_MODEL, IDH_MODEL, who_estimate

OUTCOMES = {"IDHwt": "wildtype", "IDHmut-non-codel": "mutant_intact", "IDHmut-codel": "mutant_codeleted"}
VARIANTS = ("images", "images and age", "age")


def read_table(features: Path, clinical: Path) -> TrainingTable:
    """The patients whose class is known, with their age."""
    ages = read_ages(clinical, "Diagnosis Age")
    return join(read_features_csv(features), read_patient_column(clinical, "IDH/codel subtype"), OUTCOMES, ages)


def cross_validate(table: TrainingTable, repeats: int, seed: int = 0) -> dict[str, tuple[Array, Array]]:
    """Probabilities and sets, (repeats, patients, classes) each, of patients whom neither model saw, by variant."""
    rng = np.random.default_rng(seed)
    shape = (repeats, len(table.patients), len(CLASSES))
    results = {name: (np.zeros(shape), np.zeros(shape)) for name in VARIANTS}
    for repeat in range(repeats):
        for train, test in stratified_folds(table.outcome, FOLDS, rng):
            for variant in table_variants(table, train):
                if variant.name in VARIANTS:
                    of_test = joined(table, variant, train, test, rng)
                    for result, values in zip(results[variant.name], of_test, strict=True):
                        result[repeat, test] = values
    return results


def joined(
    table: TrainingTable, variant: Variant, train: Classes, test: Classes, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Probabilities and sets of the test patients by models of the training patients, (patients, classes) each."""
    is_mutant = table.outcome > 0
    idh = replace(table, outcome=np.where(is_mutant, 0, 1), classes=["mutant", "wildtype"])
    codeletion = replace(table, outcome=np.where(table.outcome == 2, 1, 0), classes=["intact", "codeleted"])
    by_model = {
        IDH_MODEL: (idh, fit_variant(idh, variant, train, rng)),
        CODELETION_MODEL: (codeletion, fit_variant(codeletion, variant, train[is_mutant[train]], rng)),
    }
    values = table.columns(variant.features)
    probabilities, sets = np.zeros((test.size, len(CLASSES))), np.zeros((test.size, len(CLASSES)))
    for number, patient in enumerate(test):
        who = who_estimate([_estimate(name, *fitted, values[patient]) for name, fitted in by_model.items()])
        assert who is not None
        probabilities[number] = [who.probabilities[name] for name in CLASSES]
        sets[number] = [name in who.prediction_set for name in CLASSES]
    return probabilities, sets


def _estimate(name: str, table: TrainingTable, classifier: Classifier, row: Array) -> SubtypeEstimate:
    probabilities = dict(zip(table.classes, map(float, classifier.probabilities(row[None])[0]), strict=True))
    members = classifier.sets(row[None])[0]
    return SubtypeEstimate(
        study_id="",
        model=name,
        model_version="",
        target="IDH status" if name == IDH_MODEL else "1p/19q codeletion",
        predicted=max(probabilities, key=lambda k: probabilities[k]),
        probabilities=probabilities,
        intervals={k: [p, p] for k, p in probabilities.items()},
        inside_training_range=True,
        population="",
        n_training=0,
        performance="",
        prediction_set=[k for k, member in zip(table.classes, members, strict=True) if member],
        given={} if name == IDH_MODEL else {"IDH status": "mutant"},
    )


def confusion(probabilities: Array, outcome: Classes) -> Array:
    """Patients by their class (rows) and the most probable one (columns), the mean over the repeats."""
    n = len(CLASSES)
    counts = np.zeros((n, n))
    for repeat in probabilities:
        np.add.at(counts, (outcome, repeat.argmax(axis=1)), 1 / len(probabilities))
    return counts


def _value(metric: Metric) -> str:
    interval = f" ({metric.low:.3f} to {metric.high:.3f})" if metric.low is not None else ""
    return f"{metric.value:.3f}{interval}"


def main() -> None:
    parser = argparse.ArgumentParser(description="The WHO's three classes by two models.")
    parser.add_argument("features", type=Path)
    parser.add_argument("clinical", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    table = read_table(arguments.features, arguments.clinical)
    results = cross_validate(table, arguments.repeats)
    shares = np.bincount(table.outcome) / table.outcome.size
    metrics: list[Metric] = []
    for variant, (probabilities, sets) in results.items():
        predictions = Predictions(probabilities, sets > 0, table.outcome, CLASSES, shares, "")
        metrics += figures_of(predictions, np.random.default_rng(0), f", {variant}", has_sets=True)
        if variant != "age":
            gain = f"AUC of {variant} less that of age"
            metrics.append(gain_over(predictions, results["age"][0], gain, np.random.default_rng(0)))
    rows = [
        [m.name, f"{m.value:.3f}" + (f" ({m.low:.3f} to {m.high:.3f})" if m.low is not None else "")] for m in metrics
    ]
    print(f"{len(table.patients)} patients\n\n{markdown_table(['figure', 'value'], rows)}\n")
    for variant in VARIANTS[:2]:
        counts = confusion(results[variant][0], table.outcome)
        cells = [[name, *(f"{count:.1f}" for count in row)] for name, row in zip(CLASSES, counts, strict=True)]
        print(f"{variant}, most probable class\n\n{markdown_table(['class', *CLASSES], cells)}\n")


if __name__ == "__main__":
    main()
