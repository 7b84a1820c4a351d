"""A server on this computer, started from the panel: the real program, found, watched and ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fragileserver import copySample
from harness import EXTENSION
from panels import Spin, idle, jobThreads
from RadiogenomicsLib.server import localserver

from gliomics.version import __version__

GLIOMICS = Path(sys.executable).with_name("gliomics")
MAIN_THREAD_SECONDS = 0.1


@pytest.fixture
def module(scene: Any) -> Iterator[Any]:
    """The module; what was started from it has ended after the test."""
    import slicer
    from harness.application import loadModule

    module = loadModule(EXTENSION / "Radiogenomics.py")
    yield module
    parts = getattr(slicer.modules, "gliomicsServer", None)
    if parts is not None:
        parts["process"].kill()
        parts["process"].wait()
        del slicer.modules.gliomicsServer


@pytest.fixture
def panel(module: Any) -> Iterator[Any]:
    """The panel, with what it takes to start a server in view."""
    from harness.application import openPanel, unload

    panel = openPanel(module).panel
    panel.ui.localServerButton.click()
    yield panel
    unload(module)


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "my studies"
    copySample(folder, "case-1", "sample-01")
    return folder


@pytest.fixture
def realProgram() -> Path:
    """The program of this environment, which serves."""
    return GLIOMICS


def anotherPanel() -> Any:
    """That of another application: it has no server of its own."""
    import slicer
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from RadiogenomicsLib.server.backends import ServerBackend

    parts = vars(slicer.modules).pop("gliomicsServer")
    panel = RadiogenomicsPanel(loadWidgets(EXTENSION / "Resources" / "UI"), RadiogenomicsLogic(), ServerBackend)
    slicer.modules.gliomicsServer = parts
    return panel


def start(panel: Any, studies: Path, command: Path = GLIOMICS) -> None:
    panel.ui.studiesEdit.text, panel.ui.commandEdit.text = str(studies), str(command)
    assert panel.ui.startServerButton.enabled, panel.ui.startServerButton.toolTip
    panel.ui.startServerButton.click()


def program(folder: Path, text: str) -> Path:
    path = folder / "gliomics"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("keptModules")
def test_a_server_is_started_used_taken_over_and_ended(
    panel: Any, studies: Path, realProgram: Path, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer
    from harness.ctk import ctkMessageBox
    from harness.qt import QMessageBox
    from RadiogenomicsLib.panel import usersettings

    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # as 3D Slicer's launcher sets it for 3D Slicer alone
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    before = time.thread_time()
    start(panel, studies, realProgram)
    assert time.thread_time() - before < MAIN_THREAD_SECONDS
    assert "cancel" in panel.ui.startServerButton.toolTip
    spin(lambda: panel.model.info is not None and not panel.model.running, seconds=300)
    server = panel.model.localServer
    assert (panel.model.connectedUrl, panel.model.info.studies) == (server.url, 1)
    assert panel.ui.serverRoom.text == "Server here: my studies \u00b7 change"
    assert usersettings.serverUrl() == usersettings.DEFAULT_URL, "its port is another one each time"
    assert (usersettings.studiesFolder(), usersettings.command()) == (str(studies), str(GLIOMICS))
    variables = Path(f"/proc/{server.process.pid}/environ").read_text()
    assert "PYTHONHOME" not in variables
    assert "/nowhere" not in variables
    panel.ui.serverLogButton.click()
    assert f"Gliomics serves {studies} at {server.url}" in panel.ui.serverLogText.plainText

    # Another 3D Slicer on the same folder is offered the server that works on it.
    other = anotherPanel()
    ctkMessageBox.answers.append(QMessageBox.Yes)
    start(other, studies)
    spin(lambda: other.model.info is not None and not other.model.running, seconds=120)
    assert "Another server works on" in ctkMessageBox.shown.pop()
    assert other.model.connectedUrl == server.url
    assert other.model.localServer is None
    other.cleanup()
    assert server.isRunning

    # A reload of the module neither ends nor doubles it.
    slicer.modules.RadiogenomicsWidget.onReload()
    reloaded = slicer.modules.RadiogenomicsWidget.panel
    assert reloaded is not panel
    assert reloaded.model.localServer.process is server.process
    assert reloaded.ui.serverUrl.text == server.url
    assert reloaded.model.info is None, "nothing connects by itself"
    reloaded.ui.connectButton.click()
    spin(idle(reloaded), seconds=60)
    assert reloaded.model.info is not None

    # It is killed: the panel says so, and is not connected any more.
    server.process.kill()
    spin(lambda: reloaded.model.localServer is None, seconds=30)
    assert "has ended by itself" in reloaded.ui.statusLabel.text
    assert reloaded.model.info is None
    assert not reloaded.ui.stopServerButton.enabled

    # Started again, and stopped.
    reloaded.ui.startServerButton.click()
    spin(lambda: reloaded.model.info is not None and not reloaded.model.running, seconds=300)
    process = reloaded.model.localServer.process
    reloaded.ui.stopServerButton.click()
    spin(idle(reloaded), seconds=60)
    assert process.poll() is not None
    assert reloaded.model.info is None
    assert "The server was stopped." in reloaded.ui.statusLabel.text
    assert not hasattr(slicer.modules, "gliomicsServer")
    assert ctkMessageBox.shown == []


def test_a_start_can_be_cancelled_and_leaves_nothing_behind(panel: Any, studies: Path, spin: Spin) -> None:
    waiting = program(studies.parent, f"[ $1 = --version ] && echo gliomics {__version__} || exec sleep 600")
    start(panel, studies, waiting)
    spin(lambda: "starting the server" in panel.ui.statusLabel.text)
    (process,) = children()
    panel.ui.cancelButton.click()
    assert not panel.model.running
    assert "cancelled" in panel.ui.statusLabel.text
    spin(lambda: not jobThreads())
    assert not process.is_running()
    assert panel.model.localServer is None
    assert panel.ui.startServerButton.enabled


def test_a_panel_that_goes_takes_a_server_along_that_has_not_answered(panel: Any, studies: Path, spin: Spin) -> None:
    waiting = program(studies.parent, f"[ $1 = --version ] && echo gliomics {__version__} || exec sleep 600")
    start(panel, studies, waiting)
    spin(lambda: "starting the server" in panel.ui.statusLabel.text)
    (process,) = children()
    panel.cleanup()
    assert not jobThreads()
    assert not process.is_running()


def children() -> list[psutil.Process]:
    """The processes that were started from this one for a server."""
    return [child for child in psutil.Process().children() if child.name() == "sleep"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo gliomics 0.0.9", "'{command}' is gliomics 0.0.9, older than this panel"),
        ("echo gliomics 9.1.0", "'{command}' is gliomics 9.1.0, newer than this panel"),
        ("echo This is no such program", "'{command}' is not the command gliomics"),
        ("echo Cannot begin >&2; exit 3", "'{command}' is not the command gliomics"),
        ("[ $1 = --version ] && echo gliomics {version} || exit 3", "it said nothing (exit code 3)"),
        (
            "[ $1 = --version ] && echo gliomics {version} || { echo error: the server needs torch >&2; exit 2; }",
            "The server did not start: the server needs torch.",
        ),
    ],
)
def test_a_program_that_does_not_serve_is_told(panel: Any, studies: Path, spin: Spin, text: str, words: str) -> None:
    command = program(studies.parent, text.replace("{version}", __version__))
    start(panel, studies, command)
    spin(idle(panel))
    assert panel.model.state.value == "error"
    assert words.replace("{command}", str(command)) in panel.ui.statusLabel.text
    assert panel.model.localServer is None


def test_a_folder_or_a_program_that_is_not_there_is_told(panel: Any, studies: Path, spin: Spin) -> None:
    start(panel, studies / "nowhere")
    spin(idle(panel))
    assert "nowhere' is not a folder" in panel.ui.statusLabel.text
    start(panel, studies, studies / "case-1" / "study.json")
    spin(idle(panel))
    assert "study.json' cannot be started: Permission denied" in panel.ui.statusLabel.text


def test_a_real_program_without_its_server_part_says_so(panel: Any, tmp_path: Path, spin: Spin) -> None:
    code = "import sys; sys.modules['torch'] = None; from gliomics.cli.main import main; main()"
    command = program(tmp_path, f'exec {sys.executable} -c "{code}" "$@"')
    start(panel, tmp_path, command)
    spin(idle(panel), seconds=60)
    assert "The server did not start: the server needs 'torch', which is not installed" in panel.ui.statusLabel.text


def test_folder_and_program_are_chosen_in_dialogs(panel: Any, studies: Path) -> None:
    from harness.qt import QFileDialog

    QFileDialog.answers = [str(studies), "", str(GLIOMICS)]
    panel.ui.studiesButton.click()
    assert panel.ui.studiesEdit.text == str(studies)
    panel.ui.studiesButton.click()
    assert panel.ui.studiesEdit.text == str(studies), "no choice changes nothing"
    panel.ui.commandButton.click()
    assert panel.ui.commandEdit.text == str(GLIOMICS)
    assert QFileDialog.answers == []


def test_without_the_program_the_panel_says_how_to_get_it(panel: Any, studies: Path) -> None:
    panel.ui.studiesEdit.text, panel.ui.commandEdit.text = str(studies), ""
    assert not panel.ui.startServerButton.enabled
    assert panel.ui.localServerHint.text.count(". ") == 1
    assert "Install it" in panel.ui.localServerHint.text
    panel.ui.commandEdit.text = str(GLIOMICS)
    assert panel.ui.localServerHint.isHidden()
    assert panel.ui.startServerButton.enabled


def test_the_program_is_found_on_the_path_and_where_users_install_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert localserver.findCommand({"PATH": str(tmp_path)}) == ""
    folder = tmp_path / "home" / ".local" / "bin"
    folder.mkdir(parents=True)
    at_home = program(folder, "exit 0")
    assert localserver.findCommand({"PATH": str(tmp_path)}) == str(at_home)
    first = program(tmp_path, "exit 0")
    assert localserver.findCommand({"PATH": str(tmp_path)}) == str(first)
