"""The panel: turns what the user and the scene do into jobs, and into facts for the view model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts, usersettings
from RadiogenomicsLib.panel.controller import PanelContext
from RadiogenomicsLib.panel.display.closing import Closing
from RadiogenomicsLib.panel.display.keptresult import KeptResult
from RadiogenomicsLib.panel.display.loading import SceneLoading
from RadiogenomicsLib.panel.display.maps import Maps
from RadiogenomicsLib.panel.display.parts import Parts
from RadiogenomicsLib.panel.display.population import PopulationView
from RadiogenomicsLib.panel.display.views import Views
from RadiogenomicsLib.panel.jobrunner import JobRunner, makeTimer, shown
from RadiogenomicsLib.panel.refine.correction import Correction
from RadiogenomicsLib.panel.refine.editor import SegmentEditor
from RadiogenomicsLib.panel.refine.shortcuts import Shortcuts
from RadiogenomicsLib.panel.review.section import ReviewSection
from RadiogenomicsLib.panel.sections.connection import Connection
from RadiogenomicsLib.panel.sections.export import Export
from RadiogenomicsLib.panel.sections.labelling import Labelling
from RadiogenomicsLib.panel.sections.labels import Labels
from RadiogenomicsLib.panel.sections.learning import Learning
from RadiogenomicsLib.panel.sections.leases import Leases
from RadiogenomicsLib.panel.sections.localserver import LocalServerSection
from RadiogenomicsLib.panel.sections.patient import PatientSection
from RadiogenomicsLib.panel.sections.reading import ReadingSection
from RadiogenomicsLib.panel.sections.segmenting import Segmenting
from RadiogenomicsLib.panel.selection import SceneSelection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.uifiles import SECTIONS, PanelWidgets
from RadiogenomicsLib.panel.view.panelview import PanelView
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.segments import segmentsOf, voxelsOf
from RadiogenomicsLib.sequences import SEQUENCES, TITLES
from RadiogenomicsLib.server.backends import Backend
from RadiogenomicsLib.server.volumes import VolumeError
from RadiogenomicsLib.wording import inWords

SETTLE_MS = 50
"""New volumes are looked at after this time, when their names and attributes are set."""
_BUTTONS = ("QPushButton", "QToolButton", "QCheckBox")


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
        self.view = PanelView(widgets, self.subscriptions)
        self.parameters = Parameters(logic.getParameterNode())
        self._settleTimer = makeTimer(SETTLE_MS, self.recogniseNewVolumes)
        self._styleTimer = makeTimer(0, self.refresh)
        self.loading = SceneLoading(logic, self.runner, self.restore)
        widgets.setScene(slicer.mrmlScene)
        self.selection = SceneSelection(self.ui, logic, self.runner, self.subscriptions, self.onSelection)
        for name in SECTIONS:
            self._followPresses(name)
        context = PanelContext(
            self.ui, logic, self.selection, self.model, self.runner, self.subscriptions, self.refresh, self.onSelection
        )
        self.connection = Connection(context)
        self.localServer = LocalServerSection(context, self.connection.connectTo)
        self.segmenting = Segmenting(context)
        self.reading = ReadingSection(context)
        self.patient = PatientSection(context, self.reading)
        self.labelling = Labelling(context)
        self.labels = Labels(context, self.labelling.finished)
        self.labelling.onReady = self.segmenting.onSegment
        self.views = Views(context)
        self.maps = Maps(context, self.reading.process)
        self.closing = Closing(context, self.labelling.finished)
        self.review = ReviewSection(context, self.labels, self.labelling.finished)
        self.population = PopulationView(context)
        self.keptResult = KeptResult(context)
        self.parts = Parts(context, self.views)
        self.export = Export(context)
        self.editor = SegmentEditor(context)
        self.segmenting.fill = self.editor.fill
        self.correction = Correction(context, self.editor)
        self.shortcuts = Shortcuts(context)
        self.learning = Learning(context, self.views)
        self.leases = Leases(context, self.learning)
        self._connectWidgets()
        self._observeScene()
        if usersettings.panelMode() in facts.MODES:
            self.model.mode = usersettings.panelMode()
        self.localServer.adopt()
        self.restore()
        if not self.selection.volumes():
            self.selection.recogniseVolumes()

    # Set-up

    def _connectWidgets(self) -> None:
        ui, connect = self.ui, self.subscriptions.connect
        for mode in facts.MODES:
            self._followMode(mode)
        connect(ui.recogniseButton, "clicked(bool)", self.onRecognise)
        connect(ui.cancelButton, "clicked(bool)", self.onCancel)
        connect(slicer.app, "paletteChanged(QPalette)", self.onStyle)
        for name in SECTIONS:
            connect(getattr(ui, f"{name.lower()}Room"), "contentsCollapsed(bool)", self.onFolded)

    def _followMode(self, mode: str) -> None:
        self.subscriptions.connect(getattr(self.ui, f"{mode}Button"), "clicked(bool)", lambda: self.onMode(mode))

    def _followPresses(self, section: str) -> None:
        """Tell the view model in which section a button is pressed, before the button's own slot is called."""
        widgets = vars(slicer.util.childWidgetVariables(self._widgets.sections[section])).values()
        for widget in widgets:
            if widget.className() in _BUTTONS:
                self.subscriptions.connect(widget, "clicked(bool)", lambda: self.model.pressedIn(section))

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
        self.shortcuts.enter()
        self.learning.enter()
        self.onSelection()

    @shown
    def exit(self) -> None:
        """Another module was chosen: the mouse is not the panel's any more."""
        self.correction.release()
        self.editor.exit()
        self.shortcuts.exit()
        self.learning.exit()

    def cleanup(self) -> None:
        """Leave nothing that reacts: no timer, no signal, no observer, no job; the widgets are off the scene."""
        self._settleTimer.stop()
        self.loading.stop()
        self._styleTimer.stop()
        self.localServer.cleanup()
        self.reading.cleanup()
        self.patient.cleanup()
        self.runner.stop()
        self.reading.close()
        self.learning.cleanup()
        self.correction.cleanup()
        self.views.cleanup()
        self.editor.cleanup()
        self.shortcuts.exit()
        self.subscriptions.end()
        self._segmentationEvents.end()
        with suppress(ValueError):  # PythonQt's word for a widget that Qt has deleted
            self._widgets.setScene(None)

    # Scene

    def restore(self) -> None:
        """Show what the parameter node remembers. The server's address is not of the scene, which may be another's."""
        self.parameters = Parameters(self.logic.getParameterNode())
        self.labelling.restore(self.parameters)
        self.views.restore(self.parameters)
        self.maps.restore(self.parameters)
        self.population.restore(self.parameters)
        self.parts.restore(self.parameters)
        self.editor.sceneChanged()
        self.segmenting.restore(self.parameters)
        self.reading.restore(self.parameters)
        self.selection.restore(self.parameters)
        self.keptResult.restore(self.parameters)

    @shown
    def onSceneChanges(self, _caller: Any = None, _event: Any = None) -> None:
        """A scene is being closed or loaded: what the selectors say meanwhile is not the user's choice.

        Until :meth:`restore` what the panel remembers goes to a node that no scene has.
        """
        self.loading.stop()
        self.parameters = Parameters(slicer.vtkMRMLScriptedModuleNode())
        self.selection.hold()
        self.keptResult.hold()
        self.editor.sceneChanges()

    @shown
    def onSceneClosed(self, _caller: Any = None, _event: Any = None) -> None:
        """The scene is empty now; what a job brings would not belong to the next one."""
        if self.model.running != facts.CONNECT:
            self.onCancel()
        self.model.sceneClosed()
        self.restore()

    @shown
    def onSceneImported(self, _caller: Any = None, _event: Any = None) -> None:
        """A scene was loaded, maybe with a parameter node of its own: it is shown a moment later."""
        self.loading.begin(Parameters(self.logic.getParameterNode()))

    @property
    def isLoading(self) -> bool:
        """Whether a scene is being closed or loaded that is not shown yet."""
        return self.parameters.node.GetScene() is None

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
        self.reading.release(node)

    @shown
    def onNodeRemoved(self, _caller: Any = None, _event: Any = None) -> None:
        """Keep no segmentation that has gone, with its voxels."""
        self._observeSegmentations()

    @shown
    def recogniseNewVolumes(self) -> None:
        """Choose new volumes by their tags and names; not before a study that is being loaded is there as a whole."""
        if self.runner.isPublishing or self.isLoading:
            self._settleTimer.start()
        else:
            self.selection.recogniseNewVolumes()

    @shown
    def onRecognise(self) -> None:
        """Choose among the volumes that the scene has already, for the sequences that have none."""
        sequences = self.selection.recogniseVolumes()
        text = _("No other volume was recognised.")
        if sequences:
            text = _("{titles}: recognised.").format(titles=inWords([TITLES[sequence] for sequence in sequences]))
        self.model.actionDone(text)
        self.refresh()

    @shown
    def onSelection(self) -> None:
        """Volumes, segmentation or segment were chosen, by the user or by the panel."""
        self.model.selection = self.selection.read()
        self.selection.remember(self.parameters)
        hints = {sequence: self.selection.hint(sequence) for sequence in SEQUENCES}
        self.view.showVolumes(hints, self.selection.notes)
        self._observeSegmentations()
        self.editor.selectionChanged()
        self.correction.selectionChanged()
        self._showLabelValues()
        self.reading.changed()
        self.refresh()

    def _observeSegmentations(self) -> None:
        """Observe the segmentation that is selected and those that were read."""
        self._segmentationEvents.end()
        self._observedVoxels.clear()
        ids = {self.model.selection.segmentationId, *self._readSegmentations()}
        for node in (slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in sorted(ids - {""})):
            if node is not None:
                segmentation = node.GetSegmentation()
                self._observedVoxels[segmentation] = voxelsOf(segmentation)
                for event in (segmentation.SourceRepresentationModified, segmentation.SegmentRemoved):
                    self._segmentationEvents.observe(segmentation, event, self.onSegmentEdited)
                for event in (segmentation.SegmentModified, segmentation.SegmentAdded):
                    self._segmentationEvents.observe(segmentation, event, self.onSegmentsChanged)

    def _readSegmentations(self) -> set[str]:
        """The IDs of the segmentations that what is on display was read of."""
        result, parts = self.model.result, self.model.parts
        ids = {result.selection.segmentationId} if result is not None else set()
        return ids | ({parts.segmentationId} if parts is not None else set())

    @shown
    def onSegmentEdited(self, segmentation: Any, _event: Any = None) -> None:
        """Voxels changed in a segmentation: numbers from it are out of date."""
        self.runner.segmentEdited = True
        self._observedVoxels[segmentation] = voxelsOf(segmentation)
        selected = self.selection.segmentation()
        if selected is not None and selected.GetSegmentation() is segmentation:
            self.editor.segmentEdited()
            self.correction.segmentEdited()
        for segmentationId in self._readSegmentations():
            node = slicer.mrmlScene.GetNodeByID(segmentationId)
            if node is not None and node.GetSegmentation() is segmentation:
                self.model.segmentEdited(segmentationId)
        self.reading.changed()
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
        self.view.showLabelValues(_("In the saved label: {text}").format(text=text) if text else "")

    def refresh(self) -> None:
        """Show the view model, let the scene remember what is of it, and do what was waiting for this."""
        self.view.show(self.model)
        self.localServer.update()
        self.labelling.show()
        self.labels.show()
        self.labelling.remember(self.parameters)
        self.segmenting.remember(self.parameters)
        self.correction.update()
        self.labelling.goOn()
        self.maps.update()
        self.views.update()
        self.closing.update()
        self.review.update()
        self.population.update()
        self.parts.update()
        self.patient.update()
        self.export.update()
        self.keptResult.update()
        self.learning.update()
        self.leases.update()

    @shown
    def onMode(self, mode: str) -> None:
        """The user wants to use the panel in another way."""
        usersettings.rememberPanelMode(mode)
        self.model.modeChanged(mode)
        self.reading.changed()
        self.refresh()

    @shown
    def onStyle(self, _palette: Any = None) -> None:
        """Another style was chosen: the colours of texts follow when the widgets have theirs."""
        self._styleTimer.start()

    @shown
    def onFolded(self) -> None:
        """The user folded or unfolded a section; what the panel folds itself, it is about to show."""
        if not self.view.isFolding:
            self.refresh()

    @shown
    def onCancel(self) -> None:
        """Abandon the work that is under way."""
        self.runner.cancel()
