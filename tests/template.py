"""A process that has loaded what takes seconds to load, and becomes any command of ours by forking.

``python tests/template.py FD`` takes requests from the socket ``FD`` of :mod:`tests.processes`, which starts it: JSON
with ``argv``, ``env``, ``cwd``, ``own_session`` and ``open_files``, and the file descriptors of standard input, output
and error, and of the pipe that is told the exit code. The child loads and runs ``gliomics`` as ``python -m`` does.
Nothing of MONAI Label is loaded before, because it reads its settings from the environment then.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import sys
import threading
import traceback
from typing import Any

LIBRARIES = [
    "torch",
    "torch._dynamo",
    "monai",
    "scipy.signal",
    "scipy.stats",
    "skimage.morphology",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "matplotlib.pyplot",
    "pandas",
    "SimpleITK",
    "radiomics",
    "nibabel",
    "highdicom",
    "pydicom",
    "fastapi",
    "uvicorn",
    "typer.testing",
    "requests",
]
"""None of ours: a command loads these itself, in its own order."""


def asked(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; what was asked for in the child, and None in the template when nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        size, streams, _, _ = socket.recv_fds(requests, 4, 4)
        message = b""
        while len(message) < int.from_bytes(size, "little"):
            if not (piece := requests.recv(2**16)):
                return None
            message += piece
        if not message:
            return None
        if os.fork() == 0:
            requests.close()
            if _forked(streams):
                request: dict[str, Any] = json.loads(message)
                return request
        for stream in streams:
            os.close(stream)


def _forked(streams: list[int]) -> bool:
    """Fork the command and be it, or wait for it: say its number and, when it has ended, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, state = streams
    command = os.fork()
    if command == 0:
        for number, stream in enumerate(standard):
            os.dup2(stream, number)
    else:
        os.write(state, command.to_bytes(4, "little"))
    for stream in standard if command else streams:
        os.close(stream)
    if command == 0:
        return True
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # the test has ended
        os.write(state, code.to_bytes(4, "little", signed=True))
    os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Run the command in this process, in the surroundings that were asked for."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["own_session"]:
        os.setsid()
    if request["open_files"] is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (request["open_files"],) * 2)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.modules["numpy"].random.seed()  # else all children would draw the same
    _open_standard_streams()
    sys.path[0] = request["cwd"]
    sys.argv[1:] = request["argv"]
    code: object = 0
    try:
        runpy.run_module("gliomics", run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001 - the interpreter's part
        traceback.print_exc()
        code = 1
    _end(code if isinstance(code, int) else 0)


def _end(code: int) -> None:
    """End as an interpreter does, but for taking every library to pieces, which takes half a second."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _open_standard_streams() -> None:
    """As an interpreter does that starts with them."""
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    errors = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = sys.__stderr__ = errors


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the commands
    gc.disable()
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # a child that looks through all these objects would copy their memory
    gc.enable()
    request = asked(socket.socket(fileno=int(sys.argv[1])))
    if request is not None:
        become(request)


if __name__ == "__main__":
    main()
