"""Cross-validation of tumour networks by patient, and one kind of network against another on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from gliomics.models import Metric
from gliomics.segmentation.patches import TumourPatches
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics import probability_scores
from gliomics.statistics.arrays import Array, Classes
from gliomics.statistics.bootstrap import Interval, over_repeats
from gliomics.subtype.classifier import FOLDS, stratified_folds
from gliomics.tumour_network.fitting import channels_of, fit_network
from gliomics.tumour_network.settings import FittingSettings


def steps_of(settings: FittingSettings, repeats: int) -> int:
    """How often :func:`cross_validate` calls its ``step``."""
    return repeats * FOLDS * (1 if settings.start == "frozen" else settings.epochs)


def cross_validate(
    patches: Sequence[TumourPatches],
    outcome: Classes,
    source: Segmenter,
    settings: FittingSettings,
    *,
    repeats: int,
    step: Callable[[], None] = lambda: None,
) -> Array:
    """Probabilities by networks that were fitted without the patient, (repeats, patients, classes).

    ``patches`` are of one study of each patient, ``outcome`` (patients,) each one's class. Folds are drawn from the
    seed alone, so that networks of other settings meet the same ones. What ``step`` raises ends it.
    """
    n_classes = int(outcome.max()) + 1
    frozen = channels_of(source.network, patches)
    rng = np.random.default_rng(settings.seed)
    probabilities = np.zeros((repeats, len(outcome), n_classes))
    for repeat in range(repeats):
        of_repeat = settings.model_copy(update={"seed": settings.seed + repeat})
        for train, test in stratified_folds(outcome, FOLDS, rng):
            if settings.start == "frozen":
                step()
            fitted = fit_network(
                [patches[row] for row in train],
                outcome[train],
                n_classes,
                source,
                of_repeat,
                channels=frozen[train],
                step=step,
            )
            seen = frozen[test] if settings.start == "frozen" else fitted.channels([patches[row] for row in test])
            probabilities[repeat, test] = fitted.probabilities(seen)
    return probabilities


def summarise(classes: Sequence[str], outcome: Classes, out_of_fold: Array) -> list[Metric]:
    """The figures of a card, the first of which stands for the model."""
    rng = np.random.default_rng(0)
    repeats = f"{len(out_of_fold)} repeat{'s' * (len(out_of_fold) != 1)}"
    how = f"{FOLDS}-fold cross-validation by patient, {repeats}; 95 % bootstrap interval over patients"
    measures: dict[str, Callable[[Array, Classes], float]] = {"AUC": probability_scores.macro_auc}
    if len(classes) > 2:
        measures = {"AUC, mean of each class against the rest": probability_scores.macro_auc}
        for k, name in enumerate(classes):
            measures[f"AUC, {name} against the rest"] = partial(probability_scores.class_auc, k=k)
    measures["balanced accuracy"] = probability_scores.balanced_accuracy
    measures["Brier score"] = probability_scores.brier
    metrics = [
        Metric.of(name, over_repeats(measure, out_of_fold, outcome, rng), how) for name, measure in measures.items()
    ]
    frequencies = np.tile(np.bincount(outcome) / len(outcome), (len(outcome), 1))
    by_frequency = probability_scores.brier(frequencies, outcome)
    how = "every patient is given the frequencies of the classes; a useful model is below"
    return [*metrics, Metric(name="Brier score of the class frequencies", value=by_frequency, n=len(outcome), how=how)]


def auc_difference(first: Array, second: Array, outcome: Classes) -> Interval:
    """Macro AUC of one set of out-of-fold probabilities (repeats, patients, classes) less that of another.

    Paired: patients are drawn for both at once. Of different numbers of repeats, the larger is cut.
    """
    n_classes, repeats = first.shape[2], min(len(first), len(second))
    both = np.concatenate([first[:repeats], second[:repeats]], axis=2)

    def difference(probability: Array, of: Classes) -> float:
        first_auc, second_auc = (
            probability_scores.macro_auc(part, of) for part in (probability[:, :n_classes], probability[:, n_classes:])
        )
        return first_auc - second_auc

    return over_repeats(difference, both, outcome, np.random.default_rng(0))
