"""Subtype models in the report of a cohort: what their cards tell of how good they are on patients of others."""

from __future__ import annotations

from pathlib import Path

from gliomics.errors import InputError
from gliomics.models.card import Metric, ModelCard
from gliomics.models.folder import CARD, load_model_folder
from gliomics.report.cohort.page import Listing, Section

SUBTYPE = "subtype"
"""The kind of analysis that a subtype model counts as, beside those of records."""
COLUMNS = ("figure", "value", "low", "high", "n", "how")
_SHOWN = ("AUC", "balanced accuracy", "Brier score", "calibration slope", "permutation p-value")
"""What figures that the page shows begin with; the files beside it have all."""


def is_model(folder: Path) -> bool:
    """Whether a folder is one of a model, not of an analysis."""
    return (folder / CARD).is_file()


def read_model(folder: Path) -> ModelCard:
    """The card of a subtype model; :class:`InputError` for a damaged one and one of another task."""
    card = load_model_folder(folder).card
    if card.task != SUBTYPE:
        raise InputError(
            f"{folder} is a model of the task '{card.task}'; a report takes models that `gliomics subtype fit` wrote"
        )
    return card


def metric_rows(card: ModelCard) -> list[list[str]]:
    """All figures of a card as a table, its header first."""
    return [[*COLUMNS], *(_cells(metric) for metric in card.metrics)]


def of_model(card: ModelCard) -> Section:
    """What the page says of a model."""
    training = card.training
    learned = "" if training is None else f" Learned from {training.n_patients} patients: {training.population}."
    paragraphs = [
        f"{card.title or card.name} ({card.name} version {card.version}): {patients_by_class(card)}.{learned}",
        "Every patient was estimated by models of others; how each figure came about stands in the files beside.",
    ]
    shown = [metric for metric in card.metrics if metric.name.startswith(_SHOWN)]
    lines = [[metric.name, _number(metric.value), _interval(metric), str(metric.n)] for metric in shown]
    caption = f"{len(shown)} of {len(card.metrics)} figures of the model's card."
    table = Listing(["figure", "value", "95 % interval", "n"], lines, range(1, 4), caption)
    return Section(f"Subtype model: {card.title or card.name}", paragraphs, tables=[table])


def patients_by_class(card: ModelCard) -> str:
    """The classes of a model, with the patients of each where the card tells them."""
    counts = card.settings.get("class_counts")
    if not isinstance(counts, dict):
        return ", ".join(card.classes)
    return ", ".join(f"{name}: {count} patients" for name, count in counts.items())


def how(card: ModelCard) -> str:
    """How patients were estimated by models of others: of the first figure."""
    return card.metrics[0].how if card.metrics else ""


def _cells(metric: Metric) -> list[str]:
    ends = ["" if end is None else repr(end) for end in (metric.low, metric.high)]
    return [metric.name, repr(metric.value), *ends, str(metric.n), metric.how]


def _interval(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return ""
    return f"{_number(metric.low)} to {_number(metric.high)}"


def _number(value: float) -> str:
    return f"{value:.3f}"
