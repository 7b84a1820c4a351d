"""One row of features for each patient, to be set beside what other tables say of them."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.features.provenance import HARMONISED_BATCH, check_comparable, harmonisation_of
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array
from gliomics.study.patients import canonical_patient, is_missing, read_patient_rows


@dataclass(frozen=True)
class Harmonisation:
    """What features were harmonised over: the ``column`` of batches, what was ``kept``, and each patient's batch."""

    column: str
    kept: Sequence[str]
    batches: Mapping[str, str]


@dataclass(frozen=True)
class PatientTable:
    """``values`` are (patients, features), NaN where a study lacks what the feature is of; ids are canonical.

    ``harmonisation`` is None of values as they were measured.
    """

    patients: list[str]
    studies: list[str]
    names: list[str]
    values: Array
    harmonisation: Harmonisation | None = None

    def of(self, patients: Collection[str]) -> PatientTable:
        """The rows of some patients, in the order of this table."""
        rows = [row for row, patient in enumerate(self.patients) if patient in patients]
        return replace(
            self,
            patients=[self.patients[row] for row in rows],
            studies=[self.studies[row] for row in rows],
            values=self.values[rows],
        )


def patient_table(rows: Iterable[FeatureRow]) -> PatientTable:
    """The table of rows that were measured alike, one for each patient.

    Of a row that is read when it is asked for, only the numbers are kept: 8 bytes each, a tenth of a row's own.
    Raises :class:`InputError` for rows of different regions or feature configurations, a patient with two rows, no
    feature and infinite values.

    >>> table = patient_table([FeatureRow("study-1", "whole", {"volume": 8.0}, {"patient_id": "TCGA_CS_4941"})])
    >>> table.patients, table.names, table.values.tolist()
    (['TCGA-CS-4941'], ['volume'], [[8.0]])
    """
    places: dict[str, int] = {}
    notes: list[FeatureRow] = []
    numbers: list[array[float]] = []
    for row in rows:
        for name in row.values:
            places.setdefault(name, len(places))
        numbers.append(array("d", [row.values.get(name, np.nan) for name in places]))
        notes.append(replace(row, values={}))
    check_comparable(notes)
    by_patient: dict[str, FeatureRow] = {}
    for row in notes:
        patient = canonical_patient(str(row.diagnostics.get("patient_id", row.study_id)))
        other = by_patient.setdefault(patient, row)
        if other is not row:
            raise InputError(
                f"patient '{patient}' has two rows of features, {_examination(other)} and {_examination(row)}; keep "
                "one examination of each patient (`gliomics delta` makes one row of two)"
            )
    if not places:
        raise InputError("the rows have no feature; give a table made by `gliomics features`")
    values = np.full((len(notes), len(places)), np.nan)
    for place, of_patient in enumerate(numbers):
        values[place, : len(of_patient)] = of_patient
    infinite = [name for name, column in zip(places, values.T, strict=True) if np.isinf(column).any()]
    if infinite:
        raise InputError(f"feature '{infinite[0]}' has an infinite value; leave the cell empty or compute it again")
    studies = [row.study_id for row in notes]
    return PatientTable(list(by_patient), studies, list(places), values, _harmonisation(by_patient))


def _harmonisation(rows: Mapping[str, FeatureRow]) -> Harmonisation | None:
    """That of rows by patient, which all have the same."""
    found = harmonisation_of(next(iter(rows.values())))
    if found is None:
        return None
    batches = {patient: str(row.diagnostics.get(HARMONISED_BATCH)) for patient, row in rows.items()}
    return Harmonisation(str(found.get("batch")), [str(name) for name in found.get("kept", ())], batches)


def _examination(row: FeatureRow) -> str:
    timepoint = row.diagnostics.get("timepoint")
    return f"'{row.study_id}'" + (f" (time point {timepoint})" if timepoint else "")


def read_values(path: Path) -> tuple[PatientTable, list[str]]:
    """A table of numbers by patient, and the names of its columns that hold something else and are left out.

    The patient is the column ``patient_id``, ``Patient ID``, ``Patient`` or ``ID``; empty cells are NaN. Raises
    :class:`UnknownNameError` without one, and :class:`InputError` for a patient with two rows and without any column
    of numbers.
    """
    rows = read_patient_rows(path)
    columns = list(next(iter(rows.values())))
    numbers = {name: _numbers([row[name] for row in rows.values()]) for name in columns}
    values = {name: column for name, column in numbers.items() if column is not None}
    if not values:
        raise InputError(f"{path} has no column of numbers; it has {', '.join(columns[:6]) or 'none but the patient'}")
    table = PatientTable(list(rows), list(rows), list(values), np.column_stack(list(values.values())))
    return table, [name for name in columns if name not in values]


def _numbers(cells: Sequence[str]) -> Array | None:
    """Cells as numbers, NaN where there is none; None where one holds something else, or all hold nothing."""
    try:
        values = np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    except ValueError:
        return None
    return None if np.isnan(values).all() or np.isinf(values).any() else values


def check_any_in_common(patients: Collection[str], outcomes: Mapping[str, object], table: str) -> None:
    """Raise :class:`InputError` where no patient with features is among those of ``table``, as errors call it."""
    if not any(patient in outcomes for patient in patients):
        raise InputError(
            f"no patient has both features and a value in {table}: features are of {_few(patients)}, values of "
            f"{_few(outcomes)}; write the ids of the patients alike"
        )


def _few(patients: Collection[str]) -> str:
    """The first of many ids; a word where there is none."""
    return ", ".join([*(f"'{patient}'" for patient in list(patients)[:3]), *["..."][: len(patients) > 3]]) or "nobody"
