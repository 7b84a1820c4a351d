"""The Dice of a network on prepared cases, by study and by patient, and as figures for its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gliomics.evaluation import dice
from gliomics.models import Metric
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.statistics.patients import patient_means


def patient_scores(scores: Mapping[str, float], cases: Sequence[LabelledCase]) -> dict[str, float]:
    """Scores by study as scores by patient: the mean of a patient's studies."""
    return patient_means((case.patient_id for case in cases), (scores[case.study_id] for case in cases))


def score(segmenter: Segmenter, cases: Sequence[LabelledCase]) -> dict[str, float]:
    """Dice of each prepared case's automatic mask against its label, on the study's own grid."""
    return {case.study_id: dice(segmenter.mask_of(case.inputs), case.lesion) for case in cases}


def dice_metrics(scores: Mapping[str, float], cases: Sequence[LabelledCase], how: str) -> list[Metric]:
    """Mean and median patient Dice with 95 % bootstrap intervals; a patient's Dice is the mean of its studies'."""
    values = list(patient_scores(scores, cases).values())
    if not values:
        return []
    return [
        Metric.of("mean_dice", bootstrap_interval(values), how),
        Metric.of("median_dice", bootstrap_interval(values, statistic=np.median), how),
    ]
