"""The table of studies: filled when the list changes, and rows hidden by the filter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import qt

from RadiogenomicsLib.panel.jobrunner import Steps
from RadiogenomicsLib.panel.review.words import COLUMNS, cells, details, matches
from RadiogenomicsLib.server.reviews import ReviewedStudy

_ROWS_AT_A_TIME = 100
_WIDTHS = (74, 74, 106, 40)
"""Of all columns but the first, which takes what is left."""


class StudyTable:
    """Shows studies in the order in which they are given."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._studies: tuple[ReviewedStudy, ...] = ()
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels(list(COLUMNS))
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        table.horizontalHeader().setMinimumSectionSize(min(_WIDTHS))
        for column, width in enumerate(_WIDTHS, 1):
            table.setColumnWidth(column, width)

    def fill(self, studies: Sequence[ReviewedStudy]) -> Steps:
        """Show these studies, some at a time; the one that was selected stays so, as long as it is there.

        Rows that are the same are not written again. A filling that is given up is finished at once.
        """
        selected, earlier, self._studies = self.selected(), self._studies, tuple(studies)
        blocked = self._table.blockSignals(True)
        self._table.rowCount = len(studies)
        changed = (row for row, study in enumerate(studies) if earlier[row : row + 1] != (study,))
        try:
            while self._write(changed):
                yield
        except GeneratorExit:
            while self._write(changed):
                pass
            raise
        finally:
            self.select(selected.studyId if selected is not None else "")
            self._table.blockSignals(blocked)

    def _write(self, rows: Iterator[int]) -> bool:
        """Write some of the rows; whether there may be more."""
        written = list(itertools.islice(rows, _ROWS_AT_A_TIME))
        for row in written:
            study = self._studies[row]
            for column, text in enumerate(cells(study)):
                self._table.setItem(row, column, qt.QTableWidgetItem(text))
            self._table.item(row, 0).setToolTip(details(study))
        return len(written) == _ROWS_AT_A_TIME

    def clear(self) -> None:
        """Show no studies."""
        self._studies, self._table.rowCount = (), 0

    def filter(self, words: str, state: str) -> int:
        """Hide what does not match; returns how many rows are left."""
        shown = [matches(study, words.split(), state) for study in self._studies]
        for row, isShown in enumerate(shown):
            self._table.setRowHidden(row, not isShown)
        return sum(shown)

    def selected(self) -> ReviewedStudy | None:
        """The study whose row is selected, and not hidden."""
        row = self._table.currentRow()
        isThere = 0 <= row < len(self._studies) and not self._table.isRowHidden(row)
        return self._studies[row] if isThere else None

    def select(self, studyId: str) -> None:
        """Select the row of a study; none where it is not listed."""
        rows = [row for row, study in enumerate(self._studies) if study.studyId == studyId]
        if rows:
            self._table.setCurrentCell(rows[0], 0)
        else:
            self._table.setCurrentCell(-1, -1)
            self._table.clearSelection()
