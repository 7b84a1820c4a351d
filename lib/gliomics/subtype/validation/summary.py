"""What a subtype model's card says of it: figures of each variant, what knowing nothing would give, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gliomics.models import Metric
from gliomics.statistics import probability_scores
from gliomics.statistics.arrays import Array
from gliomics.subtype.classifier import FOLDS
from gliomics.subtype.doubt.conformal import LEAST_PER_CLASS
from gliomics.subtype.table import TrainingTable
from gliomics.subtype.validation.crossvalidate import OutOfFold
from gliomics.subtype.validation.figures import Predictions, aucs_of, figures_of, gain_over
from gliomics.subtype.variants import ONLY_AGE

LEAST_PERMUTATIONS = 20
"""Permutations that a p-value below 0.05 needs at least."""

LEAST_FOR_RANGE = 40
"""Permutations of which a 95 % range leaves out any."""

_LEVEL, _CHANCE = 0.05, 0.5


def summarise(
    table: TrainingTable,
    result: OutOfFold,
    chance: Array,
    rng: np.random.Generator,
    groups: Mapping[str, OutOfFold],
) -> list[Metric]:
    """The figures of a model card, of each variant; the first, the AUC, stands for the model wherever one is shown.

    ``chance`` are AUCs with random outcomes, ``groups`` what models say that left out groups of patients, by what these
    are ("site").
    """
    variants = list(result.probabilities)
    counts = np.bincount(table.outcome)
    metrics: list[Metric] = []
    for name in variants:
        predictions = _predictions(table, result, name)
        if ", " in name:
            metrics += aucs_of(predictions, rng, f", {name}")
        else:
            metrics += figures_of(predictions, rng, f", {name}", has_sets=counts.min() >= LEAST_PER_CLASS)
    for name in variants if ONLY_AGE in variants else ():
        if name.endswith(f"and {ONLY_AGE}"):
            reference = result.probabilities[ONLY_AGE]
            metrics.append(
                gain_over(_predictions(table, result, name), reference, f"AUC of {name} less that of age", rng)
            )
    for group, left_out in groups.items():
        for name in left_out.probabilities:
            how = f"each {group}'s patients by models of all others; 95 % bootstrap interval over patients"
            metrics += aucs_of(_predictions(table, left_out, name, how), rng, f", {name}, leaving one {group} out")
    return metrics + _references(table, variants[0], metrics[0].value, chance)


def _predictions(table: TrainingTable, result: OutOfFold, name: str, how: str = "") -> Predictions:
    repeats = len(result.probabilities[name])
    return Predictions(
        result.probabilities[name],
        result.sets[name],
        table.outcome,
        table.classes,
        np.bincount(table.outcome) / table.outcome.size,
        how or f"{FOLDS}-fold cross-validation by patient, {repeats} repeats; 95 % bootstrap interval over patients",
    )


def _references(table: TrainingTable, variant: str, value: float, chance: Array) -> list[Metric]:
    """What knowing nothing would give."""
    n = len(table.patients)
    frequency = np.bincount(table.outcome) / n
    metrics = [
        Metric(
            name="Brier score of the class frequencies",
            value=probability_scores.brier(np.tile(frequency, (n, 1)), table.outcome),
            n=n,
            how="every patient is given the frequencies of the classes; a useful model is below",
        )
    ]
    if chance.size:
        assignments = f"{chance.size} random assignment{'s' * (chance.size != 1)} of the outcomes"
        low, high = np.percentile(chance, (2.5, 97.5)) if chance.size >= LEAST_FOR_RANGE else (None, None)
        how = f"the whole procedure on {assignments}, {variant}; mean" + (" and 95 % range" if low is not None else "")
        metrics.append(Metric(name="AUC by chance", value=float(chance.mean()), low=low, high=high, n=n, how=how))
        as_high = (1 + int(np.sum(chance >= value))) / (1 + chance.size)
        how = (
            f"fraction of {assignments} with an AUC at least as high (counting the real one); it cannot be below "
            f"{smallest_p(chance.size):.2g}"
        )
        metrics.append(Metric(name="permutation p-value", value=as_high, n=n, how=how))
    return metrics


def smallest_p(permutations: int) -> float:
    """The smallest p-value that so many permutations can give (Phipson and Smyth 2010)."""
    return 1 / (1 + permutations)


def warnings_of(metrics: Sequence[Metric], variants: Sequence[str]) -> dict[str, list[str]]:
    """What must be said beside every estimate of a variant: that it is not shown to be better than chance, or than age.

    ``metrics`` are those of :func:`summarise`. Permutations count where there are enough for a range.
    """
    by_name = {metric.name: metric for metric in metrics}
    headline = metrics[0].name.removesuffix(f", {variants[0]}")
    chance, p_value = by_name.get("AUC by chance"), by_name.get("permutation p-value")
    enough = chance is not None and chance.low is not None
    warnings: dict[str, list[str]] = {}
    for variant in variants:
        auc = by_name[f"{headline}, {variant}"]
        if variant == variants[0] and p_value is not None and enough and p_value.value > _LEVEL:
            evidence = f"permutation p-value {p_value.value:.2g}"
            warnings.setdefault(variant, []).append(_not_better("chance", auc, evidence))
        elif auc.low is None or auc.low <= _CHANCE:
            warnings.setdefault(variant, []).append(_not_better("chance", auc, "0.5 is chance"))
        gain = by_name.get(f"AUC of {variant} less that of age")
        if gain is not None and (gain.low is None or gain.low <= 0):
            warnings.setdefault(variant, []).append(_not_better("the age alone", gain, "0 is no better"))
    return warnings


def _not_better(reference: str, metric: Metric, evidence: str) -> str:
    return (
        f"not shown to be better than {reference}: {metric.name} {metric.in_words(2)} on {metric.n} patients "
        f"({evidence})"
    )
