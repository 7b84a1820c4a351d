"""Estimates of a cohort as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from gliomics.files import write_text
from gliomics.records import SubtypeEstimate


def write_estimates_csv(estimates: Sequence[SubtypeEstimate], path: Path) -> None:
    """One row per study: ``study_id``, ``predicted``, ``probability_<class>``, ``low_<class>``, ``high_<class>``, ...

    All estimates come from one model. ``low`` and ``high`` bound the 90 % interval of each probability.
    """
    classes = list(estimates[0].probabilities)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "study_id",
            "predicted",
            *(f"probability_{name}" for name in classes),
            *(f"{bound}_{name}" for name in classes for bound in ("low", "high")),
            "inside_training_range",
            "in_sample",
            "reasons",
            "model",
            "model_version",
            "notice",
        ]
    )
    for estimate in estimates:
        writer.writerow(
            [
                estimate.study_id,
                estimate.predicted,
                *(repr(estimate.probabilities[name]) for name in classes),
                *(repr(bound) for name in classes for bound in estimate.intervals[name]),
                "true" if estimate.inside_training_range else "false",
                "true" if estimate.in_sample else "false",
                " | ".join(estimate.reasons),
                estimate.model,
                estimate.model_version,
                estimate.notice,
            ]
        )
    write_text(path, text.getvalue())
