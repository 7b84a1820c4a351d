"""Delta features: how the features of a patient's lesion changed between two examinations."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gliomics.errors import InputError, UnknownNameError
from gliomics.records import FeatureRow
from gliomics.version import __version__

_MUST_AGREE = {
    "config_sha256": "configuration",
    "boundary_shift": "boundary shift",
    "brain_mask": "use of a brain mask",
}
"""Diagnostics that make two rows incomparable where they differ."""
_SHOULD_AGREE = ("pyradiomics_version", "spacing", "spacing_known")
"""Diagnostics whose difference may be taken for a change of the lesion."""


@dataclass(frozen=True)
class Deltas:
    """The rows of change, and in words what has none."""

    rows: list[FeatureRow]
    left_out: list[str] = field(default_factory=list)


def deltas(rows: Sequence[FeatureRow], *, first: str | None = None, last: str | None = None) -> Deltas:
    """Change of every region of every patient from each examination to the next, or from ``first`` to ``last``.

    Examinations follow each other by date where all of a patient's have one, else as in ``rows``. A region with
    a single examination, or without ``first`` or ``last``, is left out and said.

    Raises :class:`InputError` for a row without patient, a time point that a patient has twice and rows that
    cannot be compared, and :class:`UnknownNameError` for a time point that no row has.
    """
    if (first is None) != (last is None):
        raise InputError("give both time points, from and to, or neither for each examination and the next")
    if first is not None and first == last:
        raise InputError(f"from and to are both '{first}'; give two time points")
    names = sorted({_timepoint(row) for row in rows})
    for name in (first, last):
        if name is not None and name not in names:
            raise UnknownNameError(f"no row has the time point '{name}'; there are {', '.join(names)}")
    changes = Deltas([])
    for (patient, region), by_time in lesions_in_time(rows).items():
        if first is None or last is None:
            pairs = list(pairwise(by_time.values()))
            missing = "one time point only: " + ", ".join(by_time)
        else:
            pairs = [(by_time[first], by_time[last])] if first in by_time and last in by_time else []
            missing = f"no time point '{first if first not in by_time else last}'"
        if not pairs:
            changes.left_out.append(f"patient '{patient}', region '{region}': {missing}")
        changes.rows.extend(delta(before, after) for before, after in pairs)
    return changes


def delta(before: FeatureRow, after: FeatureRow) -> FeatureRow:
    """The change between two examinations of one patient's region, under the study id of the later one.

    ``<feature>_delta`` is later minus earlier, ``<feature>_relative`` that over the earlier one's absolute value, left
    out where it is 0. Features that one examination lacks are left out. Raises :class:`InputError` when the rows are of
    different patients or regions, or were measured in different ways.

    >>> before = FeatureRow("a", "whole", {"volume": 8.0}, {"patient_id": "P1", "timepoint": "before"})
    >>> after = FeatureRow("b", "whole", {"volume": 10.0}, {"patient_id": "P1", "timepoint": "after"})
    >>> delta(before, after).values
    {'volume_delta': 2.0, 'volume_relative': 0.25}
    """
    check_comparable(before, after)
    values: dict[str, float] = {}
    for name, value in before.values.items():
        if name in after.values:
            change = after.values[name] - value
            values[f"{name}_delta"] = change
            if value != 0:
                values[f"{name}_relative"] = change / abs(value)
    if not values:
        raise InputError(f"studies '{before.study_id}' and '{after.study_id}' have no feature in common")
    diagnostics: dict[str, Any] = {"patient_id": _patient(before), "gliomics_version": __version__}
    for side, row in (("from", before), ("to", after)):
        diagnostics |= {f"{side}_study": row.study_id, f"{side}_timepoint": _timepoint(row)}
        if examination_date(row) is not None:
            diagnostics[f"{side}_date"] = str(examination_date(row))
    earlier, later = examination_date(before), examination_date(after)
    if earlier is not None and later is not None:
        diagnostics["days"] = (later - earlier).days
    if "config_sha256" in before.diagnostics:
        diagnostics["config_sha256"] = before.diagnostics["config_sha256"]
    return FeatureRow(after.study_id, after.region, values, diagnostics, _warnings(before, after))


def _warnings(before: FeatureRow, after: FeatureRow) -> list[str]:
    warnings = [
        f"{name} differs: {before.diagnostics.get(name)} and {after.diagnostics.get(name)}"
        for name in _SHOULD_AGREE
        if before.diagnostics.get(name) != after.diagnostics.get(name)
    ]
    lost = sorted(set(before.values) ^ set(after.values))
    if lost:
        warnings.append(f"missing at one time point: {', '.join(lost[:3])}{' and others' if len(lost) > 3 else ''}")
    earlier = [f"{_timepoint(before)}: {warning}" for warning in before.warnings]
    return warnings + earlier + [f"{_timepoint(after)}: {warning}" for warning in after.warnings]


def check_comparable(before: FeatureRow, after: FeatureRow) -> None:
    """Raise :class:`InputError` for rows of different patients or regions, or that were measured in different ways."""
    of = f"studies '{before.study_id}' and '{after.study_id}'"
    if _patient(before) != _patient(after):
        raise InputError(f"{of} are of different patients, '{_patient(before)}' and '{_patient(after)}'")
    if before.region != after.region:
        raise InputError(f"{of} have different regions, '{before.region}' and '{after.region}'; measure the same one")
    for row in (before, after):
        if row.region.endswith(f" slice {row.diagnostics.get('slice')}"):
            raise InputError(
                f"study '{row.study_id}' has one row per slice, and slice numbers mean nothing between examinations; "
                "measure with 'slices: volume' or 'slices: largest'"
            )
    for name, words in _MUST_AGREE.items():
        value, later = (str(row.diagnostics.get(name, "(none)"))[:12] for row in (before, after))
        if value != later:
            raise InputError(f"{of} differ in {words}, {value} and {later}; measure both in the same way")


def lesions_in_time(rows: Sequence[FeatureRow]) -> dict[tuple[str, str], dict[str, FeatureRow]]:
    """Rows by time point, by patient and region; by date where all of a lesion's have one, else as in ``rows``.

    Raises :class:`InputError` for a row without patient and a time point that a patient has twice.
    """
    lesions: dict[tuple[str, str], dict[str, FeatureRow]] = {}
    for row in rows:
        by_time = lesions.setdefault((_patient(row), row.region), {})
        other = by_time.setdefault(_timepoint(row), row)
        if other is not row:
            raise InputError(
                f"patient '{_patient(row)}' has time point '{_timepoint(row)}' twice, as '{other.study_id}' and "
                f"'{row.study_id}'; name time points apart in their study.json"
            )
    return {lesion: _in_time(by_time) for lesion, by_time in lesions.items()}


def _in_time(by_time: dict[str, FeatureRow]) -> dict[str, FeatureRow]:
    dates = {name: date for name, row in by_time.items() if (date := examination_date(row)) is not None}
    return (
        {name: by_time[name] for name in sorted(dates, key=dates.__getitem__)}
        if len(dates) == len(by_time)
        else by_time
    )


def _patient(row: FeatureRow) -> str:
    patient = row.diagnostics.get("patient_id")
    if patient is None:
        raise InputError(
            f"study '{row.study_id}' does not say whose it is; make the table with `gliomics features`, or give it a "
            "column diagnostics_patient_id"
        )
    return str(patient)


def _timepoint(row: FeatureRow) -> str:
    return str(row.diagnostics.get("timepoint", "baseline"))


def examination_date(row: FeatureRow) -> datetime.date | None:
    """The day of a row's examination, None where it is not known; :class:`InputError` for a day that is none."""
    date = row.diagnostics.get("date")
    if date is None:
        return None
    try:
        return datetime.date.fromisoformat(str(date))
    except ValueError as error:
        raise InputError(f"study '{row.study_id}' has the date '{date}'; expected a day such as 2024-05-31") from error
