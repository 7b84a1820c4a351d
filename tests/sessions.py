"""A page of ``docs/sessions`` as a newcomer goes through it: commands and what they print, presses and what is seen.

In the numbered steps of a page what is pressed is bold, and what is seen then is in italics; something typed is said
as "`Anna` into **Your name**", something chosen as "`IDH` under **Model**". Blocks of code without a language, or of
``sh``, are commands; those of ``text`` are what these print, or what is on the screen then.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests import processes

PROJECT = Path(__file__).resolve().parents[1]
SESSIONS = PROJECT / "docs" / "sessions"
NUMBER = r"\d+(?:\.\d+)?"
TIME = r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00"
ADDRESS = r"http://127\.0\.0\.1:\d+"
SERVERS = ("gliomics open ", "gliomics serve ")
NOT_HERE = "source "
"""What is of the shell that is open begins so: the commands of the tests are those of this environment."""

_STEP = re.compile(
    r"`(?P<value>[^`]+)`(?P<said>[^`*]*?) (?P<how>into|under) \*\*(?P<field>[^*]+)\*\*"
    r"|\*\*(?P<pressed>[^*]+)\*\*|(?<!\*)\*(?P<seen>[^*]+)\*(?!\*)"
)


_PART = re.compile(
    r"^## (?P<head>.*)$|^```(?P<language>\w*)\n(?P<block>[\s\S]*?)^```$|^\d+\. (?P<item>.*(?:\n +\S.*)*)", re.MULTILINE
)


@dataclass(frozen=True)
class Step:
    """One step: what is done (``run``, ``press``, ``into``, ``under``) or seen (``see``, ``says``), and with what."""

    section: str
    what: str
    name: str
    value: str = ""


def steps(page: str) -> list[Step]:
    """All steps of a page in its order."""
    return list(_steps((SESSIONS / page).read_text(encoding="utf-8")))


def _steps(text: str) -> Iterator[Step]:
    section = ""
    for part in _PART.finditer(text):
        if part["head"]:
            section = part["head"]
        elif part["item"]:
            yield from _of_item(section, plain(part["item"]))
        elif part["language"] in ("", "text", "sh"):
            yield Step(section, "says" if part["language"] == "text" else "run", part["block"])


def _of_item(section: str, item: str) -> Iterator[Step]:
    for match in _STEP.finditer(item):
        if match["field"]:
            yield Step(section, match["how"], match["field"], match["value"])
        elif match["pressed"]:
            yield Step(section, "press", match["pressed"])
        else:
            yield Step(section, "see", match["seen"])


def named(page: str) -> set[str]:
    """What the prose of a page names in italics, beside its steps."""
    text = _PART.sub("", (SESSIONS / page).read_text(encoding="utf-8"))
    prose = [plain(part) for part in text.split("\n\n") if not part.startswith(("*A ", "#", "!"))]
    return {match["seen"] for part in prose for match in _STEP.finditer(part) if match["seen"]}


class Screen(Protocol):
    """A page or a panel in front of somebody."""

    def show(self, url: str) -> None:
        """A server that was started answers at this address."""

    def press(self, name: str) -> None:
        """Press what is called so."""

    def type(self, text: str, field: str) -> None:
        """Type a text into a field."""

    def choose(self, option: str, field: str) -> None:
        """Choose one of several."""

    def seen(self) -> str:
        """All texts that are on the screen."""

    def sees(self, text: str) -> None:
        """Wait until a text is on the screen."""


def walk(taken: list[Step], screen: Screen | None, shell: Shell) -> dict[str, int]:
    """Do what steps say and look for what they say is then printed or seen; returns how many there were of each kind.

    An address of this computer stands for that of the shell's server.
    """
    commanded = True
    for step in taken:
        if step.what == "run":
            url = shell.url
            shell.run(step.name)
            if screen and shell.url != url:
                screen.show(shell.url)
        elif step.what == "says":
            there = shell.printed if commanded or screen is None else screen.seen()
            assert missing(step.name, there) == [], there
        else:
            assert screen is not None, step
            _do(step, screen, re.sub(ADDRESS, shell.url, step.value))
        commanded = step.what == "run" or (commanded and step.what == "says")
    return Counter(step.what for step in taken)


def _do(step: Step, screen: Screen, value: str) -> None:
    if step.what == "press":
        screen.press(step.name)
    elif step.what == "into":
        screen.type(value, step.name)
    elif step.what == "under":
        screen.choose(value, step.name)
    else:
        screen.sees(step.name)


class Shell:
    """Runs the commands of a page in a folder, one after the other; servers that they start go on until the end."""

    def __init__(self, folder: Path, *, browser: Path | None = None) -> None:
        """``browser`` is the program that shows an address."""
        self.folder, self.printed, self.url = folder, "", ""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = os.environ | {"PATH": path, "COLUMNS": "200"}
        if browser:
            self._environment |= {"BROWSER": f"{browser} %s", "DISPLAY": os.environ.get("DISPLAY", ":0")}
        self._server: processes.Process | None = None

    def run(self, block: str) -> str:
        """What a block of commands prints, the plan of an import taken."""
        lines = re.sub(r"\\\n\s*", " ", block).splitlines()
        printed, script = "", ""
        for line in [*lines, ""]:
            if script and (line.startswith("gliomics ") or line == ""):
                printed, script = printed + self._bash(script), ""
            if line.startswith(SERVERS):
                printed += self._serve(line)
            elif line.startswith("gliomics ") and not set(line) & set("|<>;&$*"):
                printed += self._gliomics(line)
            elif line and not line.startswith(NOT_HERE):
                script += line + "\n"
        self.printed = printed
        return printed

    def _gliomics(self, line: str) -> str:
        arguments = shlex.split(line, comments=True)[1:]
        yes = ["--yes"] if arguments[0] == "import" else []
        done = processes.run(
            *arguments, *yes, cwd=self.folder, env=self._environment, timeout=600, stderr=subprocess.STDOUT
        )
        return str(done.stdout)

    def _serve(self, line: str) -> str:
        arguments = shlex.split(line)[1:]
        port = [] if "--port" in arguments else ["--port", "0"]
        place = {"cwd": self.folder, "env": self._environment, "stderr": subprocess.STDOUT}
        self._server = processes.Process(*arguments, *port, **place)
        said = ""
        while not (address := re.search(f" at ({ADDRESS})", said)):
            line = self._server.stdout.readline()
            assert line, f"the server did not start: {said}"
            said += line
        threading.Thread(target=self._server.stdout.read, daemon=True).start()  # what it still says is not waited for
        self.url = address[1]
        return said

    def _bash(self, script: str) -> str:
        script = re.sub(ADDRESS, self.url, script) if self.url else script
        command = ["bash", "-c", script]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=600
        )
        return done.stdout + done.stderr

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(60)


def missing(block: str, printed: str) -> list[str]:
    """The sentences of a shown output that were not printed."""
    return [sentence for sentence in sentences(block) if not says(printed, sentence)]


def sentences(block: str) -> list[str]:
    """What stands between the dots of a shown output; a line that is broken on the page is one."""
    whole = re.sub(r"\n(?=[a-z ])", " ", block) if block.startswith("error:") else block
    lines = [line for line in whole.splitlines() if line.strip() not in ("", "...")]
    return [plain(part) for line in lines for part in line.split("...") if part.strip(" ,")]


def says(printed: str, sentence: str) -> bool:
    """Whether it was printed: the same words with numbers equal within a hundredth, at any time and address."""
    shown, there = (re.sub(ADDRESS, "ADDRESS", re.sub(TIME, "TIME", text)) for text in (sentence, plain(printed)))
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
    """A text in one line."""
    return " ".join(text.split())
