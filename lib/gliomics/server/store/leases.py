"""Who is labelling which study, so that annotators who work at the same time get different ones."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from gliomics.server.store.kept_records import KeptRecords

LEASE_SECONDS = 1800.0
"""How long a study that was handed out is kept for its annotator."""


@dataclass(frozen=True)
class _Lease:
    user: str
    until: float


class Leases:
    """Studies that were handed out, by annotator, in one small file; those that expired are forgotten."""

    def __init__(self, path: Path, records: KeptRecords, seconds: float = LEASE_SECONDS) -> None:
        self._path = path
        self._records = records
        self._seconds = seconds
        self._lock = threading.Lock()
        self.choosing = threading.Lock()
        """Held from looking who holds what to taking a lease by it."""

    def holders(self) -> dict[str, str]:
        """Who holds which study now, by study."""
        with self._lock:
            return {study: lease.user for study, lease in self._current().items()}

    def take(self, study_id: str, user: str) -> None:
        """Keep a study for ``user``, instead of whoever had it."""
        with self._lock:
            leases = {**self._current(), study_id: _Lease(user, time.time() + self._seconds)}
            self._records.write(self._path, {study: asdict(lease) for study, lease in leases.items()})

    def _current(self) -> dict[str, _Lease]:
        leases = self._records.read(self._path, dict[str, _Lease]) or {}
        return {study: lease for study, lease in leases.items() if lease.until > time.time()}
