"""The report of a cohort, and beside it the same as a workbook, tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gliomics.csv_files import write_csv
from gliomics.export.tables import Cell, Table
from gliomics.export.workbook import write_workbook
from gliomics.files import atomic_path, write_bytes, write_text
from gliomics.records import RESEARCH_NOTICE
from gliomics.report.cohort.record import svg_of
from gliomics.report.cohort_report.assemble import CohortReport, Results

_NO_TIME = datetime(2000, 1, 1)
"""Said of when the workbook was made, so that the same results give the same file."""
_MOST_ROWS = 1_048_575
"""On a sheet of Excel's, beside the header."""


def beside(page: Path) -> tuple[Path, Path]:
    """The workbook and the folder that lie beside a page."""
    return page.with_suffix(".xlsx"), page.with_name(f"{page.stem}_files")


def write_cohort_report(page: Path, report: CohortReport, results: Sequence[Results]) -> None:
    """Write the page, the workbook with a sheet for each table, and a folder with tables (CSV) and figures (SVG)."""
    workbook, folder = beside(page)
    folder.mkdir(parents=True, exist_ok=True)
    sheets = [*_checklists(report), _references(report), _left_out(results)]
    for number, entry in enumerate(results, start=1):
        record = entry.record
        for name, (header, *rows) in entry.tables.items():
            cells = [[_cell(cell) for cell in row] for row in rows[:_MOST_ROWS]]
            sheets.append(Table(f"{number} {name.removesuffix('.csv')}"[:31], header, cells))
        for name in (*record.tables, *map(svg_of, record.drawings)):
            write_bytes(folder / f"{number}_{record.kind}_{name}", (entry.folder / name).read_bytes())
    for name, (header, *rows) in report.model_tables.items():
        sheets.append(Table(name[:31], header, [[_cell(cell) for cell in row] for row in rows]))
        write_csv(folder / f"{name}.csv", [dict(zip(header, row, strict=True)) for row in rows], header)
    for name, diagram in report.diagrams.items():
        write_bytes(folder / name, diagram)
    for table in sheets[: len(report.checklists)]:
        rows_by_name = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        write_csv(folder / f"{table.title}.csv", rows_by_name, table.columns)
    with atomic_path(workbook) as temporary:
        write_workbook(temporary, sheets, title="Cohort report", notice=RESEARCH_NOTICE, created=_NO_TIME)
    write_text(page, report.html)


def _checklists(report: CohortReport) -> list[Table]:
    return [
        Table(
            f"checklist {checklist.title}",
            ["item", "asks", "known", "state"],
            [[answer.item.number, answer.item.asks, answer.known, answer.state] for answer in told],
        )
        for checklist, told in report.checklists
    ]


def _references(report: CohortReport) -> Table:
    return Table("references", ["number", "work"], [[k, work] for k, work in enumerate(report.works, start=1)])


def _left_out(results: Sequence[Results]) -> Table:
    rows = [
        [f"{number} {entry.record.kind}", step.part, step.name, patient, reason]
        for number, entry in enumerate(results, start=1)
        for step in entry.record.flow
        for patient, reason in step.out.items()
    ]
    return Table("left out", ["analysis", "part", "not", "patient", "reason"], rows)


def _cell(cell: str) -> Cell:
    if cell == "":
        return None
    try:
        value = float(cell)
    except ValueError:
        return cell
    return value if math.isfinite(value) else cell
