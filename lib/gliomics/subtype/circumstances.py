"""What is known of a patient besides the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gliomics.errors import InputError
from gliomics.statistics.arrays import Array
from gliomics.study.patients import read_patient_column

OLDEST = 120
"""Years that no patient exceeds."""


@dataclass(frozen=True)
class Circumstances:
    """The patient's ``age`` in years, and how common the classes are where the patient comes from.

    ``prevalence`` is the share of each class, or of all but one; without it, that of the training patients counts.
    Raises :class:`InputError` for an age that nobody has.
    """

    age: float | None = None
    prevalence: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.age is not None:
            checked_age(self.age, "age")

    def of_classes(self, classes: Sequence[str]) -> Circumstances:
        """The same, with what the prevalence says of some classes; nothing where it says nothing of them."""
        shares = {name: share for name, share in (self.prevalence or {}).items() if name in classes}
        return Circumstances(self.age, shares or None)

    def shares(self, classes: Sequence[str], trained: Array) -> Array:
        """The share of each class, (classes,); ``trained`` are those of the training patients.

        Raises :class:`InputError` for a prevalence that names other classes, or whose shares do not sum to 1.
        """
        if self.prevalence is None:
            return trained
        shares = dict(self.prevalence)
        listed = ", ".join(f"{name}={share:g}" for name, share in shares.items())
        unknown = [name for name in shares if name not in classes]
        if unknown:
            raise InputError(
                f"the prevalence {listed} names class '{unknown[0]}'; the model's classes are {', '.join(classes)}"
            )
        missing = [name for name in classes if name not in shares]
        if len(missing) == 1:
            shares[missing[0]] = 1 - sum(shares.values())
        if len(shares) < len(classes) or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise InputError(
                f"the prevalence {listed} does not give shares above 0 that sum to 1 of {', '.join(classes)}; name all "
                "of them, or all but one"
            )
        return np.array([shares[name] for name in classes])


NOTHING_KNOWN = Circumstances()


def checked_age(age: float, name: str) -> float:
    """An age in years that somebody can have; :class:`InputError` otherwise, in which ``name`` says whose it is."""
    if not 0 <= age <= OLDEST:  # NaN is not, either
        raise InputError(f"{name} is {age:g}; expected years between 0 and {OLDEST}")
    return age


def read_ages(table: Path, column: str) -> dict[str, float]:
    """The age of each patient in years, from a table (see :func:`~gliomics.study.patients.read_patient_column`)."""
    ages = {}
    for patient, text in read_patient_column(table, column).items():
        name = f"{table}: '{column}' of patient '{patient}'"
        try:
            age = float(text)
        except ValueError:
            raise InputError(f"{name} is '{text}'; expected an age in years") from None
        ages[patient] = checked_age(age, name)
    return ages
