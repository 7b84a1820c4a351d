"""First sessions as a newcomer goes through them: the commands of a page, one after the other, print what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = ROOT / "docs" / "sessions"
OUTCOMES = "patient_id,IDH\n" + "".join(
    f"SAMPLE-0{n},{'mutant' if n in (1, 3, 5, 7) else 'wildtype'}\n" for n in range(1, 8)
)
NUMBER = r"\d+(?:\.\d+)?"
TIME = r"\d{4}-\d\d-\d\dT[\d:]+\+00:00"
NOT_HERE = ("source ", "gliomics serve", "curl ")
"""What needs a server beside it, or is of the shell that is open, begins so."""


def blocks(page: str) -> list[tuple[str, str]]:
    """The code blocks of a page in order, each with its language, none of commands."""
    text = (SESSIONS / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("page", "least"), [("scientist.md", 5), ("administrator.md", 3)])
def test_session_goes_as_its_page_says(page: str, least: int, tmp_path: Path) -> None:
    (tmp_path / "sample_studies").symlink_to(ROOT / "sample_studies")
    (tmp_path / "outcomes.csv").write_text(OUTCOMES, encoding="utf-8")
    printed, compared = "", 0
    for language, block in blocks(page):
        if language == "" and not block.startswith(NOT_HERE):
            printed = run(block, tmp_path)
        elif language == "text" and printed:
            assert [line for line in sentences(block) if not says(printed, line)] == [], printed
            printed, compared = "", compared + 1
    assert compared >= least


def run(commands: str, folder: Path) -> str:
    """What a block of commands prints, the plan of an import taken."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}
    commands = re.sub(r"^(gliomics import .*)$", r"\1 --yes", commands, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    return done.stdout + done.stderr


def sentences(block: str) -> list[str]:
    """What stands between the dots of a shown output; a line that is broken on the page is one."""
    whole = re.sub(r"\n(?=[a-z ])", " ", block) if block.startswith("error:") else block
    return [plain(line.removesuffix("...")) for line in whole.splitlines() if line.strip() not in ("", "...")]


def says(printed: str, sentence: str) -> bool:
    """Whether it was printed: the same words with numbers that are equal within a hundredth, at any time of day."""
    shown, there = re.sub(TIME, "TIME", sentence), re.sub(TIME, "TIME", plain(printed))
    numbers = [float(number) for number in re.findall(NUMBER, shown)]
    pattern = f"({NUMBER})".join(map(re.escape, re.split(NUMBER, shown)))
    return any(
        all(
            abs(float(here) - number) <= 0.01 * max(1, number)
            for here, number in zip(match.groups(), numbers, strict=True)
        )
        for match in re.finditer(pattern, there)
    )


def plain(text: str) -> str:
    return " ".join(text.split())
