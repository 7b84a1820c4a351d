"""Strokes that the user draws in the slice views with the left mouse button held, on the lesion or beside it.

3D Slicer's markups place a curve point by point; a stroke of a pen is not among their modes. So the views' own events
are taken while strokes are on, before the views change the window or the slice by them, and a curve shows the line.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import slicer

from RadiogenomicsLib.panel.jobrunner import JobRunner, shown
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.scene.strokes import addCurve, extend

BEFORE_VIEW = 10.0
"""Priority of an observer that is called before the view's own ones, whose are at most 1."""

LEAST_MM = 0.5
"""A position nearer than this to the one before adds nothing to a stroke."""

Positions = list[list[float]]
OnDrawn = Callable[[bool, Positions, Callable[[], None]], None]
"""Called with whether lesion is meant, the positions (world, RAS, millimetres), and what takes them off the view."""


class StrokeDrawing:
    """Takes the left button in every slice view between :meth:`start` and :meth:`stop`.

    With a modifier key it stays the view's, for moving and zooming.
    """

    def __init__(self, onDrawn: OnDrawn, onStopped: Callable[[], None], work: JobRunner) -> None:
        self.runner = work
        self._onDrawn, self._onStopped = onDrawn, onStopped
        self._events = Subscriptions()
        self._lesion = True
        self._curves: list[Any] = []
        self._curve: Any = None
        self._positions: Positions = []
        application = slicer.app.applicationLogic()
        self._interaction = application.GetInteractionNode()

    def start(self, lesion: bool) -> None:
        """Every line that is drawn means lesion, or none."""
        self._lesion = lesion
        self._events.end()
        self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)
        layout = slicer.app.layoutManager()
        if layout is None:
            return
        self._events.connect(layout, "layoutChanged(int)", self._onLayout)
        self._events.observe(self._interaction, self._interaction.InteractionModeChangedEvent, self._onMode)
        for name in layout.sliceViewNames():
            sliceWidget = layout.sliceWidget(name)
            self._observe(sliceWidget.sliceView().interactor(), sliceWidget.mrmlSliceNode())

    def stop(self) -> None:
        """Give the button back; a line that is being drawn is dropped."""
        self._events.end()
        if self._curve is not None:
            self._remove(self._curve)
            self._curve = None

    def clear(self) -> None:
        """Take all lines off the views."""
        for curve in list(self._curves):
            self._remove(curve)

    def cleanup(self) -> None:
        """Leave neither an observer nor a line."""
        self.stop()
        self.clear()

    def _observe(self, interactor: Any, view: Any) -> None:
        """Take a view's events."""
        slots = {"LeftButtonPressEvent": self._begin, "MouseMoveEvent": self._move, "LeftButtonReleaseEvent": self._end}
        for event, slot in slots.items():
            tags: list[int] = []
            take = functools.partial(self._take, slot, view, tags)
            tags.append(self._events.observe(interactor, event, take, priority=BEFORE_VIEW))

    def _take(
        self, slot: Callable[[Any, list[float]], bool], view: Any, tags: list[int], interactor: Any, _event: str
    ) -> None:
        """Let ``slot`` have an event; where it takes it, the view does not get it."""
        x, y = interactor.GetEventPosition()
        position = list(view.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3])
        if self.runner.attempt(lambda: slot(interactor, position)):
            interactor.GetCommand(tags[0]).SetAbortFlag(1)

    def _begin(self, interactor: Any, position: list[float]) -> bool:
        if interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey():
            return False
        self._curve, self._positions = addCurve(self._lesion), [position]
        self._curves.append(self._curve)
        extend(self._curve, position)
        return True

    def _move(self, _interactor: Any, position: list[float]) -> bool:
        if self._curve is None:
            return False
        if np.linalg.norm(np.subtract(position, self._positions[-1])) >= LEAST_MM:
            self._positions.append(position)
            extend(self._curve, position)
        return True

    def _end(self, interactor: Any, position: list[float]) -> bool:
        if self._curve is None:
            return False
        self._move(interactor, position)
        curve, self._curve = self._curve, None
        self._onDrawn(self._lesion, self._positions, functools.partial(self._remove, curve))
        return True

    def _remove(self, curve: Any) -> None:
        if curve in self._curves:
            self._curves.remove(curve)
            slicer.mrmlScene.RemoveNode(curve)  # nothing happens where it has gone with its scene

    @shown
    def _onLayout(self) -> None:
        """Other views are there now."""
        self.stop()
        self.start(self._lesion)

    @shown
    def _onMode(self, _node: Any, _event: Any = None) -> None:
        """The user places something now."""
        if self._interaction.GetCurrentInteractionMode() == self._interaction.Place:
            self.stop()
            self._onStopped()
