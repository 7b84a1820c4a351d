"""Times, events and what else is known of patients, read from a table in which nothing is guessed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gliomics.errors import InputError
from gliomics.study.patients import read_patient_column

YEAR = {"days": 365.25, "months": 12.0, "years": 1.0}
"""How many of each unit a year has."""
_UNIT_WORDS = {
    "day": "days", "days": "days", "month": "months", "months": "months", "year": "years", "years": "years",
}  # fmt: skip
_EVENT = {
    "1", "true", "yes", "dead", "deceased", "died", "death", "event", "progressed", "progression", "recurred",
    "recurrence",
}  # fmt: skip
_CENSORED = {
    "0", "false", "no", "alive", "living", "censored", "no event", "not progressed", "no progression",
    "no recurrence", "progressionfree",
}  # fmt: skip
_NUMBERED = re.compile(r"([01]):(.+)")
MOST_CATEGORIES = 6
"""Of a column in words, and of the groups of a Kaplan-Meier plot."""


@dataclass(frozen=True)
class Outcome:
    """How long a patient was followed, in the unit of the table, and whether the event was seen at the end of it."""

    time: float
    event: bool


@dataclass(frozen=True)
class EventMeaning:
    """Which values of the event column are events and which are not."""

    events: Sequence[str]
    censored: Sequence[str]

    def in_words(self) -> str:
        """What counted as what, for the person to see."""
        return f"event: {', '.join(self.events) or '(none)'}; censored: {', '.join(self.censored) or '(none)'}"


def unit_of(column: str, unit: str | None) -> str:
    """The unit of a column of times: the one given, else the one that its name says.

    Raises :class:`InputError` where there is none, or the two differ.

    >>> unit_of("Overall Survival (Months)", None)
    'months'
    """
    words = {_UNIT_WORDS[word] for word in re.findall("[a-z]+", column.lower()) if word in _UNIT_WORDS}
    if unit is not None and unit not in YEAR:
        raise InputError(f"--unit is '{unit}'; expected {', '.join(YEAR)}")
    named = words.pop() if len(words) == 1 else None
    if unit is None and named is None:
        raise InputError(f"the unit of the times in column '{column}' is not known; give --unit days, months or years")
    if unit is not None and named is not None and unit != named:
        raise InputError(f"--unit is {unit}, and the column is called '{column}'; give the unit that the times are in")
    return unit or named or ""


def read_outcomes(
    table: Path, time: str, event: str, event_values: Sequence[str] = ()
) -> tuple[dict[str, Outcome], dict[str, str], EventMeaning]:
    """The outcome of each patient who has one, why others have none, and how the events were read.

    ``event_values`` are the values that mean that the event was seen, all others that it was not; without them only
    values that can mean one thing are taken (0 and 1, dead and alive, ``1:DECEASED`` ...). Raises :class:`InputError`
    for other values, and for times that are no finite numbers of at least 0.
    """
    times, events = read_patient_column(table, time), read_patient_column(table, event)
    meaning = _meaning(table, event, events, event_values)
    outcomes, missing = {}, {}
    for patient in dict.fromkeys([*times, *events]):
        if patient not in times or patient not in events:
            missing[patient] = f"no {'time' if patient not in times else 'event'} in {table.name}"
            continue
        outcomes[patient] = Outcome(
            _number(times[patient], f"{table}: '{time}' of patient '{patient}'", "a time of at least 0 in one unit", 0),
            events[patient] in meaning.events,
        )
    return outcomes, missing, meaning


def _meaning(table: Path, column: str, events: Mapping[str, str], event_values: Sequence[str]) -> EventMeaning:
    values = sorted(set(events.values()))
    listed = ", ".join(f"'{value}'" for value in values[:8])
    if event_values:
        absent = [value for value in event_values if value not in values]
        if absent:
            raise InputError(f"--event-value '{absent[0]}' does not occur in column '{column}' of {table}: {listed}")
        return EventMeaning(list(event_values), [value for value in values if value not in event_values])
    meanings = {value: _known(value) for value in values}
    if None in meanings.values():
        unknown = next(value for value, known in meanings.items() if known is None)
        raise InputError(
            f"column '{column}' of {table} has the values {listed}, and whether '{unknown}' is an event is not known; "
            "name those that are by --event-value"
        )
    return EventMeaning([v for v in values if meanings[v]], [v for v in values if not meanings[v]])


def _known(value: str) -> bool | None:
    """Whether a value means an event; None where it could mean either."""
    text = value.strip().lower()
    if numbered := _NUMBERED.fullmatch(text):  # as cBioPortal writes them
        return _agreed(_known(numbered[1]), _known(numbered[2]))
    if text in ("1.0", "0.0"):
        return text == "1.0"
    return True if text in _EVENT else False if text in _CENSORED else None


def _agreed(first: bool | None, second: bool | None) -> bool | None:
    return first if first == second else None


def _number(text: str, name: str, expected: str, least: float = -math.inf) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise InputError(f"{name} is '{text}'; expected {expected}")
    return value


def read_clinical(table: Path, columns: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each patient's clinical values by name, of patients who have all of them.

    A column of numbers is one value; of a column of words each category but the commonest is one, 1 or 0, named
    ``column=category``. Raises :class:`InputError` for a column of both, of one value, or of more than
    :data:`MOST_CATEGORIES` categories.
    """
    coded = {column: _coded(table, column) for column in dict.fromkeys(columns)}
    patients = [p for p in next(iter(coded.values()), {}) if all(p in of_column for of_column in coded.values())]
    return {p: {name: value for of_column in coded.values() for name, value in of_column[p].items()} for p in patients}


def _coded(table: Path, column: str) -> dict[str, dict[str, float]]:
    values = read_patient_column(table, column)
    numeric = {patient for patient, text in values.items() if _is_number(text)}
    if len(numeric) == len(values) and values:
        return {patient: {column: float(text)} for patient, text in values.items()}
    if numeric:
        text = next(text for patient, text in values.items() if patient not in numeric)
        raise InputError(
            f"column '{column}' of {table} has numbers and the text '{text}'; make all of it one or the other, or "
            "leave cells that are not known empty"
        )
    categories = [name for name, _ in sorted(Counter(values.values()).items(), key=lambda item: (-item[1], item[0]))]
    if not 2 <= len(categories) <= MOST_CATEGORIES:
        raise InputError(
            f"column '{column}' of {table} has {len(categories)} values; expected numbers, or 2 to {MOST_CATEGORIES} "
            "categories: join some, or leave it out"
        )
    return {p: {f"{column}={name}": float(text == name) for name in categories[1:]} for p, text in values.items()}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def read_groups(table: Path, column: str) -> dict[str, str]:
    """Each patient's group."""
    return read_patient_column(table, column)
