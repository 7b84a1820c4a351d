"""Synthetic cohorts in the form that is read."""

from __future__ import annotations

import numpy as np

from gliomics.cohort.patient_table import patient_table
from gliomics.records import FeatureRow
from gliomics.survival.outcomes import Outcome
from gliomics.survival.table import SurvivalTable, survival_table


def a_table(
    n: int, *, of_feature: float = 0.0, of_age: float = 0.0, features: int = 8, seed: int = 0, clinical: bool = True
) -> SurvivalTable:
    """Days to the event of patients whose hazard the first feature and the age multiply, per standard deviation."""
    rng = np.random.default_rng(seed)
    values, age = rng.normal(size=(n, features)), rng.normal(size=n)
    time = rng.exponential(1000 * np.exp(-of_feature * values[:, 0] - of_age * age))
    censored = rng.exponential(1500, size=n)
    patients = [f"P-{k:03d}" for k in range(n)]
    rows = (
        FeatureRow(patient, "whole", {f"f{j}": float(v) for j, v in enumerate(of_patient)})
        for patient, of_patient in zip(patients, values, strict=True)
    )
    outcomes = {p: Outcome(min(t, c), bool(t <= c)) for p, t, c in zip(patients, time, censored, strict=True)}
    ages = {p: {"age": 50 + 10 * float(a)} for p, a in zip(patients, age, strict=True)} if clinical else None
    return survival_table(patient_table(rows), outcomes, "days", clinical=ages)
