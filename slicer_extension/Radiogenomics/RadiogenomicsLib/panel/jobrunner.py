"""Runs the panel's work, one job at a time, and tells the view model how it goes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import qt
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import consent
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.server.backends import Backend, hostOf
from RadiogenomicsLib.server.jobs import BackgroundJob, Finished, Progressed
from RadiogenomicsLib.wording import errorInWords

POLL_MS = 20
"""How often a job gets its turn. 3D Slicer's event loop keeps the interpreter lock, so a thread has no other."""
BUSY_POLL_MS = 5
"""How soon the next turn comes after one in which it was busy; what the user does comes in between all the same."""
TURN_SECONDS = 0.005
MOST_TURNS = 3
"""How long a turn is, and how many a thread that is busy gets at a time; less than a screen takes to be drawn."""
LAST_TURN_SECONDS = 2.0
"""How long the panel waits for a thread when it goes; its requests are interrupted, so it should end at once."""

T = TypeVar("T")


class Worker(Protocol):
    """What a job waits for in its thread: a server that is asked, or a program that is started."""

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called, from any thread, with what it waits for. It does not block."""

    def interrupt(self) -> None:
        """End what is under way in other threads. It does not block."""


Steps = Generator[None, None, None]
"""What is done with a result in parts: between two of them the event loop has its turn. Closed when it is given up."""


def _nothing() -> None:
    """What most work does when it is abandoned."""


def makeTimer(milliseconds: int, slot: Callable[[], None], *, singleShot: bool = True) -> Any:
    """A timer of the event loop that calls ``slot``; it is not started."""
    timer = qt.QTimer()
    timer.setInterval(milliseconds)
    timer.setSingleShot(singleShot)
    timer.connect("timeout()", slot)
    return timer


def shown(slot: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a method that Qt or the scene calls: any error in it ends in the panel's message line.

    Qt and VTK would print it where no user looks, and the panel would go on as if nothing had happened. The object has
    the panel's :class:`JobRunner` as ``runner``.
    """
    code = slot.__code__
    most = None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - 1

    @functools.wraps(slot)
    def guarded(self: Any, *arguments: Any) -> Any:
        # PythonQt passes a slot as many arguments as its code takes, so it passes this one all of them.
        return self.runner.attempt(lambda: slot(self, *arguments[:most]))

    return guarded


@dataclass(frozen=True)
class _Running:
    """A job, and what is called when it brings something or is given up."""

    job: BackgroundJob
    onResult: Callable[[Any], Steps | None]
    onAbandoned: Callable[[], None]


