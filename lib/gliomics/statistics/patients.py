"""From values of studies to values of patients, who count once each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def patient_means(patients: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    """Mean value of each patient, in the order in which the patients first appear.

    ``values`` are of studies or trials, ``patients`` the id of the patient of each, equally many. Raises
    :class:`ValueError` where they are not.

    >>> patient_means(["p1", "p2", "p1"], [0.25, 0.9, 0.75])
    {'p1': 0.5, 'p2': 0.9}
    """
    by_patient: dict[str, list[float]] = {}
    for patient, value in zip(patients, values, strict=True):
        by_patient.setdefault(patient, []).append(value)
    return {patient: float(np.mean(of_patient)) for patient, of_patient in by_patient.items()}
