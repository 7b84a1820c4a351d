"""Work in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from RadiogenomicsLib.server.jobs import BackgroundJob, Cancelled, Failed, Finished, Progressed


def waitFor(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def nothing() -> None:
    """What does not wait cannot be interrupted."""


def eventsUntilEnd(job: BackgroundJob) -> list[object]:
    events: list[object] = []

    def ended() -> bool:
        events.extend(job.events())
        return bool(events) and isinstance(events[-1], Finished | Failed)

    waitFor(ended)
    return events


def test_the_work_runs_in_another_thread_and_its_result_arrives() -> None:
    job = BackgroundJob("test", lambda job: threading.get_ident(), nothing)
    job.start()
    (finished,) = eventsUntilEnd(job)
    assert isinstance(finished, Finished)
    assert finished.result != threading.get_ident()


def test_progress_arrives_in_order_before_the_result() -> None:
    def work(job: BackgroundJob) -> str:
        job.progress("reading", 0.25)
        job.progress("writing", 0.75)
        return "done"

    job = BackgroundJob("test", work, nothing)
    job.start()
    assert eventsUntilEnd(job) == [Progressed(0.25, "reading"), Progressed(0.75, "writing"), Finished("done")]


def test_an_error_arrives_as_the_exception_that_it_was() -> None:
    error = ValueError("no such study")

    def work(job: BackgroundJob) -> None:
        raise error

    job = BackgroundJob("test", work, nothing)
    job.start()
    assert eventsUntilEnd(job) == [Failed(error)]


def test_a_cancelled_job_stops_at_its_next_progress_and_reports_nothing() -> None:
    started, go, stopped = threading.Event(), threading.Event(), threading.Event()

    def work(job: BackgroundJob) -> str:
        started.set()
        go.wait(10)
        try:
            job.progress("too late")
        except Cancelled:
            stopped.set()
            raise
        return "too late"

    job = BackgroundJob("test", work, nothing)
    job.start()
    assert started.wait(10)
    job.cancel()
    go.set()
    assert stopped.wait(10)
    assert job.events() == []


def test_what_a_request_under_way_brings_after_cancel_is_dropped() -> None:
    go, ended = threading.Event(), threading.Event()

    def work(job: BackgroundJob) -> str:
        go.wait(10)
        ended.set()
        return "an answer that nobody waits for"

    job = BackgroundJob("test", work, nothing)
    job.start()
    job.cancel()
    go.set()
    assert ended.wait(10)
    time.sleep(0.05)
    assert job.events() == []


def test_a_running_job_does_not_keep_the_application_from_ending() -> None:
    job = BackgroundJob("test", lambda job: threading.Event().wait(0.2), nothing)
    job.start()
    (thread,) = [t for t in threading.enumerate() if t.name == "gliomics: test"]
    assert thread.daemon
    thread.join(5)