class JobRunner:
    """Every controller of the panel starts its jobs here; ``onChanged`` is called whenever the view model changed."""

    def __init__(
        self, model: PanelModel, backendFor: Callable[[str, str, str], Backend], onChanged: Callable[[], None]
    ) -> None:
        self.backendFor = backendFor
        self.segmentEdited = False
        """Whether a segment was edited since the job began."""
        self._model = model
        self._onChanged = onChanged
        self._withToken = False
        self._current: _Running | None = None
        self._steps: Steps | None = None
        """What is left to do with the result of the current job."""
        self._abandoned: list[BackgroundJob] = []
        """Cancelled jobs whose threads have not ended."""
        self._dialogShown = False
        self._pollTimer = makeTimer(POLL_MS, self.poll, singleShot=False)

    def backend(self, url: str = "") -> Backend:
        """The server at an address, of the connection unless given, with the token typed for it and the user's name."""
        url = url or self._model.connectedUrl
        token = self._model.tokenFor(url)
        self._withToken = bool(token)
        return self.backendFor(url, token, self._model.annotator)

    def start(
        self,
        title: str,
        work: Callable[[BackgroundJob], Any],
        onResult: Callable[[Any], Steps | None],
        *,
        backend: Worker,
        onAbandoned: Callable[[], None] = _nothing,
        yields: bool = False,
    ) -> None:
        """Do ``work``, which asks ``backend``, in a thread, and ``onResult`` with what it brings in this one.

        Where ``onResult`` would hold the application up it is a generator, and its parts are done one by one; the work
        is under way until the last. ``onAbandoned`` is called instead when the work fails or is cancelled. Work
        that ``yields`` is not waited for: it is abandoned, without a word, when other work starts.
        """
        if self._model.yields:
            self.cancel()
        job = BackgroundJob(title, work, backend.interrupt)
        backend.tellWaiting(job.progress)
        self.segmentEdited = self._dialogShown = False
        self._model.jobStarted(title, yields=yields)
        job.start()
        self._current = _Running(job, onResult, onAbandoned)
        self._pollTimer.start()
        self._onChanged()

    @property
    def isPublishing(self) -> bool:
        """Whether a result is being put into the scene, part by part."""
        return self._steps is not None

    @property
    def isEnding(self) -> bool:
        """Whether the thread of work that was abandoned has not ended yet."""
        return any(job.isAlive for job in self._abandoned)

    def poll(self) -> None:
        """Take what the job has reported, and give way to the threads; a timer calls this while one lives."""
        self.attempt(self._poll)

    def _poll(self) -> None:
        self._abandoned = [job for job in self._abandoned if job.isAlive]
        current = self._current
        interval = POLL_MS
        for job in (*self._abandoned, *([current.job] if current is not None else [])):
            turns = 0
            while turns < MOST_TURNS and job.giveWay(TURN_SECONDS):
                turns, interval = turns + 1, BUSY_POLL_MS
        self._pollTimer.setInterval(interval)
        if self._steps is not None:
            self._step()
        elif current is not None:
            self._take(current)
        elif not self._abandoned:
            self._pollTimer.stop()

    def _take(self, current: _Running) -> None:
        events = current.job.events()
        for event in events:
            if isinstance(event, Progressed):
                self._model.jobProgressed(event.text, event.fraction)
            elif isinstance(event, Finished):
                self._publish(current, event.result)
            else:
                self._end()
                self._model.jobFailed(errorInWords(event.error, withToken=self._withToken))
                self.attempt(current.onAbandoned)
        if events:
            self._onChanged()

    def _publish(self, current: _Running, result: Any) -> None:
        """Do what a result is for: at once, or its first part."""
        if inspect.isgeneratorfunction(current.onResult):
            self._steps = current.onResult(result)
            self._step()
            return
        self._end()
        self._model.jobFinished("")
        self.attempt(functools.partial(current.onResult, result), onFailed=current.onAbandoned)

    def _step(self) -> None:
        """Do the next part of what a result is for; after the last one the work is done."""
        current, steps = self._current, self._steps
        if current is None or steps is None or self.attempt(lambda: hasNext(steps), onFailed=current.onAbandoned):
            return
        if self._steps is steps:
            self._end()
            if self._model.running:
                self._model.jobFinished("")
            self._onChanged()

    def cancel(self) -> None:
        """Abandon the job; the panel is free at once."""
        current = self._current
        if current is not None:
            current.job.cancel()
            self._abandoned.append(current.job)
            self._end()
            current.onAbandoned()
            self._model.jobCancelled()
            self._onChanged()

    def stop(self) -> None:
        """As :meth:`cancel` when the panel goes: nothing is told any more, and no thread is left behind."""
        self._pollTimer.stop()
        if self._current is not None:
            self._current.job.cancel()
            self._abandoned.append(self._current.job)
            self._end()
        for job in self._abandoned:
            job.giveWay(LAST_TURN_SECONDS)

    def attempt(self, work: Callable[[], T], *, onFailed: Callable[[], None] = _nothing) -> T | None:
        """The result of ``work``, or None after ``onFailed`` and after showing why it could not be done.

        Every error ends here: none may leave the panel saying that all is well.
        """
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the last frame of ours: beyond are Qt and VTK, which drop errors
            reason = errorInWords(error)
        try:
            onFailed()
            self.fail(reason)
        except Exception as error:  # noqa: BLE001 - the last frame of ours: beyond are Qt and VTK, which drop errors
            message = f"{reason}\n{errorInWords(error)}"
            if not self._dialogShown:  # the timers go on, and each would bring another dialog
                self._dialogShown = True
                slicer.util.errorDisplay(message, windowTitle="Radiogenomics")
        return None

    def fail(self, message: str) -> None:
        """Show why something could not be done."""
        self._model.failed(message, busy=self._current is not None)
        self._onChanged()

    def mayUpload(self) -> bool:
        """Whether data may be sent to the server; asks the user where that is not known."""
        url = self._model.connectedUrl
        agreed = consent.ask(url)
        if not agreed:
            self.fail(_("Nothing was sent to {url}.").format(url=hostOf(url)))
        return agreed

    def _end(self) -> None:
        self._current, steps, self._steps = None, self._steps, None  # the timer goes on until no thread is left
        if steps is not None:
            steps.close()


def hasNext(steps: Steps) -> bool:
    """Do one part; whether there may be another."""
    return next((True for _part in steps), False)
