"""How far the examinations have come that are being fetched."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gliomics.errors import AbandonedError, ConflictError, GliomicsError

_log = logging.getLogger(__name__)


class Fetching:
    """What is being fetched now, by study. Usable from several threads."""

    def __init__(self) -> None:
        self._images: dict[str, tuple[int, int, float]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, study_id: str) -> Iterator[Callable[[int, int], None]]:
        """Tell that an examination is fetched while the block runs; it is given how to say how many images came."""
        begun = time.time()

        def progress(done: int, total: int) -> None:
            with self._lock:
                self._images[study_id] = done, total, begun

        progress(0, 0)
        try:
            yield progress
        finally:
            with self._lock:
                self._images.pop(study_id, None)

    def to_json(self) -> dict[str, Any]:
        """By study: images that have come, of how many (0 while headers are read), and for how many seconds."""
        with self._lock:
            images = dict(self._images)
        now = time.time()
        return {
            name: {"images": done, "of": total, "seconds": round(now - begun, 1)}
            for name, (done, total, begun) in images.items()
        }


class BackgroundFetch:
    """Fetches examinations one after the other in a thread of its own, until it is stopped."""

    def __init__(self, fetch: Callable[[str, Callable[[], bool]], None]) -> None:
        self._fetch = fetch
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._done, self._total = 0, 0
        self._failed: dict[str, str] = {}

    def start(self, study_ids: Sequence[str]) -> None:
        """Begin; :class:`ConflictError` where it is at work already."""
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                raise ConflictError("examinations are being fetched already; stop that first, or wait for its end")
            self._stopped.clear()
            self._done, self._total, self._failed = 0, len(study_ids), {}
            self._thread = threading.Thread(target=self._work, args=(study_ids,), name="fetch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop before the next image; what of an examination has come by then is not kept."""
        self._stopped.set()

    def to_json(self) -> dict[str, Any] | None:
        """How many examinations were fetched, of how many, and why some were not; None where it never began."""
        thread = self._thread
        if thread is None:
            return None
        return {"running": thread.is_alive(), "done": self._done, "of": self._total, "failed": dict(self._failed)}

    def _work(self, study_ids: Sequence[str]) -> None:
        for study_id in study_ids:
            if self._stopped.is_set():
                return
            try:
                self._fetch(study_id, self._stopped.is_set)
            except AbandonedError:
                return
            except (GliomicsError, OSError) as error:
                _log.warning("examination '%s' was not fetched: %s", study_id, error)
                self._failed[study_id] = str(error)
            else:
                self._done += 1
