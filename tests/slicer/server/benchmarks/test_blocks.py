"""How long the main thread is held up by each action, on studies of real size and a real server process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from largesession import LargeSession, everyAction
from largestudy import writeLargeStudy

MOST_MS = 100.0
RUNS = 2

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1200)]


@pytest.fixture
def screen(scene: Any) -> Iterator[Any]:
    """The views of the application's layout."""
    from harness.views import Screen

    screen = Screen(scene)
    yield screen
    screen.close()


@pytest.fixture
def largeServer(tmp_path: Path) -> Iterator[Any]:
    from tests.server.servers import start_server

    for number in range(1, RUNS + 1):
        writeLargeStudy(tmp_path / "studies", f"large-0{number}", f"sample-0{number}")
    server = start_server(tmp_path / "studies")
    yield server
    server.stop()


def test_no_action_holds_the_application_up_for_a_tenth_of_a_second(
    scene: Any, screen: Any, largeServer: Any, tmp_path: Path
) -> None:
    from harness.application import loadModule, openPanel

    widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
    longest: dict[str, float] = {}
    try:
        for _ in range(RUNS):  # the shorter one of each action: other programs may run
            session = LargeSession(widget.panel, largeServer.url)
            everyAction(session, tmp_path)
            for action, block in session.loop.longest().items():
                longest[action] = min(longest.get(action, block.milliseconds), block.milliseconds)
            scene.Clear(False)
    finally:
        widget.cleanup()
    sys.stderr.write("".join(f"{action}: {milliseconds:.0f} ms\n" for action, milliseconds in longest.items()))
    assert {action: ms for action, ms in longest.items() if ms > MOST_MS} == {}
