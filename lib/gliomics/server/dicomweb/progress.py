"""How far the examinations have come that are being fetched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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
