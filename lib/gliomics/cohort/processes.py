"""The processes that measure studies on this machine. Light to import, so that they can be started early."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver


def prepare() -> None:
    """Begin loading what processes need beside this one; called before the heavy imports it saves a second."""
    # A fork of this process would inherit the threads of ITK and of torch halfway through their work, so processes are
    # forked from one that has loaded the modules and done nothing else.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["gliomics.cohort.worker"])
    forkserver.ensure_running()


def pool(workers: int) -> ProcessPoolExecutor:
    """An executor of ``workers`` processes."""
    from gliomics.cohort.worker import start

    prepare()
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver"), initializer=start)
