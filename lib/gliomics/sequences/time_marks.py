"""What names say of when an image was taken: what keeps two examinations of a patient from becoming one study.

Only differences count: a number or a word that all images of a study have in their names tells nothing.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

TimeMarks = Mapping[str, frozenset[str]]
"""By kind (:data:`DATE`, :data:`TIME_POINT`, ...) what a name or a header says of when its image was taken."""

DATE: Final = "date"
TIME_POINT: Final = "time point"
SCAN: Final = "number of the scan"
CLOCK: Final = "time of day"

MOST_HOURS = 4
"""Images that were taken at times of the day farther apart are not of one examination."""

_YEAR, _MONTH, _DAY = r"((?:19|20)\d\d)", r"(0[1-9]|1[0-2])", r"(0[1-9]|[12]\d|3[01])"
_NUMBER_BEFORE, _NUMBER_AFTER = r"(?<!\d)", r"(?!\d)"
_WORD_BEFORE, _WORD_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"
_YEAR_FIRST = re.compile(
    rf"{_NUMBER_BEFORE}{_YEAR}([-_.]?){_MONTH}\2{_DAY}(?:{_NUMBER_AFTER}|(?=\d{{6}}{_NUMBER_AFTER}))"
)
_YEAR_LAST = re.compile(rf"{_NUMBER_BEFORE}(\d\d)([-_.]?)(\d\d)\2{_YEAR}{_NUMBER_AFTER}")
_WITHOUT_DAY = re.compile(rf"{_NUMBER_BEFORE}{_YEAR}[-_.]{_MONTH}{_NUMBER_AFTER}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMED = re.compile(rf"(?<![a-z])({'|'.join(_MONTHS)})[a-z]*[-_. ]?{_YEAR}{_NUMBER_AFTER}")
_SHORT = re.compile(rf"{_WORD_BEFORE}(\d\d)(\d\d)(\d\d){_WORD_AFTER}")
_YEAR_ALONE = re.compile(rf"{_WORD_BEFORE}(199\d|200[03-9]|20[1-3]\d){_WORD_AFTER}")
"""Without 2001 and 2002, which are numbers of series, too."""

_EVENT = (
    r"(?:op(?:erat\w*|s)?|surg[a-z]*|resection|biops[a-z]*|treat[a-z]*|therap[a-z]*|tx|trt|c?rt|rct|chemo[a-z]*|radi[a-z]*"
    r"|irradiation|bev[a-z]*|tmz)"
)
_AROUND_EVENT = re.compile(rf"{_WORD_BEFORE}(pre|post|before|after|intra)[-_. ]?({_EVENT}){_WORD_AFTER}")
_UNIT = (
    r"ses|sess|session|visit|tp|time[-_. ]?point|exam|examination|fu|follow[-_. ]?up|week|wk|month|mo|mth|day|year|yr"
    r"|study|time"
)
_NUMBERED = re.compile(rf"{_WORD_BEFORE}(?:({_UNIT})[-_. ]?|([vmwy])(?=\d))(\d{{1,4}}){_WORD_AFTER}")
_COUNTED = re.compile(
    rf"{_WORD_BEFORE}(\d{{1,4}})[-_. ]?(months?|mo|mths?|weeks?|wks?|days?|years?|yrs?|m|w|y){_WORD_AFTER}"
)
_NAMED_SESSION = re.compile(rf"{_WORD_BEFORE}ses-([a-z][a-z0-9]*){_WORD_AFTER}")
_WORDS = re.compile(
    rf"{_WORD_BEFORE}(baseline|bl|follow[-_. ]?up|fu|initial|primary|diagnosis|recurren(?:ce|t)|relapse"
    r"|progress(?:ion|ive)|first|second|third|1st|2nd|3rd|old|new|prior|previous|current|last|latest|nadir)"
    rf"{_WORD_AFTER}"
)
_CONTRAST = r"(?:c|k[mn]|gad[a-z]*|gd|con[a-z]*|inj[a-z]*)"
_BARE = re.compile(rf"{_WORD_BEFORE}(pre|post|before|after){_WORD_AFTER}(?![-_. ]?{_CONTRAST}{_WORD_AFTER})")
_OF_CONTRAST = {"t1": "pre", "t1c": "post"}
"""The word in the name of a sequence that is about the contrast agent."""

_SCAN = re.compile(rf"{_WORD_BEFORE}(scan|mri?|se?q?)[-_. ]?(\d{{1,3}}){_WORD_AFTER}")


def time_marks(name: str, sequence: str | None = None) -> TimeMarks:
    """What a name (or a path) says of when its image was taken, which is of this sequence if that is known.

    >>> {kind: sorted(marks) for kind, marks in time_marks("P1_post-op_flair_20210506").items()}
    {'date': ['2021-05-06'], 'time point': ['post op']}
    >>> time_marks("t1_post", "t1c")
    {}
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "-", name).lower()
    marks = {DATE: frozenset(_dates(text)), TIME_POINT: frozenset(_time_points(text, sequence))}
    marks[SCAN] = frozenset(f"{match[1]} {int(match[2])}" for match in _SCAN.finditer(text))
    return {kind: found for kind, found in marks.items() if found}


