"""What a process that measures loads once, before it is given studies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

from gliomics.cohort import measure
from gliomics.errors import DependencyError
from gliomics.features.engines.interface import engine_of
from gliomics.preprocess.bias_field import set_threads

with contextlib.suppress(DependencyError):  # which the process that starts this one reports
    engine_of(None).feature_names()  # loads PyRadiomics, where it is installed, and what it needs

__all__ = ["measure", "start"]


def start() -> None:
    """One thread for each process, for the processes share the cores already; and an end when the parent has one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; the parent says what becomes of it
    set_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # PyTorch's, which is loaded later if at all
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """A parent that was killed tells nobody, and work would be waited for in vain for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
