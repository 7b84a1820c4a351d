"""Asks a server again and again, apart from the panel's one job: nobody waits for it, and it is no work under way."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from RadiogenomicsLib.panel.jobrunner import LAST_TURN_SECONDS, POLL_MS, TURN_SECONDS, JobRunner, makeTimer, shown
from RadiogenomicsLib.server.jobs import BackgroundJob, Failed, Finished

WATCH_MS = 3000
"""How long after an answer the server is asked again."""


@dataclass(frozen=True)
class Question:
    """What is asked; ``key`` tells whether a question is another, and ``interrupt`` ends the wait for its answer."""

    key: Hashable
    ask: Callable[[], Any]
    interrupt: Callable[[], None]


class Watcher:
    """Holds one question, and at most one thread that waits for its answer."""

    def __init__(
        self, runner: JobRunner, onAnswer: Callable[[Any], None], onFailure: Callable[[Exception], None]
    ) -> None:
        self.runner = runner
        self._onAnswer, self._onFailure = onAnswer, onFailure
        self._question: Question | None = None
        self._job: BackgroundJob | None = None
        self._abandoned: list[BackgroundJob] = []
        self._timer = makeTimer(WATCH_MS, self.askNow)
        self._turnTimer = makeTimer(POLL_MS, self._turn, singleShot=False)

    def watch(self, question: Question | None) -> None:
        """From now on ask this, at once if it is another question than before; None for nothing any more."""
        before, self._question = self._question, question
        if question is None:
            self._abandon()
        elif before is None or before.key != question.key:
            self.askNow()

    @shown
    def askNow(self) -> None:
        """Ask without waiting longer; the answer to what was asked before is not heard."""
        self._abandon()
        if self._question is not None:
            question = self._question
            self._job = BackgroundJob("watching", lambda job: question.ask(), question.interrupt)
            self._job.start()
            self._turnTimer.start()

    def stop(self) -> None:
        """Ask nothing any more, and leave no thread."""
        self._question = None
        self._abandon()
        self._turnTimer.stop()
        for job in self._abandoned:
            job.giveWay(LAST_TURN_SECONDS)

    def _abandon(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
            self._abandoned.append(self._job)
            self._job = None

    @shown
    def _turn(self) -> None:
        """Give way to the threads, and hear what one has brought."""
        self._abandoned = [job for job in self._abandoned if job.isAlive]
        for job in (*self._abandoned, *([self._job] if self._job is not None else [])):
            job.giveWay(TURN_SECONDS)
        for event in self._job.events() if self._job is not None else []:
            if isinstance(event, (Finished, Failed)):
                self._hear(event)
        if self._job is None and not self._abandoned:
            self._turnTimer.stop()

    def _hear(self, event: Finished | Failed) -> None:
        self._job = None
        self._timer.start()
        if isinstance(event, Finished):
            self._onAnswer(event.result)
        else:
            self._onFailure(event.error)
