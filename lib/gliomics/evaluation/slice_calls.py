"""How good a slice classifier is on patients: figures of slices called tumour or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from gliomics.evaluation.pixelwise import Confusion
from gliomics.models import Metric
from gliomics.statistics.arrays import Array
from gliomics.statistics.bootstrap import Interval

THRESHOLD = 0.5
"""A slice with this probability or more is called tumour: the larger of the two softmax outputs."""


@dataclass(frozen=True)
class ClassifiedSlices:
    """The axial slices of a study: whether its mask has tumour in them, and the probability that it was given."""

    patient_id: str
    tumour: npt.NDArray[np.bool_]
    probability: Array

    @property
    def confusion(self) -> Confusion:
        """The slices by what the mask and what the classifier says."""
        return Confusion.of(self.probability >= THRESHOLD, self.tumour)


def slice_metrics(studies: Sequence[ClassifiedSlices], who: str) -> list[Metric]:
    """:func:`slice_figures` for a model card; ``who`` says whose slices they are."""
    count = sum(len(study.tumour) for study in studies)
    how = (
        f"pooled over the {count} axial slices of {who}, called tumour at a probability of {THRESHOLD} or more; "
        "95 % bootstrap over patients"
    )
    return [Metric.of(f"slice_{name}", interval, how) for name, interval in slice_figures(studies).items()]


def slice_figures(
    studies: Sequence[ClassifiedSlices], *, seed: int = 0, resamples: int = 10_000
) -> dict[str, Interval]:
    """Figures of all slices together, with percentile bootstrap intervals over patients (Efron 1979).

    A resample draws patients, each with all slices, because slices of one head are alike. Accuracy, balanced accuracy,
    sensitivity, specificity and F1 are of slices called tumour at :data:`THRESHOLD`; the area under the ROC curve is
    the chance that a slice with tumour has a higher probability than one without, ties counting half. A figure that
    is not defined, as the specificity of slices that all have tumour, is left out.
    """
    patients = sorted({study.patient_id for study in studies})
    if not patients:
        return {}
    counts, wins = _counts(studies, patients), _wins(studies, patients)
    n = len(patients)
    multiplicity = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), resamples)
    values, replicates = _figures(counts, wins, np.ones((1, n))), _figures(counts, wins, multiplicity)
    intervals = {}
    for name, value in values.items():
        if np.isfinite(value[0]):
            low, high = np.nanpercentile(replicates[name], (2.5, 97.5))
            intervals[name] = Interval(float(value[0]), float(low), float(high), n)
    return intervals


def _figures(counts: Array, wins: Array, multiplicity: npt.NDArray[np.number]) -> dict[str, Array]:
    """Each figure for every row of ``multiplicity`` (resample, patient): how often each patient was drawn."""
    counted = multiplicity @ counts
    negative, false_positive, false_negative, positive = counted.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity = positive / (positive + false_negative)
        specificity = negative / (negative + false_positive)
        pairs = (positive + false_negative) * (negative + false_positive)
        return {
            "accuracy": (positive + negative) / counted.sum(axis=1),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "f1": 2 * positive / (2 * positive + false_positive + false_negative),
            "roc_auc": ((multiplicity @ wins) * multiplicity).sum(axis=1) / pairs,
        }


def _counts(studies: Sequence[ClassifiedSlices], patients: Sequence[str]) -> Array:
    """Each patient's slices (patient, 4): true negatives, false positives, false negatives, true positives."""
    counts = np.zeros((len(patients), 4))
    for study in studies:
        counts[patients.index(study.patient_id)] += astuple(study.confusion)
    return counts


def _wins(studies: Sequence[ClassifiedSlices], patients: Sequence[str]) -> Array:
    """How often a slice with tumour of patient a has a higher probability than one without of patient b, (a, b)."""
    wins = np.zeros((len(patients), len(patients)))
    for b in studies:
        without = np.sort(b.probability[~b.tumour])
        for a in studies:
            with_tumour = a.probability[a.tumour]
            below = np.searchsorted(without, with_tumour, "left") + np.searchsorted(without, with_tumour, "right")
            wins[patients.index(a.patient_id), patients.index(b.patient_id)] += below.sum() / 2
    return wins
