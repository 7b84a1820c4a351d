"""Everything that was found in a cohort on one page: methods, patient flow, tables, figures, checklists, references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gliomics.csv_files import read_csv
from gliomics.errors import InputError
from gliomics.models.card import ModelCard
from gliomics.records import RESEARCH_NOTICE
from gliomics.report.case_report import Picture
from gliomics.report.cohort.page import Listing, Section
from gliomics.report.cohort.record import CohortRecord, Step, read_record
from gliomics.report.cohort_report import methods
from gliomics.report.cohort_report.checklists import (
    ANSWERED,
    TO_ANSWER,
    TO_JUDGE,
    Answer,
    Checklist,
    answers,
    checklists,
)
from gliomics.report.cohort_report.flow import flow_figure
from gliomics.report.cohort_report.models import metric_rows, of_model
from gliomics.report.cohort_report.references import References
from gliomics.report.drawing import to_png, to_svg
from gliomics.report.html import GENERATOR, templates
from gliomics.version import __version__

TITLES = {"associate": "Associations", "expression": "Expression", "survival": "Survival"}
_SHOWN = {
    "associations.csv": (
        "feature", "target", "class", "group", "test", "n", "p", "p_holm", "p_fdr", "effect",
    ),
    "masks.csv": (
        "feature", "target", "class", "test", "masks", "n", "p", "p_fdr", "effect", "icc",
    ),
    "survival.csv": ("model", "minus", "measure", "time", "n", "events", "value"),
    "hazard_ratios.csv": ("model", "covariate", "n", "hazard_ratio", "p", "p_fdr", "schoenfeld_p"),
}  # fmt: skip
"""Tables that are on the page, and their columns there; those that the table lacks are left out."""
_INTERVALS = {
    "effect": ("effect_low", "effect_high"),
    "value": ("low", "high"),
    "hazard_ratio": ("low", "high"),
}
"""Columns whose cells have those of their interval in brackets."""
_MOST_ROWS = 15
_MOST_LISTED = 8
Cells = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Results:
    """A folder of results: its record, and its tables by file name, the header first."""

    folder: Path
    record: CohortRecord
    tables: Mapping[str, Cells]


@dataclass(frozen=True)
class CohortReport:
    """The page as HTML, and what lies beside it.

    The checklists, the diagrams of patient flow as SVG by name, and by name the figures of subtype models, each with
    its header first.
    """

    html: str
    checklists: list[tuple[Checklist, list[Answer]]]
    works: Sequence[str]
    diagrams: dict[str, bytes]
    model_tables: Mapping[str, Cells]


def read_results(folder: Path) -> Results:
    """A folder that one of the commands wrote; :class:`InputError` for others and for what was changed since."""
    record = read_record(folder)
    tables = {name: [row for _, row in read_csv(folder / name)] for name in record.tables}
    for name, rows in tables.items():
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise InputError(f"{folder / name} is no table with a header and equal rows; write the folder again")
    return Results(folder, record, tables)


def cohort_report(results: Sequence[Results], title: str, models: Sequence[ModelCard] = ()) -> CohortReport:
    """Put the results of several folders, and subtype models, on one page; the same folders give the same page."""
    references, records = References(), [entry.record for entry in results]
    sections, diagrams = [_methods(records, references)] if records else [], {}
    flows, pictures, drawn = [], [], []
    for number, record in enumerate(records, start=1):
        for place, steps in enumerate(_parts(record.flow), start=1):
            if (record.kind, steps) in drawn:
                continue
            drawn.append((record.kind, steps))
            figure = flow_figure(steps)
            of_part = "" if steps[0].part == record.kind else f", {steps[0].part}"
            caption = f"{TITLES[record.kind]}{of_part}: {', '.join(f'{s.name}: {s.patients}' for s in steps)}."
            pictures.append(Picture(to_png(figure), caption, caption))
            diagrams[f"flow_{number}_{record.kind}_{place}.svg"] = to_svg(figure)
            flows += [_left_out(step) for step in steps if step.out]
    if records:
        sections.append(Section("Patient flow", flows, pictures=pictures))
    sections += [_of_results(entry) for entry in results]
    sections += [of_model(card) for card in models]
    filled = [(checklist, answers(checklist, records, models)) for checklist in checklists(records, models)]
    sections += [_of_checklist(checklist, told, references) for checklist, told in filled]
    works = [[str(number), work] for number, work in enumerate(references.works, start=1)]
    sections.append(Section("References", tables=[Listing(["", "work"], works)]))
    html = (
        templates()
        .get_template("cohort_report.html")
        .render(
            title=title,
            created=f"Written by Gliomics {__version__} from {', '.join(_kinds(records, models))}.",
            introduction=_introduction(filled),
            sections=sections,
            origins=_origins(results, models),
            notice=RESEARCH_NOTICE,
            generator=GENERATOR,
        )
    )
    tables = {f"model {number} {card.name}": metric_rows(card) for number, card in enumerate(models, start=1)}
    return CohortReport(html, filled, references.works, diagrams, tables)


def _kinds(records: Sequence[CohortRecord], models: Sequence[ModelCard]) -> list[str]:
    return [*(TITLES[record.kind] for record in records), *(f"subtype model {card.name}" for card in models)]


def _introduction(filled: Sequence[tuple[Checklist, Sequence[Answer]]]) -> str:
    states = [answer.state for _, told in filled for answer in told]
    return (
        "Methods, figures and checklists are written from the records of the analyses. Of "
        f"{len(states)} items of the checklists the software answers {states.count(ANSWERED)}, knows something of "
        f"{states.count(TO_JUDGE)} that the author must judge, and {states.count(TO_ANSWER)} the author must answer."
    )


def _methods(records: Sequence[CohortRecord], references: References) -> Section:
    extractions = {str(record.extraction): record.extraction for record in records}
    paragraphs = [line for extraction in extractions.values() for line in methods.of_features(extraction, references)]
    warnings = [
        f"{warning} ({count} of {extraction.studies} studies)"
        for extraction in extractions.values()
        for warning, count in sorted(extraction.warnings.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LISTED]
    ]
    for record in records:
        paragraphs += [f"{TITLES[record.kind]}. {line}" for line in methods.of_analysis(record, references)]
    return Section("Methods", list(dict.fromkeys(paragraphs)), warnings)


def _parts(flow: Sequence[Step]) -> Iterator[list[Step]]:
    for part in dict.fromkeys(step.part for step in flow):
        yield [step for step in flow if step.part == part]


def _left_out(step: Step) -> str:
    names = list(step.out)
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"{step.part}: {len(names)} patients not '{step.name}': {', '.join(names[:_MOST_LISTED])}{more}."


def _of_results(entry: Results) -> Section:
    drawings = entry.record.drawings
    return Section(
        TITLES[entry.record.kind],
        tables=[_listing(name, entry.tables[name]) for name in entry.record.tables if name in _SHOWN],
        pictures=[Picture((entry.folder / d.png).read_bytes(), d.caption, d.caption) for d in drawings],
    )


def _listing(name: str, table: Cells) -> Listing:
    """The first rows of a table, of the smallest p-values where it has some."""
    header, *rows = table
    order = f"the first {_MOST_ROWS}"
    if "p" in header and len(rows) > _MOST_ROWS:
        place = header.index("p")
        rows, order = sorted(rows, key=lambda row: _number(row[place])), f"the {_MOST_ROWS} of the smallest p"
    shown = [header.index(column) for column in _SHOWN[name] if column in header]
    lines = [[_shown(row, column, header) for column in shown] for row in rows[:_MOST_ROWS]]
    numbers = [place for place, column in enumerate(shown) if all(_is_number(row[column]) for row in rows[:_MOST_ROWS])]
    which = "all rows" if len(rows) <= _MOST_ROWS else f"{order} of {len(rows)} rows"
    names = [header[column] + (" (95 % interval)" if header[column] in _INTERVALS else "") for column in shown]
    return Listing(names, lines, numbers, f"{name}: {which}; whole in the files beside.")


def _shown(row: Sequence[str], column: int, header: Sequence[str]) -> str:
    ends = [row[header.index(end)] for end in _INTERVALS.get(header[column], ()) if end in header]
    value = _short(row[column])
    return f"{value} ({' to '.join(map(_short, ends))})" if len(ends) == 2 and all(ends) else value


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def _is_number(cell: str) -> bool:
    return cell == "" or math.isfinite(_number(cell))


def _short(cell: str) -> str:
    """A number of few digits; names such as ``1e5`` of classes, and whole numbers, stay as they are."""
    if "." not in cell or not math.isfinite(_number(cell)):
        return cell
    return f"{float(cell):.0f}" if abs(float(cell)) >= 1000 else f"{float(cell):.3g}"


def _of_checklist(checklist: Checklist, told: Sequence[Answer], references: References) -> Section:
    rows = [[answer.item.number, answer.item.asks, answer.known, answer.state] for answer in told]
    sentence = (
        f"What {checklist.title} {references.cite(checklist.work)} asks, in short words of ours; the wording that "
        "counts is that of the work."
    )
    return Section(
        checklist.title,
        [sentence, checklist.source],
        tables=[Listing(["item", "asks", "what is known", "state"], rows)],
    )


def _origins(results: Sequence[Results], models: Sequence[ModelCard]) -> Mapping[str, str]:
    facts = {"Gliomics": __version__}
    for card in models:
        facts[f"Model {card.name}"] = f"version {card.version}, created {card.created}, card SHA-256 {card.card_sha256}"
    for number, entry in enumerate(results, start=1):
        record = entry.record
        name = f"{number}. {TITLES[record.kind]}"
        for source in record.sources:
            facts[f"{name}, {source.role}"] = f"{source.file}, SHA-256 {source.sha256}"
        facts[f"{name}, versions"] = f"Gliomics {record.gliomics}, " + ", ".join(
            f"{package} {version}" for package, version in record.packages.items()
        )
        facts[f"{name}, settings"] = "; ".join(
            f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for key, value in record.settings.items()
            if value not in (None, [])
        )
    return facts
