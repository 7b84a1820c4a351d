"""The packages that computing in 3D Slicer needs besides what 3D Slicer has: which are missing, and installing them.

They go into 3D Slicer's own Python, by its ``pip``, after the user agreed. Whatever is installed there stays as it is:
3D Slicer's NumPy, SciPy and SimpleITK, and what other extensions brought, must not be replaced.
"""

from __future__ import annotations

import importlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from slicer.i18n import tr as _

from gliomics.packages import COMPUTING
from RadiogenomicsLib.here.process import HereError, pythonOfSlicer
from RadiogenomicsLib.server.jobs import BackgroundJob, Cancelled

_LOOK_SECONDS = 0.1
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def missingPackages() -> tuple[str, ...]:
    """What ``pip`` would have to install, as requirements; nothing where all is there."""
    return tuple(requirement for name, requirement in COMPUTING.items() if find_spec(name) is None)


class Installation:
    """One run of ``pip``. :meth:`run` is called in the thread of a job, the others in the main thread."""

    def __init__(self, requirements: tuple[str, ...]) -> None:
        self._requirements = requirements
        self._process: subprocess.Popen[bytes] | None = None
        self._isGivenUp = False

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """There is nothing to wait for but the process itself."""

    def interrupt(self) -> None:
        """End it; does not block."""
        self._isGivenUp = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def run(self, job: BackgroundJob) -> None:
        """Install; :class:`HereError` with what to do where that is not possible, as without a network."""
        names = ", ".join(nameOf(requirement) for requirement in self._requirements)
        job.progress(_("installing {names}").format(names=names))
        with tempfile.TemporaryDirectory(prefix="gliomics-") as name:
            installed, log = Path(name) / "installed.txt", Path(name) / "log.txt"
            installed.write_text("\n".join(sorted(_installed())), encoding="utf-8", newline="\n")
            arguments = ["--quiet", "--disable-pip-version-check", "--constraint", str(installed)]
            with log.open("wb") as file:
                self._process = subprocess.Popen(
                    [pythonOfSlicer(), "-m", "pip", "install", *arguments, *self._requirements],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    creationflags=_NO_WINDOW,
                )
            while self._process.poll() is None:
                time.sleep(_LOOK_SECONDS)
            if self._isGivenUp:
                raise Cancelled
            text = log.read_text(encoding="utf-8", errors="replace")
        importlib.invalidate_caches()
        if self._process.returncode or missingPackages():
            raise HereError(_failure(text, names))


def nameOf(requirement: str) -> str:
    """The package of a requirement."""
    return requirement.split(">")[0].split("=")[0]


def _installed() -> set[str]:
    """What is installed, so that ``pip`` keeps it as it is."""
    pairs = {(each.metadata["Name"], each.version) for each in distributions()}
    return {f"{name}=={version}" for name, version in pairs if name and version and "+" not in version}


def _failure(log: str, names: str) -> str:
    lines = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    reason = lines[0] if lines else _("pip gave no reason")
    return _(
        "{names} could not be installed: {reason}. Try again with a connection to the internet; without one, install "
        "them from files, with PythonSlicer -m pip install --no-index --find-links FOLDER {names}, or connect to a "
        "Gliomics server, which needs nothing of it."
    ).format(names=names.replace(", ", " "), reason=reason)
