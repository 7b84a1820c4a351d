"""What the training patients' values of a feature are like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PopulationRange:
    """What the training patients' values of one feature are like: quantiles at ``levels``, over all and by class."""

    levels: list[float]
    overall: list[float]
    by_class: dict[str, list[float]]

    def percentile(self, value: float) -> float:
        """Where a value lies among them, in per cent and between the outermost levels; of equal quantiles the middle.

        >>> PopulationRange([0.01, 0.5, 0.99], [0.0, 2.0, 3.0], {}).percentile(1.0)
        25.5
        """
        equal = np.flatnonzero(np.asarray(self.overall) == value)
        if equal.size:
            return float(50 * (self.levels[equal[0]] + self.levels[equal[-1]]))
        return 100 * float(np.interp(value, self.overall, self.levels))

    def quantile(self, level: float) -> float:
        """The value at a level, over all."""
        return float(np.interp(level, self.levels, self.overall))

    @property
    def medians(self) -> dict[str, float]:
        """The median of each class."""
        return {name: float(np.interp(0.5, self.levels, values)) for name, values in self.by_class.items()}
