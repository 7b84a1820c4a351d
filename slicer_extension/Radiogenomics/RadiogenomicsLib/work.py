"""Runs the panel's work, one job at a time, and tells the view model how it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import qt

from RadiogenomicsLib import consent
from RadiogenomicsLib.backends import Backend, hostOf
from RadiogenomicsLib.jobs import Finished, Job, Progress
from RadiogenomicsLib.viewmodel import PanelModel
from RadiogenomicsLib.volumes import VolumeError
from RadiogenomicsLib.wording import errorInWords

POLL_MS = 100

T = TypeVar("T")


def _nothing() -> None:
    """What most work does when it is abandoned."""


def makeTimer(milliseconds: int, slot: Callable[[], None], *, singleShot: bool = True) -> Any:
    """A timer of the event loop that calls ``slot``; it is not started."""
    timer = qt.QTimer()
    timer.setInterval(milliseconds)
    timer.setSingleShot(singleShot)
    timer.connect("timeout()", slot)
    return timer


class Work:
    """Every controller of the panel starts its jobs here; ``onChanged`` is called whenever the view model changed."""

    def __init__(
        self, model: PanelModel, backendFor: Callable[[str, str], Backend], onChanged: Callable[[], None]
    ) -> None:
        self.backendFor = backendFor
        self.segmentEdited = False
        """Whether a segment was edited since the job began."""
        self._model = model
        self._onChanged = onChanged
        self._withToken = False
        self._job: Job | None = None
        self._onResult: Callable[[Any], None] | None = None
        self._onAbandoned: Callable[[], None] = _nothing
        self._pollTimer = makeTimer(POLL_MS, self.poll, singleShot=False)

    def backend(self, url: str = "") -> Backend:
        """The server at an address, of the connection unless given, with the token that was typed for it."""
        url = url or self._model.connectedUrl
        token = self._model.tokenFor(url)
        self._withToken = bool(token)
        return self.backendFor(url, token)

    def start(
        self,
        title: str,
        work: Callable[[Job], Any],
        onResult: Callable[[Any], None],
        *,
        onAbandoned: Callable[[], None] = _nothing,
    ) -> None:
        """Do ``work`` in a thread, and ``onResult`` with what it brings in this one.

        ``onAbandoned`` is called instead when the work fails or is cancelled.
        """
        self._job, self._onResult, self._onAbandoned = Job(title, work), onResult, onAbandoned
        self.segmentEdited = False
        self._model.jobStarted(title)
        self._job.start()
        self._pollTimer.start()
        self._onChanged()

    def poll(self) -> None:
        """Take what the job has reported; a timer calls this while one runs."""
        for event in self._job.events() if self._job is not None else []:
            if isinstance(event, Progress):
                self._model.jobProgressed(event.text, event.fraction)
            elif isinstance(event, Finished):
                self._end()
                self._model.jobFinished("")
                self.attempt(lambda result=event.result: self._onResult(result))
            else:
                self._end()
                self._onAbandoned()
                self._model.jobFailed(errorInWords(event.error, withToken=self._withToken))
        self._onChanged()

    def cancel(self) -> None:
        """Abandon the job; the panel is free at once."""
        if self._job is not None:
            self._job.cancel()
            self._end()
            self._onAbandoned()
            self._model.jobCancelled()
            self._onChanged()

    def stop(self) -> None:
        """As :meth:`cancel` when the panel goes: nothing is told any more."""
        self._pollTimer.stop()
        if self._job is not None:
            self._job.cancel()

    def attempt(self, work: Callable[[], T]) -> T | None:
        """The result of ``work`` with the scene, or None after showing why it could not be done."""
        try:
            return work()
        except VolumeError as error:
            self.fail(str(error))
            return None

    def fail(self, message: str) -> None:
        """Show why something could not even begin."""
        self._model.failed(message)
        self._onChanged()

    def mayUpload(self) -> bool:
        """Whether data may be sent to the server; asks the user where that is not known."""
        url = self._model.connectedUrl
        agreed = consent.ask(url)
        if not agreed:
            self.fail(f"Nothing was sent to {hostOf(url)}.")
        return agreed

    def _end(self) -> None:
        self._pollTimer.stop()
        self._job = None
