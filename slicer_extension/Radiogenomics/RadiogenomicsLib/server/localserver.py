"""A Gliomics server on this computer, as a process of its own: found, started, watched and ended. No Qt, no MRML.

The process writes into a file, which is read again and again: a thread that waited for a pipe would get no turn in 3D
Slicer. It holds one end of a pipe that nothing is written into, and ends by itself when the other end is closed: when
it is stopped, and with 3D Slicer, however that ends.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from gliomics.errors import GliomicsError
from gliomics.version import __version__
from RadiogenomicsLib.server.jobs import BackgroundJob, Cancelled

COMMAND = "gliomics"
LOG_LINES = 200
_LOG_BYTES = 40_000
_VERSION_SECONDS = 60.0
_START_SECONDS = 300.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows a program for a terminal opens one unless told otherwise."""
_OF_SLICER = ("PYTHONHOME", "PYTHONPATH")
"""What 3D Slicer's Python needs and any other would break of."""


class LocalServerError(GliomicsError):
    """The server could not be started; ``address`` is that of another one that works on the folder already."""

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address


@dataclass(frozen=True)
class LocalServer:
    """A process that serves ``studies`` at ``url`` and writes into ``log``."""

    process: subprocess.Popen[bytes]
    studies: str
    url: str
    log: Path

    @property
    def isRunning(self) -> bool:
        """Whether the process has not ended; does not block."""
        return self.process.poll() is None

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(self.studies).name or self.studies


def findCommand(environment: Mapping[str, str]) -> str:
    """The path of the command ``gliomics``; empty where it is neither on the PATH nor where users install commands."""
    places = [environment.get("PATH", os.defpath), str(Path.home() / ".local" / "bin")]
    return shutil.which(COMMAND, path=os.pathsep.join(places)) or ""


def lastLines(server: Path | None, studies: str) -> str:
    """The end of what a server wrote: on its output, and into the log that it keeps in the folder of studies."""
    paths = [Path(studies) / ".gliomics" / "logs" / "server.log"] if studies else []
    texts = [_endOf(path) for path in (*paths, *([server] if server is not None else []))]
    return "\n".join(line for text in texts for line in text.splitlines()[-LOG_LINES:])


def hangUp(process: subprocess.Popen[bytes]) -> None:
    """Close our end of the pipe, at which a server ends by itself; does not block."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()


class Launch:
    """One start of a server. :meth:`run` is called in the thread of a job, the others in the main thread."""

    def __init__(self, command: str, studies: str, environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._studies = studies
        self._environment = {name: value for name, value in environment.items() if name not in _OF_SLICER}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._isGivenUp = False

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """There is nothing to wait for but the process itself."""

    def interrupt(self) -> None:
        """End what was started; does not block."""
        self._isGivenUp = True
        if self._process is not None and self._process.poll() is None:
            hangUp(self._process)
            self._process.terminate()

    def run(self, job: BackgroundJob) -> LocalServer:
        """See that the command fits, start the server, and wait until it answers.

        Raises :class:`LocalServerError` where it does not.
        """
        if not Path(self._studies).is_dir():
            raise LocalServerError(
                _("'{folder}' is not a folder; choose the folder that holds the studies, or an empty one").format(
                    folder=self._studies
                )
            )
        job.progress(_("asking gliomics for its version"))
        self._checkVersion()
        job.progress(_("starting the server; the first time takes up to a minute"))
        process = self._start("serve", "--studies", self._studies, "--port", "0", "--attached")
        self._wait(process, _START_SECONDS, until=self._announced)
        url = self._announced()
        if not url:
            raise self._failure(process)
        return LocalServer(process, self._studies, url, self._log)

    def _checkVersion(self) -> None:
        process = self._start("--version")
        self._wait(process, _VERSION_SECONDS)
        said = re.search(r"^gliomics (\d+)\.(\d+)\S*", _endOf(self._log), re.MULTILINE)
        if said is None or process.returncode:
            raise LocalServerError(
                _("'{command}' is not the command gliomics: asked for its version it said '{said}'").format(
                    command=self._command, said=_lastLine(self._log)
                )
            )
        theirs, ours = (int(said[1]), int(said[2])), tuple(int(part) for part in __version__.split(".")[:2])
        if theirs < ours:
            raise LocalServerError(
                _("'{command}' is {theirs}, older than this panel ({ours}): update it where it is installed").format(
                    command=self._command, theirs=said[0], ours=__version__
                )
            )
        if theirs > ours:
            raise LocalServerError(
                _("'{command}' is {theirs}, newer than this panel ({ours}): update the extension Gliomics").format(
                    command=self._command, theirs=said[0], ours=__version__
                )
            )

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        try:
            with self._log.open("wb") as log:
                process = subprocess.Popen(
                    [self._command, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=Path.home(),
                    creationflags=_NO_WINDOW,
                )
        except OSError as error:
            raise LocalServerError(
                _("'{command}' cannot be started: {reason}; choose the command gliomics").format(
                    command=self._command, reason=error.strerror
                )
            ) from error
        self._process = process
        if self._isGivenUp:
            self.interrupt()
        return process

    def _wait(self, process: subprocess.Popen[bytes], seconds: float, until: Callable[[], str] = lambda: "") -> None:
        """Wait until the process has ended, or ``until`` has an answer; it is ended when it takes too long."""
        end = time.monotonic() + seconds
        while process.poll() is None and not until():
            if self._isGivenUp:
                _reap(process, _STOP_SECONDS)
                raise Cancelled
            if time.monotonic() > end:
                self.interrupt()
                raise LocalServerError(
                    _("'{command}' did not answer within {seconds} s; its last words: {said}").format(
                        command=self._command, seconds=round(seconds), said=_lastLine(self._log)
                    )
                )
            time.sleep(_LOOK_SECONDS)

    def _announced(self) -> str:
        said = re.search(r"^Gliomics serves .* at (https?://\S+)$", _endOf(self._log), re.MULTILINE)
        return said[1] if said is not None else ""

    def _failure(self, process: subprocess.Popen[bytes]) -> LocalServerError:
        line = _lastLine(self._log)
        reason = line.removeprefix("error: ") or _("it said nothing (exit code {code})").format(code=process.returncode)
        other = re.search(r"served by another process already, at (https?://[^;\s]+)", line)
        message = _("The server did not start: {reason}").format(reason=reason)
        return LocalServerError(message, other[1] if other is not None else "")


class Ending:
    """One end of a server. :meth:`run` is called in the thread of a job, the others in the main thread."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """There is nothing to wait for but the process itself."""

    def interrupt(self) -> None:
        """Nobody waits any more; the server ends all the same."""

    def run(self, job: BackgroundJob) -> None:
        """Let the server end what it is about and wait for that; one that takes too long is ended at once."""
        job.progress(_("waiting for the server to end"))
        hangUp(self._server.process)
        _reap(self._server.process, _STOP_SECONDS)


def _reap(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process that was told to end, and end it at once when it takes too long."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()


def _endOf(path: Path) -> str:
    """The last lines of a file that may grow; empty where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _lastLine(path: Path) -> str:
    lines = [line for line in _endOf(path).splitlines() if line.strip()]
    return lines[-1] if lines else ""
