"""Tasks in processes of their own are told of and ended, also where the process ends by itself in that moment."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from fastapi import HTTPException
from monailabel.utils.async_tasks.utils import background_processes, background_tasks

from gliomics.server.tasks.background import stop_task, task_status

Start = Callable[[str], tuple[dict[str, Any], "subprocess.Popen[str]"]]

WAITS = "import time; time.sleep(60)"
STARTS_ANOTHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WAITS!r}])"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a task as MONAI Label does, without its thread: the process is kept after its end."""
    processes: dict[str, subprocess.Popen[str]] = {}
    background_tasks["train"], background_processes["train"] = [], processes

    def started(code: str) -> tuple[dict[str, Any], subprocess.Popen[str]]:
        process = subprocess.Popen([sys.executable, "-c", code], text=True)
        task = {"id": f"task-{len(processes)}", "status": "RUNNING", "request": {}, "details": deque(["begun"])}
        background_tasks["train"].append(task)
        processes[task["id"]] = process
        return task, process

    yield started
    for process in processes.values():
        process.kill()
        process.wait()
    background_tasks.clear()
    background_processes.clear()


def test_running_task_is_ended_with_what_it_started(start: Start) -> None:
    task, process = start(STARTS_ANOTHER)
    while not (children := psutil.Process(process.pid).children()):
        pass
    told: list[tuple[str, int | None]] = []
    stopped = stop_task("train", lambda task: told.append((task["id"], process.poll())))
    assert told == [(task["id"], None)]  # while it runs
    assert stopped is not None
    assert (stopped["id"], stopped["status"], task["status"]) == (task["id"], "STOPPED", "STOPPED")
    assert process.returncode
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)
    assert stop_task("train") is None


@pytest.mark.parametrize("code", ["", "raise SystemExit(1)"])
@pytest.mark.parametrize("reaped", [True, False])
def test_task_that_has_just_ended_is_neither_running_nor_stopped(start: Start, code: str, reaped: bool) -> None:
    task, process = start(code)
    if reaped:
        process.wait()
    else:
        psutil_process = psutil.Process(process.pid)
        while psutil_process.status() != psutil.STATUS_ZOMBIE:
            pass
    assert stop_task("train") is None
    assert task["status"] == "RUNNING"  # MONAI Label's thread says how it ended
    with pytest.raises(HTTPException, match="404"):
        task_status("train", running=True)


def test_status_is_of_the_moment_and_the_last_task_unless_asked_otherwise(start: Start) -> None:
    first, ended = start("")
    ended.wait()
    second, _ = start(WAITS)
    status = task_status("train")
    second["details"].append("goes on")
    assert (status["id"], status["details"]) == (second["id"], ["begun"])
    assert [task["id"] for task in task_status("train", every=True)] == [first["id"], second["id"]]
    assert task_status("train", running=True)["id"] == second["id"]


def test_no_task_since_the_start_is_not_found() -> None:
    with pytest.raises(HTTPException, match="404"):
        task_status("batch_infer")
    assert stop_task("batch_infer") is None
