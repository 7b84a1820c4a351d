"""The classes that cannot be excluded, at a stated error rate in every class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.statistics.arrays import Array, Classes

LEVEL = 0.9
"""Share of the patients of each class whose set holds the class."""
LEAST_PER_CLASS = 10
"""Patients of a class that such a set needs: of fewer, none can be excluded at :data:`LEVEL`."""


@dataclass(frozen=True)
class ClassScores:
    """For each class the probabilities that its own training patients were given for it by models without them.

    Sets by these are conformal within every class (Vovk 2003, "Mondrian"): of the patients of a class, however rare it
    is and however many of its patients there are where the model is used, the stated share has it in the set.
    """

    own: Sequence[Array]

    @classmethod
    def of(cls, probabilities: Array, outcome: Classes) -> ClassScores:
        """From out-of-fold probabilities (patients, classes)."""
        return cls([np.sort(probabilities[outcome == k, k]) for k in range(probabilities.shape[1])])

    def p_values(self, probabilities: Array) -> Array:
        """For each class the share of its patients who fit it as little as this one, (patients, classes)."""
        columns = [
            (1 + np.searchsorted(own, probabilities[:, k], side="right")) / (1 + own.size)
            for k, own in enumerate(self.own)
        ]
        return np.stack(columns, axis=1)

    def sets(self, probabilities: Array, level: float = LEVEL) -> npt.NDArray[np.bool_]:
        """Which classes cannot be excluded, (patients, classes), from probabilities of the same shape.

        The most probable class is never excluded: an empty set would say nothing.
        """
        members = self.p_values(probabilities) > 1 - level
        members[np.arange(len(members)), probabilities.argmax(axis=1)] = True
        return np.asarray(members)

    @property
    def is_enough(self) -> bool:
        """Whether there are patients enough in every class."""
        return min(own.size for own in self.own) >= LEAST_PER_CLASS
