"""How good estimates are: the figures of a subtype model's card, and of a model on another cohort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from gliomics.models import Metric
from gliomics.statistics import probability_scores
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.bootstrap import over_repeats
from gliomics.subtype.doubt.conformal import LEVEL

Measure = Callable[[Array, Classes], float]


@dataclass(frozen=True)
class Predictions:
    """What was said of patients whom the models had not seen.

    ``probabilities`` and ``sets`` are (repeats, patients, classes), ``outcome`` each patient's class. ``shares`` of the
    classes among the training patients are the thresholds above which a class is called. ``how`` says on cards where
    the figures are from.
    """

    probabilities: Array
    sets: npt.NDArray[np.bool_]
    outcome: Classes
    classes: Sequence[str]
    shares: Array
    how: str


def discrimination(classes: Sequence[str]) -> dict[str, Measure]:
    """What tells how well classes are told apart, by its name on cards; the first stands for the model."""
    if len(classes) == 2:
        return {"AUC": probability_scores.macro_auc}
    by_class = {
        f"AUC, {name} against the rest": partial(probability_scores.class_auc, k=k) for k, name in enumerate(classes)
    }
    return {"AUC, mean of each class against the rest": probability_scores.macro_auc, **by_class}


def aucs_of(predictions: Predictions, rng: np.random.Generator, suffix: str = "") -> list[Metric]:
    """How well the classes are told apart; ``suffix`` ends the figures' names."""
    return [
        _metric(f"{name}{suffix}", measure, predictions.probabilities, predictions, rng)
        for name, measure in discrimination(predictions.classes).items()
    ]


def figures_of(predictions: Predictions, rng: np.random.Generator, suffix: str = "", *, has_sets: bool) -> list[Metric]:
    """All figures: discrimination, calls, probabilities and, where there are some, sets of classes."""
    metrics = aucs_of(predictions, rng, suffix)
    measures: dict[str, Measure] = {
        "balanced accuracy": probability_scores.balanced_accuracy,
        "Brier score": probability_scores.brier,
    }
    if len(predictions.classes) == 2:
        name, threshold = predictions.classes[1], float(predictions.shares[1])
        where = f"{name} called above {threshold:.2f}"
        measures |= {
            f"sensitivity, {where}": lambda p, y: float(np.mean(p[y == 1, 1] > threshold)),
            f"specificity, {where}": lambda p, y: float(np.mean(p[y == 0, 1] <= threshold)),
        }
    metrics += [
        _metric(f"{name}{suffix}", measure, predictions.probabilities, predictions, rng)
        for name, measure in measures.items()
    ]
    metrics += _calibration(predictions, suffix)
    return metrics + (_set_figures(predictions, rng, suffix) if has_sets else [])


def _calibration(predictions: Predictions, suffix: str) -> list[Metric]:
    """Without an interval: resampling patients adds noise to every bin, so its intervals lie above the value."""
    repeated, outcome, n = predictions.probabilities, predictions.outcome, predictions.outcome.size
    error = float(np.mean([probability_scores.calibration_error(probability, outcome) for probability in repeated]))
    how = f"class-wise, five bins of equally many patients; {predictions.how.split(';')[0]}"
    metrics = [Metric(name=f"expected calibration error{suffix}", value=error, n=n, how=how)]
    if len(predictions.classes) == 2:
        lines = [probability_scores.calibration_line(probability[:, 1], outcome == 1) for probability in repeated]
        how = f"of the log-odds of {predictions.classes[1]} (Van Calster 2019); {predictions.how.split(';')[0]}"
        slope, intercept = (float(value) for value in np.mean(lines, axis=0))
        metrics += [
            Metric(name=f"calibration slope{suffix}", value=slope, n=n, how=how),
            Metric(name=f"calibration intercept{suffix}", value=intercept, n=n, how=how),
        ]
    return metrics


def _set_figures(predictions: Predictions, rng: np.random.Generator, suffix: str) -> list[Metric]:
    """How often the sets hold each class, how large they are, and how often those of one class are right."""
    measures: dict[str, Measure] = {
        f"{LEVEL:.0%} set holds {name}": partial(_coverage, k=k) for k, name in enumerate(predictions.classes)
    }
    measures |= {f"classes in the {LEVEL:.0%} set": _size, "sets of one class that are right": _right_of_one}
    sets = predictions.sets.astype(float)
    return [_metric(f"{name}{suffix}", measure, sets, predictions, rng) for name, measure in measures.items()]


def _coverage(sets: Array, outcome: Classes, k: int) -> float:
    return float(sets[outcome == k, k].mean())


def _size(sets: Array, _outcome: Classes) -> float:
    return float(sets.sum(axis=1).mean())


def _right_of_one(sets: Array, outcome: Classes) -> float:
    """Of the sets of one class the share that is right; where there is none, none is wrong."""
    single = sets.sum(axis=1) == 1
    return float(sets[single, outcome[single]].mean()) if single.any() else 1.0


def gain_over(predictions: Predictions, reference: Array, name: str, rng: np.random.Generator) -> Metric:
    """The AUC less that of ``reference``, probabilities of the same patients, patient by patient; ``name`` on cards."""
    k = len(predictions.classes)
    return _metric(
        name,
        lambda p, y: probability_scores.macro_auc(p[:, :k], y) - probability_scores.macro_auc(p[:, k:], y),
        np.concatenate([predictions.probabilities, reference], axis=2),
        predictions,
        rng,
    )


def _metric(name: str, measure: Measure, repeated: Array, predictions: Predictions, rng: np.random.Generator) -> Metric:
    return Metric.of(name, over_repeats(measure, repeated, predictions.outcome, rng), predictions.how)
