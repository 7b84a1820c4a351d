"""What a client does and says while a server that has much to do lets its request wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Tell = Callable[[str], None]
"""Called with what a request waits for, in words; from any thread."""

MOST_TRIES = 6
"""How often a request is sent to a server that says each time when to come again."""

_MOST_SECONDS = 60.0
_LOOK_SECONDS = 1.0


def retry_after(status: int, header: str | None) -> float | None:
    """Seconds after which a refused request may be sent again; None where the server does not say so."""
    if status != 503 or header is None or not header.isdecimal():
        return None
    return min(float(header), _MOST_SECONDS)


def wait_to_retry(seconds: float, tell: Tell, interrupted: Callable[[], bool]) -> None:
    """Wait, telling how long it still takes, until the time is over or ``interrupted`` returns true."""
    end = time.monotonic() + seconds
    announced = None
    while (remaining := end - time.monotonic()) > 0 and not interrupted():
        if announced != round(remaining):
            announced = round(remaining)
            tell(f"the server is busy; the request is sent again in {max(announced, 1)} s")
        time.sleep(min(remaining, 0.1))


@contextmanager
def telling_position(position: Callable[[], dict[str, Any] | None], tell: Tell | None) -> Iterator[None]:
    """Tell about once a second, while the block runs, which position its request has in the server's queue."""
    if tell is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        waited = False
        while not over.wait(_LOOK_SECONDS):
            try:
                place = position()
                if place is not None and not over.is_set() and (place["position"] or waited):
                    waited = bool(place["position"])
                    tell(f"number {place['position']} in the server's queue" if waited else "the server computes")
            except Exception:  # noqa: BLE001 - no queue, no answer, or nobody who listens: the request goes on without
                return

    threading.Thread(target=watch, name="queue position", daemon=True).start()
    try:
        yield
    finally:
        over.set()
