"""Features and outcomes joined by patient: what a subtype model is fitted on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.features.provenance import check_as_measured, check_comparable
from gliomics.records import FeatureRow
from gliomics.statistics.arrays import Array, Classes
from gliomics.study.patients import canonical_patient
from gliomics.subtype.blocks import AGE, MOST_MISSING

LEAST_PER_CLASS = 8
"""Fewer patients than this in a class cannot show that a model works; fitting is refused."""


@dataclass(frozen=True)
class TrainingTable:
    """One row per patient.

    ``values`` is (patients, features) with NaN where a study lacks the sequence, ``outcome`` the position of each
    patient's class in ``classes``. ``config_parameters`` describe the configuration of the features, as far as their
    rows do, ``brain_mask`` says whether they were measured with masks of the brain. The age, where it is known, is the
    column :data:`~gliomics.subtype.blocks.AGE`.
    """

    patients: list[str]
    studies: list[str]
    names: list[str]
    values: Array
    outcome: Classes
    classes: list[str]
    config_sha256: str | None
    region: str
    config_parameters: Mapping[str, Any] | None = None
    brain_mask: bool = False

    def columns(self, names: Sequence[str]) -> Array:
        """Some features as (patients, len(names))."""
        return self.values[:, [self.names.index(name) for name in names]]

    def aligned(self, rows: Sequence[FeatureRow]) -> Array:
        """Other features of the same studies, e.g. from other masks, as :attr:`values`."""
        check_as_measured(rows)
        by_study = {row.study_id: row.values for row in rows}
        absent = [study for study in self.studies if study not in by_study]
        if absent:
            raise InputError(f"the other features lack {len(absent)} studies, e.g. '{absent[0]}'; compute them too")
        values = _matrix([by_study[study] for study in self.studies], self.names)
        if AGE in self.names:
            column = self.names.index(AGE)
            values[:, column] = self.values[:, column]
        return values

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of which studies had which class."""
        rows = [[study, self.classes[k]] for study, k in zip(self.studies, self.outcome, strict=True)]
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


def join(
    rows: Sequence[FeatureRow],
    outcomes: Mapping[str, str],
    renamed: Mapping[str, str],
    ages: Mapping[str, float] | None = None,
) -> TrainingTable:
    """One row per patient that has features and an outcome; of several studies of a patient, the first.

    ``renamed`` maps values of the outcome to class names and, if it is not empty, is the whole list of classes in
    order; several values may be one class. ``ages`` are in years, by patient. Raises :class:`InputError` when rows are
    of different regions or feature configurations, or harmonised, or nothing can be joined.
    """
    check_comparable(rows)
    check_as_measured(rows)
    row_by_patient: dict[str, FeatureRow] = {}
    for row in sorted(rows, key=lambda row: row.study_id):
        row_by_patient.setdefault(canonical_patient(str(row.diagnostics.get("patient_id", row.study_id))), row)
    class_by_patient = _class_by_patient(row_by_patient, outcomes, renamed)
    present = set(class_by_patient.values())
    classes = [name for name in dict.fromkeys(renamed.values()) if name in present] if renamed else sorted(present)
    patient_rows = [row_by_patient[patient] for patient in class_by_patient]
    names = list(dict.fromkeys(name for row in patient_rows for name in row.values))
    values = _matrix([row.values for row in patient_rows], names)
    if ages is not None:
        names = [*names, AGE]
        values = np.column_stack([values, _ages(list(class_by_patient), ages)])
    return TrainingTable(
        patients=list(class_by_patient),
        studies=[row.study_id for row in patient_rows],
        names=names,
        values=values,
        outcome=np.array([classes.index(name) for name in class_by_patient.values()], dtype=np.int64),
        classes=classes,
        config_sha256=patient_rows[0].diagnostics.get("config_sha256"),
        config_parameters=patient_rows[0].diagnostics.get("config"),
        brain_mask=bool(patient_rows[0].diagnostics.get("brain_mask")),
        region=patient_rows[0].region,
    )


def _ages(patients: Sequence[str], ages: Mapping[str, float]) -> Array:
    """The age of each patient, (patients,), NaN where it is not known."""
    known = [patient for patient in patients if patient in ages]
    if len(known) < (1 - MOST_MISSING) * len(patients):
        least = f"{1 - MOST_MISSING:.0%}"
        raise InputError(
            f"the age of {len(known)} of {len(patients)} patients is known; at least {least} are needed: "
            "complete the ages or leave them out"
        )
    return np.array([ages.get(patient, np.nan) for patient in patients])


def _class_by_patient(
    patients: Collection[str], outcomes: Mapping[str, str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """The class of each patient who has an outcome, in the order of ``patients``."""
    outcome_by_patient = {patient: outcomes[patient] for patient in patients if patient in outcomes}
    unknown = sorted({outcome for outcome in outcome_by_patient.values() if renamed and outcome not in renamed})
    if unknown:
        raise InputError(
            f"the outcome has the value '{unknown[0]}', for which no class was given; name all of its values"
        )
    if not outcome_by_patient:
        raise InputError(
            f"no patient has both features and an outcome: features are of e.g. '{next(iter(patients), '')}', "
            f"outcomes of e.g. '{next(iter(outcomes), '')}'"
        )
    return {patient: renamed.get(outcome, outcome) for patient, outcome in outcome_by_patient.items()}


def check_class_counts(classes: Sequence[str], outcome: Classes) -> None:
    """Refuse to fit where there is one class only, or one of fewer than :data:`LEAST_PER_CLASS` patients.

    ``outcome`` is each patient's position in ``classes``, (patients,).
    """
    counts = np.bincount(outcome, minlength=len(classes))
    listed = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
    if len(classes) < 2:
        raise InputError(f"the outcome has one class only ({listed}); a model needs at least two")
    if counts.min() < LEAST_PER_CLASS:
        raise InputError(
            f"too few patients in a class ({listed}); at least {LEAST_PER_CLASS} of each are needed: leave the class "
            "out, or give two values of the outcome the same class"
        )


def _matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Array:
    return np.array([[row.get(name, np.nan) for name in names] for row in rows], dtype=np.float64)
