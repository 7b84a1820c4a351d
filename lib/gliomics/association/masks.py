"""The same associations under other masks: manual, automatic, perturbed ones of the same patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gliomics.association.associate import Association, Plan, associate, questions
from gliomics.cohort.patient_table import PatientTable, patient_table
from gliomics.errors import InputError
from gliomics.features.provenance import check_comparable
from gliomics.records import FeatureRow
from gliomics.statistics.icc import Icc, icc_2_1


@dataclass(frozen=True)
class UnderMasks:
    """Associations by the name of the masks, the first table's first, of the same patients; and the ICC by feature."""

    rows: Mapping[str, Sequence[Association]]
    icc: Mapping[str, Icc]
    n_patients: int


def tables_under_masks(rows_by_masks: Mapping[str, Sequence[FeatureRow]]) -> dict[str, PatientTable]:
    """Tables of the patients and features that all have, in one order; a value that one lacks, none has.

    Raises :class:`InputError` as :func:`~gliomics.cohort.patient_table.patient_table` does, for tables that were not
    measured alike, and where no patient or feature is in all.
    """
    first_name, first_rows = next(iter(rows_by_masks.items()))
    tables = {}
    for name, rows in rows_by_masks.items():
        try:
            check_comparable([first_rows[0], rows[0]])
            tables[name] = patient_table(rows)
        except InputError as error:
            raise InputError(f"features of '{name}': {error}") from error
    first = tables[first_name]
    patients = [patient for patient in first.patients if all(patient in table.patients for table in tables.values())]
    names = [name for name in first.names if all(name in table.names for table in tables.values())]
    if not patients or not names:
        what = "patient" if not patients else "feature"
        raise InputError(
            f"no {what} is in all of the tables {', '.join(tables)}; give features of the same patients, measured by "
            "one configuration"
        )
    values = {
        name: table.values[np.ix_([table.patients.index(p) for p in patients], [table.names.index(f) for f in names])]
        for name, table in tables.items()
    }
    lacking = np.any([np.isnan(each) for each in values.values()], axis=0)
    common = replace(first.of(patients), names=names)
    return {name: replace(common, values=np.where(lacking, np.nan, each)) for name, each in values.items()}


def associate_under_masks(
    tables: Mapping[str, PatientTable],
    targets: Mapping[str, Mapping[str, str]],
    groups: Mapping[str, str] | None,
    plan: Plan,
    *,
    step: Callable[[], object] = lambda: None,
    scheduler: str | None = None,
    tested: tuple[PatientTable, Sequence[Association]] | None = None,
) -> UnderMasks:
    """Every test under every table of :func:`tables_under_masks`, p-values corrected within each; how far they agree.

    The ICC(2,1) of a feature is over all patients who have it. ``step`` is called after each feature of each question.
    ``tested`` are a table and its associations, which are not tested again where it is one of these; ``scheduler`` as
    in :func:`~gliomics.association.associate.associate`.
    """
    first = next(iter(tables.values()))
    asked = questions(first, targets, groups)
    rows = {
        name: tested[1]
        if tested is not None and _is_same(table, tested[0])
        else associate(table, asked, plan, step=step, scheduler=scheduler)
        for name, table in tables.items()
    }
    icc = {}
    for column, feature in enumerate(first.names):
        ratings = np.column_stack([table.values[:, column] for table in tables.values()])
        icc[feature] = icc_2_1(ratings[~np.isnan(ratings).any(axis=1)])
    return UnderMasks(rows, icc, len(first.patients))


def _is_same(table: PatientTable, other: PatientTable) -> bool:
    """Whether tables have the same values of the same patients."""
    names = (table.patients, table.names) == (other.patients, other.names)
    return names and np.array_equal(table.values, other.values, equal_nan=True)
