"""Checklists for authors, filled with what the records of an analysis tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from gliomics.models.card import ModelCard
from gliomics.report.cohort.record import CohortRecord
from gliomics.report.cohort_report import methods
from gliomics.report.cohort_report.models import SUBTYPE, how, patients_by_class
from gliomics.validated import validated
from gliomics.yaml_files import read_yaml

_LISTS = Path(__file__).with_name("checklists.yaml")
ANSWERED, TO_JUDGE, TO_ANSWER = "answered", "known; the author must judge", "the author must answer"


class Item(BaseModel):
    """What a checklist asks; ``know`` names what the software can say, which is the answer where ``answers``."""

    model_config = ConfigDict(extra="forbid")

    number: str
    asks: str
    know: str | None = None
    answers: bool = False


class Checklist(BaseModel):
    """A checklist in our words, the ``work`` that it stands in, and the analyses ``with`` which alone it is shown.

    ``source`` says what its items were compared with.
    """

    model_config = ConfigDict(extra="forbid")

    title: str
    work: str
    source: str
    only_with: list[str] = Field(default=[], alias="with")
    items: list[Item]


@dataclass(frozen=True)
class Answer:
    """An item with what is known of it and whether that is the answer."""

    item: Item
    known: str
    state: str


def checklists(records: Sequence[CohortRecord], models: Sequence[ModelCard] = ()) -> list[Checklist]:
    """The checklists that concern these analyses."""
    kinds = {record.kind for record in records} | ({SUBTYPE} if models else set())
    lists = [validated(Checklist, entry, str(_LISTS)) for entry in read_yaml(_LISTS)]
    return [entry for entry in lists if not entry.only_with or kinds & {*entry.only_with}]


def answers(checklist: Checklist, records: Sequence[CohortRecord], models: Sequence[ModelCard] = ()) -> list[Answer]:
    """Every item with what the records and models that the checklist concerns tell of it; nothing where they do not."""
    told = []
    records = [record for record in records if not checklist.only_with or record.kind in checklist.only_with]
    for item in checklist.items:
        known = "" if item.know is None else "; ".join(filter(None, _tell(item.know, records, models)))
        state = TO_ANSWER if not known else ANSWERED if item.answers else TO_JUDGE
        told.append(Answer(item, known, state))
    return told


def _tell(know: str, records: Sequence[CohortRecord], models: Sequence[ModelCard]) -> list[str]:
    of_records = _KNOWN[know](records) if know in _KNOWN else ""
    of_models = [f"{card.name}: {_OF_MODELS[know](card)}" for card in models if know in _OF_MODELS]
    return [of_records, *of_models]


def _each(tell: Callable[[CohortRecord], str], *kinds: str) -> Callable[[Sequence[CohortRecord]], str]:
    """What each record of some kinds tells, each thing once."""

    def told(records: Sequence[CohortRecord]) -> str:
        sentences = [tell(record) for record in records if not kinds or record.kind in kinds]
        return "; ".join(dict.fromkeys(sentence for sentence in sentences if sentence))

    return told


def _flow(record: CohortRecord) -> str:
    return ", ".join(f"{step.name}: {step.patients}" for step in record.flow)


def _configuration(record: CohortRecord) -> str:
    config = methods.configuration(record.extraction)
    return "" if config is None else methods.in_words(config)


def _software(record: CohortRecord) -> str:
    by = record.extraction.versions
    pyradiomics = f"PyRadiomics {by['pyradiomics']}, " if "pyradiomics" in by else ""
    return f"{pyradiomics}Gliomics {record.gliomics}"


def _dimensions(record: CohortRecord) -> str:
    return f"{record.extraction.features} features, {record.flow[-1].patients} patients ({record.kind})"


def _intervals(record: CohortRecord) -> str:
    if record.kind == "expression":
        return "p-values, corrected for their number; no intervals (expression)"
    return f"95 % bootstrap intervals over patients ({record.kind})"


def _model(record: CohortRecord) -> str:
    return (
        "Cox model with an elastic-net penalty, chosen in inner folds of the training patients; models: "
        f"{', '.join(record.numbers['models'])}. {methods.partition(record)}"
    )


_MEASURES = {
    "associate": "Cramer's V, epsilon squared, AUC of single features",
    "expression": "mutual information",
    "survival": "C-index, AUC and Brier score over time",
}
_KNOWN: Mapping[str, Callable[[Sequence[CohortRecord]], str]] = {
    "flow": _each(_flow),
    "participants": _each(
        lambda record: (
            f"{_flow(record)}; events: {record.numbers['events']}; median follow-up: "
            f"{record.numbers.get('median_follow_up') or 'not reached'} ({record.numbers['unit']})"
        ),
        "survival",
    ),
    "outcomes": _each(lambda record: f"taken from {', '.join(s.file for s in record.sources if s.role != 'features')}"),
    "sequences": _each(lambda record: methods.counted(record.extraction.sequences)),
    "region": _each(lambda record: f"region '{record.extraction.region}'; who or what drew it is not known"),
    "processing": _each(lambda record: methods.processing(record.extraction)),
    "harmonised": _each(
        lambda record: (
            f"ComBat over {methods.counted(record.extraction.harmonised)}" if record.extraction.harmonised else ""
        )
    ),
    "software": _each(_software),
    "configuration": _each(_configuration),
    "dimensions": _each(_dimensions),
    "partition": _each(methods.partition, "survival"),
    "internal": _each(lambda record: f"no held-out patients; {methods.partition(record)}", "survival"),
    "measures": _each(lambda record: _MEASURES[record.kind]),
    "intervals": _each(_intervals),
    "clinical": _each(
        lambda record: (
            "survival: compared with, and added to, " + ", ".join(record.numbers["clinical_columns"])
            if record.numbers["clinical_columns"]
            else ""
        ),
        "survival",
    ),
    "event": _each(
        lambda record: (
            f"'{record.settings['event']}' ({record.settings['events']}), '{record.settings['time']}' in "
            f"{record.numbers['unit']}; judged at {', '.join(f'{h:g}' for h in record.numbers['horizons'])}"
        ),
        "survival",
    ),
    "events": _each(
        lambda record: f"{record.numbers['patients']} patients, {record.numbers['events']} events", "survival"
    ),
    "missing": _each(
        lambda record: (
            "patients without an outcome or a clinical value left out; missing features take a value of the "
            "training patients"
        ),
        "survival",
    ),
    "scaling": _each(methods.scaling, "survival"),
    "model": _each(_model, "survival"),
    "performance": _each(lambda record: "survival.csv, with intervals; no subgroups", "survival"),
}
_OF_MODELS: Mapping[str, Callable[[ModelCard], str]] = {
    "events": patients_by_class,
    "participants": patients_by_class,
    "partition": how,
    "internal": lambda card: f"no held-out patients; {how(card)}",
    "measures": lambda card: "AUC, balanced accuracy, Brier score, sets of classes",
    "intervals": lambda card: "95 % bootstrap intervals over patients",
    "calibration": lambda card: "calibration slope and intercept, expected calibration error",
    "model": lambda card: card.description or f"a model of {', '.join(card.classes)}",
    "performance": lambda card: f"{len(card.metrics)} figures in the files beside",
}
"""By the same names, what the card of a subtype model tells; ``calibration`` it alone tells."""
