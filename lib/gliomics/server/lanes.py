"""Lanes: what computes, what chooses studies and what is short have threads of their own and never wait for each other.

The short lane is the web framework's own pool of threads. Whoever waits in another lane waits on the event loop and
holds no thread; only whose turn has come gets one.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gliomics.errors import AbandonedError, BusyError
from gliomics.segmentation.forward import return_freed_memory

if TYPE_CHECKING:
    from fastapi import Request

INTERACTIVE, REGULAR, BACKGROUND = 0.0, 20.0, 120.0
"""Patience in seconds: what comes later may overtake by the difference, so that a click goes before what takes long,
work that nobody watches goes last, and nothing waits for ever."""

MOST_WAITING = 64
"""Requests that wait in a lane; the next is told to come again."""

CHOOSING = 2
"""Choices of a study that are made at once: they are short, and hold the interpreter lock."""

_NICENESS = 5
"""Of threads that compute, and of processes that train or segment many studies in the background."""

_CHECK_SECONDS = 0.1
"""How often a request that waits for something other than its turn looks for it."""

_MOST_RETRY_SECONDS = 60

_TIDY_SECONDS = 5.0
"""A lane that computed nothing for so long gives back what memory the C library keeps for it."""

Result = TypeVar("Result")


@dataclass(eq=False)
class Turn:
    """One request, or one piece of background work, in a lane."""

    task: str
    patience: float
    name: str | None
    """What the client calls its request."""
    requested: bool
    """Whether a client waits for it."""
    number: int
    arrived: float = field(default_factory=time.monotonic)
    began: float = 0.0
    has_come: Future[None] = field(default_factory=Future)
    abandoned: threading.Event = field(default_factory=threading.Event)
    """Set when the client has hung up."""

    @property
    def order(self) -> tuple[float, int]:
        """Those that wait get their turn in this order."""
        return self.arrived + self.patience, self.number


@dataclass(frozen=True)
class Later(Generic[Result]):
    """What work in a lane returns to wait without a thread, and to go on ``then`` with a new turn.

    The wait ends when ``over`` is true, at the monotonic time ``end``, and when the client hangs up.
    """

    over: Callable[[], bool]
    end: float
    then: Callable[[], Result]


_turn: contextvars.ContextVar[Turn | None] = contextvars.ContextVar("turn", default=None)


def abandoned() -> bool:
    """Whether the client for whom this thread computes has hung up; what runs long asks for it now and then."""
    turn = _turn.get()
    return turn is not None and turn.abandoned.is_set()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Lane:
    """At most ``slots`` turns at once, of which background work takes all but one; the others wait in order."""

    def __init__(self, name: str, slots: int, most_waiting: int = MOST_WAITING, *, computes: bool = False) -> None:
        self.name = name
        self._slots, self._most_waiting, self._computes = slots, most_waiting, computes
        self._lock = threading.Lock()
        self._numbers = count()
        self._waiting: list[Turn] = []
        self._running: list[Turn] = []
        self._aside: list[Turn] = []
        self._mean_seconds = 1.0
        self._tidying = False

    async def run(
        self,
        request: Request,
        work: Callable[[], Result | Later[Result]],
        *,
        task: str,
        patience: float = REGULAR,
    ) -> Result:
        """The result of ``work``, done in a thread of its own when the request's turn has come.

        Raises :class:`BusyError` when too many wait already, and :class:`AbandonedError` when the client hangs up: at
        once while it waits, and when ``work`` looks (:func:`abandoned`) while it runs.
        """
        turn = self._enter(task, patience, request.headers.get("x-request-id"), requested=True)
        hung_up = asyncio.ensure_future(_hung_up(request, turn))
        try:
            result = await self._work(turn, work, hung_up)
            while isinstance(result, Later):
                self._step_aside(turn)
                while not result.over() and time.monotonic() < result.end:
                    await asyncio.wait({hung_up}, timeout=min(_CHECK_SECONDS, result.end - time.monotonic()))
                    _check(turn)
                self._step_back(turn)
                result = await self._work(turn, result.then, hung_up)
            return result
        except InterruptedError as error:
            raise AbandonedError("the client has hung up") from error
        finally:
            turn.abandoned.set()
            hung_up.cancel()
            self._leave(turn)

    @contextmanager
    def turn(self, task: str, patience: float = BACKGROUND) -> Iterator[None]:
        """A turn for work in the calling thread, which waits for it."""
        turn = self._enter(task, patience, None, requested=False)
        mark = _turn.set(turn)
        try:
            turn.has_come.result()
            yield
        finally:
            _turn.reset(mark)
            self._leave(turn)

    def position(self, name: str) -> dict[str, Any] | None:
        """Where the request that its client calls ``name`` is; None when it is not in this lane."""
        with self._lock:
            ahead = sorted(self._waiting, key=lambda turn: turn.order)
            for place, turn in enumerate(ahead, start=1):
                if turn.name == name:
                    return {"lane": self.name, "state": "waiting", "position": place}
            if any(turn.name == name for turn in (*self._running, *self._aside)):
                return {"lane": self.name, "state": "running", "position": 0}
        return None

    def to_json(self) -> dict[str, Any]:
        """What runs and how many requests wait."""
        now = time.monotonic()
        with self._lock:
            running = [{"task": turn.task, "seconds": round(now - turn.began, 1)} for turn in self._running]
            waiting = len(self._requests())
            return {"slots": self._slots, "running": running, "waiting": waiting, "most_waiting": self._most_waiting}

    def _requests(self) -> list[Turn]:
        """Those for which a client waits, and that do not run; the caller holds the lock."""
        return [turn for turn in (*self._waiting, *self._aside) if turn.requested]

    def _enter(self, task: str, patience: float, name: str | None, *, requested: bool) -> Turn:
        with self._lock:
            turn = Turn(task, patience, name, requested, next(self._numbers))
            waiting = self._requests()
            if requested and len(waiting) >= self._most_waiting:
                raise self._refusal(waiting)
            self._waiting.append(turn)
            self._admit()
            return turn

    def _admit(self) -> None:
        """Let those begin whose turn has come; the caller holds the lock."""
        while self._waiting and len(self._running) < self._slots:
            background = sum(turn.patience >= BACKGROUND for turn in self._running)
            is_full = background >= max(1, self._slots - 1)
            candidates = [turn for turn in self._waiting if not (is_full and turn.patience >= BACKGROUND)]
            if not candidates:
                return
            turn = min(candidates, key=lambda turn: turn.order)
            self._waiting.remove(turn)
            self._running.append(turn)
            turn.began = time.monotonic()
            turn.has_come.set_result(None)

    def _leave(self, turn: Turn) -> None:
        with self._lock:
            self._end(turn)
            for turns in (self._waiting, self._aside):
                if turn in turns:
                    turns.remove(turn)
            self._admit()
            tidy = self._computes and not self._running and not self._tidying
            self._tidying |= tidy
        if tidy:
            timer = threading.Timer(_TIDY_SECONDS, self._tidy)
            timer.daemon = True
            timer.start()

    def _tidy(self) -> None:
        with self._lock:
            self._tidying = False
            idle = not self._running
        if idle:
            return_freed_memory()

    def _end(self, turn: Turn) -> None:
        if turn in self._running:
            self._running.remove(turn)
            self._mean_seconds += 0.2 * (time.monotonic() - turn.began - self._mean_seconds)

    def _step_aside(self, turn: Turn) -> None:
        with self._lock:
            self._end(turn)
            self._aside.append(turn)
            turn.has_come = Future()
            self._admit()

    def _step_back(self, turn: Turn) -> None:
        with self._lock:
            self._aside.remove(turn)
            self._waiting.append(turn)
            self._admit()

    async def _work(
        self, turn: Turn, work: Callable[[], Result | Later[Result]], hung_up: asyncio.Future[None]
    ) -> Result | Later[Result]:
        has_come = asyncio.wrap_future(turn.has_come)
        await asyncio.wait({has_come, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        _check(turn)
        return await asyncio.wrap_future(_in_thread(turn, work, nice=self._computes))

    def _refusal(self, waiting: list[Turn]) -> BusyError:
        seconds = self._mean_seconds * len(waiting) / self._slots / 2  # by then, half of them have had their turn
        retry_after = max(1, min(math.ceil(seconds), _MOST_RETRY_SECONDS))
        tasks = ", ".join(f"{number} {task}" for task, number in Counter(turn.task for turn in waiting).most_common(3))
        return BusyError(
            f"{len(waiting)} requests ({tasks}) wait already for the {self._slots} places of this server's "
            f"{self.name} lane, as many as may; try again in {retry_after} s",
            retry_after,
        )


class Lanes:
    """The lanes of one server: ``inference`` for all that computes, and ``strategies``."""

    def __init__(self) -> None:
        slots = max(2, cores())  # one is left for what clients wait for, also on one core
        self.inference = Lane("inference", slots, computes=True)
        self.strategies = Lane("strategies", CHOOSING)

    def to_json(self, name: str | None = None) -> dict[str, Any]:
        """What runs and waits in each lane, and where the request is that its client calls ``name``."""
        lanes = (self.inference, self.strategies)
        view: dict[str, Any] = {lane.name: lane.to_json() for lane in lanes}
        if name is not None:
            view["request"] = next((place for lane in lanes if (place := lane.position(name)) is not None), None)
        return view


def give_way() -> None:
    """Let the processor go first to other threads than the calling one and those it starts; Linux alone does that.

    What computes gives way to what answers short requests, which need little of the processor, but at once: during 60
    inferences on two cores, label saves took 1.2 to 1.6 times as long as on an idle server, and 2.7 times without this.
    Where other programs compute as well, inferences are the slower for it.
    """
    if sys.platform == "linux":
        os.nice(_NICENESS)


def _in_thread(turn: Turn, work: Callable[[], Result], *, nice: bool) -> Future[Result]:
    """``work`` in a new daemon thread: a server that is stopped does not wait for it, and no thread stays nice."""
    result: Future[Result] = Future()
    result.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def begin() -> None:
        if nice:
            give_way()
        _turn.set(turn)
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the thread's last frame: whoever waits gets it
            result.set_exception(error)

    threading.Thread(target=context.run, args=(begin,), name=turn.task, daemon=True).start()
    return result


async def _hung_up(request: Request, turn: Turn) -> None:
    """Ends when the client has hung up; its request was read whole before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    turn.abandoned.set()


def _check(turn: Turn) -> None:
    if turn.abandoned.is_set():
        raise AbandonedError("the client has hung up")
