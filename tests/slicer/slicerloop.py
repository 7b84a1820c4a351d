"""An event loop that keeps Python's interpreter lock as 3D Slicer's does, and measures how long it is held up.

Neither 3D Slicer nor CTK releases the lock, neither while events are handled nor while the loop waits for them. PySide
does both, so here Qt's own function and a sleep in C are called without releasing it.

A block is measured without the time for which the operating system let other programs have the core: what is left is
the work of the main thread and its waiting, for a lock, a file or a server.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import PySide6

_WAIT_MICROSECONDS = 2000
"""How long the loop sleeps where a desktop's would wait for the next event."""

usleepHoldingTheLock = ctypes.PyDLL(None).usleep
_core = next((Path(PySide6.__file__).parent / "Qt" / "lib").glob("libQt6Core.so*"))
_processEvents = ctypes.PyDLL(
    str(_core)
)._ZN16QCoreApplication13processEventsE6QFlagsIN10QEventLoop17ProcessEventsFlagEE
_processEvents.argtypes, _processEvents.restype = [ctypes.c_int], None
_ALL_EVENTS = 0


class OwnClock:
    """Time since it was made, of this thread, without what it waited for a core."""

    def __init__(self) -> None:
        self._start, self._waited = time.perf_counter(), _millisecondsWithoutCore()

    def milliseconds(self) -> float:
        return 1e3 * (time.perf_counter() - self._start) - (_millisecondsWithoutCore() - self._waited)


def _millisecondsWithoutCore() -> float:
    """How long this thread could have run and did not; the second figure of Linux's ``schedstat`` is it in ns."""
    return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e6


@dataclass(frozen=True)
class Block:
    """A stretch in which the main thread handled no other event, and what it was for."""

    during: str
    milliseconds: float


class SlicerLoop:
    """Runs events and notes every block, under the name of the action that is under way."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.during = ""

    def timed(self, work: Callable[[], object]) -> None:
        """Do in one go what an event does, such as a click on a button."""
        clock = OwnClock()
        try:
            work()
        finally:
            self.blocks.append(Block(self.during, clock.milliseconds()))

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Run until the condition holds; fails after so many seconds."""
        end = time.perf_counter() + seconds
        while not condition():
            assert time.perf_counter() < end, f"{self.during}: not within {seconds} s"
            self.timed(lambda: _processEvents(_ALL_EVENTS))
            usleepHoldingTheLock(_WAIT_MICROSECONDS)

    def runFor(self, seconds: float) -> None:
        """Run for some time, as when the user reads."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end, seconds + 60)

    def longest(self) -> dict[str, Block]:
        """The longest block of each action, in the order of the actions."""
        longest: dict[str, Block] = {}
        for block in self.blocks:
            if block.during not in longest or block.milliseconds > longest[block.during].milliseconds:
                longest[block.during] = block
        return longest
