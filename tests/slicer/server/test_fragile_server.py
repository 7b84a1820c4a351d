"""The server goes at every step of every action, and the panel says so, loses nothing, and works when it is back."""

from __future__ import annotations

from typing import Any

import pytest
from fragileserver import ACTIONS, FragileServer, begin, holdings, isFree, succeed
from panels import Spin, jobThreads

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quietConsole")]


STUDIES = tuple(f"case-{number}" for number in range(12))


def assertFailedClearly(panel: Any, before: dict[str, Any], spin: Spin, url: str) -> None:
    """The message names the server and nothing is lost; what was not answered is not kept either."""
    isFree(panel, spin)
    assert panel.model.state.value == "error"
    assert url in panel.model.message, panel.model.message
    assert holdings(panel) == before


def test_a_server_that_is_killed_while_it_works_and_asked_before_it_is_back(
    session: Any, fragile: FragileServer, spin: Spin
) -> None:
    for action in ACTIONS:
        before = holdings(session)
        fragile.freeze()
        begin(session, action, spin)
        spin(lambda: bool(session.model.progressText))
        fragile.kill()
        assertFailedClearly(session, before, spin, fragile.url)
        begin(session, action, spin)
        assertFailedClearly(session, before, spin, fragile.url)
        assert "no server answers" in session.model.message.lower()
        fragile.start()
        succeed(session, action, spin)


def test_cancel_while_the_server_does_not_answer(session: Any, fragile: FragileServer, spin: Spin) -> None:
    for action in ACTIONS:
        before = holdings(session)
        fragile.freeze()
        begin(session, action, spin)
        spin(lambda: bool(session.model.progressText))
        session.ui.cancelButton.click()
        assert not session.model.running
        assert f"{action.name}: cancelled." in session.model.message
        spin(lambda: jobThreads() == [], seconds=5)
        assert holdings(session) == before
        fragile.goOn()
        succeed(session, action, spin)


def test_closing_the_scene_while_the_server_works(session: Any, fragile: FragileServer, scene: Any, spin: Spin) -> None:
    succeed(session, ACTIONS[0], spin)
    for position in range(1, len(ACTIONS)):
        for action in ACTIONS[1:position]:
            succeed(session, action, spin)
        fragile.freeze()
        begin(session, ACTIONS[position], spin)
        scene.Clear(False)
        assert not session.model.running
        fragile.goOn()
        isFree(session, spin)
        kept = holdings(session)
        assert (kept["volumes"], kept["segmentations"], kept["points"], kept["result"]) == ([], [], {}, None)
