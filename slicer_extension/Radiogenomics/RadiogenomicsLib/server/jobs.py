"""Work outside the main thread.

A job runs in a daemon thread and speaks to the panel through a queue, which the panel empties with a timer. The thread
never touches MRML or Qt. A job that is cancelled is abandoned at once: the request that is under way in its thread is
interrupted, and what it brings is dropped.

3D Slicer's event loop keeps Python's interpreter lock, so the thread runs only while the main thread runs Python and
gives way in it. The panel does that (:meth:`BackgroundJob.giveWay`) as long as a thread lives, also after its job was
cancelled.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Cancelled(Exception):
    """Raised inside the thread of a job that the user has cancelled."""


@dataclass(frozen=True)
class Progressed:
    """``fraction`` between 0 and 1, or None when it is not known; ``text`` says what is being done."""

    fraction: float | None
    text: str


@dataclass(frozen=True)
class Finished:
    """The job's result."""

    result: Any


@dataclass(frozen=True)
class Failed:
    """The exception that ended the job."""

    error: Exception


class BackgroundJob:
    """One piece of work; ``work`` receives the job, to report progress and to see whether to go on.

    ``interrupt`` ends what it waits for; it is called in the main thread, after the job was cancelled.
    """

    def __init__(self, title: str, work: Callable[[BackgroundJob], Any], interrupt: Callable[[], None]) -> None:
        self.title = title
        self._work = work
        self._interrupt = interrupt
        self._events: queue.Queue[Progressed | Finished | Failed] = queue.Queue()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"gliomics: {title}", daemon=True)

    def start(self) -> None:
        """Begin in a new thread."""
        self._thread.start()

    def cancel(self) -> None:
        """Abandon the job: it reports nothing more, and its work stops at its next :meth:`progress` or earlier."""
        self._cancelled.set()
        self._interrupt()

    @property
    def isAlive(self) -> bool:
        """Whether its thread has not ended yet."""
        return self._thread.is_alive()

    def giveWay(self, seconds: float) -> bool:
        """Let the thread run for so long, or until it ends; returns whether it is busy, having reported something.

        What a cancelled job has begun since it was cancelled is interrupted.
        """
        if self._cancelled.is_set():
            self._interrupt()
        reported = self._events.qsize()
        self._thread.join(seconds)
        return self.isAlive and self._events.qsize() > reported

    def events(self) -> list[Progressed | Finished | Failed]:
        """What has happened since the last call, in order; nothing after :meth:`cancel`."""
        events = []
        while not self._cancelled.is_set():
            try:
                events.append(self._events.get_nowait())
            except queue.Empty:
                break
        return events

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Report from the thread what is being done; raises :class:`Cancelled` in a job that was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled
        self._events.put(Progressed(fraction, text))

    def _run(self) -> None:
        try:
            self._events.put(Finished(self._work(self)))
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - the thread's last frame: the panel shows whatever happened
            self._events.put(Failed(error))
