"""The layout manager's slice views, with the events of a real mouse: 3D Slicer's own interactor style takes them.

The views are those of :mod:`harness.views`, drawn off screen. Modelled on ``qSlicerLayoutManager``,
``qMRMLSliceWidget`` and ``qMRMLSliceView`` of 3D Slicer 5.12, as far as a panel asks for the views' interactors.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import slicer
import vtk
from PySide6.QtCore import QObject, Signal

from harness.pythonqt import asPythonQt
from harness.views import Screen

_STEPS = 8
_MANAGERS = ("vtkMRMLScalarBarDisplayableManager", "vtkMRMLMarkupsDisplayableManager")
"""What takes the mouse in a slice view beside those that draw only: window and level, and markups."""


class _SliceView:
    """The drawing part of a slice widget."""

    def __init__(self, interactor: Any) -> None:
        self._interactor = interactor

    def interactor(self) -> Any:
        return self._interactor


class _SliceWidget:
    """A slice view with its controller."""

    def __init__(self, node: Any, interactor: Any) -> None:
        self._node, self._view = node, _SliceView(interactor)

    def sliceView(self) -> _SliceView:
        return self._view

    def mrmlSliceNode(self) -> Any:
        return self._node


@asPythonQt
class LayoutManager(QObject):
    """The slice views of a screen's layout, each with its interactor and 3D Slicer's style."""

    SIGNALS: ClassVar[dict[str, str]] = {"layoutChanged(int)": "layoutChanged"}
    layoutChanged = Signal(int)
    _screen = None
    _mice: ClassVar[dict[str, Mouse]] = {}

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen, self._mice = screen, {}

    def sliceViewNames(self) -> list[str]:
        return [tag for tag in self._screen.tags() if self._screen.node(tag).IsA("vtkMRMLSliceNode")]

    def sliceWidget(self, name: str) -> _SliceWidget:
        return _SliceWidget(self._screen.node(name), self.mouse(name).interactor)

    def mrmlSliceLogics(self) -> Any:
        return slicer.app.applicationLogic().GetSliceLogics()

    def mouse(self, name: str) -> Mouse:
        """For tests: the mouse in a slice view."""
        if name not in self._mice:
            self._mice[name] = Mouse(self._screen.view(name))
        return self._mice[name]

    def close(self) -> None:
        """Let the views go."""
        for mouse in self._mice.values():
            mouse.close()


class Mouse:
    """What a hand does in a slice view; positions are pixels from its lower left corner."""

    def __init__(self, view: Any) -> None:
        self._view, self._node = view, view.node
        application = slicer.app.applicationLogic()
        self._markups = slicer.vtkSlicerMarkupsLogic()  # the application's logic keeps it for no one
        self._markups.SetMRMLApplicationLogic(application)
        self._markups.SetMRMLScene(slicer.mrmlScene)
        application.SetModuleLogic("Markups", self._markups)
        view.group.SetMRMLDisplayableNode(None)
        for name in _MANAGERS:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(application)
            view.group.AddDisplayableManager(manager)
        view.group.SetMRMLDisplayableNode(self._node)
        self.interactor = view.interactor
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(view.logic)
        self._style.SetInteractor(self.interactor)
        self.interactor.Initialize()
        self.interactor.Enable()
        self._style.SetDisplayableManagers(view.group)
        view.picture()

    def worldAt(self, x: int, y: int) -> list[float]:
        """Where a pixel is, in RAS."""
        return list(self._node.GetXYToRAS().MultiplyPoint((x, y, 0, 1))[:3])

    def send(self, event: str, x: int, y: int, *, shift: bool = False) -> None:
        self.interactor.SetEventInformation(x, y, 0, int(shift))
        self.interactor.InvokeEvent(event)

    def click(self, x: int, y: int, button: str = "Left") -> None:
        for event in ("EnterEvent", "MouseMoveEvent", f"{button}ButtonPressEvent", f"{button}ButtonReleaseEvent"):
            self.send(event, x, y)

    def move(self, x: int, y: int) -> None:
        """Move to a pixel without a button."""
        self.send("MouseMoveEvent", x, y)

    def drag(self, *corners: tuple[int, int], shift: bool = False) -> None:
        """Press the left button at the first corner, move through the others, and release it at the last."""
        for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent"):
            self.send(event, *corners[0], shift=shift)
        for (x, y), (x2, y2) in pairwise(corners):
            for step in range(1, _STEPS + 1):
                place = (x + (x2 - x) * step // _STEPS, y + (y2 - y) * step // _STEPS)
                self.send("MouseMoveEvent", *place, shift=shift)
        self.send("LeftButtonReleaseEvent", *corners[-1], shift=shift)

    def close(self) -> None:
        self._style.SetDisplayableManagers(None)
        self._style.SetInteractor(None)
