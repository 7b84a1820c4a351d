"""The session on a model of one's own as a newcomer goes through it: its commands, its scripts, its server.

Here with three of the sample studies, so that one label is learned and nothing can be compared; with all of them in
``tests/benchmarks/test_own_model.py``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import processes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sessions" / "own_model.md"
ADDRESS = "http://127.0.0.1:8000"
NUMBER = r"\d+(?:\.\d+)?"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = ("source ",)


@dataclass
class Followed:
    """What became of the page's commands, in order, and what it shows beside what was printed."""

    ended: list[tuple[str, int, str]] = field(default_factory=list)
    """Each command with its exit status and its output."""
    shown: list[tuple[str, str]] = field(default_factory=list)

    def of(self, words: str) -> str:
        """What the command that begins so printed, the last of them."""
        return [printed for command, _, printed in self.ended if command.startswith(words)][-1]


def follow(folder: Path) -> Followed:
    """Do what the page says in a folder with ``sample_studies``, as far as it is about these."""
    text = PAGE.read_text(encoding="utf-8").partition("## From scratch")[0]
    followed, printed, url, server = Followed(), "", ADDRESS, None
    try:
        for match in BLOCK.finditer(text):
            language, block = match[1], match[2]
            if language == "python":
                name = re.findall(r"`(\w+\.py)`", text[: match.start()])[-1]
                (folder / name).write_text(block.replace(ADDRESS, url), encoding="utf-8")
            elif language == "text" and printed:
                followed.shown.append((block.replace(ADDRESS, url), printed))
                printed = ""
            elif language == "":
                printed = ""
                for line in (line for line in block.splitlines() if not line.startswith(LEFT_OUT)):
                    if line.startswith("gliomics serve "):
                        server = processes.Process(*line.split()[1:], "--port", "0", cwd=folder, stderr=None)
                        printed = server.stdout.readline()
                        url = printed.rsplit(" at ", 1)[1].strip()
                    else:
                        status, said = run(line, folder)
                        followed.ended.append((line, status, said))
                        printed += said
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
            server.stdout.close()
    return followed


def run(line: str, folder: Path) -> tuple[int, str]:
    """The exit status of a command and what it prints."""
    if line.startswith("gliomics "):
        done = processes.run(*shlex.split(line)[1:], cwd=folder, timeout=600, env=os.environ | {"COLUMNS": "200"})
    else:
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment["PYTHONPATH"] = str(ROOT / "lib")
        command = ["bash", "-c", line]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600)
    return done.returncode, done.stdout + done.stderr


def unsaid(block: str, printed: str, tolerance: float) -> list[str]:
    """The lines of a shown output that were not printed, with numbers that differ by no more; dots are left out."""
    there = " ".join(printed.split())
    lines = [" ".join(line.removesuffix("...").split()) for line in block.splitlines()]
    return [line for line in lines if not said(line, there, tolerance)]


def said(line: str, there: str, tolerance: float) -> bool:
    numbers = [float(number) for number in re.findall(NUMBER, line)]
    pattern = f"({NUMBER})".join(map(re.escape, re.split(NUMBER, line)))
    return any(
        all(
            abs(float(here) - number) <= tolerance * max(1, number)
            for here, number in zip(match.groups(), numbers, strict=True)
        )
        for match in re.finditer(pattern, there)
    )


def figures(evaluated: str) -> list[str]:
    """What an evaluation says of the patients."""
    return [line for line in evaluated.splitlines() if "Dice" in line]


def test_session_goes_as_its_page_says_as_far_as_one_label_leads(tmp_path: Path) -> None:
    (tmp_path / "sample_studies" / "truth").mkdir(parents=True)
    for name in ("sample-01", "sample-06", "sample-07"):
        for path in (Path(name), Path("truth") / f"{name}.nii.gz"):
            copy = shutil.copytree if (ROOT / "sample_studies" / path).is_dir() else shutil.copy
            copy(ROOT / "sample_studies" / path, tmp_path / "sample_studies" / path)
    followed = follow(tmp_path)
    *done, (last, status, refusal) = followed.ended
    assert [(line, printed) for line, ended, printed in done if ended] == []
    shown, before = followed.shown[0]
    assert len(figures(shown)) == 2
    assert unsaid("\n".join(figures(shown)), before, 0.01) == [], "the same two patients are kept as on the page"
    assert "too few patients to tell" in followed.of("python learn.py")
    assert figures(followed.of("gliomics evaluate")) == figures(before), "the version that served goes on serving"
    assert last.startswith("gliomics models rollback")
    assert status == 2, refusal
    for name in ("before", "after"):
        assert (tmp_path / f"evaluation_{name}" / "evaluation.html").is_file()
