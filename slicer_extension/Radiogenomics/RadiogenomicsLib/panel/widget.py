"""The panel: turns what the user and the scene do into jobs, and into facts for the view model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import slicer
import vtk

from RadiogenomicsLib.panel import consent, usersettings, viewmodel
from RadiogenomicsLib.panel.controller import PanelContext
from RadiogenomicsLib.panel.correction import Correction
from RadiogenomicsLib.panel.display.maps import Maps
from RadiogenomicsLib.panel.display.views import Views
from RadiogenomicsLib.panel.editor import SegmentEditor
from RadiogenomicsLib.panel.jobrunner import JobRunner, makeTimer, shown
from RadiogenomicsLib.panel.labelling import Labelling
from RadiogenomicsLib.panel.selection import SceneSelection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.uifiles import PanelWidgets
from RadiogenomicsLib.panel.view import PanelView
from RadiogenomicsLib.panel.viewmodel import DisplayedResult, PanelModel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.segments import segmentsOf, voxelsOf
from RadiogenomicsLib.scene.tables import publishFeatures
from RadiogenomicsLib.sequences import SEQUENCES, TITLES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.backends import Analysis, Backend, ServerInfo
from RadiogenomicsLib.server.volumes import VolumeError

SETTLE_MS = 50
"""New volumes are looked at after this time, when their names and attributes are set."""
AUTO_UPDATE_MS = 1500
"""An edited segment is computed again when it was left alone for this long."""


class RadiogenomicsPanel:
    """Binds the panel's widgets to the scene and to a backend."""

    def __init__(
        self, widgets: PanelWidgets, logic: RadiogenomicsLogic, backendFor: Callable[[str, str, str], Backend]
    ) -> None:
        self._widgets = widgets
        self._observedVoxels: dict[Any, tuple[int, ...]] = {}
        """The state of the voxels of each segmentation that is observed."""
        self.subscriptions, self._segmentationEvents = Subscriptions(), Subscriptions()
        self.ui = widgets.byName
        self.logic = logic
        self.model = PanelModel()
        self.runner = JobRunner(self.model, backendFor, self.refresh)
        self.view = PanelView(self.ui)
        self.parameters = Parameters(logic.getParameterNode())
        self._settleTimer = makeTimer(SETTLE_MS, self.recogniseNewVolumes)
        self._autoUpdateTimer = makeTimer(AUTO_UPDATE_MS, self.autoUpdate)
        widgets.setScene(slicer.mrmlScene)
        self.selection = SceneSelection(self.ui, logic, self.runner, self.subscriptions, self.onSelection)
        context = PanelContext(
            self.ui, logic, self.selection, self.model, self.runner, self.subscriptions, onChanged=self.refresh
        )
        self.labelling = Labelling(context)
        self.views = Views(context)
        self.maps = Maps(context)
        self.editor = SegmentEditor(context)
        self.correction = Correction(context, self.editor)
        self._connectWidgets()
        self._observeScene()
        self.ui.serverUrl.text = usersettings.serverUrl()
        self.model.annotatorChanged(usersettings.annotator())
        self.ui.annotatorEdit.text = self.model.annotator
        self.restore()
        if not self.selection.volumes():
            self.selection.recogniseVolumes()

    # Set-up

    def _connectWidgets(self) -> None:
        ui, connect = self.ui, self.subscriptions.connect
        connect(ui.serverUrl, "textChanged(QString)", self.onAddress)
        connect(ui.serverUrl, "returnPressed()", self.onConnect)
        connect(ui.tokenEdit, "textEdited(QString)", self.onToken)
        connect(ui.tokenEdit, "returnPressed()", self.onConnect)
        connect(ui.annotatorEdit, "textEdited(QString)", self.onAnnotator)
        connect(ui.connectButton, "clicked(bool)", self.onConnect)
        connect(ui.recogniseButton, "clicked(bool)", self.onRecognise)
        connect(ui.segmentButton, "clicked(bool)", self.onSegment)
        connect(ui.computeButton, "clicked(bool)", self.onCompute)
        connect(ui.cancelButton, "clicked(bool)", self.onCancel)
        connect(ui.modelSelector, "currentIndexChanged(int)", self.onModel)
        connect(ui.autoUpdateCheckBox, "toggled(bool)", self.onAutoUpdate)

    def _observeScene(self) -> None:
        scene, observe = slicer.mrmlScene, self.subscriptions.observe
        observe(scene, scene.NodeAddedEvent, self.onNodeAdded)
        observe(scene, scene.NodeAboutToBeRemovedEvent, self.onNodeAboutToBeRemoved)
        observe(scene, scene.NodeRemovedEvent, self.onNodeRemoved)
        observe(scene, scene.StartCloseEvent, self.onSceneChanges)
        observe(scene, scene.StartImportEvent, self.onSceneChanges)
        observe(scene, scene.EndCloseEvent, self.onSceneClosed)
        observe(scene, scene.EndImportEvent, self.onSceneImported)

    def enter(self) -> None:
        """The module was chosen: show what the scene is now."""
        self.editor.enter()
        self.onSelection()

    @shown
    def exit(self) -> None:
        """Another module was chosen: the mouse is not the panel's any more."""
        self.correction.release()
        self.editor.exit()

    def cleanup(self) -> None:
        """Leave nothing that reacts: no timer, no signal, no observer, no job; the widgets are off the scene."""
        for timer in (self._settleTimer, self._autoUpdateTimer):
            timer.stop()
        self.runner.stop()
        self.correction.cleanup()
        self.views.cleanup()
        self.editor.cleanup()
        self.subscriptions.end()
        self._segmentationEvents.end()
        with suppress(ValueError):  # PythonQt's word for a widget that Qt has deleted
            self.ui.featureTable.setMRMLTableNode(None)
            self._widgets.setScene(None)

    # Scene

    def restore(self) -> None:
        """Show what the parameter node remembers. The server's address is not of the scene, which may be another's."""
        self.parameters = Parameters(self.logic.getParameterNode())
        self.labelling.restore(self.parameters)
        self.views.restore(self.parameters)
        self.maps.restore(self.parameters)
        self.ui.autoUpdateCheckBox.checked = self.parameters.flag("autoUpdate")
        self.ui.featureTable.setMRMLTableNode(self.parameters.reference("features"))
        self.model.modelName = self.parameters.text("model") or self.model.modelName
        self.view.showModels(self.model)
        self.editor.sceneChanged()
        self.selection.restore(self.parameters)

    @shown
    def onSceneChanges(self, _caller: Any = None, _event: Any = None) -> None:
        """A scene is being closed or loaded: what the selectors say meanwhile is not the user's choice."""
        self.selection.hold()
        self.editor.sceneChanges()

    @shown
    def onSceneClosed(self, _caller: Any = None, _event: Any = None) -> None:
        """The scene is empty now; what a job brings would not belong to the next one."""
        if self.model.running != viewmodel.CONNECT:
            self.onCancel()
        self.model.sceneClosed()
        self.restore()

    @shown
    def onSceneImported(self, _caller: Any = None, _event: Any = None) -> None:
        """A scene was loaded, maybe with a parameter node of its own."""
        self.restore()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    @shown
    def onNodeAdded(self, _caller: Any, _event: Any, node: Any) -> None:
        """A new volume is looked at a moment later."""
        if node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode":
            self.selection.volumeAdded(node)
            self._settleTimer.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    @shown
    def onNodeAboutToBeRemoved(self, _caller: Any, _event: Any, node: Any) -> None:
        """Let go of a node that is about to go."""
        if node is None:
            return
        self.selection.release(node)
        if self.ui.featureTable.mrmlTableNode() is node:
            self.ui.featureTable.setMRMLTableNode(None)
            self.model.result = None
            self.refresh()

    @shown
    def onNodeRemoved(self, _caller: Any = None, _event: Any = None) -> None:
        """Keep no segmentation that has gone, with its voxels."""
        self._observeSegmentations()

    @shown
    def recogniseNewVolumes(self) -> None:
        """Choose new volumes by their tags and names; not before a study that is being loaded is there as a whole."""
        if self.runner.isPublishing:
            self._settleTimer.start()
        else:
            self.selection.recogniseNewVolumes()

    @shown
    def onRecognise(self) -> None:
        """Choose among the volumes that the scene has already, for the sequences that have none."""
        sequences = self.selection.recogniseVolumes()
        titles = " and ".join(TITLES[sequence] for sequence in sequences)
        self.model.actionDone(f"{titles}: recognised." if titles else "No other volume was recognised.")
        self.refresh()

    @shown
    def onSelection(self) -> None:
        """Volumes, segmentation or segment were chosen, by the user or by the panel."""
        self.model.selection = self.selection.read()
        self.selection.remember(self.parameters)
        for sequence in SEQUENCES:
            self.view.showSequenceHint(sequence, self.selection.hint(sequence))
        self.view.showRecognition(self.selection.notes)
        self._observeSegmentations()
        self.editor.selectionChanged()
        self.correction.selectionChanged()
        self._showLabelValues()
        self.refresh()

    def _observeSegmentations(self) -> None:
        """Observe the segmentation that is selected and the one that the result is of."""
        self._segmentationEvents.end()
        self._observedVoxels.clear()
        ids = {self.model.selection.segmentationId}
        if self.model.result is not None:
            ids.add(self.model.result.selection.segmentationId)
        for node in (slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in sorted(ids - {""})):
            if node is not None:
                segmentation = node.GetSegmentation()
                self._observedVoxels[segmentation] = voxelsOf(segmentation)
                for event in (segmentation.SourceRepresentationModified, segmentation.SegmentRemoved):
                    self._segmentationEvents.observe(segmentation, event, self.onSegmentEdited)
                for event in (segmentation.SegmentModified, segmentation.SegmentAdded):
                    self._segmentationEvents.observe(segmentation, event, self.onSegmentsChanged)

    @shown
    def onSegmentEdited(self, segmentation: Any, _event: Any = None) -> None:
        """Voxels changed in a segmentation: numbers from it are out of date."""
        self.runner.segmentEdited = True
        self._observedVoxels[segmentation] = voxelsOf(segmentation)
        selected = self.selection.segmentation()
        if selected is not None and selected.GetSegmentation() is segmentation:
            self.editor.segmentEdited()
            self.correction.segmentEdited()
        result = self.model.result
        node = slicer.mrmlScene.GetNodeByID(result.selection.segmentationId) if result is not None else None
        if node is not None and node.GetSegmentation() is segmentation:
            self.model.segmentEdited()
            self._autoUpdateTimer.start()
        self.refresh()

    @shown
    def onSegmentsChanged(self, segmentation: Any, _event: Any = None) -> None:
        """Segments were added, renamed, or have other voxels: an undone step says no more of it than a new name."""
        if self._observedVoxels.get(segmentation) != voxelsOf(segmentation):
            self.onSegmentEdited(segmentation)
        self.model.selection = self.selection.read()
        self._showLabelValues()
        self.refresh()

    def _showLabelValues(self) -> None:
        node = self.selection.segmentation()
        text = ""
        if node is not None:
            try:
                values = self.logic.labelValues(node, self.model.knownLabels)
                segments = segmentsOf(node)
                text = ", ".join(f"{segments[segmentId].GetName()} = {value}" for segmentId, value in values.items())
            except VolumeError as error:
                text = str(error)
        self.view.showLabelValues(f"Label values: {text}" if text else "")

    def refresh(self) -> None:
        """Show the view model, let the scene remember what is of it, and do what was waiting for this."""
        self.view.show(self.model)
        self.labelling.show()
        self.labelling.remember(self.parameters)
        self.correction.update()
        self.views.update()
        self.maps.update()

    @shown
    def onCancel(self) -> None:
        """Abandon the work that is under way."""
        self.runner.cancel()

    # Actions

    @shown
    def onAddress(self, url: str) -> None:
        """Another server address was typed."""
        self.model.addressChanged(url)
        self.ui.tokenEdit.text = self.model.tokenFor(self.model.url)
        self.refresh()

    @shown
    def onToken(self, token: str) -> None:
        """A token was typed or pasted; it is kept nowhere but in this panel."""
        self.model.tokenChanged(token)
        self.refresh()

    @shown
    def onAnnotator(self, name: str) -> None:
        """The user's name was typed."""
        self.model.annotatorChanged(name)
        usersettings.rememberAnnotator(self.model.annotator)
        self.refresh()

    @shown
    def onConnect(self) -> None:
        """Ask the server what it offers; nothing but the request is sent."""
        if self.model.running:
            return
        if not self.model.canConnect.enabled:
            self.runner.fail(self.model.canConnect.reason)
            return
        url, backend = self.model.url, self.runner.backend(self.model.url)

        def onResult(info: ServerInfo) -> None:
            usersettings.rememberServerUrl(url)
            self.model.connected(url, info)
            self.logic.connectedTo(url)
            self.parameters.setText("model", self.model.modelName)
            self.view.showModels(self.model)
            self.onSelection()

        self.runner.start(viewmodel.CONNECT, lambda job: servercalls.connect(job, backend), onResult, backend=backend)

    @shown
    def onModel(self) -> None:
        """Another model for automatic segmentation was chosen."""
        self.model.modelName = self.ui.modelSelector.currentText
        self.parameters.setText("model", self.model.modelName)
        self.refresh()

    @shown
    def onSegment(self) -> None:
        """Segment the chosen volumes with the chosen model."""
        self.model.selection = self.selection.read()
        model = self.model.chosenModel
        if model is None or not self.model.canSegment.enabled:
            self.runner.fail(self.model.canSegment.reason)
            return
        modelName, sequences = model.name, model.sequences or SEQUENCES
        reference = self.selection.firstVolume(sequences)
        referenceId, name = reference.GetID(), reference.GetName()
        images = self.runner.attempt(lambda: self.selection.images(sequences))
        if images is None or (images.volumes and not self.runner.mayUpload()):
            return
        backend = self.runner.backend()

        def onResult(answer: servercalls.MaskImage) -> None:
            node = slicer.mrmlScene.GetNodeByID(referenceId)
            if node is None:
                raise VolumeError(f"volume '{name}' was removed while it was segmented; the mask was dropped")
            title = f"{images.studyId or name} {modelName}"
            segmentation = self.logic.addSegmentation(answer.mask, node, answer.labels, title)
            self.model.jobFinished(f"'{segmentation.GetName()}' was added.", answer.warnings)
            self.selection.chooseSegmentation(segmentation)

        self.runner.start(
            viewmodel.SEGMENT,
            lambda job: servercalls.segment(job, backend, modelName, images),
            onResult,
            backend=backend,
        )

    @shown
    def onCompute(self) -> None:
        """Compute features and subtypes of the chosen segment."""
        selection = self.model.selection = self.selection.read()
        if not self.model.canCompute.enabled:
            self.runner.fail(self.model.canCompute.reason)
            return
        reference = self.selection.firstVolume()
        segmentation = self.selection.segmentation()
        mask = self.runner.attempt(lambda: self.logic.segmentMask(segmentation, selection.segmentId, reference))
        if mask is None or not self.runner.mayUpload():
            return
        images = self.runner.attempt(self.selection.images)
        if images is None:
            return
        backend = self.runner.backend()

        def onResult(analysis: Analysis) -> None:
            measured = slicer.mrmlScene.GetNodeByID(selection.segmentationId)
            table = publishFeatures(analysis.features, measured, selection.segmentId, analysis.reading)
            self.parameters.setReference("features", table)
            self.ui.featureTable.setMRMLTableNode(table)
            self.model.result = DisplayedResult(analysis, selection, edited=self.runner.segmentEdited)
            self.model.jobFinished(f"{len(analysis.features.values)} features of '{selection.segment}' were computed.")
            self._observeSegmentations()

        self.runner.start(
            viewmodel.COMPUTE,
            lambda job: servercalls.analyse(job, backend, images, mask, selection.segment),
            onResult,
            backend=backend,
        )

    @shown
    def onAutoUpdate(self, checked: bool) -> None:
        """Automatic updating was switched on or off."""
        self.parameters.setFlag("autoUpdate", checked)
        self._autoUpdateTimer.start()

    @shown
    def autoUpdate(self) -> None:
        """Compute again after an edit; never asks anything, and waits while other work runs."""
        if not self.ui.autoUpdateCheckBox.checked or self.model.result is None or not self.model.result.edited:
            return
        if self.model.running:
            self._autoUpdateTimer.start()
        elif self.model.canCompute.enabled and consent.isGiven(self.model.connectedUrl):
            self.onCompute()
