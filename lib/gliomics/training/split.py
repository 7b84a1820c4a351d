"""Which patients are trained on, chosen on and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gliomics.errors import InputError
from gliomics.files import read_json
from gliomics.segmentation.labelled import LabelledStudy


@dataclass(frozen=True)
class Split:
    """Patient ids kept from training: ``validation`` to choose rules on, ``test`` for the figures."""

    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def apply(self, labelled: Sequence[LabelledStudy]) -> dict[str, list[LabelledStudy]]:
        """The studies for training, validation and test; a patient's studies stay together."""
        overlap = set(self.validation) & set(self.test)
        if overlap:
            raise InputError(f"patients both in validation and in test: {', '.join(sorted(overlap)[:5])}")
        check_known([*self.validation, *self.test], labelled)
        parts: dict[str, list[LabelledStudy]] = {"training": [], "validation": [], "test": []}
        for item in labelled:
            patient = item.study.patient_id
            part = "validation" if patient in self.validation else "test" if patient in self.test else "training"
            parts[part].append(item)
        return parts


def check_known(patients: Sequence[str], labelled: Sequence[LabelledStudy]) -> None:
    """Raise :class:`InputError` for a patient without a labelled study."""
    unknown = set(patients) - {item.study.patient_id for item in labelled}
    if unknown:
        raise InputError(f"patients of the split without a labelled study: {', '.join(sorted(unknown)[:5])}")


def share_of(patients: Iterable[str], share: float) -> set[str]:
    """A share of the patients, at least one, the first in the order of a hash of their ids (SHA-256).

    The choice depends on nothing but the ids, so that who is asked again gets the same patients.
    """
    ordered = by_hash(patients)
    return set(ordered[: max(1, round(share * len(ordered)))])


def by_hash(patients: Iterable[str]) -> list[str]:
    """The patients in the order of a hash of their ids: as good as any, and always the same."""
    return sorted(set(patients), key=lambda patient: hashlib.sha256(patient.encode()).hexdigest())


def read_split(path: Path) -> Split | list[tuple[str, ...]]:
    """Read ``{"validation": [...], "test": [...]}`` (either may be missing) or ``{"folds": [[...], ...]}``."""
    content = read_json(path)
    expected = f'{path} must be {{"validation": [patient ids], "test": [...]}} or {{"folds": [[patient ids], ...]}}'
    if not isinstance(content, dict) or not content:
        raise InputError(expected)
    if set(content) == {"folds"}:
        folds = content["folds"]
        if not isinstance(folds, list) or len(folds) < 2:
            raise InputError(f"{expected}, with two folds at least")
        return _disjoint([_patients(fold, expected) for fold in folds], path)
    if set(content) <= {"validation", "test"}:
        return Split(**{name: _patients(ids, expected) for name, ids in content.items()})
    raise InputError(f"{expected}; found {', '.join(sorted(content))}")


def _patients(value: Any, expected: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise InputError(expected)
    return tuple(value)


def _disjoint(folds: list[tuple[str, ...]], path: Path) -> list[tuple[str, ...]]:
    seen: set[str] = set()
    for fold in folds:
        twice = seen & set(fold)
        if twice:
            raise InputError(f"{path}: patients in two folds: {', '.join(sorted(twice)[:5])}")
        seen |= set(fold)
    return folds
