"""How strongly a feature goes with classes, with bootstrap intervals: Cramer's V, epsilon squared, ROC AUC.

All three are computed of the same resamples, in which patients are drawn with replacement within each class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.contingency import Counts, cramers_v

RESAMPLES = 2000
_VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Effects:
    """``v`` and ``epsilon_squared`` are (samples,), ``auc`` (samples, classes): each class against all others."""

    v: Array
    epsilon_squared: Array
    auc: Array


@dataclass(frozen=True)
class Sample:
    """A feature of the patients of a table in the order of their classes.

    ``values`` and ``levels`` (where a value lies between the cuts, from 0) are (patients,), ``sizes`` (classes,).
    """

    values: Array
    levels: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, values: Array, outcome: Classes, cuts: Array) -> Sample:
        """``outcome`` has every class from 0 on; ``cuts`` are the upper bounds of all levels but the last."""
        order = np.argsort(outcome, kind="stable")
        ordered = values[order]
        return cls(ordered, np.searchsorted(cuts, ordered, side="left"), np.bincount(outcome))

    @property
    def table(self) -> Counts:
        """Patients by level and class, (levels, classes)."""
        table: Counts = _tables(self.levels[None], self.sizes, int(self.levels.max()) + 1)[0]
        return table

    @property
    def effects(self) -> Effects:
        """Of the patients themselves: one sample."""
        return self._effects(np.arange(self.values.size)[None])

    def resampled(self, rng: np.random.Generator, resamples: int = RESAMPLES) -> Effects:
        """Of patients drawn with replacement within each class; the cuts stay where they are."""
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        lengths = np.repeat(self.sizes, self.sizes)
        part = max(1, _VALUES_AT_ONCE // self.values.size)
        parts = [
            self._effects(starts + rng.integers(0, lengths, (min(part, resamples - begin), self.values.size)))
            for begin in range(0, resamples, part)
        ]
        return Effects(
            np.concatenate([each.v for each in parts]),
            np.concatenate([each.epsilon_squared for each in parts]),
            np.concatenate([each.auc for each in parts]),
        )

    def _effects(self, rows: npt.NDArray[np.int64]) -> Effects:
        ranks = rankdata(self.values[rows], axis=1)
        sums = np.add.reduceat(ranks, np.cumsum(self.sizes) - self.sizes, axis=1)
        middle = (self.values.size + 1) / 2
        between = np.sum(self.sizes * (sums / self.sizes - middle) ** 2, axis=1)
        total = np.sum((ranks - middle) ** 2, axis=1)
        others = self.values.size - self.sizes
        return Effects(
            cramers_v(_tables(self.levels[rows], self.sizes, int(self.levels.max()) + 1)),
            np.divide(between, total, out=np.full(len(rows), np.nan), where=total > 0),
            (sums - self.sizes * (self.sizes + 1) / 2) / (self.sizes * others),
        )


def _tables(levels: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], count: int) -> Counts:
    """(samples, levels, classes) from the levels of patients in the order of their classes, (samples, patients)."""
    starts = np.cumsum(sizes) - sizes
    counts = [np.add.reduceat((levels == level).astype(np.int64), starts, axis=1) for level in range(count)]
    return np.stack(counts, axis=1)
