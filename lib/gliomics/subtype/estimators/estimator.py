"""From a configuration to probabilities; all is learned in :meth:`Estimator.fit`, from the patients given to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.combat import Combat
from gliomics.subtype.estimators.classifiers import classifier_of
from gliomics.subtype.estimators.config import EstimatorConfig, SupportVectors
from gliomics.subtype.estimators.filters import Selection

SITE = "site"
"""Column with a number for each patient's site, NaN where unknown; it is never a feature."""

CLINICAL = "clinical_"
"""What the names of columns begin with that are of the patient and not of an image: no scanner changes them."""

_CALIBRATION_FOLDS = 3


@dataclass(frozen=True)
class _Columns:
    """Where in a table features, those that are not harmonised, the site and what harmonisation preserves stand."""

    features: list[int]
    untouched: list[int]
    site: int | None
    preserved: list[int]

    @classmethod
    def of(cls, config: EstimatorConfig, names: Sequence[str]) -> _Columns:
        harmonisation = config.harmonisation
        if harmonisation is None:
            return cls([i for i, name in enumerate(names) if name != SITE], [], None, [])
        missing = [name for name in (SITE, *harmonisation.preserve) if name not in names]
        if missing:
            raise InputError(f"'{config.title}' harmonises by the column '{missing[0]}', which the table lacks; add it")
        untouched = {name for name in names if name.startswith(CLINICAL) or name in harmonisation.preserve}
        return cls(
            [i for i, name in enumerate(names) if name != SITE and name not in untouched],
            [i for i, name in enumerate(names) if name in untouched],
            names.index(SITE),
            [names.index(name) for name in harmonisation.preserve],
        )


@dataclass(frozen=True)
class FittedEstimator:
    """An estimator that was fitted; ``pipeline`` is scikit-learn's, ``combat`` None where nothing is harmonised."""

    columns: _Columns
    combat: Combat | None
    pipeline: Any
    n_classes: int

    def probabilities(self, values: Array) -> Array:
        """(patients, classes) from (patients, columns); 0 for a class that no training patient had."""
        result = np.zeros((len(values), self.n_classes))
        with threadpool_limits(1):
            result[:, self.pipeline.classes_] = self.pipeline.predict_proba(
                _harmonised(values, self.columns, self.combat)
            )
        return result

    def harmonised(self, values: Array) -> npt.NDArray[np.bool_]:
        """Of which patients the features were harmonised: those of sites that were seen. Others' are as they were."""
        if self.combat is None:
            return np.zeros(len(values), dtype=bool)
        return self.combat.knows(values[:, self.columns.site])


@dataclass(frozen=True)
class Estimator:
    """A configuration for a table of the columns ``names``."""

    config: EstimatorConfig
    names: Sequence[str]

    def fit(self, values: Array, outcome: Classes, n_classes: int, rng: np.random.Generator) -> FittedEstimator:
        """Learn everything from (patients, columns), NaN where missing, and the classes (patients,).

        A caller who passes training patients only cannot leak. Raises :class:`InputError` for patients of one class,
        a table without the column ``site`` for an estimator that harmonises, and sites too small to learn from.
        """
        if np.unique(outcome).size < 2:
            raise InputError(f"'{self.config.title}' cannot learn from {outcome.size} patients of one class")
        columns = _Columns.of(self.config, self.names)
        combat = None
        if columns.site is not None:
            preserved = values[:, columns.preserved]
            combat = Combat.fit(values[:, columns.features], values[:, columns.site], preserved)
        pipeline = calibrated(pipeline_of(self.config, int(rng.integers(2**31))), self.config)
        with threadpool_limits(1), warnings.catch_warnings():
            # A perceptron stops after its epochs, converged or not, as its configuration says.
            warnings.simplefilter("ignore", ConvergenceWarning)
            pipeline.fit(_harmonised(values, columns, combat), outcome)
        return FittedEstimator(columns, combat, pipeline, n_classes)


def _harmonised(values: Array, columns: _Columns, combat: Combat | None) -> Array:
    """The features that the pipeline sees."""
    features = values[:, columns.features]
    if combat is None:
        return features
    harmonised = combat.apply(features, values[:, columns.site], values[:, columns.preserved])
    return np.hstack([harmonised, values[:, columns.untouched]])


def pipeline_of(config: EstimatorConfig, seed: int) -> Any:
    """scikit-learn's pipeline of everything after harmonisation, unfitted."""
    steps = {
        "standardise": lambda: StandardScaler(),
        "pca": lambda: PCA(n_components=config.pca_variance, svd_solver="full"),
    }
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy=config.impute, keep_empty_features=True)),
            *((f"filter {i}", Selection(chosen_by, seed)) for i, chosen_by in enumerate(config.filters)),
            *((f"step {i}", steps[name]()) for i, name in enumerate(config.steps)),
            ("classifier", classifier_of(config.classifier, seed)),
        ]
    )


def calibrated(pipeline: Any, config: EstimatorConfig) -> Any:
    """Probabilities for a classifier that has decision scores: a sigmoid (Platt 1999) on scores of inner folds.

    The whole pipeline is fitted anew in each of these, so that a filter has not seen whom it is calibrated on.
    """
    if not isinstance(config.classifier, SupportVectors):
        return pipeline
    folds = StratifiedKFold(_CALIBRATION_FOLDS, shuffle=True, random_state=0)
    return CalibratedClassifierCV(pipeline, method="sigmoid", cv=folds, ensemble=False)
