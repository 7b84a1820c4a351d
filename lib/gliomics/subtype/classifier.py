"""From features to probabilities and sets of classes: the whole of what is learned, from training patients alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.doubt.calibration import Calibration
from gliomics.subtype.doubt.conformal import ClassScores
from gliomics.subtype.ensemble import Ensemble, fit_ensemble

FOLDS = 5

Fold = tuple[Classes, Classes]
"""Training rows and test rows."""


@dataclass(frozen=True)
class Classifier:
    """An ensemble, the calibration of its scores and what its sets of classes go by."""

    ensemble: Ensemble
    calibration: Calibration
    class_scores: ClassScores

    def probabilities(self, values: Array) -> Array:
        """(patients, classes) from (patients, features) with NaN where missing."""
        return self.calibration.probabilities(self.ensemble.scores(values))

    def sets(self, values: Array) -> npt.NDArray[np.bool_]:
        """Which classes cannot be excluded, (patients, classes)."""
        return self.class_scores.sets(self.probabilities(values))


def fit_classifier(
    values: Array,
    outcome: Classes,
    n_classes: int,
    blocks: Sequence[Sequence[int]],
    rng: np.random.Generator,
    *,
    members: int = 0,
    repeats: int = 1,
) -> Classifier:
    """Fit on (patients, features); calibration and sets go by ``repeats`` of a cross-validation of these patients."""
    scores = np.zeros((outcome.size, n_classes))
    for _ in range(repeats):
        for train, test in stratified_folds(outcome, FOLDS, rng):
            fitted = fit_ensemble(values[train], outcome[train], n_classes, blocks, rng)
            scores[test] += fitted.scores(values[test]) / repeats
    calibration = Calibration.fit(scores, outcome)
    class_scores = ClassScores.of(calibration.probabilities(scores), outcome)
    ensemble = fit_ensemble(values, outcome, n_classes, blocks, rng, members=members)
    return Classifier(ensemble, calibration, class_scores)


def stratified_folds(outcome: Classes, folds: int, rng: np.random.Generator) -> list[Fold]:
    """Folds of patients; every patient is tested once, every class is spread over the folds."""
    fold_of = np.zeros(outcome.size, dtype=np.int64)
    offset = 0
    for k in np.unique(outcome):
        rows = rng.permutation(np.flatnonzero(outcome == k))
        fold_of[rows] = (np.arange(rows.size) + offset) % folds
        offset += rows.size
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]
