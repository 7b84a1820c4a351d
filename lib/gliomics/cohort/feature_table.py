"""The cohort table: one row per study in a CSV file that reads back exactly as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gliomics.csv_files import read_csv, write_rows
from gliomics.errors import InputError
from gliomics.files import atomic_path
from gliomics.records import FeatureRow

KEYS = ("study_id", "region")
PREFIX = "diagnostics_"
WARNINGS = f"{PREFIX}warnings"
_BETWEEN_WARNINGS = " | "


def write_features_csv(rows: Iterable[FeatureRow], path: str | Path) -> None:
    """Write one line per row: ``study_id``, ``region``, the features, then ``diagnostics_*``.

    A feature that a study does not have is an empty cell. ``rows`` is gone through twice, first for the columns, so
    it must be a collection, of which only one row at a time need be in memory.
    """
    with atomic_path(Path(path)) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, to_table(rows))


def to_table(rows: Iterable[FeatureRow]) -> Iterator[list[Any]]:
    """The lines of a table, its header first: a feature is a float or None, everything else text."""
    features: dict[str, None] = {}
    diagnostics: dict[str, None] = {}
    for row in rows:
        features |= dict.fromkeys(row.values)
        diagnostics |= dict.fromkeys(row.diagnostics)
    yield [*KEYS, *features, *(PREFIX + name for name in diagnostics), WARNINGS]
    for row in rows:
        yield _to_cells(row, features, diagnostics)


def _to_cells(row: FeatureRow, features: Iterable[str], diagnostics: Iterable[str]) -> list[Any]:
    return [
        row.study_id,
        row.region,
        *(float(row.values[name]) if name in row.values else None for name in features),
        *(_to_cell(row.diagnostics[name]) if name in row.diagnostics else None for name in diagnostics),
        _BETWEEN_WARNINGS.join(row.warnings),
    ]


def read_features_csv(path: str | Path) -> list[FeatureRow]:
    """Read a table that :func:`write_features_csv` or another program wrote.

    Only ``study_id`` is required; every column that is neither ``region`` nor ``diagnostics_*`` must be numeric.
    Raises :class:`InputError` naming the file, the line and the column.
    """
    return [*rows_of_features_csv(path)]


def rows_of_features_csv(path: str | Path) -> Iterator[FeatureRow]:
    """The rows of :func:`read_features_csv`, each read when it is asked for, so that a large table need not be held."""
    path, empty = Path(path), True
    for row in _rows(read_csv(path), str(path)):
        empty = False
        yield row
    if empty:
        raise InputError(f"{path} has no rows; make it with `gliomics features STUDIES --masks DIR --out {path.name}`")


def from_table(lines: Iterator[tuple[int, list[str]]], name: str) -> list[FeatureRow]:
    """The rows of a table called ``name`` in errors, from its lines as text, each with its number, the header first."""
    return [*_rows(lines, name)]


def _rows(lines: Iterator[tuple[int, list[str]]], name: str) -> Iterator[FeatureRow]:
    _, columns = next(lines, (1, []))
    _check_columns(columns, name)
    seen: set[tuple[str, str]] = set()
    for line, cells in lines:
        row = _from_cells(cells, columns, f"{name}, line {line}")
        key = (row.study_id, row.region)
        if key in seen:
            raise InputError(f"{name} has two rows for study '{row.study_id}', region '{row.region}'; keep one")
        seen.add(key)
        yield row


def _check_columns(columns: list[str], table: str) -> None:
    if "study_id" not in columns:
        raise InputError(
            f"{table} has no column 'study_id'; its columns begin with {', '.join(columns[:5]) or '(none)'}: rename "
            "the one that names the study, and take out or call 'diagnostics_...' those that are no features"
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{table} has the column '{twice[0]}' twice; column names must differ")


def _from_cells(cells: list[str], columns: list[str], where: str) -> FeatureRow:
    if len(cells) != len(columns):
        raise InputError(
            f"{where}: the number of cells, {len(cells)}, differs from the {len(columns)} columns of the header"
        )
    text_of = dict(zip(columns, cells, strict=True))
    if not text_of["study_id"]:
        raise InputError(f"{where}: the cell in column 'study_id' is empty")
    values: dict[str, float] = {}
    diagnostics: dict[str, Any] = {}
    for name, cell in text_of.items():
        if name in KEYS or name == WARNINGS or cell == "":
            continue
        if name.startswith(PREFIX):
            diagnostics[name.removeprefix(PREFIX)] = note_of_cell(cell)
            continue
        try:
            values[name] = float(cell)
        except ValueError as error:
            raise InputError(
                f"{where}: column '{name}' holds '{cell[:40]}'; features must be numbers with a "
                f"decimal point (name a column '{PREFIX}...' to keep it as a note)"
            ) from error
    warnings = text_of.get(WARNINGS) or ""
    return FeatureRow(
        study_id=text_of["study_id"],
        region=text_of.get("region") or "whole",
        values=values,
        diagnostics=diagnostics,
        warnings=warnings.split(_BETWEEN_WARNINGS) if warnings else [],
    )


def _to_cell(value: Any) -> str:
    """Text stays text; everything else, and text that would read back as something else, is JSON."""
    if isinstance(value, str) and note_of_cell(value) == value and value:
        return value
    return json.dumps(value)


def note_of_cell(cell: str) -> Any:
    """What a cell of a ``diagnostics_*`` column says: JSON, else text."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
