"""Whether estimates of one study by several models can be true together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gliomics.models import ModelCard, Relation
from gliomics.records import SubtypeEstimate
from gliomics.subtype.table import TrainingTable

MOSTLY = 0.75
"""Share of a class's patients from which on the card says what they are by another model."""

LEAST = 10
"""Patients of a class that such a share needs."""


def with_contradictions(estimates: Sequence[SubtypeEstimate], cards: Mapping[str, ModelCard]) -> list[SubtypeEstimate]:
    """Estimates of one study, each with ``contradicts`` and a reason for every other one that hardly goes with it.

    That is what :class:`~gliomics.models.Relation` on the models' cards tell, which ``cards`` holds by name. Nothing is
    said of two models that no card relates.
    """
    by_model = {estimate.model: estimate for estimate in estimates}
    reasons: dict[str, dict[str, str]] = {name: {} for name in by_model}
    for name, estimate in by_model.items():
        for relation in cards[name].relations:
            other = by_model.get(relation.model)
            if relation.predicted != estimate.predicted or other is None or other.predicted == relation.expected:
                continue
            sentence = (
                f"{estimate.predicted} by {name} and {other.predicted} by {other.model} hardly go together: of "
                f"the {relation.n} patients with {relation.predicted} on the card of {name}, {relation.patients} were "
                f"{relation.expected}; at least one of the two estimates is probably wrong"
            )
            reasons[name][other.model] = sentence
            reasons[other.model][name] = sentence
    return [
        replace(
            estimate,
            reasons=[*estimate.reasons, *reasons[estimate.model].values()],
            contradicts=list(reasons[estimate.model]),
        )
        for estimate in estimates
    ]


def relations(table: TrainingTable, related: Mapping[str, Mapping[str, str]]) -> list[Relation]:
    """For each class of the training patients, what most of them are by other models.

    ``related`` maps the name of another model to its class of each patient, as far as it is known. Classes of fewer
    than :data:`LEAST` such patients, or of whom fewer than :data:`MOSTLY` agree, are left out.
    """
    class_relations = []
    for model, outcomes in related.items():
        for number, label in enumerate(table.classes):
            members = [patient for patient, k in zip(table.patients, table.outcome, strict=True) if k == number]
            counts = Counter(outcomes[patient] for patient in members if patient in outcomes)
            if counts.total() < LEAST:
                continue
            expected, patients = counts.most_common(1)[0]
            if patients >= MOSTLY * counts.total():
                class_relations.append(
                    Relation(predicted=label, model=model, expected=expected, patients=patients, n=counts.total())
                )
    return class_relations
