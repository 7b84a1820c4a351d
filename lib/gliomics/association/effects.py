"""How strongly a feature goes with classes, with bootstrap intervals: Cramer's V, epsilon squared, ROC AUC.

All three are computed of the same resamples, in which patients are drawn with replacement within each class. A resample
is told by how often each patient is in it, so that the values of a feature are put in order once for all resamples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.contingency import Counts, cramers_v

RESAMPLES = 2000
_VALUES_AT_ONCE = 2_000_000


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
        table: Counts = self._tables(np.ones((1, self.values.size)))[0]
        return table

    @property
    def effects(self) -> Effects:
        """Of the patients themselves: one sample."""
        return self._effects(np.ones((1, self.values.size)))

    def resampled(self, seed: int, resamples: int = RESAMPLES) -> Effects:
        """Of patients drawn with replacement within each class; the cuts stay where they are."""
        drawn = _drawn(seed, tuple(self.sizes.tolist()), resamples)
        part = max(1, _VALUES_AT_ONCE // self.values.size)
        parts = [self._effects(drawn[begin : begin + part].astype(float)) for begin in range(0, resamples, part)]
        return Effects(
            np.concatenate([each.v for each in parts]),
            np.concatenate([each.epsilon_squared for each in parts]),
            np.concatenate([each.auc for each in parts]),
        )

    def _effects(self, counts: Array) -> Effects:
        """Of samples in which each patient is so often, (samples, patients)."""
        n = self.values.size
        order = np.argsort(self.values, kind="stable")
        ordered = self.values[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1]]))
        drawn = counts[:, order]
        equal = drawn if starts.size == n else np.add.reduceat(drawn, starts, axis=1)
        ranks = np.cumsum(equal, axis=1)
        ranks -= (equal - 1) / 2
        total = np.einsum("su,su,su->s", equal, ranks - (n + 1) / 2, ranks - (n + 1) / 2)
        of_patients = ranks if starts.size == n else np.repeat(ranks, np.diff([*starts, n]), axis=1)
        member = np.repeat(np.eye(self.sizes.size), self.sizes, axis=0)[order]
        sums = (drawn * of_patients) @ member
        between = np.sum(self.sizes * (sums / self.sizes - (n + 1) / 2) ** 2, axis=1)
        return Effects(
            cramers_v(self._tables(counts)),
            np.divide(between, total, out=np.full(len(counts), np.nan), where=total > 0),
            (sums - self.sizes * (self.sizes + 1) / 2) / (self.sizes * (n - self.sizes)),
        )

    def _tables(self, counts: Array) -> Counts:
        """(samples, levels, classes) of samples in which each patient is so often, (samples, patients)."""
        levels, classes = int(self.levels.max()) + 1, self.sizes.size
        cell = self.levels * classes + np.repeat(np.arange(classes), self.sizes)
        tables = counts @ (cell[:, None] == np.arange(levels * classes)).astype(float)
        whole: Counts = np.rint(tables).astype(np.int64).reshape(len(counts), levels, classes)
        return whole


@lru_cache(maxsize=4)
def _drawn(seed: int, sizes: tuple[int, ...], resamples: int) -> npt.NDArray[np.uint8]:
    """How often each patient is in each resample, (resamples, patients), of classes of these sizes.

    Features that the same patients have are resampled alike, so that this is drawn once for all of them.
    """
    return np.concatenate([*_parts_drawn(seed, sizes, resamples)])


def _parts_drawn(seed: int, sizes: tuple[int, ...], resamples: int) -> Iterator[npt.NDArray[np.uint8]]:
    rng, n = np.random.default_rng(seed), sum(sizes)
    starts, lengths = np.repeat(np.cumsum(sizes) - sizes, sizes), np.repeat(sizes, sizes)
    part = max(1, _VALUES_AT_ONCE // n)
    for begin in range(0, resamples, part):
        samples = min(part, resamples - begin)
        patients = starts + rng.integers(0, lengths, (samples, n))
        flat = (patients + n * np.arange(samples)[:, None]).ravel()
        yield np.bincount(flat, minlength=samples * n).reshape(samples, n).astype(np.uint8)
