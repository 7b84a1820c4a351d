"""Points that the user places in the slice views, on the lesion or beside it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from RadiogenomicsLib.panel.jobrunner import JobRunner, makeTimer, shown
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.scene.strokes import COLOURS

Positions = list[list[float]]
OnPlaced = Callable[[bool, Positions, Callable[[], None]], None]
"""Called with whether lesion is meant, the positions (world, RAS, millimetres), and what takes the points away."""


@dataclass(eq=False)
class _Point:
    """A point that was placed; ``pointId`` is empty when the user has deleted it, for a later one may get its ID."""

    pointId: str


class PointPlacement:
    """Two lists of points, one for each kind, and 3D Slicer's mouse mode that places them.

    ``onPlaced`` is called when as many points as ``count`` were placed, ``onStopped`` when the user leaves the mouse
    mode in another way. The lists, which are named ``names``, are not saved with the scene.
    """

    def __init__(
        self,
        names: dict[bool, str],
        count: int,
        onPlaced: OnPlaced,
        onStopped: Callable[[], None],
        work: JobRunner,
    ) -> None:
        self.runner = work
        self.onMoved: Callable[[bool, Positions], None] = lambda _lesion, _positions: None
        """Called with whether lesion is meant, the positions of points that wait for others, and of the mouse."""
        self.subscriptions = Subscriptions()
        self._names, self._count = names, count
        self._onPlaced, self._onStopped = onPlaced, onStopped
        self._nodes: dict[bool, Any] = {}
        self._nodeEvents = {True: Subscriptions(), False: Subscriptions()}
        self._points: dict[bool, list[_Point]] = {True: [], False: []}
        """The points that were taken, by kind and in their order."""
        self._begun: list[_Point] = []
        """Those that wait for others, to be told together."""
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
        self._dropBegun()
        node = self._node(lesion)
        self._active.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        self._active.SetActivePlaceNodeID(node.GetID())
        self._interaction.SetPlaceModePersistence(1)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)
        self._placing = lesion

    def stop(self) -> None:
        """Give the mouse back, and take away points that wait for others."""
        if self._placing is not None:
            self._placing = None
            self._interaction.SetPlaceModePersistence(0)
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)
        self._dropBegun()

    def clear(self) -> None:
        """Take away all points."""
        self._begun = []
        for lesion in self._nodes:
            self._remove(lesion, list(self._points[lesion]))

    def _remove(self, lesion: bool, points: list[_Point]) -> None:
        """Take away points of a kind."""
        for point in points:
            if point in self._points[lesion]:
                self._points[lesion].remove(point)
                index = self._nodes[lesion].GetControlPointIndexByID(point.pointId) if point.pointId else -1
                if index >= 0:
                    self._nodes[lesion].RemoveNthControlPoint(index)

    def _dropBegun(self) -> None:
        begun, self._begun = self._begun, []
        for lesion in self._nodes:
            self._remove(lesion, begun)
            if begun:
                self.onMoved(lesion, [])

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
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", self._names[lesion])
            node.SetSaveWithScene(False)
            node.CreateDefaultDisplayNodes()
            display = node.GetDisplayNode()
            display.SetSaveWithScene(False)
            display.SetSelectedColor(COLOURS[lesion])
            display.SetColor(COLOURS[lesion])
            display.SetPointLabelsVisibility(False)
            self._nodeEvents[lesion].end()
            self._nodeEvents[lesion].observe(node, node.PointPositionDefinedEvent, self._onPoint)
            self._nodeEvents[lesion].observe(node, node.PointRemovedEvent, self._onRemoved)
            if self._count > 1:
                self._nodeEvents[lesion].observe(node, node.PointModifiedEvent, self._onMouse)
            self._nodes[lesion], self._points[lesion] = node, []
        return node

    @shown
    def _onPoint(self, _node: Any, _event: Any = None) -> None:
        self._timer.start()

    @shown
    def _onMouse(self, node: Any, _event: Any = None) -> None:
        """The point under the mouse has moved."""
        lesion = next((kind for kind, other in self._nodes.items() if other is node), None)
        if lesion is None or not self._begun:
            return
        indices = [node.GetControlPointIndexByID(point.pointId) for point in self._begun]
        indices += [
            index
            for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) == node.PositionPreview
        ]
        self.onMoved(lesion, [_position(node, index) for index in indices if index >= 0])

    @shown
    def _onRemoved(self, _node: Any, _event: Any = None) -> None:
        """Forget IDs that are gone: a later point may get one of them again."""
        for lesion, node in self._nodes.items():
            for point in self._points[lesion]:
                if point.pointId and node.GetControlPointIndexByID(point.pointId) < 0:
                    point.pointId = ""
        self._begun = [point for point in self._begun if point.pointId]

    @shown
    def _takePoints(self) -> None:
        for lesion, node in self._nodes.items():
            for pointId in self._newPoints(lesion, node):
                point = _Point(pointId)
                self._points[lesion].append(point)
                node.SetNthControlPointLocked(node.GetControlPointIndexByID(pointId), True)  # it cannot be moved
                self._begun.append(point)
                if len(self._begun) == self._count:
                    self._tell(lesion, node)
        if self._placing is None:  # the mouse was given back before this
            self._dropBegun()

    def _tell(self, lesion: bool, node: Any) -> None:
        points, self._begun = self._begun, []
        positions = [_position(node, node.GetControlPointIndexByID(point.pointId)) for point in points]
        self._onPlaced(lesion, positions, functools.partial(self._remove, lesion, points))

    def _newPoints(self, lesion: bool, node: Any) -> list[str]:
        """IDs of points that are placed, not only shown under the mouse, and were not taken yet."""
        placedIndices = [
            index
            for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        ]
        takenIds = {point.pointId for point in self._points[lesion]}
        return [pointId for pointId in map(node.GetNthControlPointID, placedIndices) if pointId not in takenIds]

    @shown
    def _onMode(self, _node: Any, _event: Any = None) -> None:
        """The user left the mouse mode, or places something else now."""
        if self._placing is None:
            return
        isOurs = self._active.GetActivePlaceNodeID() == self._nodes[self._placing].GetID()
        if not isOurs or self._interaction.GetCurrentInteractionMode() != self._interaction.Place:
            self._placing = None
            self._dropBegun()
            self._onStopped()


def _position(node: Any, index: int) -> list[float]:
    """A point of a list in the world."""
    position = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(index, position)
    return position
