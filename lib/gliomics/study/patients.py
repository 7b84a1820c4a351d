"""What a table (outcomes, groups) says of patients, joined by their ids."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

from gliomics.csv_files import read_csv
from gliomics.errors import InputError, UnknownNameError

_PATIENT_COLUMNS = ("patient_id", "Patient ID", "Patient", "bcr_patient_barcode", "ID")
"""What ours, cBioPortal's, the Kaggle set's and the tables of TCGA call it."""
_TCGA = re.compile(r"(?:sub-)?TCGA-?([A-Z0-9]{2})-?([A-Z0-9]{4})(?![^-])", re.IGNORECASE)
_MISSING = {
    "", "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "[not available]", "[not applicable]", "[not evaluated]",
    "[unknown]", "[discrepancy]", "[pending]",
}  # fmt: skip
"""In small letters: those of spreadsheets, R, pandas and databases, and TCGA's, which stand in brackets."""


def read_patient_column(path: Path, column: str) -> dict[str, str]:
    """Value of a column for each patient that has one (``.tsv`` by tabs, anything else by commas).

    The patient is the column ``patient_id``, ``Patient ID``, ``Patient``, ``bcr_patient_barcode`` or ``ID``; ids are
    :func:`canonical_patient`. Raises :class:`UnknownNameError` for a missing column and :class:`InputError` for a
    patient with two values.
    """
    rows = _read(path)
    patient = _patient_column(rows, path)
    if column not in rows[0]:
        raise UnknownNameError(f"{path} has no column '{column}'; it has {', '.join(rows[0])}")
    values: dict[str, str] = {}
    for row in rows:
        key, value = canonical_patient(row[patient]), row[column].strip()
        if is_missing(value):
            continue
        if values.setdefault(key, value) != value:
            raise InputError(
                f"{path} gives patient '{key}' two values of '{column}', {values[key]} and {value}; keep one"
            )
    return values


def read_patient_rows(path: Path) -> dict[str, dict[str, str]]:
    """Every other column of a table by patient, as text; raises :class:`InputError` for a patient with two rows."""
    rows = _read(path)
    patient = _patient_column(rows, path)
    by_patient: dict[str, dict[str, str]] = {}
    for row in rows:
        key = canonical_patient(row[patient])
        if key in by_patient:
            raise InputError(f"{path} has two rows of patient '{key}'; keep one")
        by_patient[key] = {name: cell.strip() for name, cell in row.items() if name != patient}
    return by_patient


def is_missing(cell: str) -> bool:
    """Whether a cell is empty, or says in one of the usual ways that nothing is known."""
    return cell.strip().lower() in _MISSING


def _patient_column(rows: list[dict[str, str]], path: Path) -> str:
    patient = next((name for name in _PATIENT_COLUMNS if name in rows[0]), None)
    if patient is None:
        raise UnknownNameError(f"{path} has no column {' or '.join(_PATIENT_COLUMNS)} to tell the patient")
    return patient


def canonical_patient(patient: str) -> str:
    """A patient id as it is compared: ``TCGA_CS_4941`` and ``TCGA-CS-4941`` are the same.

    So are the ids that TCGA gives to samples, slides and examinations of a patient (``TCGA-CS-4941-01A-01D``,
    ``TCGA_CS_4941_19960909``): the first three parts of its barcode are the participant. BIDS writes them without
    separators, ``sub-TCGACS4941``.
    """
    canonical = patient.strip().replace("_", "-")
    barcode = _TCGA.match(canonical)
    return f"TCGA-{barcode[1]}-{barcode[2]}".upper() if barcode else canonical


def _read(path: Path) -> list[dict[str, str]]:
    table = read_csv(path, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    _, columns = next(table, (1, []))
    rows = []
    for number, cells in table:
        if len(cells) > len(columns):
            raise InputError(f"{path}, row {number}: there are more cells than the header has columns")
        rows.append(dict(zip_longest(columns, cells, fillvalue="")))
    if not rows:
        raise InputError(f"{path} has no rows; expected one per patient")
    return rows
