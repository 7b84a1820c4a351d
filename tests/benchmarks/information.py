"""Bias of both estimates of mutual information, error rates and intervals of the tests where the truth is known.

python -m tests.benchmarks.information [--pairs 2000] [--tables 400]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import kstest

from gliomics.association.associate import EFFECTS, Association, Plan, associate, questions
from gliomics.association.effects import Sample
from gliomics.cohort.patient_table import PatientTable
from gliomics.statistics.mutual_information import histogram_information, knn_information, normal_scores

PATIENTS = (50, 200)
CORRELATIONS = (0.0, 0.3, 0.5, 0.7, 0.9)


def bias(pairs: int) -> None:
    """Mean and standard deviation of both estimates of normal pairs of known information."""
    rng = np.random.default_rng(0)
    print("n, correlation, true nats: histogram mean (SD), nearest neighbours mean (SD)")
    for n in PATIENTS:
        for rho in CORRELATIONS:
            found = []
            for _ in range(max(1, pairs // 200)):  # a first quantity of its own for every 200
                first = rng.normal(size=n)
                second = rho * first[:, None] + np.sqrt(1 - rho**2) * rng.normal(size=(n, 200))
                histogram = histogram_information(first[:, None], second)[0]
                scores = normal_scores(first[:, None], rng)[:, 0]
                found.append([histogram, knn_information(scores, normal_scores(second, rng))])
            values = np.concatenate(found, axis=1)
            means, deviations = values.mean(axis=1), values.std(axis=1)
            cells = [f"{mean:.3f} ({deviation:.3f})" for mean, deviation in zip(means, deviations, strict=True)]
            print(f"{n}, {rho}, {-0.5 * np.log(1 - rho**2):.3f}: {', '.join(cells)}", flush=True)


def errors(tables: int, features: int = 20) -> None:
    """Of tables without any association: whether p-values are uniform, and how often each correction errs."""
    rng = np.random.default_rng(0)
    labels = {f"P-{number}": "abcd"[number % 4] for number in range(74)}
    patients = list(labels)
    names = [f"f{number}" for number in range(features)]
    families: dict[str, list[np.ndarray]] = {test: [] for test in EFFECTS}
    for seed in range(tables):
        table = PatientTable(patients, patients, names, rng.normal(size=(len(patients), features)))
        rows = associate(table, questions(table, {"cluster": labels}), Plan(seed=seed))
        for test, found in families.items():
            family = [[row.p, row.p_bonferroni, row.p_holm, row.p_fdr] for row in rows if row.test == test]
            found.append(np.array(family))
    for test, found in families.items():
        p = np.concatenate(found)[:, 0]
        any_below = [np.mean([family[:, column].min() < 0.05 for family in found]) for column in (1, 2, 3)]
        uniform = kstest(p, "uniform").pvalue
        rates = ", ".join(
            f"{name} {rate:.3f}" for name, rate in zip(("Bonferroni", "Holm", "FDR"), any_below, strict=True)
        )
        print(f"{test}: {p.size} p-values, below 0.05 {np.mean(p < 0.05):.3f}, KS p {uniform:.2g}; {rates}", flush=True)


def coverage(tables: int) -> None:
    """How often 95 % intervals of 74 patients in four classes hold the effect that very many patients have."""
    sizes = np.array([20, 22, 15, 17])
    rng = np.random.default_rng(0)
    print(f"shift: for each of {', '.join(EFFECTS.values())} the effect, coverage, mean width")
    for shift in (0.0, 0.25, 0.5, 1.0):
        values, outcome = _draw(3000 * sizes, shift, rng)
        of_many = Sample.of(values, outcome, np.array([np.median(values)])).effects
        truth = dict(zip(EFFECTS, (of_many.v[0], of_many.epsilon_squared[0], of_many.auc[0, 2]), strict=True))
        found: dict[str, list[tuple[bool, float]]] = {test: [] for test in EFFECTS}
        for _ in range(tables):
            for row in _rows(*_draw(sizes, shift, rng)):
                held = row.effect_low <= truth[row.test] <= row.effect_high
                found[row.test].append((held, row.effect_high - row.effect_low))
        cells = [f"{truth[test]:.2f} {np.mean(rows, axis=0).round(3).tolist()}" for test, rows in found.items()]
        print(f"{shift}: {'; '.join(cells)}", flush=True)


def _draw(sizes: np.ndarray, shift: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    outcome = np.repeat(np.arange(sizes.size), sizes)
    return rng.normal(size=outcome.size) + shift * np.array([0.0, 1.0, 2.0, 0.5])[outcome], outcome


def _rows(values: np.ndarray, outcome: np.ndarray) -> list[Association]:
    """The exact test's row, Kruskal's and that of the third class, which lies highest."""
    patients = [str(number) for number in range(outcome.size)]
    labels = dict(zip(patients, map(str, outcome), strict=True))
    table = PatientTable(patients, patients, ["f"], values[:, None])
    rows = associate(table, questions(table, {"cluster": labels}), Plan())
    return [row for row in rows if row.class_ in ("", "2")]


def main() -> None:
    parser = argparse.ArgumentParser(description="Estimates and tests on data whose truth is known.")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--tables", type=int, default=400)
    arguments = parser.parse_args()
    bias(arguments.pairs)
    errors(arguments.tables)
    coverage(arguments.tables)


if __name__ == "__main__":
    main()
