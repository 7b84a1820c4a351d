"""Points that the user places in the slice views, on the lesion or beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from RadiogenomicsLib.panel.jobrunner import JobRunner, makeTimer, shown
from RadiogenomicsLib.panel.subscriptions import Subscriptions

_LISTS = {True: ("Lesion clicks", (0.2, 0.8, 0.3)), False: ("Not lesion clicks", (0.9, 0.25, 0.2))}


class PointPlacement:
    """Two lists of points, one for each kind, and 3D Slicer's mouse mode that places them.

    ``onPlaced`` is called with whether a new point means lesion and where it is (world, RAS, millimetres),
    ``onStopped`` when the user leaves the mouse mode in another way. The lists are not saved with the scene.
    """

    def __init__(
        self, onPlaced: Callable[[bool, list[float]], None], onStopped: Callable[[], None], work: JobRunner
    ) -> None:
        self.runner = work
        self.subscriptions = Subscriptions()
        self._onPlaced, self._onStopped = onPlaced, onStopped
        self._nodes: dict[bool, Any] = {}
        self._nodeEvents = {True: Subscriptions(), False: Subscriptions()}
        self._takenIds: dict[bool, list[str]] = {True: [], False: []}
        """IDs of the points that were taken, by kind and in their order; empty for one that the user has deleted."""
        self._placing: bool | None = None
        # The view is still at work on a point when it reports it; points are taken when it is done.
        self._timer = makeTimer(0, self._takePoints)
        application = slicer.app.applicationLogic()
        self._interaction, self._active = application.GetInteractionNode(), application.GetSelectionNode()
        self.subscriptions.observe(self._interaction, self._interaction.InteractionModeChangedEvent, self._onMode)
        self.subscriptions.observe(self._active, self._active.ActivePlaceNodeIDChangedEvent, self._onMode)

    def start(self, lesion: bool) -> None:
        """Every click in a slice view places a point of this kind, until :meth:`stop`."""
        self._placing = None
        node = self._node(lesion)
        self._active.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        self._active.SetActivePlaceNodeID(node.GetID())
        self._interaction.SetPlaceModePersistence(1)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)
        self._placing = lesion

    def stop(self) -> None:
        """Give the mouse back."""
        if self._placing is not None:
            self._placing = None
            self._interaction.SetPlaceModePersistence(0)
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def removeLast(self, lesion: bool) -> None:
        """Take away the last point of a kind."""
        pointId = self._takenIds[lesion].pop()
        index = self._nodes[lesion].GetControlPointIndexByID(pointId)
        if index >= 0:
            self._nodes[lesion].RemoveNthControlPoint(index)

    def clear(self) -> None:
        """Take away all points."""
        for lesion in self._nodes:
            while self._takenIds[lesion]:
                self.removeLast(lesion)

    def cleanup(self) -> None:
        """Stop placing and observing."""
        self._timer.stop()
        self.stop()
        for subscriptions in (self.subscriptions, *self._nodeEvents.values()):
            subscriptions.end()

    def _node(self, lesion: bool) -> Any:
        """The list of a kind; a new one when there is none in the scene."""
        node = self._nodes.get(lesion)
        if node is None or node.GetScene() is None:
            name, colour = _LISTS[lesion]
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
            node.SetSaveWithScene(False)
            node.CreateDefaultDisplayNodes()
            display = node.GetDisplayNode()
            display.SetSaveWithScene(False)
            display.SetSelectedColor(colour)
            display.SetColor(colour)
            display.SetPointLabelsVisibility(False)
            self._nodeEvents[lesion].end()
            self._nodeEvents[lesion].observe(node, node.PointPositionDefinedEvent, self._onPoint)
            self._nodeEvents[lesion].observe(node, node.PointRemovedEvent, self._onRemoved)
            self._nodes[lesion], self._takenIds[lesion] = node, []
        return node

    @shown
    def _onPoint(self, _node: Any, _event: Any = None) -> None:
        self._timer.start()

    @shown
    def _onRemoved(self, _node: Any, _event: Any = None) -> None:
        """Forget IDs that are gone: a later point may get one of them again."""
        for lesion, node in self._nodes.items():
            self._takenIds[lesion] = [
                pointId if node.GetControlPointIndexByID(pointId) >= 0 else "" for pointId in self._takenIds[lesion]
            ]

    @shown
    def _takePoints(self) -> None:
        for lesion, node in self._nodes.items():
            for pointId in self._newPoints(lesion, node):
                self._takenIds[lesion].append(pointId)
                index = node.GetControlPointIndexByID(pointId)
                node.SetNthControlPointLocked(index, True)  # a click cannot be moved afterwards
                position = [0.0, 0.0, 0.0]
                node.GetNthControlPointPositionWorld(index, position)
                self._onPlaced(lesion, position)

    def _newPoints(self, lesion: bool, node: Any) -> list[str]:
        """IDs of points that are placed, not only shown under the mouse, and were not taken yet."""
        placedIndices = [
            index
            for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        ]
        return [
            pointId
            for pointId in map(node.GetNthControlPointID, placedIndices)
            if pointId not in self._takenIds[lesion]
        ]

    @shown
    def _onMode(self, _node: Any, _event: Any = None) -> None:
        """The user left the mouse mode, or places something else now."""
        if self._placing is None:
            return
        isOurs = self._active.GetActivePlaceNodeID() == self._nodes[self._placing].GetID()
        if not isOurs or self._interaction.GetCurrentInteractionMode() != self._interaction.Place:
            self._placing = None
            self._onStopped()
