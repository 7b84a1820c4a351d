"""Subgroups of patients: where they were treated, how large their lesions are, and what a table says of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.evaluation.masks import Evaluation
from gliomics.study.patients import canonical_patient, read_patient_column

Groups = dict[str, dict[str, str]]
"""For each way to group, the group of each patient that has one."""

UNKNOWN = "unknown"
"""Group of the patients of whom a table says nothing."""
MOST_GROUPS = 20
"""A column with more values is no grouping."""

_TCGA = re.compile(r"TCGA-([A-Z0-9]{2})-")


def built_in_groups(evaluation: Evaluation) -> Groups:
    """``site`` for TCGA patients (the tissue source site in ``TCGA-XX-...``) and ``lesion_size`` in thirds.

    ``in_sample`` tells the patients that the masks' model had learned from, where there are any.
    The thirds are of the reference's volume, in mL where every patient's is known, else in voxels; there are none for
    fewer than three patients.
    """
    patients = [patient.patient_id for patient in evaluation.patients]
    sites = {patient: match[1] for patient in patients if (match := _TCGA.match(canonical_patient(patient)))}
    groups: Groups = {"site": {p: sites.get(p, UNKNOWN) for p in patients}} if sites else {}
    if any(patient.in_sample for patient in evaluation.patients):
        groups["in_sample"] = {p.patient_id: "yes" if p.in_sample else "no" for p in evaluation.patients}
    if len(patients) >= 3:
        groups["lesion_size"] = _thirds(evaluation)
    return groups


def read_groups(path: Path, columns: Sequence[str], patients: Sequence[str]) -> Groups:
    """The group of each of ``patients`` by each of ``columns`` of a table (``.tsv`` by tabs, anything else by commas).

    Patients are joined as by :func:`~gliomics.study.patients.read_patient_column`; those without a value are in
    :data:`UNKNOWN`. Raises :class:`InputError` when none of them has a value, or a column has more than
    :data:`MOST_GROUPS`.
    """
    return {column: _groups(path, column, patients) for column in columns}


def _groups(path: Path, column: str, patients: Sequence[str]) -> dict[str, str]:
    value_by_patient = read_patient_column(path, column)
    groups = {patient: value_by_patient.get(canonical_patient(patient), UNKNOWN) for patient in patients}
    if set(groups.values()) == {UNKNOWN}:
        example = next(iter(value_by_patient), "nobody")
        raise InputError(
            f"{path} gives none of the patients of the studies a value of '{column}'; it has e.g. '{example}', "
            f"the studies are of e.g. '{patients[0]}': name the patients alike"
        )
    if (count := len(set(groups.values()))) > MOST_GROUPS:
        raise InputError(
            f"column '{column}' of {path} puts the patients in {count} groups; expected at most {MOST_GROUPS}: "
            "cut numbers into classes first"
        )
    return groups


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
