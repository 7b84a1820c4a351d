"""Trainings and batches of masks: what MONAI Label runs in processes beside the server, asked for and ended.

A process may end by itself at any moment; MONAI Label's own status and stop fail then.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import psutil
from fastapi import HTTPException
from monailabel.utils.async_tasks.utils import processes, tasks

_SECONDS_TO_END = 5.0
"""Of processes that were killed; one that waits for a disk ends later."""

Method = Literal["train", "batch_infer"]


def task_status(method: Method, *, every: bool = False, running: bool = False) -> Any:
    """The last task, as a dictionary; ``every`` one, as a list; or the one that is ``running``. 404 where none is."""
    if running:
        found = _running(method)
        if found is None:
            raise HTTPException(404, f"no task of {method} is running")
        return _copy(found[0])
    known = [_copy(task) for task in list(tasks(method))]
    if not known:
        raise HTTPException(404, f"there was no task of {method} since the server started")
    return known if every else known[-1]


def stop_task(method: Method, tell: Callable[[dict[str, Any]], None] = lambda task: None) -> dict[str, Any] | None:
    """End the running task's process and those that it started, and wait until it has ended.

    ``tell`` is called with the task before anything is ended. None where none runs, or where it was done just before it
    could be ended.
    """
    found = _running(method)
    if found is None:
        return None
    task, process = found
    tell(task)
    task["status"] = "STOPPED"  # before it ends: MONAI Label calls what ends while it is RUNNING an ERROR
    started = _started_by(process)
    for each in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.kill()
    psutil.wait_procs(started, timeout=_SECONDS_TO_END)
    if process.wait() == 0:
        task["status"] = "DONE"
        return None
    task["end_ts"] = datetime.today().strftime("%Y-%m-%d %H:%M:%S")
    return _copy(task)


def _running(method: Method) -> tuple[dict[str, Any], subprocess.Popen[str]] | None:
    """The task whose process runs, and that; MONAI Label keeps a process a moment longer than it lives."""
    for number, process in list(processes(method).items()):
        if process.poll() is None:
            return next(task for task in tasks(method) if task["id"] == number), process
    return None


def _started_by(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return list(psutil.Process(process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _copy(task: dict[str, Any]) -> dict[str, Any]:
    """A task as it is now; what its process prints goes on being added to the one that is kept."""
    return {**task, "details": list(task["details"])} if "details" in task else dict(task)
