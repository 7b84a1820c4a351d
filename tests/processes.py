"""Commands of ours as processes of their own, which tests stop, freeze and kill.

A command is forked from a process that has loaded torch, MONAI and the like (:mod:`tests.template`): the seconds that
every command and server takes to load them are spent once. How a command starts from nothing is for the tests of
the installed package, of its start and of its end.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TextIO

PROJECT = Path(__file__).resolve().parents[1]

THREADS = 1
"""Of the libraries that the template has loaded."""

_LOCK = threading.Lock()


class Process:
    """A running command, with what tests call of :class:`subprocess.Popen`."""

    def __init__(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        own_session: bool = False,
        open_files: int | None = None,
        stderr: int | None = subprocess.PIPE,
    ) -> None:
        """Run ``gliomics ARGUMENTS``; ``stderr`` is ``PIPE``, ``STDOUT``, or None for that of the tests."""
        self.args = ["gliomics", *map(str, arguments)]
        self.returncode: int | None = None
        request = {
            "module": "gliomics",
            "argv": self.args[1:],
            "env": {**(os.environ if env is None else env)},
            "cwd": str(cwd or Path.cwd()),
            "own_session": own_session,
            "open_files": open_files,
        }
        output, theirs = os.pipe()
        errors, their_errors = os.pipe() if stderr == subprocess.PIPE else (None, theirs if stderr else 2)
        self._state, told = os.pipe()
        with _LOCK, Path(os.devnull).open() as nothing:
            message = json.dumps(request).encode()
            streams = [nothing.fileno(), theirs, their_errors, told]
            socket.send_fds(_template(), [len(message).to_bytes(4, "little")], streams)
            _template().sendall(message)
        for descriptor in {theirs, their_errors, told} - {2}:
            os.close(descriptor)
        self.stdout = os.fdopen(output, encoding="utf-8")
        self.stderr = os.fdopen(errors, encoding="utf-8") if errors is not None else None
        self.pid = int.from_bytes(os.read(self._state, 4), "little")

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended; :class:`subprocess.TimeoutExpired` after so many seconds."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._state], [], [], timeout)[0]:
            code = os.read(self._state, 4)
            assert code, "the template that the command was forked from is gone"
            self.returncode = int.from_bytes(code, "little", signed=True)
            os.close(self._state)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it still says on standard output and standard error, read until it has ended."""
        texts = {}
        streams = [stream for stream in (self.stdout, self.stderr) if stream is not None]

        def read(stream: TextIO) -> None:
            texts[stream] = stream.read()

        readers = [threading.Thread(target=read, args=[stream], daemon=True) for stream in streams]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader, stream in zip(readers, streams, strict=True):
            reader.join()
            stream.close()
        return texts[self.stdout], texts.get(self.stderr, "")


def run(*arguments: str | Path, timeout: float = 120, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``gliomics ARGUMENTS`` to its end, without a terminal."""
    process = Process(*arguments, **options)  # type: ignore[arg-type]
    try:
        output, errors = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.wait(), output, errors)


@cache
def _template() -> socket.socket:
    """The socket that takes requests; the template ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "PYTHONPATH": str(PROJECT / "lib")}
        environment.pop("PYTHONSAFEPATH", None)  # set by commands that ran in this process
        subprocess.Popen(
            [sys.executable, PROJECT / "tests" / "template.py", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return ours
