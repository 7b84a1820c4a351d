"""Who is labelling which study, so that annotators who work at the same time get different ones."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gliomics.server.store.kept_records import KeptRecords

LEASE_SECONDS = 1800.0
"""How long a study that was handed out is kept for its annotator."""


@dataclass(frozen=True)
class Lease:
    """A study is kept for ``user`` ``until`` then, in seconds since 1970."""

    user: str
    until: float

    def to_json(self) -> dict[str, Any]:
        """The lease with the ``seconds`` that it lasts yet, for clients whose clock is another."""
        return {"user": self.user, "until": int(self.until), "seconds": max(0, round(self.until - time.time()))}


class Leases:
    """Studies that were handed out, by annotator, in one small file; those that expired are forgotten."""

    def __init__(self, path: Path, records: KeptRecords, seconds: float = LEASE_SECONDS) -> None:
        self._path = path
        self._records = records
        self._seconds = seconds
        self._lock = threading.Lock()
        self.choosing = threading.Lock()
        """Held from looking who holds what to taking a lease by it."""

    def current(self) -> dict[str, Lease]:
        """Who holds which study now, and until when, by study."""
        with self._lock:
            return self._current()

    def take(self, study_id: str, user: str) -> None:
        """Keep a study for ``user``, instead of whoever had it."""
        with self._lock:
            self._write({**self._current(), study_id: Lease(user, time.time() + self._seconds)})

    def release(self, study_id: str) -> None:
        """Keep a study for nobody any more."""
        with self._lock:
            self._write({study: lease for study, lease in self._current().items() if study != study_id})

    def _write(self, leases: dict[str, Lease]) -> None:
        self._records.write(self._path, {study: asdict(lease) for study, lease in leases.items()})

    def _current(self) -> dict[str, Lease]:
        leases = self._records.read(self._path, dict[str, Lease]) or {}
        return {study: lease for study, lease in leases.items() if lease.until > time.time()}
