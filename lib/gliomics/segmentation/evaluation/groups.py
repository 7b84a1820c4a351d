"""Subgroups of patients: where they were treated, how large their lesions are, and what a table says of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gliomics.errors import InputError, UnknownNameError
from gliomics.segmentation.evaluation.evaluate import Evaluation

Groups = dict[str, dict[str, str]]
"""For each way to group, the group of each patient that has one."""

UNKNOWN = "unknown"
"""Group of the patients of whom a table says nothing."""
MOST_GROUPS = 20
"""A column with more values is no grouping."""

_PATIENT_COLUMNS = ("patient_id", "Patient ID", "Patient")
_MISSING = ("", "NA", "N/A", "nan", "NaN", "None", "[Not Available]")
_TCGA = re.compile(r"TCGA-([A-Z0-9]{2})-")


def built_in_groups(evaluation: Evaluation) -> Groups:
    """``site`` for TCGA patients (the tissue source site in ``TCGA-XX-...``) and ``lesion_size`` in thirds.

    The thirds are of the reference's volume, in mL where every patient's is known, else in voxels; there are none for
    fewer than three patients.
    """
    patients = [patient.patient_id for patient in evaluation.patients]
    sites = {patient: found[1] for patient in patients if (found := _TCGA.match(canonical_patient(patient)))}
    groups: Groups = {"site": {p: sites.get(p, UNKNOWN) for p in patients}} if sites else {}
    if len(patients) >= 3:
        groups["lesion_size"] = _thirds(evaluation)
    return groups


def read_groups(path: Path, columns: Sequence[str], patients: Sequence[str]) -> Groups:
    """The group of each of ``patients`` by each of ``columns`` of a table (``.tsv`` by tabs, anything else by commas).

    The patient is the column ``patient_id`` (``Patient ID``, ``Patient``), else the first; ``TCGA_CS_4941`` and
    ``TCGA-CS-4941`` are the same. Patients without a value are in :data:`UNKNOWN`. Raises
    :class:`UnknownNameError` for a missing column and :class:`InputError` when no patient is in the table, one is in
    it with two values, or a column has more than :data:`MOST_GROUPS`.
    """
    rows = _read(path)
    names = list(rows[0])
    missing = [column for column in columns if column not in names]
    if missing:
        raise UnknownNameError(f"{path} has no column '{missing[0]}'; it has {', '.join(names)}")
    key = next((name for name in _PATIENT_COLUMNS if name in names), names[0])
    known = {canonical_patient(row[key] or "") for row in rows}
    if not any(canonical_patient(patient) in known for patient in patients):
        raise InputError(
            f"no patient of the studies is in {path}: its column '{key}' has e.g. '{rows[0][key]}', "
            f"the studies are of e.g. '{patients[0]}'; name the patients alike"
        )
    return {column: _column(rows, key, column, patients, path) for column in columns}


def canonical_patient(patient: str) -> str:
    """A patient id as it is compared."""
    return patient.strip().replace("_", "-")


def _column(rows: list[dict[str, str]], key: str, column: str, patients: Sequence[str], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        patient, value = canonical_patient(row[key] or ""), (row[column] or "").strip()
        if value not in _MISSING and found.setdefault(patient, value) != value:
            raise InputError(
                f"{path} gives patient '{patient}' two values of '{column}', {found[patient]} and {value}; keep one"
            )
    groups = {patient: found.get(canonical_patient(patient), UNKNOWN) for patient in patients}
    if (count := len(set(groups.values()))) > MOST_GROUPS:
        raise InputError(
            f"column '{column}' of {path} puts the patients in {count} groups; expected at most {MOST_GROUPS}: "
            "cut numbers into classes first"
        )
    return groups


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a table: {error}") from error
    if not rows:
        raise InputError(f"{path} has no rows; expected one per patient")
    for number, row in enumerate(rows, start=2):
        if None in row:
            raise InputError(f"{path}, row {number}: there are more cells than the header has columns")
    return rows


def _thirds(evaluation: Evaluation) -> dict[str, str]:
    sizes, unit = {p.patient_id: p.values["reference_ml"] for p in evaluation.patients}, "mL"
    if np.isnan(list(sizes.values())).any():
        sizes, unit = {p.patient_id: p.values["reference_voxels"] for p in evaluation.patients}, "voxels"
    low, high = np.quantile(list(sizes.values()), (1 / 3, 2 / 3))
    places = 1 if unit == "mL" else 0
    names = (
        f"small: up to {low:.{places}f} {unit}",
        f"middle: up to {high:.{places}f} {unit}",
        f"large: over {high:.{places}f} {unit}",
    )
    return {patient: names[int(size > low) + int(size > high)] for patient, size in sizes.items()}
