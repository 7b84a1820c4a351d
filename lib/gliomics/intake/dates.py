"""Dates of examinations in the names of files and folders."""

from __future__ import annotations

import datetime
import re

DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")


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
