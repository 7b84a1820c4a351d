"""Features, outcomes and clinical values joined by patient, and who is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gliomics.cohort.patient_table import PatientTable, check_any_in_common
from gliomics.errors import InputError
from gliomics.statistics.arrays import Array, Classes
from gliomics.subtype.blocks import MOST_MISSING
from gliomics.survival.kaplan_meier import Events
from gliomics.survival.outcomes import MOST_CATEGORIES, Outcome

LEAST_EVENTS = 10
"""Fewer events than this cannot show what a model is worth."""
EVENTS_PER_COLUMN = 5
"""Of clinical columns, which are not penalised."""
LEAST_IN_GROUP = 5


@dataclass(frozen=True)
class SurvivalTable:
    """One row per patient: ``values`` (patients, features), NaN where missing, ``clinical`` (patients, columns).

    ``time`` is in ``unit``. ``group`` is each patient's position in ``groups``, -1 where it is not known; there may be
    no groups. ``left_out`` says of other patients why, ``dropped`` of other features.
    """

    patients: list[str]
    names: list[str]
    values: Array
    clinical_names: list[str]
    clinical: Array
    time: Array
    event: Events
    unit: str
    groups: list[str]
    group: Classes
    left_out: Mapping[str, str]
    dropped: Mapping[str, str]


def survival_table(
    features: PatientTable,
    outcomes: Mapping[str, Outcome],
    unit: str,
    *,
    missing: Mapping[str, str] | None = None,
    clinical: Mapping[str, Mapping[str, float]] | None = None,
    groups: Mapping[str, str] | None = None,
) -> SurvivalTable:
    """Join what was read. ``missing`` says why patients have no outcome.

    Raises :class:`InputError` for harmonised features, fewer than :data:`LEAST_EVENTS` events, clinical columns that
    are too many for the events or that do not vary, and groups that cannot be compared.
    """
    if features.harmonisation is not None:
        raise InputError(
            f"the features were harmonised over '{features.harmonisation.column}' with all patients at once, so that "
            "figures of models would be too good; give the features as they were measured"
        )
    check_any_in_common(features.patients, outcomes, "the table of outcomes")
    left_out = {p: (missing or {}).get(p, "no outcome") for p in features.patients if p not in outcomes}
    left_out |= {p: "no features" for p in outcomes if p not in features.patients}
    kept = [p for p in features.patients if p in outcomes]
    if clinical is not None:
        left_out |= {p: "a clinical value is missing" for p in kept if p not in clinical}
        kept = [p for p in kept if p in clinical]
    event = np.array([outcomes[p].event for p in kept], dtype=bool)
    _check_events(event)
    clinical_names, clinical_values = _clinical(kept, clinical or {}, int(event.sum()))
    group_names, group = _groups(kept, groups) if groups is not None else ([], np.full(len(kept), -1))
    joined = features.of(kept)
    dropped = _unusable(joined.names, joined.values)
    usable = [k for k, name in enumerate(joined.names) if name not in dropped]
    if not usable:
        raise InputError(f"none of the {len(joined.names)} features has values that can be used; compute them again")
    return SurvivalTable(
        patients=kept,
        names=[joined.names[k] for k in usable],
        values=joined.values[:, usable],
        clinical_names=clinical_names,
        clinical=clinical_values,
        time=np.array([outcomes[p].time for p in kept]),
        event=event,
        unit=unit,
        groups=group_names,
        group=group,
        left_out=left_out,
        dropped=dropped,
    )


def _check_events(event: Events) -> None:
    events = int(event.sum())
    if events < LEAST_EVENTS:
        raise InputError(
            f"{events} of {event.size} patients with features have the event; at least {LEAST_EVENTS} are needed: take "
            "a longer follow-up, more patients, or another event"
        )


def _clinical(
    patients: Sequence[str], clinical: Mapping[str, Mapping[str, float]], events: int
) -> tuple[list[str], Array]:
    names = list(clinical[patients[0]]) if clinical else []
    values = np.array([[clinical[p][name] for name in names] for p in patients]).reshape(len(patients), len(names))
    constant = [name for name, column in zip(names, values.T, strict=True) if np.ptp(column) == 0]
    if constant:
        raise InputError(f"clinical '{constant[0]}' has one value for all {len(patients)} patients; leave it out")
    if len(names) * EVENTS_PER_COLUMN > events:
        raise InputError(
            f"{len(names)} clinical columns ({', '.join(names)}) are too many for {events} events; at most one for "
            f"{EVENTS_PER_COLUMN} events: leave some out"
        )
    return names, values


def _groups(patients: Sequence[str], groups: Mapping[str, str]) -> tuple[list[str], Classes]:
    counts = Counter(groups[p] for p in patients if p in groups)
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())[:8])
    if not 2 <= len(counts) <= MOST_CATEGORIES:
        raise InputError(
            f"the patients are of {len(counts)} groups ({listed}); expected 2 to {MOST_CATEGORIES}: join groups, or "
            "give another column"
        )
    if min(counts.values()) < LEAST_IN_GROUP:
        raise InputError(
            f"a group has fewer than {LEAST_IN_GROUP} patients ({listed}); join it to another, or leave its cells empty"
        )
    names = sorted(counts)
    return names, np.array([names.index(groups[p]) if p in groups else -1 for p in patients], dtype=np.int64)


def _unusable(names: Sequence[str], values: Array) -> dict[str, str]:
    reasons = {}
    for name, column in zip(names, values.T, strict=True):
        known = column[~np.isnan(column)]
        if known.size < (1 - MOST_MISSING) * column.size:
            reasons[name] = f"known of {known.size} of {column.size} patients"
        elif np.ptp(known) == 0:
            reasons[name] = "one value for all patients"
    return reasons
