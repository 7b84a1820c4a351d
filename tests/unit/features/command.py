"""The command line run inside the test process, which spares each test the start of Python."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gliomics.cli.main import main


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


def gliomics(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Done:
    """Run ``gliomics`` with these arguments as the shell would."""
    before, sys.argv = sys.argv, ["gliomics", *map(str, arguments)]
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    output = capsys.readouterr()
    return Done(code, output.out, output.err)
