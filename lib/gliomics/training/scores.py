"""The Dice of a network on prepared cases, by study and by patient, and as figures for its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.evaluation import dice
from gliomics.models import Metric
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import INNER_REGIONS, Region
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.statistics.patients import patient_means
from gliomics.study.numbering import PARTS_OF_REGION


def patient_scores(scores: Mapping[str, float], cases: Sequence[LabelledCase]) -> dict[str, float]:
    """Scores by study as scores by patient: the mean of a patient's studies."""
    return patient_means((case.patient_id for case in cases), (scores[case.study_id] for case in cases))


def score(segmenter: Segmenter, cases: Sequence[LabelledCase]) -> dict[str, float]:
    """Dice of each prepared case's automatic mask against its label, on the study's own grid; of parts, the mean."""
    return {case.study_id: mean_dice(segmenter.mask_of(case.inputs), case) for case in cases}


def score_regions(segmenter: Segmenter, cases: Sequence[LabelledCase]) -> dict[str, dict[Region, float]]:
    """As :func:`score`, by region."""
    return {case.study_id: region_dice(segmenter.mask_of(case.inputs), case) for case in cases}


def region_means(scores: Mapping[str, Mapping[Region, float]]) -> dict[str, float]:
    """Scores by region as those of :func:`score`."""
    return {study: float(np.mean(list(by_region.values()))) for study, by_region in scores.items()}


def mean_dice(mask: npt.NDArray[np.integer], case: LabelledCase) -> float:
    """Dice of a mask (i, j, k) of the lesion; of its parts, the mean over the whole, the core and what enhances."""
    return float(np.mean(list(region_dice(mask, case).values())))


def region_dice(
    mask: npt.NDArray[np.integer],
    case: LabelledCase,
    overlap: Callable[[npt.NDArray[Any], npt.NDArray[Any]], float] = dice,
) -> dict[Region, float]:
    """Dice, or another ``overlap``, of a mask (i, j, k) by region, as far as the case tells them.

    1 where both have none of one.
    """
    by_region: dict[Region, float] = {"whole": overlap(mask, case.lesion)} if case.is_bounded else {}
    for region, lesion in zip(INNER_REGIONS, () if case.inner_lesion is None else case.inner_lesion, strict=False):
        values = [PART_VALUES[part] for part in PARTS_OF_REGION[region]]
        by_region[region] = overlap(np.isin(mask, values), lesion)
    return by_region


def dice_metrics(scores: Mapping[str, Mapping[Region, float]], cases: Sequence[LabelledCase], how: str) -> list[Metric]:
    """Mean and median patient Dice with 95 % bootstrap intervals; a patient's Dice is the mean of its studies'.

    Of a model of parts, the mean over regions, and then each region.
    """
    if not scores:
        return []
    metrics = _dice_metrics(region_means(scores), cases, how, "")
    regions = list(dict.fromkeys(region for by_region in scores.values() for region in by_region))
    for region in regions if len(regions) > 1 else []:
        of_region = {study: by_region[region] for study, by_region in scores.items() if region in by_region}
        judged = [case for case in cases if case.study_id in of_region]
        metrics += _dice_metrics(of_region, judged, how, f", {region}")
    return metrics


def _dice_metrics(scores: Mapping[str, float], cases: Sequence[LabelledCase], how: str, which: str) -> list[Metric]:
    values = list(patient_scores(scores, cases).values())
    return [
        Metric.of(f"mean_dice{which}", bootstrap_interval(values), how),
        Metric.of(f"median_dice{which}", bootstrap_interval(values, statistic=np.median), how),
    ]
