"""In the section *Server*: a server on this computer, started from the panel on a folder of the user's choice.

The process belongs to 3D Slicer and not to the panel: it outlives a reload of the module, whose new panel takes it
over, and ends with 3D Slicer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts, usersettings
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import makeTimer, shown
from RadiogenomicsLib.server import localserver
from RadiogenomicsLib.server.backends import hostOf
from RadiogenomicsLib.server.localserver import Ending, Launch, LocalServer, LocalServerError

WATCH_MS = 1000
_PLACE = "gliomicsServer"
"""Where ``slicer.modules`` has what a running server is made of, between two panels."""


class LocalServerSection(Controller):
    """Binds its widgets; ``connectTo`` connects the panel with the server at an address."""

    def __init__(self, context: PanelContext, connectTo: Callable[[str], None]) -> None:
        super().__init__(context)
        self._connectTo = connectTo
        self._log: Path | None = None
        self._watchTimer = makeTimer(WATCH_MS, self.watch, singleShot=False)
        ui, connect = self._ui, self._subscriptions.connect
        ui.studiesEdit.text = usersettings.studiesFolder()
        environment = slicer.util.startupEnvironment()
        remembered = usersettings.command()
        ui.commandEdit.text = remembered if Path(remembered).is_file() else localserver.findCommand(environment)
        connect(ui.localServerButton, "toggled(bool)", self.onShown)
        connect(ui.studiesButton, "clicked(bool)", self.onChooseStudies)
        connect(ui.commandButton, "clicked(bool)", self.onChooseCommand)
        connect(ui.startServerButton, "clicked(bool)", self.onStart)
        connect(ui.stopServerButton, "clicked(bool)", self.onStop)
        connect(ui.serverLogButton, "toggled(bool)", self.onShown)
        connect(ui.studiesEdit, "textChanged(QString)", self.onShown)
        connect(ui.commandEdit, "textChanged(QString)", self.onShown)

    def adopt(self) -> None:
        """Take over the server that an earlier panel of this application started; nothing connects by itself."""
        parts = getattr(slicer.modules, _PLACE, None)
        if parts is not None and (server := LocalServer(**parts)).isRunning:
            self._take(server)
            self._ui.serverUrl.text = server.url

    def cleanup(self) -> None:
        """The panel goes; the server stays."""
        self._watchTimer.stop()

    def update(self) -> None:
        """Bring the widgets to what the view model says."""
        ui, model = self._ui, self._model
        server = model.localServer
        self._show(ui.localServerArea, bool(ui.localServerButton.checked))
        for widget in (ui.studiesEdit, ui.studiesButton, ui.commandEdit, ui.commandButton):
            self._write(widget, enabled=server is None)
        start, stop = model.canStartServer, model.canStopServer
        reason = start.reason or self._missing()
        self._write(
            ui.startServerButton,
            enabled=not reason,
            toolTip=reason or _("Start a server on the folder of studies, and connect to it."),
        )
        self._write(
            ui.stopServerButton,
            enabled=stop.enabled,
            toolTip=stop.reason
            or _("End the server that was started here. Saved labels stay; a training that runs ends with it."),
        )
        self._write(ui.localServerHint, text=self._hint())
        self._show(ui.localServerHint, bool(self._hint()))
        self._show(ui.serverLogText, bool(ui.serverLogButton.checked))

    @shown
    def onShown(self) -> None:
        """The user opens or closes a part, or writes into a field."""
        self._showLog()
        self._onChanged()

    @shown
    def onChooseStudies(self) -> None:
        """The user chooses the folder of studies."""
        title, ui = _("Folder of studies"), self._ui
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), title, ui.studiesEdit.text)
        if folder:
            ui.studiesEdit.text = folder

    @shown
    def onChooseCommand(self) -> None:
        """The user chooses the command ``gliomics``."""
        title, ui = _("The command gliomics"), self._ui
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, ui.commandEdit.text)
        if path:
            ui.commandEdit.text = path

    @shown
    def onStart(self) -> None:
        """Start a server, and connect to it when it answers."""
        if self._model.isBusy:
            return
        command, studies = self._ui.commandEdit.text.strip(), self._ui.studiesEdit.text.strip()
        self._log = Path(slicer.app.temporaryPath) / f"gliomics-server-{os.getpid()}.log"
        launch = Launch(command, studies, slicer.util.startupEnvironment(), self._log)

        def onResult(result: LocalServer | str) -> None:
            if isinstance(result, str):
                self._offer(studies, result)
                return
            usersettings.rememberCommand(command)
            usersettings.rememberStudiesFolder(studies)
            self._take(result)
            self._connectTo(result.url)

        def work(job: Any) -> LocalServer | str:
            try:
                return launch.run(job)
            except LocalServerError as error:
                if not error.address:
                    raise
                return error.address

        self.runner.start(facts.START_SERVER, work, onResult, backend=launch, onAbandoned=self._showLog)

    def _offer(self, studies: str, address: str) -> None:
        """Another server works on the folder: connect to that one, if the user wants it."""
        question = _("Another server works on '{folder}' already, at {address}. Connect to it?")
        if slicer.util.confirmYesNoDisplay(
            question.format(folder=studies, address=hostOf(address)), windowTitle="Radiogenomics"
        ):
            self._connectTo(address)
            return
        message = _(
            "'{folder}' is served already, at {address}: connect to that server, stop it, or choose another folder."
        )
        self.runner.fail(message.format(folder=studies, address=address))

    @shown
    def onStop(self) -> None:
        """End the server that was started here."""
        server = self._model.localServer
        if self._model.isBusy or server is None:
            return
        self._watchTimer.stop()

        def onResult(_nothing: None) -> None:
            self._letGo()
            self._model.actionDone(_("The server was stopped."))
            self._onSelection()

        ending = Ending(server)
        self.runner.start(facts.STOP_SERVER, ending.run, onResult, backend=ending, onAbandoned=self._watchTimer.start)

    @shown
    def watch(self) -> None:
        """Look whether the server is still there, and what it writes."""
        server = self._model.localServer
        self._showLog()
        if server is None or server.isRunning or self._model.isBusy:
            return
        self._letGo()
        message = _("The server here, on '{folder}', has ended by itself: start it again. Show log has its last words.")
        self.runner.fail(message.format(folder=server.name))
        self._onSelection()

    def _take(self, server: LocalServer) -> None:
        # What is kept is of the standard library only: the classes of the panel are others after a reload.
        setattr(slicer.modules, _PLACE, dict(vars(server)))
        self._model.localServer = server
        self._ui.studiesEdit.text, self._log = server.studies, server.log
        self._watchTimer.start()

    def _letGo(self) -> None:
        self._watchTimer.stop()
        if hasattr(slicer.modules, _PLACE):
            delattr(slicer.modules, _PLACE)
        self._model.localServerEnded()

    def _missing(self) -> str:
        if not self._ui.commandEdit.text.strip():
            return _("Choose the command gliomics.")
        return "" if self._ui.studiesEdit.text.strip() else _("Choose the folder of studies, or an empty one.")

    def _hint(self) -> str:
        server = self._model.localServer
        if server is not None:
            text = _("'{folder}' is served at {address}, to this computer only. The server ends with 3D Slicer.")
            return text.format(folder=server.name, address=hostOf(server.url))
        if not self._ui.commandEdit.text.strip():
            return _(
                "The program gliomics was not found on this computer. Install it in a terminal as the README of "
                "Gliomics says, under Start, then choose its command gliomics here."
            )
        return ""

    def _showLog(self) -> None:
        ui = self._ui
        if not ui.serverLogButton.checked:
            return
        text = localserver.lastLines(self._log, ui.studiesEdit.text.strip()) or _("Nothing was written yet.")
        if ui.serverLogText.plainText != text:
            ui.serverLogText.plainText = text
            ui.serverLogText.moveCursor(qt.QTextCursor.End)
