"""A process that has loaded what takes seconds to load, and becomes any command of ours by forking.

``python tests/template.py FD`` takes requests from the socket ``FD`` of :mod:`tests.processes`, which starts it: JSON
with ``module``, ``argv``, ``env``, ``cwd``, ``own_session`` and ``open_files``, and the file descriptors of standard
input, output and error, and of the pipe that is told the exit code. The child loads and runs the module as
``python -m`` does.
The trainings of a server that was forked are asked for by :mod:`tests.launcher`, which it has for its interpreter.
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
import select
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

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


def asked(requests: socket.socket, launches: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; what was asked for in the child, and None in the template when nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        launched = requests not in select.select([requests, launches], [], [])[0]
        source = launches.accept()[0] if launched else requests
        message, streams = _received(source)
        if launched:
            streams.append(source.detach())
        if message and os.fork() == 0:
            requests.close()
            launches.close()
            if _forked(streams, launched):
                request: dict[str, Any] = json.loads(message)
                return request
        for stream in streams:
            os.close(stream)
        if not message and not launched:
            return None


def _received(source: socket.socket) -> tuple[bytes, list[int]]:
    """A request and its file descriptors; an empty one of a process that has ended."""
    size, streams, _, _ = socket.recv_fds(source, 4, 4)
    message = b""
    while len(message) < int.from_bytes(size, "little"):
        if not (piece := source.recv(2**16)):
            return b"", streams
        message += piece
    return message, streams


def _forked(streams: list[int], launched: bool) -> bool:
    """Fork the command and be it, or wait for it: say its number and, when it has ended, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, state = streams
    command = os.fork()
    if command == 0:
        for number, stream in enumerate(standard):
            os.dup2(stream, number)
    else:
        with contextlib.suppress(BrokenPipeError):  # its launcher has been killed, and it will be
            os.write(state, command.to_bytes(4, "little"))
    for stream in standard if command else streams:
        os.close(stream)
    if command == 0:
        return True
    code = _end_with_launcher(command, state) if launched else os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # the test has ended
        os.write(state, code.to_bytes(4, "little", signed=True))
    os._exit(0)


def _end_with_launcher(command: int, launcher: int) -> int:
    """Wait for a command that is killed when its launcher is, and left alone when the launcher says that it goes."""
    while not (ended := os.waitpid(command, os.WNOHANG))[0]:
        if select.select([launcher], [], [], 0.02)[0]:
            if os.read(launcher, 4):
                os._exit(0)
            os.kill(command, signal.SIGKILL)
            ended = os.waitpid(command, 0)
            break
    return os.waitstatus_to_exitcode(ended[1])


def become(request: dict[str, Any]) -> NoReturn:
    """Run the command in this process, in the surroundings that were asked for, and end it."""
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
    if os.environ.get("PYTHONSAFEPATH"):
        del sys.path[0]
    else:
        sys.path[0] = request["cwd"]
    sys.argv[1:] = request["argv"]
    code: object = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001 - the interpreter's part
        traceback.print_exc()
        code = 1
    _end(code if isinstance(code, int) else 0)


def _end(code: int) -> NoReturn:
    """End as an interpreter does, but for taking every library to pieces, which takes half a second."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            with contextlib.suppress(RuntimeError):  # an interrupted start leaves one that never ran
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
    folder = Path(tempfile.mkdtemp())
    with socket.socket(socket.AF_UNIX) as launches:
        launches.bind(str(folder / "socket"))
        launches.listen()
        sys.executable = str(_launcher(folder))
        request = asked(socket.socket(fileno=int(sys.argv[1])), launches)
    if request is not None:
        become(request)
    shutil.rmtree(folder)


def _launcher(folder: Path) -> Path:
    """The interpreter of the commands, in a folder with the socket that it asks at."""
    program = Path(__file__).with_name("launcher.py")
    words = [sys.executable, "-IS", str(program), sys.executable, str(folder / "socket")]
    launcher = folder / "python"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    launcher.chmod(0o700)
    return launcher


if __name__ == "__main__":
    main()
