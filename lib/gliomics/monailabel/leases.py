"""Who is labelling which study, so that annotators who work at the same time get different ones."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from gliomics.files import read_json, write_json

LEASE_SECONDS = 1800.0
"""How long a study that was handed out is kept for its annotator."""


class Leases:
    """Studies that were handed out, by annotator, in one small file; those that expired are forgotten."""

    def __init__(self, path: Path, seconds: float = LEASE_SECONDS) -> None:
        self._path = path
        self._seconds = seconds
        self._lock = threading.Lock()

    def holders(self) -> dict[str, str]:
        """Who holds which study now, by study."""
        with self._lock:
            return {study: str(lease["user"]) for study, lease in self._current().items()}

    def take(self, study_id: str, user: str) -> None:
        """Keep a study for ``user``, instead of whoever had it."""
        with self._lock:
            lease = {"user": user, "until": time.time() + self._seconds}
            write_json(self._path, {**self._current(), study_id: lease})

    def _current(self) -> dict[str, dict[str, Any]]:
        leases = read_json(self._path) if self._path.is_file() else {}
        return {study: lease for study, lease in leases.items() if float(lease["until"]) > time.time()}
