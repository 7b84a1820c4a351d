"""How many clicks a simulated annotator needs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.evaluation import dice
from gliomics.interactive.refine import Refiner
from gliomics.interactive.simulated_user import next_click
from gliomics.models import Metric
from gliomics.preprocess import axial
from gliomics.records import Click
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.statistics.patients import patient_means
from gliomics.study.volumes import Mask, Volume

TRIAL_CLICKS = 20
"""Clicks after which the annotator gives up."""

LEVELS = (0.90, 0.95)
"""Dice at which an annotator may be content."""

_AFTER = (0, 1, 3, 5, 10, 20)


@dataclass(frozen=True)
class Trial:
    """One study: Dice before the first click and after each, and the seconds that each click took."""

    study_id: str
    patient_id: str
    dice: list[float]
    seconds: list[float]

    def after(self, clicks: int) -> float:
        """Dice after so many clicks; an annotator who found nothing to correct stopped earlier."""
        return self.dice[min(clicks, len(self.dice) - 1)]

    def clicks_to(self, level: float) -> int | None:
        """Clicks until the Dice was first at least ``level``; None where it never was.

        >>> Trial("study", "patient", dice=[0.5, 0.8, 0.92], seconds=[0.1, 0.1]).clicks_to(0.9)
        2
        """
        return next((number for number, value in enumerate(self.dice) if value >= level), None)


def run_trial(
    refiner: Refiner,
    volumes: Mapping[str, Volume],
    mask: Mask,
    truth: Mask,
    *,
    study_id: str,
    patient_id: str,
    seed: int = 0,
) -> Trial:
    """Let the simulated annotator correct ``mask`` towards ``truth``, with at most :data:`TRIAL_CLICKS` clicks."""
    rng = np.random.default_rng(seed)
    prepared = refiner.prepare(volumes)
    axis, _ = axial(mask)
    scores, seconds, clicks = [dice(mask.array, truth.array)], [], list[Click]()
    while len(clicks) < TRIAL_CLICKS:
        click = next_click(mask, truth, rng, slice_axis=axis)
        if click is None:
            break
        clicks.append(click)
        start = time.perf_counter()
        mask = refiner.refine(prepared, mask, clicks)
        seconds.append(time.perf_counter() - start)
        scores.append(dice(mask.array, truth.array))
    return Trial(study_id, patient_id, scores, seconds)


def trial_metrics(trials: Sequence[Trial], how: str) -> list[Metric]:
    """Mean Dice after 0 to 20 clicks, and clicks and share of patients for each of :data:`LEVELS`.

    The patients' trials are averaged first. Clicks that were not enough count as one more than the most.
    """
    patients = [trial.patient_id for trial in trials]
    metrics = []
    for clicks in _AFTER:
        scores = list(patient_means(patients, (trial.after(clicks) for trial in trials)).values())
        metrics.append(Metric.of(f"mean_dice_after_{clicks}_clicks", bootstrap_interval(scores), how))
    for level in LEVELS:
        counts = list(patient_means(patients, (_clicks_spent(trial, level) for trial in trials)).values())
        median = bootstrap_interval(counts, statistic=np.median)
        reached = bootstrap_interval([float(count <= TRIAL_CLICKS) for count in counts])
        metrics.append(Metric.of(f"median_clicks_to_{level:.2f}", median, how))
        metrics.append(Metric.of(f"share_that_reach_{level:.2f}", reached, how))
    return metrics


def _clicks_spent(trial: Trial, level: float) -> float:
    clicks = trial.clicks_to(level)
    return float(TRIAL_CLICKS + 1 if clicks is None else clicks)
