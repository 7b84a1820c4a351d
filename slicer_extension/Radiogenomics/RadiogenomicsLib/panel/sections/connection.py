"""The section *Server*: the address, the token, the user's name, and the connection."""

from __future__ import annotations

from RadiogenomicsLib.panel import facts, usersettings
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.offer import ServerInfo


class Connection(Controller):
    """Binds its widgets; what is typed is the user's, and is not kept in the scene."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        ui, connect = self._ui, self._subscriptions.connect
        ui.serverUrl.text = usersettings.serverUrl()
        self._model.addressChanged(ui.serverUrl.text)
        self._model.annotatorChanged(usersettings.annotator())
        ui.annotatorEdit.text = self._model.annotator
        connect(ui.serverUrl, "textChanged(QString)", self.onAddress)
        connect(ui.serverUrl, "returnPressed()", self.onConnect)
        connect(ui.tokenEdit, "textEdited(QString)", self.onToken)
        connect(ui.tokenEdit, "returnPressed()", self.onConnect)
        connect(ui.annotatorEdit, "textEdited(QString)", self.onAnnotator)
        connect(ui.connectButton, "clicked(bool)", self.onConnect)

    @shown
    def onAddress(self, url: str) -> None:
        """Another server address was typed."""
        self._model.addressChanged(url)
        self._ui.tokenEdit.text = self._model.tokenFor(self._model.url)
        self._onChanged()

    @shown
    def onToken(self, token: str) -> None:
        """A token was typed or pasted; it is kept nowhere but in this panel."""
        self._model.tokenChanged(token)
        self._onChanged()

    @shown
    def onAnnotator(self, name: str) -> None:
        """The user's name was typed."""
        self._model.annotatorChanged(name)
        usersettings.rememberAnnotator(self._model.annotator)
        self._onChanged()

    def connectTo(self, url: str) -> None:
        """Take this address and connect."""
        self._ui.serverUrl.text = url
        self.onConnect()

    @shown
    def onConnect(self) -> None:
        """Ask the server what it offers; nothing but the request is sent."""
        if self._model.isBusy:
            return
        if not self._model.canConnect.enabled:
            self.runner.fail(self._model.canConnect.reason)
            return
        url, backend = self._model.url, self.runner.backend(self._model.url)
        server = self._model.localServer
        isHere = server is not None and server.url == url

        def onResult(info: ServerInfo) -> None:
            if not isHere:  # the port of a server here is another one each time
                usersettings.rememberServerUrl(url)
            self._model.connected(url, info)
            self._logic.connectedTo(url)
            self._onSelection()

        self.runner.start(facts.CONNECT, lambda job: servercalls.connect(job, backend), onResult, backend=backend)
