"""Estimates of a cohort as a CSV table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.csv_files import write_csv
from gliomics.records import SubtypeEstimate
from gliomics.subtype.table import TrainingTable
from gliomics.subtype.validation.crossvalidate import OutOfFold


def write_estimates_csv(estimates: Sequence[SubtypeEstimate], path: Path) -> None:
    """One row per study and model: ``study_id``, ``predicted``, ``probability_<class>``, ``low_<class>``, ...

    ``not_excluded`` are the classes of the 90 % set.
    ``low`` and ``high`` bound the 90 % interval of each probability. Of several models, the classes of all have their
    columns, and a row leaves those of the others empty.
    """
    classes = list(dict.fromkeys(name for estimate in estimates for name in estimate.probabilities))
    columns = [
        "study_id",
        "predicted",
        "not_excluded",
        "variant",
        *(f"probability_{name}" for name in classes),
        *(f"{bound}_{name}" for name in classes for bound in ("low", "high")),
        "inside_training_range",
        "in_sample",
        "contradicts",
        "reasons",
        "model",
        "model_version",
        "notice",
    ]
    write_csv(path, [_row(estimate) for estimate in estimates], columns)


def _row(estimate: SubtypeEstimate) -> dict[str, Any]:
    return {
        "study_id": estimate.study_id,
        "predicted": estimate.predicted,
        "not_excluded": " | ".join(estimate.prediction_set),
        "variant": estimate.variant,
        **{f"probability_{name}": value for name, value in estimate.probabilities.items()},
        **{f"low_{name}": low for name, (low, _) in estimate.intervals.items()},
        **{f"high_{name}": high for name, (_, high) in estimate.intervals.items()},
        "inside_training_range": "true" if estimate.inside_training_range else "false",
        "in_sample": "true" if estimate.in_sample else "false",
        "contradicts": " | ".join(estimate.contradicts),
        "reasons": " | ".join(estimate.reasons),
        "model": estimate.model,
        "model_version": estimate.model_version,
        "notice": estimate.notice,
    }


def write_out_of_fold_csv(table: TrainingTable, result: OutOfFold, path: Path) -> None:
    """One row per patient, repeat and variant of a cross-validation: what models without the patient said."""
    columns = ["patient_id", "outcome", "variant", "repeat", *(f"probability_{name}" for name in table.classes)]
    columns.append("not_excluded")
    rows = []
    for variant, probabilities in result.probabilities.items():
        for repeat, of_repeat in enumerate(probabilities, start=1):
            for number, patient in enumerate(table.patients):
                members = result.sets[variant][repeat - 1, number]
                by_class = zip(table.classes, of_repeat[number], strict=True)
                rows.append(
                    {
                        "patient_id": patient,
                        "outcome": table.classes[table.outcome[number]],
                        "variant": variant,
                        "repeat": repeat,
                        **{f"probability_{name}": float(value) for name, value in by_class},
                        "not_excluded": " | ".join(np.array(table.classes)[members]),
                    }
                )
    write_csv(path, rows, columns)
