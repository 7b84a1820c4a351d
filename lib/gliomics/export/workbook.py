"""Tables as sheets of an Excel workbook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import xlsxwriter

from gliomics.export.tables import Cell, Table
from gliomics.version import __version__

_MOST_CHARACTERS = 32_767
"""In a cell, as Excel has it."""
_WIDEST = 60


def write_workbook(
    path: Path, tables: Sequence[Table], *, title: str, notice: str, created: datetime | None = None
) -> None:
    """Write a sheet for each table: numbers as numbers, texts as texts, whatever they begin with; no formula.

    ``created`` is what the file says of when it was made, now where None.
    An empty cell is what is not known; so is a number that Excel does not have (NaN, infinity).
    """
    with xlsxwriter.Workbook(path) as workbook:
        properties = {"title": title, "comments": notice, "author": f"Gliomics {__version__}"}
        workbook.set_properties(properties | ({} if created is None else {"created": created}))
        head = workbook.add_format({"bold": True, "bottom": 1})
        plain = workbook.add_format({"valign": "top"})
        wrapped = workbook.add_format({"valign": "top", "text_wrap": True})
        for table in tables:
            sheet = workbook.add_worksheet(table.title)
            sheet.freeze_panes(1, 1)
            for column, name in enumerate(table.columns):
                sheet.write_string(0, column, name, head)
                longest = max([len(name), *(_length(row[column]) for row in table.rows)])
                sheet.set_column(column, column, min(longest + 2, _WIDEST), wrapped if longest > _WIDEST else plain)
            for number, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell[:_MOST_CHARACTERS])
                    elif cell is not None and math.isfinite(cell):
                        sheet.write_number(number, column, cell)
            if table.rows:
                sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)


def _length(cell: Cell) -> int:
    return 0 if cell is None else len(cell) if isinstance(cell, str) else 12
