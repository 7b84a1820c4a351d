"""Reports that somebody opens as a page of their own: each has for a while an address that cannot be guessed.

A browser sends no token with a link that it follows, and a token has no place in an address. So whoever may see the
report asks for it with the token, and gets an address that opens this one report and nothing else.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from gliomics.errors import UnknownNameError

KEPT_SECONDS = 600.0
MOST_REPORTS = 16

REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A report runs no scripts and loads nothing; its figures have styles of their own."""


@dataclass(frozen=True)
class _Report:
    content: bytes
    until: float


class OpenedReports:
    """The last reports that were opened, in memory. Usable from several threads.

    >>> reports = OpenedReports()
    >>> reports.content(reports.keep(b"<!doctype html>"))
    b'<!doctype html>'
    """

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._reports: dict[str, _Report] = {}
        self._lock = threading.Lock()

    def keep(self, content: bytes) -> str:
        """The name under which a report is found, for ten minutes; the oldest goes when there are too many."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._forget()
            while len(self._reports) >= MOST_REPORTS:
                del self._reports[next(iter(self._reports))]
            self._reports[name] = _Report(content, time.monotonic() + self._seconds)
        return name

    def content(self, name: str) -> bytes:
        """A report by its name; :class:`UnknownNameError` for one that there never was, or is no more."""
        with self._lock:
            self._forget()
            if name not in self._reports:
                raise UnknownNameError("this report is no longer kept; open it again from its study")
            return self._reports[name].content

    def _forget(self) -> None:
        now = time.monotonic()
        self._reports = {name: report for name, report in self._reports.items() if report.until > now}
