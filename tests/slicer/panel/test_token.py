"""The access token: to whom it goes, what is said when it is refused, and that nothing keeps it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from inprocess import InProcessBackend
from panels import REMOTE, Spin, chooseAtRandom, idle, press, state

SAMPLES = EXTENSION.parents[1] / "sample_studies"
TOKEN = "a-token-of-Anna"


def typeToken(panel: Any, token: str) -> None:
    """Type as the user does; setting the text by program is not an edit."""
    panel.ui.tokenEdit.clear()
    panel.ui.tokenEdit.insert(token)


def connect(panel: Any, spin: Spin) -> None:
    panel.ui.connectButton.click()
    spin(idle(panel), seconds=60)


def test_the_token_is_not_readable_in_the_panel(panel: Any) -> None:
    from PySide6.QtWidgets import QLineEdit

    typeToken(panel, TOKEN)
    assert panel.ui.tokenEdit.echoMode == QLineEdit.EchoMode.Password
    assert TOKEN not in panel.ui.tokenEdit.displayText


def test_the_token_goes_to_the_server_that_it_was_typed_for_and_to_no_other(
    panel: Any, backend: InProcessBackend, spin: Spin
) -> None:
    localUrl = panel.ui.serverUrl.text
    typeToken(panel, f" {TOKEN} ")
    connect(panel, spin)
    panel.ui.serverUrl.text = REMOTE
    assert panel.ui.tokenEdit.text == ""
    connect(panel, spin)
    panel.ui.serverUrl.text = localUrl + "/"
    assert panel.ui.tokenEdit.text == TOKEN
    connect(panel, spin)
    assert backend.askedWith == [(localUrl, TOKEN), (REMOTE, ""), (localUrl + "/", TOKEN)]


def test_the_token_is_neither_in_the_scene_nor_in_the_settings(
    panel: Any, spin: Spin, scene: Any, tmp_path: Path
) -> None:
    from harness.qt import QSettings

    typeToken(panel, TOKEN)
    connect(panel, spin)
    panel.ui.nextStudyButton.click()
    spin(idle(panel))
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    QSettings().sync()
    inScene, inSettings = (tmp_path / "scene.mrml").read_text(), Path(QSettings.path).read_text()
    assert "glioma-01" in inScene
    assert "8000" in inSettings, "the server's address"
    assert TOKEN not in inScene + inSettings


def test_a_token_with_characters_that_cannot_be_sent_is_refused_before_it_is(panel: Any) -> None:
    typeToken(panel, "a token")
    assert not panel.ui.connectButton.enabled
    assert panel.ui.connectButton.toolTip.startswith("The token has characters that no token has")


@pytest.fixture(scope="module")
def closedServer(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    """A server process that asks for tokens, over one sample study, and a token of each of two roles."""
    from gliomics.server.gate.tokens import ANNOTATOR, READER, Tokens
    from tests.server.servers import start_server

    studies = tmp_path_factory.mktemp("tokens") / "studies"
    shutil.copytree(SAMPLES / "sample-01", studies / "sample-01")
    tokens = Tokens(studies / ".gliomics" / "tokens.json")
    tokensByRole = {role: tokens.add(f"{role} Anna", role) for role in (READER, ANNOTATOR)}
    server = start_server(studies)
    yield server, tokensByRole
    server.stop()


@pytest.fixture
def serverPanel(panel: Any, closedServer: tuple[Any, dict[str, str]]) -> Any:
    """The panel with the server's address, not connected."""
    from RadiogenomicsLib.server.backends import ServerBackend

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = closedServer[0].url
    return panel


def test_without_a_token_it_says_that_one_is_needed_and_where_to_put_it(serverPanel: Any, spin: Spin) -> None:
    connect(serverPanel, spin)
    assert state(serverPanel) == "error"
    assert "asks for a token: paste yours under Server" in serverPanel.ui.statusLabel.text


def test_a_wrong_token_is_named_as_such(serverPanel: Any, spin: Spin) -> None:
    typeToken(serverPanel, "guessed")
    connect(serverPanel, spin)
    assert "The server refuses this token" in serverPanel.ui.statusLabel.text


def test_a_role_that_is_too_low_is_named_with_what_is_needed(
    serverPanel: Any, closedServer: tuple[Any, dict[str, str]], spin: Spin
) -> None:
    typeToken(serverPanel, closedServer[1]["reader"])
    press(serverPanel, "connectButton", spin)
    serverPanel.ui.nextStudyButton.click()
    spin(idle(serverPanel), seconds=60)
    text = serverPanel.ui.statusLabel.text
    assert "Reader Anna is reader here; this needs the role annotator. Ask whoever runs the server" in text


def test_a_label_is_signed_with_the_token_s_name(
    serverPanel: Any, closedServer: tuple[Any, dict[str, str]], spin: Spin
) -> None:
    from gliomics.client import GliomicsClient

    server, tokens = closedServer
    typeToken(serverPanel, tokens["annotator"])
    serverPanel.model.annotatorChanged("Somebody else")
    press(serverPanel, "connectButton", spin)
    chooseAtRandom(serverPanel)
    for button in ("nextStudyButton", "segmentButton", "computeButton", "submitButton"):
        press(serverPanel, button, spin)
    (version,) = GliomicsClient(server.url, token=tokens["reader"]).label_history("sample-01")
    assert version["user"] == "annotator Anna"
    assert version["info"]["client_id"] == "annotator Anna"


def test_a_label_is_reviewed_only_with_the_role_for_it(
    serverPanel: Any, closedServer: tuple[Any, dict[str, str]], spin: Spin, tmp_path: Path
) -> None:
    from gliomics.client import GliomicsClient

    server, tokens = closedServer
    client = GliomicsClient(server.url, token=tokens["annotator"])
    client.save_label("sample-01", SAMPLES / "truth" / "sample-01.nii.gz")
    typeToken(serverPanel, tokens["annotator"])
    serverPanel.ui.manageButton.click()
    for button in ("connectButton", "reviewListButton", "reviewOpenButton"):
        press(serverPanel, button, spin)
    serverPanel.ui.acceptButton.click()
    spin(idle(serverPanel), seconds=60)
    assert (
        "Annotator Anna is annotator here; this needs the role trainer. Ask whoever" in serverPanel.ui.statusLabel.text
    )
    assert [version["reviews"] for version in client.label_history("sample-01")][-1] == []
