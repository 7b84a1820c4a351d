"""A real server that may be killed, and the module's panel on it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fragileserver import FragileServer
from harness import EXTENSION


@pytest.fixture(scope="module")
def fragile(
    application: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FragileServer]:
    """A server over copies of the sample studies, named as the module's ``STUDIES`` says."""
    server = FragileServer(tmp_path_factory.mktemp("fragile") / "studies", request.module.STUDIES)
    yield server
    server.stop()


@pytest.fixture
def quietConsole(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No test leaves an exception in the console or an unexpected error in the log."""
    caplog.set_level(logging.ERROR)
    yield
    console = capfd.readouterr()
    assert "Traceback" not in console.out + console.err, console.err
    assert [record.getMessage() for record in caplog.records] == []


@pytest.fixture
def session(scene: Any, fragile: FragileServer) -> Iterator[Any]:
    """The module's panel with the server's address."""
    from harness.application import loadModule, openPanel

    widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
    widget.panel.ui.serverUrl.text = fragile.url
    widget.panel.ui.annotatorEdit.insert("tester")
    yield widget.panel
    widget.cleanup()
