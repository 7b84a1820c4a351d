"""What is the user's and not the scene's: the server's address and the annotator's name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from inprocess import InProcessBackend
from panels import REMOTE, Spin, chooseAtRandom, openAnother, press, useRemote

HERE = "http://127.0.0.1:8000"
SAMPLES = EXTENSION.parents[1] / "sample_studies"


def typeName(panel: Any, name: str) -> None:
    panel.ui.annotatorEdit.clear()
    panel.ui.annotatorEdit.insert(name)


# Server


def test_an_address_that_answered_is_offered_again(panel: Any, backend: InProcessBackend, spin: Spin) -> None:
    panel.ui.serverUrl.text = "http://127.0.0.1:8123"
    press(panel, "connectButton", spin)
    reopened = openAnother(backend)
    assert reopened.ui.serverUrl.text == "http://127.0.0.1:8123"
    reopened.cleanup()


def test_an_address_is_not_written_into_the_scene(computed: Any, scene: Any, tmp_path: Path) -> None:
    computed.ui.serverUrl.text = REMOTE
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    assert REMOTE not in (tmp_path / "scene.mrml").read_text()


def test_the_scene_of_a_colleague_changes_neither_address_nor_connection(
    withStudy: Any, backend: InProcessBackend, scene: Any, spin: Spin, tmp_path: Path
) -> None:
    withStudy.parameters.setText("serverUrl", REMOTE)
    path = str(tmp_path / "colleague.mrb")
    assert scene.WriteToMRB(path)
    scene.Clear(False)
    scene.SetURL(path)
    assert scene.ReadFromMRB(path)
    spin(lambda: not withStudy.isLoading)
    assert withStudy.selection.volumes(), "the scene is loaded"
    assert withStudy.parameters.text("serverUrl") == REMOTE, "as older scenes have it"
    assert withStudy.ui.serverUrl.text == HERE
    assert withStudy.model.connectedUrl == HERE
    assert withStudy.ui.nextStudyButton.enabled
    reopened = openAnother(backend)
    assert reopened.ui.serverUrl.text == HERE
    reopened.cleanup()


def test_volumes_of_another_server_are_not_taken_for_this_one_s(withStudy: Any, spin: Spin) -> None:
    useRemote(withStudy, spin)
    assert withStudy.model.uploadsVolumes
    assert withStudy.ui.flairHint.text == f"Downloaded; study glioma-01, but it came from {HERE}: sent as it is now"


def test_a_label_drawn_on_another_server_s_study_is_refused_with_its_address(segmented: Any, spin: Spin) -> None:
    useRemote(segmented, spin)
    assert not segmented.ui.submitButton.enabled
    assert f"was drawn on a study of {HERE}: connect to that server" in segmented.ui.submitHint.text


def test_a_server_on_this_computer_may_have_another_port(segmented: Any, spin: Spin) -> None:
    segmented.ui.serverUrl.text = "http://localhost:8765"
    press(segmented, "connectButton", spin)
    assert not segmented.model.uploadsVolumes
    assert segmented.ui.submitButton.enabled


# Annotator


def test_the_name_is_remembered_and_not_in_the_scene(
    computed: Any, backend: InProcessBackend, scene: Any, tmp_path: Path
) -> None:
    typeName(computed, "  Anna   Glia ")
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    assert "Glia" not in (tmp_path / "scene.mrml").read_text()
    reopened = openAnother(backend)
    assert reopened.ui.annotatorEdit.text == reopened.model.annotator == "Anna Glia"
    reopened.cleanup()


def test_without_a_name_of_its_own_the_panel_takes_that_of_slicer_s_settings(
    panel: Any, backend: InProcessBackend
) -> None:
    import slicer

    user = slicer.app.applicationLogic().GetUserInformation()
    user.SetName("Dr. Slicer")
    try:
        reopened = openAnother(backend)
        assert reopened.ui.annotatorEdit.text == "Dr. Slicer"
        reopened.cleanup()
    finally:
        user.SetName("")


def test_the_name_goes_with_every_request(connected: Any, backend: InProcessBackend, spin: Spin) -> None:
    typeName(connected, "Anna")
    for button in ("nextStudyButton", "segmentButton", "submitButton"):
        press(connected, button, spin)
    assert backend.users[-3:] == ["Anna", "Anna", "Anna"]
    assert "client_id" not in backend.submitted[0][2], "it would take the place of the name"


def test_without_a_name_the_panel_says_so_beside_submit(segmented: Any) -> None:
    hint = "The label will be saved without a name: type yours under Server."
    assert segmented.ui.submitHint.text == hint
    assert segmented.ui.submitButton.enabled
    typeName(segmented, "Anna")
    assert segmented.ui.submitHint.text == ""


def test_with_a_token_no_name_is_asked_for(segmented: Any) -> None:
    segmented.ui.tokenEdit.insert("a-token")
    assert segmented.ui.submitHint.text == ""


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server process without tokens, over two sample studies."""
    from tests.server.servers import start_server

    studies = tmp_path_factory.mktemp("names") / "studies"
    for name in ("sample-01", "sample-02"):
        shutil.copytree(SAMPLES / name, studies / name)
    server = start_server(studies)
    yield server
    server.stop()


def test_a_label_on_a_server_carries_the_name_and_the_study_is_kept_for_it(panel: Any, server: Any, spin: Spin) -> None:
    from RadiogenomicsLib.server.backends import ServerBackend

    from gliomics.client import GliomicsClient

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    typeName(panel, "Anna Glia")
    press(panel, "connectButton", spin)
    chooseAtRandom(panel)
    for button in ("nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    studyId = panel.model.selection.studyId
    assert GliomicsClient(server.url, user="Berta").next_sample("random")["id"] != studyId
    press(panel, "submitButton", spin)
    (version,) = GliomicsClient(server.url).label_history(studyId)
    assert version["user"] == "Anna Glia"
