"""Dates and sessions in the names of files and folders, which tell a patient's examinations apart."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
NUMBERED_SESSION = re.compile(
    r"(?i)(?<![a-z0-9])(?:ses(?:sion)?|visit|tp|time(?:[-_]?point)?|exam(?:ination)?|fu|follow[-_]?up|week|month|day)[-_]?\d+"
    r"(?![a-z0-9])|(?<=[a-z0-9][-_. ])scan[-_]?\d{1,2}(?![a-z0-9])"
)
SESSION = re.compile(
    r"(?i)(?<![a-z0-9])((?:ses(?:sion)?|visit|tp|time(?:[-_]?point)?|exam(?:ination)?|fu|follow[-_]?up|week|month|day)[-_]?\d+"
    r"|(?<=[a-z0-9][-_. ])scan[-_]?\d{1,2}|baseline|follow[-_]?up|pre[-_]?op(?:erative)?|post[-_]?op(?:erative)?)"
    r"(?![a-z0-9])"
)


@dataclass(frozen=True)
class NamedExamination:
    """What a name says of an examination: patient and session, and its date (``YYYY-MM-DD``) where it is known."""

    patient: str
    session: str
    date: str | None


def date_in(text: str) -> str | None:
    """The first date (year, month, day) in a text, as ``YYYY-MM-DD``; None where there is none.

    >>> date_in("case7_20210304_t1")
    '2021-03-04'
    """
    match = DATE.search(text)
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[3]), int(match[4])).isoformat()
    except ValueError:  # the 31st of June
        return None


def examination_of(name: str) -> NamedExamination:
    """Patient and session of a name; the patient is empty where all of it is a session.

    >>> examination_of("case7_ses-02")
    NamedExamination(patient='case7', session='ses-02', date=None)
    """
    match = DATE.search(name) or SESSION.search(name)
    if match is None:
        return NamedExamination(name, "", None)
    patient = (name[: match.start()].strip("-_. ") or name[match.end() :]).strip("-_. ")
    return NamedExamination(patient, name.replace(patient, "", 1).strip("-_. ") if patient else name, date_in(name))