def _dates(text: str) -> Iterator[str]:
    """Dates as ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``, as exact as the text has them."""
    days = [_iso(match[1], match[3], match[4]) for match in _YEAR_FIRST.finditer(text)]
    for match in _YEAR_LAST.finditer(text):
        days.append(_iso(match[4], match[3], match[1]) or _iso(match[4], match[1], match[3]))
    if any(days):
        yield from filter(None, days)
        return
    months = [f"{match[2]}-{_MONTHS.index(match[1]) + 1:02d}" for match in _MONTH_NAMED.finditer(text)]
    months += [f"{match[1]}-{match[2]}" for match in _WITHOUT_DAY.finditer(text)]
    if months:
        yield from months
        return
    short = [
        _iso(_century(match[1]), match[2], match[3]) or _iso(_century(match[3]), match[2], match[1])
        for match in _SHORT.finditer(text)
    ]
    yield from filter(None, short) if any(short) else (match[1] for match in _YEAR_ALONE.finditer(text))


def _iso(year: str, month: str, day: str) -> str:
    """The date, or nothing where there is none such."""
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _century(year: str) -> str:
    return f"19{year}" if year >= "90" else f"20{year}" if year <= "30" else "0"


def _time_points(text: str, sequence: str | None) -> Iterator[str]:
    for match in _AROUND_EVENT.finditer(text):
        when = {"before": "pre", "after": "post"}.get(match[1], match[1])
        yield f"{when} {match[2][:2]}"
    for match in _NUMBERED.finditer(text):
        yield f"{_plain(match[1] or match[2])} {int(match[3])}"
    for match in _COUNTED.finditer(text):
        yield f"{_plain(match[2])} {int(match[1])}"
    for match in (*_WORDS.finditer(text), *_NAMED_SESSION.finditer(text)):
        yield _plain(match[1])
    for match in _BARE.finditer(_AROUND_EVENT.sub(" ", text)) if sequence is not None else ():
        if match[1] != _OF_CONTRAST.get(sequence or ""):
            yield {"before": "pre", "after": "post"}.get(match[1], match[1])


def _plain(word: str) -> str:
    """One spelling of a word for all of its spellings."""
    word = re.sub(r"[-_. ]", "", word)
    for plain, pattern in (
        ("session", "ses|sess"), ("follow-up", "followup|fu"), ("baseline", "bl"), ("month", "mo|mths?|m|months"),
        ("week", "wks?|w|weeks"), ("year", "yrs?|y|years"), ("day", "days"), ("time point", "tp|timepoint|time"),
        ("exam", "examination"), ("visit", "v"), ("recurrence", "recurrent"), ("progression", "progressive"),
        ("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("prior", "previous"), ("last", "latest"),
    ):  # fmt: skip
        if re.fullmatch(pattern, word):
            return plain
    return word


def two_times(images: Sequence[TimeMarks]) -> tuple[int, int, str, str] | None:
    """Two images of different times, by their place in the list, and what is said of each; None where none differ.

    An image whose name says nothing of a kind is no evidence, nor is one that says less than another (``2021`` beside
    ``2021-05-06``). Numbers of scans are those of series where each image has another.
    """
    for kind in dict.fromkeys(kind for marks in images for kind in marks):
        of_kind = [(place, marks[kind]) for place, marks in enumerate(images) if kind in marks]
        if kind == SCAN and len({marks for _, marks in of_kind}) == len(of_kind):
            continue
        agree = _near if kind == CLOCK else _agree
        for (first, ours), (second, theirs) in combinations(of_kind, 2):
            if not agree(ours, theirs):
                return first, second, ", ".join(sorted(ours)), ", ".join(sorted(theirs))
    return None


def clock(text: str) -> str:
    """A time of the day (``13:45:12.5`` or ``134512.5``) as a mark of :data:`CLOCK`; empty for what is none.

    >>> clock("134512.5")
    '13:45'
    """
    match = re.match(r"\s*([01]\d|2[0-3]):?([0-5]\d):?[0-5]\d(?!\d)", text)
    return f"{match[1]}:{match[2]}" if match else ""


def _near(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    hours = [int(text[:2]) + int(text[3:]) / 60 for text in (*ours, *theirs)]
    return max(hours) - min(hours) <= MOST_HOURS


def _agree(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return _covers(ours, theirs) or _covers(theirs, ours)


def _covers(more: frozenset[str], less: frozenset[str]) -> bool:
    """Whether all that one name says another says, too."""
    return all(any(_begins(ours, theirs) or _begins(theirs, ours) for ours in more) for theirs in less)


def _begins(exact: str, rough: str) -> bool:
    return f"{exact}-".startswith(f"{rough}-")
