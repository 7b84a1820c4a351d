"""Segmentation seen as the classification of voxels, as the source systems report it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.evaluation.overlap import as_binary
from gliomics.preprocess import to_canonical
from gliomics.study.volumes import Mask

PIXEL_METRICS = ("accuracy", "balanced_accuracy", "precision", "sensitivity", "specificity", "f1", "iou")
"""The sources' metrics, by their property of :class:`Confusion`."""


@dataclass(frozen=True)
class Confusion:
    """Voxels by what the reference says and what the mask says; lesion is positive. They add up over volumes.

    A fraction with nothing above and below the line is NaN, with two exceptions: F1 and IoU are 1 where neither the
    mask nor the reference has lesion, and precision is 0 where the mask marks nothing of a lesion that is there.
    """

    true_negative: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_positive: int = 0

    @classmethod
    def of(cls, mask: npt.NDArray[Any], reference: npt.NDArray[Any]) -> Confusion:
        """Count the voxels of two binary arrays; :class:`~gliomics.errors.GeometryError` if their shapes differ.

        >>> confusion = Confusion.of(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
        >>> confusion.sensitivity, confusion.specificity, confusion.precision
        (1.0, 0.6666666666666666, 0.5)
        """
        a, b = as_binary(mask, reference)
        overlap, marked, lesion = (int(np.count_nonzero(part)) for part in (a & b, a, b))
        return cls(a.size - marked - lesion + overlap, marked - overlap, lesion - overlap, overlap)

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.true_negative + other.true_negative,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_positive + other.true_positive,
        )

    @property
    def lesion(self) -> int:
        """Voxels that are lesion in the reference."""
        return self.true_positive + self.false_negative

    @property
    def marked(self) -> int:
        """Voxels that are lesion in the mask."""
        return self.true_positive + self.false_positive

    @property
    def background(self) -> int:
        """Voxels that are background in the reference."""
        return self.true_negative + self.false_positive

    @property
    def accuracy(self) -> float:
        """(TP + TN) / all."""
        return _ratio(self.true_positive + self.true_negative, self.lesion + self.background)

    @property
    def balanced_accuracy(self) -> float:
        """(sensitivity + specificity) / 2."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return 0.0 if self.lesion and not self.marked else _ratio(self.true_positive, self.marked)

    @property
    def sensitivity(self) -> float:
        """TP / (TP + FN), also called recall."""
        return _ratio(self.true_positive, self.lesion)

    @property
    def specificity(self) -> float:
        """TN / (TN + FP)."""
        return _ratio(self.true_negative, self.background)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), which is Dice."""
        total = self.lesion + self.marked
        return _ratio(2 * self.true_positive, total) if total else 1.0

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN)."""
        union = self.lesion + self.false_positive
        return _ratio(self.true_positive, union) if union else 1.0

    @property
    def swapped(self) -> Confusion:
        """The same voxels with background as the positive class."""
        return Confusion(self.true_positive, self.false_negative, self.false_positive, self.true_negative)


def confusion_by_slice(mask: Mask, reference: Mask) -> list[Confusion]:
    """One confusion for each axial slice of two masks on one grid, from inferior to superior; values above 0 count."""
    a, b = to_canonical(mask).array > 0, to_canonical(reference).array > 0
    return [Confusion.of(a[:, :, k], b[:, :, k]) for k in range(a.shape[2])]


def mean_over(confusions: list[Confusion], metric: str) -> tuple[float, int]:
    """Mean of a metric of :data:`PIXEL_METRICS` over those that have it, and how many these are."""
    values = np.array([getattr(confusion, metric) for confusion in confusions], dtype=float)
    values = values[~np.isnan(values)]
    return (float(values.mean()), len(values)) if len(values) else (float("nan"), 0)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
