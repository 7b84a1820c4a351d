"""The processes that measure studies on this machine. Light to import, so that they can be started early."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any, Literal

_LONGEST_FOLDER = 60
"""In bytes, of the folder of temporary files in which a socket may lie: its path has 104 at most."""

_MOST_ON_WINDOWS = 61
"""Processes that Windows waits for at once."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare() -> None:
    """Begin loading what processes need beside this one; called before the heavy imports it saves half a second."""
    if start_method() == "spawn":
        return
    from multiprocessing import resource_tracker

    # A fork of this process would inherit the threads of ITK and of torch halfway through their work, so processes are
    # forked from one that has loaded the modules and done nothing else.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["gliomics.cohort.worker"])
    with _working_folder_not_searched():
        resource_tracker.ensure_running()
        _start_without_interrupts()


def start_method() -> Literal["forkserver", "spawn"]:
    """How processes begin: forked from one that has loaded the modules, or each anew.

    Windows forks none, and where the folder of temporary files has a long path, no socket for it can lie there.
    """
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    is_short = len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_FOLDER
    return "forkserver" if forks and is_short else "spawn"


def most_processes(platform: str = sys.platform) -> int | None:
    """How many processes a pool may have; None for any number."""
    return _MOST_ON_WINDOWS if platform == "win32" else None


def _start_without_interrupts() -> None:
    # Ctrl-C reaches all processes of a terminal; what becomes of these is for this one to say, which gets it too.
    from multiprocessing import forkserver

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _working_folder_not_searched() -> Iterator[None]:
    """Processes started here find no modules in the working folder, where some may be called as those they need."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """An executor of ``workers`` processes; where it is left by an exception, what they are at is given up."""
    from gliomics.cohort.worker import start

    prepare()
    context = multiprocessing.get_context(start_method())
    executor = _Pool(min(workers, most_processes() or workers), mp_context=context, initializer=start)
    try:
        yield executor
    except BaseException:
        for process in list((executor._processes or {}).values()):
            process.terminate()
        raise
    finally:
        # Left to the end of the interpreter, it was shut down before this, and its pipes are closed.
        if not sys.is_finalizing():
            executor.shutdown()


class _Pool(ProcessPoolExecutor):
    def submit(self, *args: Any, **options: Any) -> Future[Any]:
        # It may start a process, which an interrupt halfway would leave to itself.
        with _uninterrupted(), _working_folder_not_searched():
            return super().submit(*args, **options)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C takes effect at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    late: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: late.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if late:
        signal.raise_signal(signal.SIGINT)
