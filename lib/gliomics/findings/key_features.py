"""The few features to look at among hundreds.

They are those that the subtype models use: first those that hardly depend on exactly where the edge is drawn, and of
these the most influential, at most :data:`MOST`. The same features come in the same order for every patient; nothing is
chosen by the patient's values. Without a subtype model they are those that the shipped models use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gliomics.findings.targets import target_of
from gliomics.reading.feature_words import is_unstable, read_feature_name, stability_text
from gliomics.reading.numbers import number, ordinal
from gliomics.reading.record import CAUTION, PLAIN, WEAK, KeyFeature, Population, Tone
from gliomics.records import FeatureRow
from gliomics.subtype.blocks import GLIOMA, OUTLINE
from gliomics.subtype.predict import SubtypeModel

MOST = 10
"""Rows that fit beside the rest."""
_RANGE = (0.05, 0.95)


def key_features(features: FeatureRow, models: Sequence[SubtypeModel]) -> list[KeyFeature]:
    """The key features of a row; ``models`` are those that gave an estimate from it."""
    used: dict[str, SubtypeModel] = {}
    for model in models:
        for name in model.features_by_influence:
            used.setdefault(name, model)
    names = list(used) or [*OUTLINE, *(name for name in features.values if GLIOMA in name)]
    present = [name for name in names if name in features.values]
    stable_first = sorted(present, key=lambda name: is_unstable(features, name))
    return [_key_feature(features, name, used.get(name)) for name in stable_first[:MOST]]


def key_features_note(features: FeatureRow, models: Sequence[SubtypeModel]) -> str:
    """Who the population is, and what is marked; empty where nothing is to be said."""
    sentences = []
    if models:
        card = models[0].card.training
        sentences.append(f"Percentiles are among {card.n_patients} {card.population}.")
    if features.diagnostics.get("stability"):
        sentences.append(
            "Stable: the number hardly depends on exactly where the edge is drawn (intraclass correlation above 0.75)."
        )
    return " ".join(sentences)


def _key_feature(features: FeatureRow, name: str, model: SubtypeModel | None) -> KeyFeature:
    words, value = read_feature_name(name), features.values[name]
    spacing_known = bool(features.diagnostics.get("spacing_known", True))
    unit = words.unit if spacing_known else ""
    percentile = model.population[name].percentile(value) if model is not None else None
    return KeyFeature(
        feature=name,
        name=words.plain,
        value=value,
        text=f"{number(value)} {unit}".strip(),
        unit=unit,
        explanation=words.meaning,
        percentile=percentile,
        percentile_text=ordinal(percentile) if percentile is not None else "",
        stability_text=_stability_words(features, name),
        tone=_tone(features, name, model),
        population=_population(name, model) if model is not None else None,
    )


def _stability_words(features: FeatureRow, name: str) -> str:
    if not stability_text(features, name):
        return ""
    return "depends on the edge" if is_unstable(features, name) else "stable"


def _tone(features: FeatureRow, name: str, model: SubtypeModel | None) -> Tone:
    if is_unstable(features, name):
        return WEAK
    if model is None:
        return PLAIN
    low, high = (model.population[name].quantile(level) for level in _RANGE)
    return PLAIN if low <= features.values[name] <= high else CAUTION


def _population(name: str, model: SubtypeModel) -> Population:
    span, training, target = model.population[name], model.card.training, target_of(model.settings.target)
    by_class: Mapping[str, list[float]] = span.by_class
    return Population(
        name=training.population,
        n=training.n_patients,
        levels=list(span.levels),
        overall=list(span.overall),
        by_class={label: list(values) for label, values in by_class.items()},
        titles={label: target.class_name(label) for label in by_class},
    )
