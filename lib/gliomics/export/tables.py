"""What is exported of a segment as tables: what is read, the estimates, the features, and where all of it is from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gliomics.features.describe import describe
from gliomics.reading.feature_words import is_unstable, read_feature_name
from gliomics.report.examine import ExaminedSegment
from gliomics.version import __version__

Cell = str | float | None

_SAID_ELSEWHERE = ("stability", "unstable", "patient_id", "timepoint", "date")
"""Diagnostics that the table of features has, or that the study says."""


@dataclass(frozen=True)
class Table:
    """A table with the names of its columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def tables_of(segment: ExaminedSegment, created: str) -> list[Table]:
    """The tables of a segment; ``created`` says when."""
    return [_reading(segment), _estimates(segment), _features(segment), _provenance(segment, created)]


def tables_of_all(segments: Sequence[ExaminedSegment], created: str) -> list[Table]:
    """The tables of several regions of one study, the region in the first column of each."""
    if len(segments) == 1:
        return tables_of(segments[0], created)
    by_region = {segment.reading.title: tables_of(segment, created) for segment in segments}
    return [
        Table(
            same[0].title,
            ["region", *same[0].columns],
            [[region, *row] for region, table in zip(by_region, same, strict=True) for row in table.rows],
        )
        for same in zip(*by_region.values(), strict=True)
    ]


def long_table(segment: ExaminedSegment, created: str) -> Table:
    """The same as one table with a line for each value, so that those of many patients can be put together."""
    study, region = segment.study.id, segment.reading.title
    reading, estimates, features, provenance = tables_of(segment, created)
    lines: list[list[Cell]] = [
        ["reading", name, text, None, None, "", "", how]
        if number is None
        else ["reading", name, number, None, None, unit, "", _joined(text, how)]
        for name, text, number, unit, how in reading.rows
    ]
    for question, model, version, _, title, probability, low, high, _, _, answer, caution in estimates.rows:
        details = _joined(answer, caution, f"by {model} version {version}")
        lines.append(["estimate", f"{question}: {title}", probability, low, high, "", "", details])
    for column, words, _, _, _, value, unit, code, _, unstable, description in features.rows:
        doubt = "depends on exactly where the edge is drawn" if unstable == "yes" else ""
        lines.append(["feature", column, value, None, None, unit, code, _joined(words, description, doubt)])
    lines += [["provenance", name, value, None, None, "", "", ""] for name, value in provenance.rows]
    columns = ["study_id", "region", "table", "name", "value", "low", "high", "unit", "ibsi", "details"]
    return Table("Export", columns, [[study, region, *line] for line in lines])


def _reading(segment: ExaminedSegment) -> Table:
    reading = segment.reading
    rows: list[list[Cell]] = [
        [fact.name, fact.text, fact.value, fact.unit, fact.explanation] for fact in reading.headline
    ]
    if reading.vasari is not None:
        told, left = reading.vasari.told, reading.vasari.open
        rows += [[f"VASARI {fact.name}", fact.text, fact.value, "", fact.explanation] for fact in told]
        rows += [[f"VASARI {fact.name}", "open", None, "", _joined(fact.text, fact.explanation)] for fact in left]
    cautions = [*segment.warnings, *reading.cautions]
    rows += [["Beware", caution, None, "", ""] for caution in cautions]
    rows.append(["Notice", reading.notice, None, "", ""])
    return Table("Reading", ["what", "in words", "value", "unit", "how it was measured"], rows)


def _estimates(segment: ExaminedSegment) -> Table:
    rows: list[list[Cell]] = [
        [
            estimate.title,
            estimate.model,
            estimate.version,
            bar.name,
            bar.title,
            bar.probability,
            bar.low,
            bar.high,
            bar.training_share,
            None if bar.in_set is None else "yes" if bar.in_set else "no",
            estimate.headline,
            " ".join(estimate.cautions),
        ]
        for estimate in segment.reading.estimates
        for bar in estimate.bars
    ]
    columns = [
        "question", "model", "version", "class", "in words", "probability", "90 % interval, low",
        "90 % interval, high", "share of training patients", "cannot be excluded", "answer", "beware",
    ]  # fmt: skip
    return Table("Estimates", columns, rows)


def _features(segment: ExaminedSegment) -> Table:
    stability = segment.features.diagnostics.get("stability") or {}
    rows: list[list[Cell]] = []
    for column, value in segment.features.values.items():
        name, meaning = read_feature_name(column), describe(column)
        unit = meaning.unit if meaning is not None and meaning.unit != "none" else ""
        if not segment.study.spacing_known:
            unit = unit.replace("mm", "voxels")
        icc = stability.get(column)
        unstable = "" if icc is None else "yes" if is_unstable(segment.features, column) else "no"
        rows.append(
            [
                column,
                name.plain,
                name.sequence or "mask",
                name.image,
                name.family,
                float(value),
                unit,
                meaning.ibsi_code if meaning is not None else "",
                icc,
                unstable,
                meaning.description if meaning is not None else "",
            ]
        )
    columns = [
        "feature", "in words", "sequence", "image", "class", "value", "unit", "IBSI code", "stability (ICC)",
        "depends on the edge", "what it measures",
    ]  # fmt: skip
    return Table("Features", columns, rows)


def _provenance(segment: ExaminedSegment, created: str) -> Table:
    study = segment.study
    facts: dict[str, Any] = {
        "study": study.id,
        "patient": study.patient_id,
        "time point": study.timepoint,
        "date of the examination": study.date,
        "region": segment.reading.region,
        "mask": segment.origin,
        **segment.facts,
        **{f"study: {name}": text for name, text in study.source.items()},
        **{name: value for name, value in segment.features.diagnostics.items() if name not in _SAID_ELSEWHERE},
        "exported by": f"Gliomics {__version__}",
        "exported at": created,
        "notice": segment.reading.notice,
    }
    return Table("Provenance", ["what", "value"], [[name, _plain(value)] for name, value in facts.items()])


def _plain(value: Any) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, int | float) else json.dumps(value)


def _joined(*texts: Cell) -> str:
    return "; ".join(str(text) for text in texts if text)
