"""Estimates of a cohort as a CSV table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gliomics.csv_files import write_csv
from gliomics.records import SubtypeEstimate


def write_estimates_csv(estimates: Sequence[SubtypeEstimate], path: Path) -> None:
    """One row per study and model: ``study_id``, ``predicted``, ``probability_<class>``, ``low_<class>``, ...

    ``low`` and ``high`` bound the 90 % interval of each probability. Of several models, the classes of all have their
    columns, and a row leaves those of the others empty.
    """
    classes = list(dict.fromkeys(name for estimate in estimates for name in estimate.probabilities))
    columns = [
        "study_id",
        "predicted",
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
