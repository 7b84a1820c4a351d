"""An estimator as a configuration: what is done to the features, in order, and which classifier learns from them."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt

from gliomics.errors import InputError, UnknownNameError
from gliomics.validated import validated
from gliomics.yaml_files import read_yaml

_PRESETS = Path(__file__).parent / "presets.yaml"

Positive = Annotated[FiniteFloat, Field(gt=0)]
Fraction = Annotated[FiniteFloat, Field(gt=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VarianceFilter(_Section):
    """Features whose variance, of values brought to 0 to 1, is above ``above``."""

    kind: Literal["variance"]
    above: Annotated[FiniteFloat, Field(ge=0)] = 0.01


class CorrelationFilter(_Section):
    """Of two features of an absolute Spearman correlation above ``above`` the one that goes less with the others."""

    kind: Literal["correlation"]
    above: Fraction = 0.9


class LassoFilter(_Section):
    """Features with a coefficient in an L1-penalised logistic regression (Tibshirani 1996)."""

    kind: Literal["lasso"]
    c: Positive = 0.3


class EliminationFilter(_Section):
    """Recursive elimination (Guyon 2002) by a ridge logistic regression until ``features`` remain."""

    kind: Literal["elimination"]
    features: PositiveInt = 10


class MutualInformationFilter(_Section):
    """The ``features`` that share most information with the outcome (nearest neighbours: Ross 2014)."""

    kind: Literal["mutual_information"]
    features: PositiveInt = 10


class StabilityFilter(_Section):
    """Features that the LASSO takes in a share ``at_least`` of ``samples`` halves (Meinshausen and Buehlmann 2010)."""

    kind: Literal["stability"]
    c: Positive = 0.3
    samples: Annotated[int, Field(ge=10, le=1000)] = 50
    at_least: Fraction = 0.6


Filter = Annotated[
    VarianceFilter | CorrelationFilter | LassoFilter | EliminationFilter | MutualInformationFilter | StabilityFilter,
    Field(discriminator="kind"),
]


class Ridge(_Section):
    """Logistic regression with an L2 penalty of inverse strength ``c``."""

    kind: Literal["ridge"]
    c: Positive = 0.1


class ElasticNet(_Section):
    """Logistic regression with a share ``l1_ratio`` of L1 and the rest of L2 penalty."""

    kind: Literal["elastic_net"]
    c: Positive = 0.1
    l1_ratio: Fraction = 0.5


class DecisionTree(_Section):
    """One tree, grown until its leaves are pure or hold ``leaf`` patients."""

    kind: Literal["decision_tree"]
    leaf: PositiveInt = 1


class RandomForest(_Section):
    """``trees`` trees over bootstrap samples of the patients."""

    kind: Literal["random_forest"]
    trees: Annotated[int, Field(ge=1, le=5000)] = 500


class SupportVectors(_Section):
    """A support vector machine; its decision scores become probabilities by a sigmoid learned in inner folds."""

    kind: Literal["svm"]
    kernel: Literal["linear", "poly"] = "linear"
    degree: Annotated[int, Field(ge=2, le=10)] = 3
    c: Positive = 1.0


class GradientBoosting(_Section):
    """``trees`` trees of ``depth`` levels, each on what those before left unexplained."""

    kind: Literal["gradient_boosting"]
    trees: Annotated[int, Field(ge=1, le=5000)] = 100
    depth: Annotated[int, Field(ge=1, le=10)] = 2
    learning_rate: Fraction = 0.1


class Perceptron(_Section):
    """A multilayer perceptron (ReLU, Adam) with hidden ``layers`` of so many units, for at most ``epochs``."""

    kind: Literal["mlp"]
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=10)]
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 200


Classifier = Annotated[
    Ridge | ElasticNet | DecisionTree | RandomForest | SupportVectors | GradientBoosting | Perceptron,
    Field(discriminator="kind"),
]


class Harmonisation(_Section):
    """ComBat over the column ``site``; what the columns ``preserve`` explain, e.g. ``clinical_age``, is left."""

    preserve: tuple[str, ...] = ()


class EstimatorConfig(_Section):
    """Everything between a table of features and probabilities, in the order in which it happens."""

    title: Annotated[str, Field(min_length=1)]
    harmonisation: Harmonisation | None = None
    impute: Literal["median", "mean"] = "median"
    filters: tuple[Filter, ...] = ()
    steps: tuple[Literal["standardise", "pca"], ...] = ("standardise",)
    pca_variance: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.99
    classifier: Classifier


class _Presets(BaseModel):
    presets: dict[str, EstimatorConfig]


@functools.cache
def presets() -> dict[str, EstimatorConfig]:
    """The configurations that come with Gliomics, by name."""
    return validated(_Presets, {"presets": read_yaml(_PRESETS)}, str(_PRESETS)).presets


def load_estimator(preset_or_path: str | Path) -> EstimatorConfig:
    """A configuration by the name of a preset or from one's own YAML file.

    Raises :class:`UnknownNameError` where neither exists and :class:`InputError` for a file that describes no
    estimator: an unknown key, filter, step or classifier, or a value out of its range.

    >>> load_estimator("pipeline-a-tree").steps
    ('standardise', 'pca')
    """
    name = str(preset_or_path)
    if name in presets():
        return presets()[name]
    path = Path(preset_or_path)
    if not path.is_file():
        close = difflib.get_close_matches(name, presets(), n=1, cutoff=0.6)
        hint = f"did you mean '{close[0]}'?" if close else "presets are " + ", ".join(presets())
        raise UnknownNameError(f"estimator '{name}' is neither a preset nor an existing file; {hint}")
    return validated(EstimatorConfig, read_yaml(path), f"estimator {path}")


def load_estimators(names: list[str]) -> dict[str, EstimatorConfig]:
    """Several configurations; :class:`InputError` for one that is named twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"estimator '{twice}' is named twice; name each once")
    return {name: load_estimator(name) for name in names}
