"""3D Slicer's Segment Editor inside the panel: what is drawn by hand and what a model answers share its history."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import slicer
import vtk

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import makeTimer, shown
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.scene.segments import isEmpty, segmentsOf
from RadiogenomicsLib.server.volumes import OrientedImage

EFFECTS = (
    *("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices"),
    *("Smoothing", "Scissors", "Islands"),
)
"""The effects that help with a lesion, in Segment Editor's own order; its keys 1 to 9 and 0 choose them so."""

SINGLETON_TAG = "Radiogenomics"
"""Of the node that holds the editor's choices: the module Segment Editor has another, so neither disturbs the other."""

MOST_UNDO_STATES = 20


class SegmentEditor(Controller):
    """Keeps the embedded editor at the segmentation, segment and volume that are chosen in the panel."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._editor = editor = self._ui.segmentEditor
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False
        editor.switchToSegmentationsButtonVisible = False
        editor.autoShowSourceVolumeNode = False  # what the views show is chosen elsewhere
        editor.unorderedEffectsVisible = False
        editor.setEffectNameOrder(list(EFFECTS))
        editor.maximumNumberOfUndoStates = MOST_UNDO_STATES
        editor.setMRMLSegmentEditorNode(_node())
        editor.setMRMLScene(slicer.mrmlScene)
        self.onEffect: Callable[[], None] = _nothing
        """Called when an effect takes the mouse."""
        self._nodeEvents = Subscriptions()
        self._observeNode()
        self._isEntered = False
        self._isFollowing = False
        # The editor's own buttons know of a step when all has heard of it.
        self._stepTimer = makeTimer(0, self._onStep)
        self._subscriptions.connect(editor, "currentSegmentIDChanged(QString)", self._onSegment)

    # Scene

    def selectionChanged(self) -> None:
        """Edit what is chosen in the panel."""
        if self._editor.mrmlSegmentEditorNode() is None:
            return
        segmentation, segmentId = self._selection.segmentation(), self._selection.segmentId()
        self._isFollowing = True
        try:
            self._editor.setSegmentationNode(segmentation)
            if segmentation is not None:
                self._editor.setSourceVolumeNode(
                    self._selection.firstVolume() or self._logic.referenceVolume(segmentation)
                )
                if segmentId and self._editor.currentSegmentID() != segmentId:
                    self._editor.setCurrentSegmentID(segmentId)
        finally:
            self._isFollowing = False
        self._model.hasUndo = self.canUndo

    def _observeNode(self) -> None:
        node = self._editor.mrmlSegmentEditorNode()
        self._nodeEvents.end()
        if node is not None:
            self._nodeEvents.observe(node, vtk.vtkCommand.ModifiedEvent, self._onNode)

    @shown
    def _onNode(self, node: Any, _event: Any = None) -> None:
        if node.GetActiveEffectName():
            self.onEffect()

    def segmentEdited(self) -> None:
        """The segmentation changed."""
        self._stepTimer.start()

    @shown
    def _onStep(self) -> None:
        if self._model.hasUndo != self.canUndo:
            self._model.hasUndo = self.canUndo
            self._onChanged()

    @shown
    def _onSegment(self, segmentId: str) -> None:
        """Another segment was chosen in the editor's table, or by its keys."""
        if segmentId and not self._isFollowing and segmentId != self._selection.segmentId():
            self._selection.chooseSegment(segmentId)

    def sceneChanges(self) -> None:
        """The scene is being closed or loaded: let go of all of it."""
        self._editor.setActiveEffect(None)
        self._editor.setSegmentationNode(None)
        self._editor.removeViewObservations()
        self._editor.setMRMLSegmentEditorNode(None)
        self._observeNode()

    def sceneChanged(self) -> None:
        """Another scene is there, maybe with a node of ours."""
        self._editor.setMRMLSegmentEditorNode(_node())
        self._observeNode()
        self.selectionChanged()
        if self._isEntered:
            self._editor.updateWidgetFromMRML()

    def enter(self) -> None:
        """The module was chosen: the editor's keys work."""
        self._isEntered = True
        if self._editor.mrmlSegmentEditorNode() is None:
            self._editor.setMRMLSegmentEditorNode(_node())
            self._observeNode()
        self._editor.setupViewObservations()
        self._editor.installKeyboardShortcuts()

    def exit(self) -> None:
        """Another module was chosen: mouse and keys are its own."""
        self._isEntered = False
        self.endEffect()
        self._editor.uninstallKeyboardShortcuts()
        self._editor.removeViewObservations()

    def cleanup(self) -> None:
        """Leave the scene, the views and the keys."""
        self._stepTimer.stop()
        self._nodeEvents.end()
        with suppress(ValueError):  # PythonQt's word for a widget that Qt has deleted
            self.exit()
            self._editor.setMRMLSegmentEditorNode(None)

    # Editing

    def endEffect(self) -> None:
        """Give the mouse back; an effect in Python does not end by itself when a point is placed."""
        self._editor.setActiveEffect(None)

    def replace(self, masks: dict[str, OrientedImage], volume: Any) -> None:
        """Let segments, by ID, have the voxels of ``masks``, on the grid of ``volume``; one step of the history."""
        self._editor.saveStateForUndo()
        for segmentId, mask in masks.items():
            self._logic.replaceSegment(self._selection.segmentation(), segmentId, mask, volume)
        self._model.hasUndo = self.canUndo

    def fill(self, mask: OrientedImage, volume: Any, labels: dict[str, int]) -> str:
        """Put a mask into the chosen segmentation, as one step of its history, where it has empty segments for it.

        It fits where the segmentation was drawn on ``volume`` and has for each of ``labels`` one segment of that name,
        without a voxel. Returns the segmentation's name, or an empty text where it does not fit and nothing was done.
        """
        segmentation = self._selection.segmentation()
        if segmentation is None or self._logic.referenceVolume(segmentation) is not volume or not labels:
            return ""
        segmentIds: dict[str, list[str]] = {}
        for segmentId, segment in segmentsOf(segmentation).items():
            segmentIds.setdefault(segment.GetName(), []).append(segmentId)
        if not all(
            len(segmentIds.get(name, [])) == 1 and isEmpty(segmentation, segmentIds[name][0]) for name in labels
        ):
            return ""
        self._editor.saveStateForUndo()
        for name, value in labels.items():
            part = OrientedImage((mask.array == value).astype(np.uint8), mask.ijkToRas)
            self._logic.replaceSegment(segmentation, segmentIds[name][0], part, volume)
        self._model.hasUndo = self.canUndo
        return str(segmentation.GetName())

    @property
    def canUndo(self) -> bool:
        """Whether there is a step to go back to."""
        return bool(self._ui.UndoButton.enabled)

    def undo(self) -> None:
        """Go back one step, whoever made it."""
        self._editor.undo()
        self._model.hasUndo = self.canUndo


def _nothing() -> None:
    """What happens at an effect when nobody wants to know."""


def _node() -> Any:
    """The node of the embedded editor's choices; not saved with the scene, which has the panel's own."""
    node = slicer.mrmlScene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(SINGLETON_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node
