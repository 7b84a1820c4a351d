"""How good each of several estimators is: a table of figures with intervals over patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.bootstrap import Interval, over_repeats, paired_difference
from gliomics.statistics.probability_scores import balanced_accuracy, brier, macro_auc
from gliomics.subtype.estimators.comparison import Comparison
from gliomics.subtype.estimators.config import EstimatorConfig
from gliomics.subtype.table import TrainingTable

NESTED = "nested choice"
MAJORITY = "majority class"

MEASURES: dict[str, Callable[[Array, Classes], float]] = {
    "auc": macro_auc,
    "balanced_accuracy": balanced_accuracy,
    "brier": brier,
}


def figures(
    comparison: Comparison, table: TrainingTable, candidates: dict[str, EstimatorConfig], *, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each candidate, the nested choice among several and the majority class.

    Each has ``n`` patients, ``auc`` (macro), ``balanced_accuracy`` and ``brier`` with the ends of their 95 % bootstrap
    intervals over patients, ``auc_difference``, what the candidate has more than the nested choice on the same
    patients, and ``times_best``, in how many folds the choice fell on it. The majority class is the class frequencies
    of all patients for everybody.
    """
    rows = []
    nested = comparison.nested if len(comparison.by_candidate) > 1 else None
    for name, repeated in comparison.by_candidate.items():
        row = {"estimator": name, "title": candidates[name].title, **_row(repeated, table, nested, seed)}
        row["times_best"] = comparison.times_best[name] if nested is not None else None
        row["unharmonised"] = _share_unharmonised(comparison.unharmonised[name], repeated, candidates[name])
        rows.append(row)
    if nested is not None:
        title = f"The best of the {len(rows)} inside each training fold"
        rows.append({"estimator": NESTED, "title": title, **_row(nested, table, None, seed)})
    frequency = np.bincount(table.outcome) / table.outcome.size
    majority = np.tile(frequency, (1, table.outcome.size, 1))
    rows.append({"estimator": MAJORITY, "title": "The class frequencies", **_row(majority, table, None, seed)})
    return rows


def _row(repeated: Array, table: TrainingTable, nested: Array | None, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"n": table.outcome.size}
    for name, measure in MEASURES.items():
        row |= _cells(name, over_repeats(measure, repeated, table.outcome, np.random.default_rng(seed)))
    if nested is not None:
        rng = np.random.default_rng(seed)
        row |= _cells("auc_difference", paired_difference(macro_auc, repeated, nested, table.outcome, rng))
    return row


def _cells(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _share_unharmonised(count: int, repeated: Array, config: EstimatorConfig) -> float | None:
    return None if config.harmonisation is None else count / (repeated.shape[0] * repeated.shape[1])
