"""A real server process for tests, on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gliomics.client import GliomicsClient
from tests.processes import THREADS, Process

LIBRARY = Path(__file__).resolve().parents[2] / "lib"


@dataclass
class Server:
    """A running server."""

    studies: Path
    url: str
    process: Process | subprocess.Popen[str]
    client: GliomicsClient

    def written(self) -> dict[str, bytes]:
        """Content of every file in the studies folder and beside it, but logs, locks and when a session was used."""
        files = (path for path in self.studies.parent.rglob("*") if path.is_file())
        kept = (path for path in files if not path.name.endswith((".log", ".lock", "meta.info")))
        return {str(path.relative_to(self.studies.parent)): path.read_bytes() for path in kept}

    def stop(self) -> None:
        """End the process as Ctrl-C does."""
        self.process.terminate()
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()

    def kill(self) -> None:
        """End the process without a chance to tidy up."""
        self.process.kill()
        self.process.wait(30)


def environment(threads: int = THREADS) -> dict[str, str]:
    """The environment of a server process: this checkout's library, and byte code kept, which halves the start."""
    changed = {"PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": str(threads)}
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | changed


def start_server(
    studies: Path, *options: str, threads: int = THREADS, open_files: int | None = None, under: Sequence[str] = ()
) -> Server:
    """Run ``gliomics serve`` over a folder and wait until it answers.

    With at most so many ``open_files``, and ``under`` another command, such as one that takes rights away.
    """
    command = ["serve", "--studies", str(studies), "--port", "0", *options]
    process: Process | subprocess.Popen[str]
    if under or threads != THREADS:
        full = [*under, sys.executable, "-m", "gliomics", *command]
        process = subprocess.Popen(full, stdout=subprocess.PIPE, text=True, env=environment(threads))
    else:
        process = Process(*command, env=environment(), open_files=open_files, stderr=None)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert " at http" in line, f"the server did not start: {line!r}"
    url = line.rsplit(" at ", 1)[1].strip()
    return Server(studies, url, process, GliomicsClient(url, timeout=120, user="tester"))
