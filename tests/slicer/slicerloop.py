"""An event loop that keeps Python's interpreter lock as 3D Slicer's does, and measures how long it is held up.

Neither 3D Slicer nor CTK releases the lock, neither while events are handled nor while the loop waits for them. PySide
does both, so here Qt's own function and a sleep in C are called without releasing it.
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


@dataclass(frozen=True)
class Block:
    """A stretch in which the main thread handled no other event: what it was for, its length, and the work in it."""

    during: str
    milliseconds: float
    cpuMilliseconds: float


class SlicerLoop:
    """Runs events and notes every block, under the name of the action that is under way."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.during = ""

    def timed(self, work: Callable[[], object]) -> None:
        """Do in one go what an event does, such as a click on a button."""
        start, cpu = time.perf_counter(), time.thread_time()
        try:
            work()
        finally:
            self.blocks.append(
                Block(self.during, 1e3 * (time.perf_counter() - start), 1e3 * (time.thread_time() - cpu))
            )

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
