"""What clients are told of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gliomics.models import ModelCard

if TYPE_CHECKING:
    from gliomics.subtype.predict import SubtypeModel


def describe(card: ModelCard) -> dict[str, Any]:
    """The essentials of a model card, for clients that list models."""
    return {
        "task": card.task,
        "version": card.version,
        "title": card.title,
        "sequences": card.sequences.model_dump(),
        "classes": card.classes,
        "metrics": [metric.model_dump() for metric in card.metrics],
        "population": card.training.population,
        "notice": card.notice,
    }


def describe_subtypes(models: Mapping[str, SubtypeModel]) -> dict[str, Any]:
    """Subtype models by name, in the order in which they are read, with what a client needs to ask for in words."""
    from gliomics.findings.targets import target_of

    ordered = sorted(models.items(), key=lambda item: target_of(item[1].settings.target).place)
    return {name: _described(model) for name, model in ordered}


def _described(model: SubtypeModel) -> dict[str, Any]:
    """The card's essentials, and what a client needs to ask for age and prevalence, in words."""
    from gliomics.findings.targets import target_of

    target, classes = target_of(model.settings.target), model.card.classes
    return {
        **describe(model.card),
        "question": target.title,
        "class_titles": {name: target.class_name(name) for name in classes},
        "training_shares": dict(zip(classes, map(float, model.training_shares), strict=True)),
        "uses_age": model.uses_age,
    }
