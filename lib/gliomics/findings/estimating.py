"""The estimates of one segment by every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gliomics.errors import GliomicsError
from gliomics.features.edge import MovedEdge
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.subtype.circumstances import Circumstances
from gliomics.subtype.contradictions import with_contradictions
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.who import with_who


@dataclass(frozen=True)
class Estimates:
    """Estimates of one row of features: the models that gave them, by name, and why others gave none.

    That of the WHO class, which is made of two others, is first and of no model.
    """

    of: Sequence[SubtypeEstimate] = ()
    models: Mapping[str, SubtypeModel] = field(default_factory=dict)
    refused: Mapping[str, GliomicsError] = field(default_factory=dict)


def estimates_of(
    features: FeatureRow,
    models: Mapping[str, Callable[[], SubtypeModel]],
    circumstances: Circumstances,
    moved_edge: Callable[[], MovedEdge] | None = None,
) -> Estimates:
    """What the models, each opened by its name, say of a row of features.

    With ``moved_edge``, which measures the lesion with its edge moved, each estimate has its range over that
    (:attr:`~gliomics.records.SubtypeEstimate.margin`). It is called once, and only where there is an estimate.
    """
    estimates: list[SubtypeEstimate] = []
    opened: dict[str, SubtypeModel] = {}
    refused: dict[str, GliomicsError] = {}
    for name, open_model in models.items():
        try:
            model = open_model()
            estimates.append(model.estimate(features, circumstances.of_classes(model.card.classes)))
            opened[model.card.name] = model
        except GliomicsError as error:
            refused[name] = error
    if moved_edge is not None and estimates:
        moved = moved_edge()
        estimates = [
            opened[estimate.model].with_margin(
                estimate, features, circumstances.of_classes(opened[estimate.model].card.classes), moved
            )
            for estimate in estimates
        ]
    checked = with_contradictions(estimates, {name: model.card for name, model in opened.items()})
    return Estimates(with_who(checked), opened, refused)
