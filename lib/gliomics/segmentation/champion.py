"""Champion and challenger: whether a new version of a model may take the place of the one that serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gliomics.models import ModelCard, ModelFolder, ModelStore
from gliomics.segmentation.cases import Case
from gliomics.segmentation.evaluation import bootstrap_interval
from gliomics.segmentation.evaluation.tables import LEAST_FOR_INTERVAL

TOLERANCE = 0.01
"""How far below zero the interval of a gain may reach: more may well be a loss on other patients."""


@dataclass(frozen=True)
class Retraining:
    """What came of a retraining: scores on the validation before and after, and whether the new version serves now."""

    model: ModelFolder
    published: bool
    reason: str
    before: dict[str, float]
    after: dict[str, float]


def challenge(
    store: ModelStore,
    card: ModelCard,
    files: Mapping[str, Callable[[Path], None]],
    before: dict[str, float],
    after: dict[str, float],
    *,
    score: str = "Dice",
    note: str = "",
) -> Retraining:
    """Keep a new version of its ``card.parent``, and publish it if :func:`verdict` says so of the scores by patient.

    ``note`` is added to the reason, which is kept with the version either way.
    """
    published, reason = verdict(before, after, str(card.parent), score=score)
    reason += note
    model = store.add(card.model_copy(update={"reason": reason}), files)
    if published:
        store.publish(card.name, model.card.version, reason)
    return Retraining(model, published, reason, before, after)


def patient_means(scores: Mapping[str, float], cases: Sequence[Case]) -> dict[str, float]:
    """Scores by study as scores by patient: the mean of a patient's studies."""
    patients: dict[str, list[float]] = {}
    for case in cases:
        patients.setdefault(case.patient_id, []).append(scores[case.study_id])
    return {patient: float(np.mean(values)) for patient, values in patients.items()}


def verdict(
    before: Mapping[str, float], after: Mapping[str, float], champion: str, *, score: str = "Dice"
) -> tuple[bool, str]:
    """Whether a challenger is published, and why, from scores by patient of the ``champion`` version and its own.

    A score is at most 1, which is best; ``score`` is what the reason calls it.
    The same patients are compared one by one. The mean difference must be above 0 and, with five patients or more, the
    lower end of its 95 % bootstrap interval above -:data:`TOLERANCE`. What is worse in the mean is never published.
    """
    if not before:
        return False, "kept, not published: there is no validation patient to compare on; label more patients"
    gain = bootstrap_interval([after[patient] - before[patient] for patient in before])
    figures = (
        f"mean {score} {np.mean(list(after.values())):.3f} against {np.mean(list(before.values())):.3f} of version "
        f"{champion}, difference {gain.value:+.3f}"
    )
    if gain.n >= LEAST_FOR_INTERVAL:
        figures += f" (95 % interval {gain.low:+.3f} to {gain.high:+.3f})"
    figures += f" over {gain.n} validation {'patient' if gain.n == 1 else 'patients'}"
    if gain.value <= 0:
        return False, f"kept, not published: {figures}; it is not better"
    if gain.n >= LEAST_FOR_INTERVAL and gain.low < -TOLERANCE:
        return False, f"kept, not published: {figures}; it may well be worse: the interval reaches below {-TOLERANCE}"
    return True, f"published: {figures}"
