"""The section *Reading*: features and estimates of the chosen segment, on request or live."""

from __future__ import annotations

import time
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.here import calls
from RadiogenomicsLib.here.packages import Installation, missingPackages, nameOf
from RadiogenomicsLib.here.process import Asking, HereProcess
from RadiogenomicsLib.panel import consent, facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.facts import DisplayedResult
from RadiogenomicsLib.panel.jobrunner import makeTimer, shown
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.tables import publishFeatures
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.wording import inWords

LIVE_MS = 300
"""A live reading follows an edit after this time without another edit."""


class ReadingSection(Controller):
    """Binds its widgets.

    Live, it computes again when the segment on display changes: never while a mouse button is down, never two at once,
    and it gives way to whatever else the user starts.
    """

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._parameters = Parameters(self._logic.getParameterNode())
        self._liveTimer = makeTimer(LIVE_MS, self.liveUpdate)
        self.process = HereProcess()
        connect = self._subscriptions.connect
        connect(self._ui.computeButton, "clicked(bool)", self.onCompute)
        connect(self._ui.compareSelector, "currentIndexChanged(int)", self.onCompare)
        connect(self._ui.liveCheckBox, "toggled(bool)", self.onLive)
        connect(self._ui.hereCheckBox, "clicked(bool)", self.onHere)

    # Scene

    def restore(self, parameters: Parameters) -> None:
        """Take up what the scene remembers."""
        self._parameters = parameters
        self._ui.liveCheckBox.checked = parameters.flag("live")

    def release(self, node: Any) -> None:
        """Let go of a node that is about to be removed: without the table there is no result."""
        if node is self._parameters.reference("features"):
            self._model.result = None
            self._onChanged()

    def changed(self) -> None:
        """The segment, the volumes or what is chosen changed: an answer that is awaited would be out of date."""
        if not self._isDue():
            return
        if self._model.isUpdating:
            self.runner.cancel()
        self._liveTimer.start()

    def cleanup(self) -> None:
        """Leave no timer."""
        self._liveTimer.stop()

    def close(self) -> None:
        """Leave no process; no job asks it any more."""
        self.process.close()

    # Actions

    @shown
    def onCompute(self) -> None:
        """Compute features and subtypes of the chosen segment."""
        self._model.selection = self._selection.read()
        if not self._model.canCompute.enabled:
            self.runner.fail(self._model.canCompute.reason)
        elif self._model.computesHere and missingPackages():
            self._install()
        else:
            self._compute(isLive=False)

    @shown
    def onHere(self, checked: bool) -> None:
        """The user wants 3D Slicer itself to compute, or the server."""
        self._model.here = checked
        self.changed()
        self._onChanged()

    @shown
    def onLive(self, checked: bool) -> None:
        """Live reading was switched on or off."""
        self._model.live = checked
        self._parameters.setFlag("live", checked)
        self.changed()
        self._onChanged()

    @shown
    def onCompare(self) -> None:
        """Another earlier reading was chosen, or none."""
        self._model.history.compare(self._ui.compareSelector.currentData or "")
        self._onChanged()

    @shown
    def liveUpdate(self) -> None:
        """Compute again where it is due; never asks anything, and waits while other work runs or the mouse paints."""
        if not self._isDue():
            return
        isPainting = qt.QApplication.mouseButtons() != qt.Qt.NoButton
        if self._model.running or self.runner.isEnding or isPainting:
            self._liveTimer.start()
        elif self._model.canCompute.enabled and self._mayUnasked():
            self._compute(isLive=True)

    def _mayUnasked(self) -> bool:
        """Whether nothing has to be asked before the segment is read."""
        if self._model.computesHere:
            return not missingPackages()
        return consent.isGiven(self._model.connectedUrl)

    def _isDue(self) -> bool:
        """Whether what is on display is not the segment as it is now, and the user reads live; or the age is another.

        Then the segment was read and sent before, by the user's wish.
        """
        model = self._model
        isStale = model.isOfOtherCircumstances or (model.live and (model.result is None or bool(model.staleness)))
        return model.mode == facts.READ and isStale

    def _compute(self, *, isLive: bool) -> None:
        """Read the segment; live without the range over moved edges, which takes nearly as long as the rest."""
        selection, options = self._model.selection, self._model.options
        asked = {**options, "margin": False} if isLive and self._model.live else options
        reference, segmentation = self._selection.firstVolume(), self._selection.segmentation()
        mask = self.runner.attempt(lambda: self._logic.segmentMask(segmentation, selection.segmentId, reference))
        here = self._model.computesHere
        if mask is None or not (here or self.runner.mayUpload()):
            return
        images = self.runner.attempt(lambda: self._selection.images(copied=here))
        if images is None:
            return

        def onResult(analysis: Analysis) -> None:
            measured = slicer.mrmlScene.GetNodeByID(selection.segmentationId)
            table = publishFeatures(analysis.features, measured, selection.segmentId, analysis.reading)
            self._parameters.setReference("features", table)
            result = DisplayedResult(analysis, selection, edited=self.runner.segmentEdited, options=options)
            self._model.read(result, time.strftime("%H:%M"), isLive=isLive)
            self._model.jobFinished("")
            self._onSelection()

        def onHereResult(answer: calls.HereAnswer) -> None:
            self._model.offerHere = answer.offer
            onResult(answer.analysis)

        region = selection.segment
        if here:
            asking = Asking(self.process)
            self.runner.start(
                facts.COMPUTE,
                lambda job: calls.analyse(job, asking, images, mask=mask, region=region, options=asked),
                onHereResult,
                backend=asking,
                yields=isLive,
            )
            return
        backend = self.runner.backend()
        self.runner.start(
            facts.COMPUTE,
            lambda job: servercalls.analyse(job, backend, images, mask=mask, region=region, options=asked),
            onResult,
            backend=backend,
            yields=isLive,
        )

    def _install(self) -> None:
        """Ask whether the packages may be installed, and then read the segment."""
        requirements = missingPackages()
        names = inWords([nameOf(requirement) for requirement in requirements])
        question = _(
            "To read a segment without a server, 3D Slicer needs packages that it does not have: {names}.\n\n"
            "Install them into 3D Slicer's Python now? They come from the Python Package Index (about 40 MB); "
            "nothing of the patient is sent, and no package that is there is changed."
        )
        if not slicer.util.confirmYesNoDisplay(question.format(names=names), windowTitle="Radiogenomics"):
            self.runner.fail(
                _("Nothing was installed. Without {names} a segment is read by a server: connect to one.").format(
                    names=names
                )
            )
            return
        installation = Installation(requirements)

        def onResult(_nothing: None) -> None:
            self._compute(isLive=False)

        self.runner.start(facts.INSTALL, installation.run, onResult, backend=installation)
