"""A process of 3D Slicer's Python that measures and estimates beside the application. No Qt, no MRML.

In a thread the work would take turns with the event loop, which keeps the interpreter lock; in a process it has a core
of its own, the application stays as quick as without it, and *Cancel* ends it at once. It runs
``python -m gliomics.answers`` of the library that the panel itself uses, and stays for the next request until the panel
goes. Answers come as files, which are looked for again and again: a thread that waited for a pipe would get no turn.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

import gliomics
from gliomics.errors import GliomicsError
from RadiogenomicsLib.server.jobs import BackgroundJob, Cancelled

_LOOK_SECONDS = 0.02
_LAST_LINES = 4000
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class HereError(GliomicsError):
    """3D Slicer could not compute it itself; the message says why."""


def pythonOfSlicer() -> str:
    """The program that runs 3D Slicer's Python; outside of the application, the Python that runs this."""
    return shutil.which("PythonSlicer") or sys.executable


class HereProcess:
    """The process, started when it is first asked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._folder: Path | None = None
        self._requests = 0

    @property
    def folder(self) -> Path:
        """A folder of its own, for what it is asked about; it goes with :meth:`close`."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="gliomics-"))
            return self._folder

    @property
    def isRunning(self) -> bool:
        """Whether there is a process; does not block."""
        process = self._process
        return process is not None and process.poll() is None

    def send(self, request: dict[str, Any]) -> tuple[subprocess.Popen[bytes], Path]:
        """Hand a request over; the process that has it, started where there is none, and the file of its answer."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start()
            process, self._requests = self._process, self._requests + 1
            path = self.folder / f"{self._requests}.json"
            assert process.stdin is not None
            try:
                process.stdin.write((json.dumps({**request, "answer": str(path)}) + "\n").encode())
                process.stdin.flush()
            except OSError as error:
                raise self.ended() from error
        return process, path

    def end(self) -> None:
        """End the process, whatever it does; the next request starts another. Does not block."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()

    def close(self) -> None:
        """End the process and forget what it was asked about."""
        process, folder = self._process, self._folder
        self.end()
        if process is not None:
            process.wait()
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        self._folder = None

    def ended(self) -> HereError:
        """That the process is no more, with its last words."""
        text = (self.folder / "log.txt").read_bytes()[-_LAST_LINES:].decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        reason = lines[-1] if lines else _("it said nothing")
        return HereError(
            _("3D Slicer's Python could not compute it: {reason}. Try again, or connect to a server.").format(
                reason=reason
            )
        )

    def _start(self) -> subprocess.Popen[bytes]:
        library = Path(gliomics.__file__).resolve().parents[1]
        with (self.folder / "log.txt").open("wb") as log:
            return subprocess.Popen(
                [pythonOfSlicer(), "-m", "gliomics.answers"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=library,
                creationflags=_NO_WINDOW,
            )


class Asking:
    """What one job asks the process. :meth:`ask` is called in the thread of the job, the others in the main thread.

    What takes seconds is let go on when it is given up, so that the next request need not wait for a new process; what
    ``isLong`` is ended.
    """

    def __init__(self, process: HereProcess, *, isLong: bool = False) -> None:
        self.process = process
        self._isLong = isLong
        self._isAsked = False
        self._isGivenUp = False

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """There is nothing to wait for but the process itself."""

    def interrupt(self) -> None:
        """Wait for the answer no longer; does not block."""
        self._isGivenUp = True
        if self._isAsked and self._isLong:
            self._isAsked = False
            self.process.end()

    def ask(self, job: BackgroundJob, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request; :class:`HereError` where it is refused or the process ends instead."""
        process, path = self.process.send(request)
        self._isAsked = True
        progress = path.with_name(path.name + ".progress")
        while not path.exists():
            if self._isGivenUp:
                raise Cancelled
            if process.poll() is not None and not path.exists():
                raise self.process.ended()
            _report(job, progress)
            time.sleep(_LOOK_SECONDS)
        self._isAsked = False
        answer = json.loads(path.read_text(encoding="utf-8"))
        for file in (path, progress):
            file.unlink(missing_ok=True)
        if "refusal" in answer:
            raise HereError(str(answer["refusal"]))
        return dict(answer["result"])


def _report(job: BackgroundJob, progress: Path) -> None:
    """Say what the process says that it is doing."""
    try:
        said = json.loads(progress.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    job.progress(str(said["text"]), said.get("fraction"))
