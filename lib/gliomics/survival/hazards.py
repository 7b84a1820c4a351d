"""Hazard ratios with their intervals: of clinical values, of groups, of features one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array
from gliomics.statistics.multiplicity import corrected
from gliomics.subtype.ensemble import Scaling
from gliomics.survival.cox import fit_cox, schoenfeld_test
from gliomics.survival.kaplan_meier import Events
from gliomics.survival.table import SurvivalTable
from gliomics.survival.validation import RADIOMICS, Validation

SCORE = "out-of-fold radiomics score"


def hazard_rows(validation: Validation) -> list[dict[str, Any]]:
    """A row for each hazard ratio, with its interval, p and the p of it changing over time.

    ``model`` says what was fitted together: ``clinical`` (its columns), ``clinical and score`` (besides, the
    :data:`SCORE` of each patient by models of others), ``groups`` (beside the first) and ``alone`` (a feature in a
    model of its own, ``p_fdr`` after Benjamini and Hochberg 1995 over the features). Features and the score are per
    standard deviation, clinical values per ``unit``. A model without a solution has its reason in ``note``.
    """
    table = validation.table
    score = validation.models[RADIOMICS].risk.mean(axis=0)
    spread = score.std()
    score = (score - score.mean()) / spread if spread > 1e-9 else np.zeros(score.size)
    all_rows = np.full(table.time.size, True)
    rows = []
    if table.clinical_names:
        rows += _fitted("clinical", table, table.clinical_names, table.clinical, all_rows)
    if spread > 1e-9:
        columns = np.column_stack([table.clinical, score])
        model = "clinical and score" if table.clinical_names else "score"
        rows += _fitted(model, table, [*table.clinical_names, SCORE], columns, all_rows)
    if table.groups:
        known = table.group >= 0
        indicators = (table.group[:, None] == np.arange(1, len(table.groups))).astype(float)
        names = [f"{name} against {table.groups[0]}" for name in table.groups[1:]]
        rows += _fitted("groups", table, names, indicators, known)
    return rows + _features_alone(table)


def _features_alone(table: SurvivalTable) -> list[dict[str, Any]]:
    z = Scaling.fit(table.values).apply(table.values)
    everybody = np.full(table.time.size, True)
    rows = [row for k, name in enumerate(table.names) for row in _fitted("alone", table, [name], z[:, [k]], everybody)]
    for row, p in zip(rows, corrected([row["p"] for row in rows]).fdr, strict=True):
        row["p_fdr"] = float(p)
    return sorted(rows, key=lambda row: row["p"] if math.isfinite(row["p"]) else 2.0)


def _fitted(model: str, table: SurvivalTable, names: list[str], columns: Array, rows: Events) -> list[dict[str, Any]]:
    columns, time, event = columns[rows], table.time[rows], table.event[rows]
    ratios, hazards_change, note = np.full((len(names), 4), np.nan), np.full((len(names), 2), np.nan), ""
    try:
        fitted = fit_cox(columns, time, event)
    except InputError as error:
        note = str(error)
    else:
        ratios, hazards_change = fitted.hazard_ratios(), schoenfeld_test(columns, time, event, fitted)
    return [
        {
            "model": model, "covariate": name, "n": time.size, "events": int(event.sum()), "hazard_ratio": ratio[0],
            "low": ratio[1], "high": ratio[2], "p": ratio[3], "p_fdr": math.nan, "schoenfeld_chi2": change[0],
            "schoenfeld_p": change[1], "note": note,
        }
        for name, ratio, change in zip(names, ratios, hazards_change, strict=True)
    ]  # fmt: skip
