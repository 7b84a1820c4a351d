"""A server for as long as the demonstration runs."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gliomics.client import ClientError, GliomicsClient

_START_SECONDS = 120
_STOP_SECONDS = 20
_READY = re.compile(r"Gliomics serves .* at (http\S+)")


@contextlib.contextmanager
def demo_server(studies: Path, log: Path) -> Iterator[GliomicsClient]:
    """Run ``gliomics serve`` over ``studies`` on a free port; yields a client of it and stops it afterwards."""
    command = [sys.executable, "-m", "gliomics", "serve", "--studies", str(studies), "--port", "0", "--attached"]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield GliomicsClient(_address(process, log), user="demo")
        finally:
            try:
                # It ends with its standard input; on Windows, terminate() would kill it.
                process.communicate(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the server prints when it is ready."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if ready := _READY.search(log.read_text(encoding="utf-8", errors="replace")):
            return ready[1]
        time.sleep(0.2)
    raise ClientError(f"the server did not start; the reason is at the end of {log}")
