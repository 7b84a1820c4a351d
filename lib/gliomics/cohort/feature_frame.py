"""Rows of features as a table of pandas, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from gliomics.cohort.feature_table import KEYS, PREFIX, from_table, note_of_cell, to_table
from gliomics.errors import DependencyError, InputError
from gliomics.records import FeatureRow

if TYPE_CHECKING:
    import pandas as pd


def features_frame(rows: Iterable[FeatureRow]) -> pd.DataFrame:
    """Rows of features as a table of pandas, with the columns of the CSV file that ``gliomics features`` writes.

    One line per row: ``study_id``, ``region``, the features (float64, NaN where a row does not have one), then
    ``diagnostics_*`` with where the row comes from: numbers or truth values where a column holds nothing else, else the
    text that the CSV file has. Raises :class:`DependencyError` where pandas is not installed.

    >>> from gliomics.records import FeatureRow
    >>> rows = [FeatureRow("patient-1", "whole", {"original_shape_MeshVolume": 1200.5}, {"voxels": 1203})]
    >>> frame = features_frame(rows)
    >>> frame.shape, float(frame["original_shape_MeshVolume"].mean())
    ((1, 5), 1200.5)
    >>> rows_from_frame(frame) == rows
    True
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise DependencyError(
            'a table of pandas needs pandas, which is not installed; install it: pip install ".[tables]"'
        ) from error
    columns, *lines = to_table(list(rows))
    cells = dict(zip(columns, zip(*lines, strict=True), strict=True)) if lines else dict.fromkeys(columns, ())
    return pd.DataFrame({name: _typed(name, column) for name, column in cells.items()})


def rows_from_frame(frame: pd.DataFrame) -> list[FeatureRow]:
    """The rows of a table that :func:`features_frame` made, or pandas read from a CSV file of features.

    Only ``study_id`` is required; columns that are neither ``region`` nor ``diagnostics_*`` are features. Raises
    :class:`InputError` that names the line and the column of what cannot be used.
    """
    return from_table(_lines(frame), "the frame")


def _typed(name: str, cells: Sequence[Any]) -> list[Any]:
    """The cells of a column: notes that are all numbers, or all truth values, as such; None where there is none."""
    if name in KEYS:
        return list(cells)
    if not name.startswith(PREFIX):
        return [float("nan") if cell is None else cell for cell in cells]
    notes = [note_of_cell(cell) for cell in cells if cell]
    if notes and len(notes) == len(cells) and all(isinstance(note, bool) for note in notes):
        return notes
    if notes and all(_is_number(note) for note in notes):
        return [note_of_cell(cell) if cell else float("nan") for cell in cells]
    return [cell or None for cell in cells]


def _is_number(note: Any) -> bool:
    """Whether a column of numbers holds a note exactly."""
    return isinstance(note, int | float) and not isinstance(note, bool) and abs(note) < 2**53


def _lines(frame: pd.DataFrame) -> Iterator[tuple[int, list[str]]]:
    """The header and the lines of a frame as the text that a CSV file has."""
    columns = [str(name) for name in frame.columns]
    yield 1, columns
    texts = [columns.index(key) for key in KEYS if key in columns]
    present = frame.astype(object).where(frame.notna(), None)
    for number, line in enumerate(present.itertuples(index=False, name=None)):
        for position in texts:
            if isinstance(line[position], Real):
                raise InputError(
                    f"the frame, line {number}: column '{columns[position]}' holds the number {line[position]}, not a "
                    f"text; read the file with pandas.read_csv(..., dtype={{'{columns[position]}': str}}), which keeps "
                    "leading zeros"
                )
        yield number, [_text(value) for value in line]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value.item() if hasattr(value, "item") else value)
