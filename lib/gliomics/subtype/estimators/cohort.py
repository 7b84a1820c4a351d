"""The table that estimators are compared on: features, outcome, and where wanted the age and the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gliomics.errors import InputError
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array
from gliomics.study.patients import canonical_patient
from gliomics.subtype.estimators.estimator import SITE
from gliomics.subtype.table import TrainingTable, check_class_counts, join


def comparison_table(
    rows: Sequence[FeatureRow],
    outcomes: Mapping[str, str],
    renamed: Mapping[str, str],
    ages: Mapping[str, float] | None = None,
) -> TrainingTable:
    """One row per patient, as :func:`~gliomics.subtype.table.join`.

    Raises :class:`InputError` for a patient with two studies, an outcome of one class, a class with fewer than
    :data:`~gliomics.subtype.table.LEAST_PER_CLASS` patients, features that no patient has a value of, and infinite
    values.
    """
    patients = Counter(canonical_patient(str(row.diagnostics.get("patient_id", row.study_id))) for row in rows)
    twice = next((patient for patient, count in patients.items() if count > 1 and patient in outcomes), None)
    if twice is not None:
        raise InputError(f"patient '{twice}' has {patients[twice]} rows of features; keep one for each patient")
    table = join(rows, outcomes, renamed, ages)
    check_class_counts(table.classes, table.outcome)
    empty = [name for name, column in zip(table.names, table.values.T, strict=True) if np.isnan(column).all()]
    if empty or not table.names:
        what = f"feature '{empty[0]}' has no value" if empty else "there is no feature"
        more = f" (nor have {len(empty) - 1} others)" if len(empty) > 1 else ""
        raise InputError(f"{what} for any of the {len(table.patients)} patients{more}; take the column out")
    infinite = [name for name, column in zip(table.names, table.values.T, strict=True) if np.isinf(column).any()]
    if infinite:
        raise InputError(f"feature '{infinite[0]}' has an infinite value; leave the cell empty or compute it again")
    return table


def with_sites(table: TrainingTable, sites: Mapping[str, str] | None) -> TrainingTable:
    """The table with the number of each patient's site as the column ``site``, NaN where it is not known.

    ``sites`` by patient; None takes what TCGA's ids say, the two letters or digits after the first hyphen. Raises
    :class:`InputError` where no patient's site is known.
    """
    by_patient = {patient: _tcga_site(patient) for patient in table.patients} if sites is None else sites
    names = sorted({site for patient in table.patients if (site := by_patient.get(patient))})
    if not names:
        raise InputError("no patient's site is known; give a column of sites that has these patients")
    codes = [names.index(site) if (site := by_patient.get(patient)) else np.nan for patient in table.patients]
    return _with_column(table, SITE, np.array(codes, dtype=np.float64))


def has_tcga_sites(table: TrainingTable) -> bool:
    """Whether every patient's id says its site."""
    return all(_tcga_site(patient) for patient in table.patients)


def _tcga_site(patient: str) -> str | None:
    parts = patient.split("-")
    return parts[1] if parts[0] == "TCGA" and len(parts) == 3 else None


def of_sites(table: TrainingTable) -> Array:
    """The site's number for each patient, (patients,)."""
    return table.values[:, table.names.index(SITE)]


def _with_column(table: TrainingTable, name: str, values: Array) -> TrainingTable:
    if name in table.names:
        raise InputError(f"the features have a column '{name}' already; take it out, or do not give another")
    return replace(table, names=[*table.names, name], values=np.column_stack([table.values, values]))
