"""Clicks in a slice view that is really drawn: 3D Slicer's own markups widget places the points.

The events are handed to the view's displayable manager as its interactor style does; the mouse mode, the widget, its
preview point under the mouse and the picture are those of the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from clicks import isPlacing
from RadiogenomicsLib.server.volumes import OrientedImage

SIZE = 240
GRID = np.diag([2.0, 2.0, 3.0, 1.0])


class View:
    """The red slice view, drawn off screen, and a mouse in it."""

    def __init__(self, scene: Any, node: Any, volume: Any) -> None:
        import slicer
        import vtk

        application = slicer.app.applicationLogic()
        self._node, self._vtk = node, vtk
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application)
        self._logic.SetMRMLScene(scene)
        self._logic.SetSliceNode(node)
        self._logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        node.SetOrientation("Axial")
        node.SetDimensions(SIZE, SIZE, 1)
        node.SetFieldOfView(120, 120, 3)
        node.JumpSliceByCentering(60, 60, 12)
        self._markups = slicer.vtkSlicerMarkupsLogic()
        self._markups.SetMRMLApplicationLogic(application)
        self._markups.SetMRMLScene(scene)
        application.SetModuleLogic("Markups", self._markups)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        if not factory.IsDisplayableManagerRegistered("vtkMRMLMarkupsDisplayableManager"):
            factory.RegisterDisplayableManager("vtkMRMLMarkupsDisplayableManager")
        self._renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(SIZE, SIZE)
        self.window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._group = factory.InstantiateDisplayableManagers(self._renderer)
        self._group.SetMRMLDisplayableNode(node)
        self._manager = self._group.GetNthDisplayableManager(0)
        self.window.Render()

    def worldAt(self, x: int, y: int) -> list[float]:
        """Where a pixel is, in RAS."""
        return list(self._node.GetXYToRAS().MultiplyPoint((x, y, 0, 1))[:3])

    def send(self, event: str, x: int, y: int) -> bool:
        """Let the mouse do something at a pixel; returns whether the markups widget took it."""
        import slicer

        data = slicer.vtkMRMLInteractionEventData()
        data.SetViewNode(self._node)
        data.SetRenderer(self._renderer)
        data.SetType(self._vtk.vtkCommand.GetEventIdFromString(event))
        data.SetDisplayPosition([x, y])
        data.SetWorldPosition(self.worldAt(x, y))
        canProcess = self._manager.CanProcessInteractionEvent(data, self._vtk.reference(0.0))
        return bool(canProcess and self._manager.ProcessInteractionEvent(data))

    def click(self, x: int, y: int, button: str = "Left") -> None:
        for event in ("MouseMoveEvent", f"{button}ButtonPressEvent", f"{button}ButtonReleaseEvent"):
            self.send(event, x, y)

    def close(self) -> None:
        self._group.SetMRMLDisplayableNode(None)
        self.window.Finalize()


class Placed:
    """What a :class:`PointPlacement` tells."""

    def __init__(self) -> None:
        self.clicks: list[tuple[bool, list[float]]] = []
        self.places: list[list[list[float]]] = []
        self.removals: list[Callable[[], None]] = []
        self.stops = 0

    def attempt(self, work: Callable[[], Any], **_options: Any) -> Any:
        """As the panel's work does, but let errors pass."""
        return work()

    def onPlaced(self, lesion: bool, positions: list[list[float]], remove: Callable[[], None]) -> None:
        self.clicks.append((lesion, positions[0]))
        self.places.append(positions)
        self.removals.append(remove)

    def onStopped(self) -> None:
        self.stops += 1


@pytest.fixture
def view(scene: Any, redView: Any, logic: Any) -> Iterator[View]:
    volume = logic.addVolume(OrientedImage(np.ones((10, 60, 60), np.float32), GRID), "a", "flair")
    view = View(scene, redView, volume)
    yield view
    view.close()


@pytest.fixture
def placed() -> Placed:
    return Placed()


@pytest.fixture
def placement(view: View, placed: Placed) -> Iterator[Any]:
    from RadiogenomicsLib.panel.refine.placement import PointPlacement

    placement = PointPlacement({True: "on", False: "off"}, 1, placed.onPlaced, placed.onStopped, placed)
    yield placement
    placement.cleanup()


def test_each_click_is_told_once_with_its_place(view: View, placement: Any, placed: Placed, spin: Any) -> None:
    placement.start(True)
    view.click(120, 120)
    spin(lambda: len(placed.clicks) == 1)
    view.click(160, 90)
    spin(lambda: len(placed.clicks) == 2)
    places = [view.worldAt(120, 120), view.worldAt(160, 90)]
    assert [lesion for lesion, _ in placed.clicks] == [True, True]
    assert np.allclose([position for _, position in placed.clicks], places)


def test_the_point_that_follows_the_mouse_is_not_told(
    view: View, placement: Any, placed: Placed, spin: Any, application: Any
) -> None:
    placement.start(True)
    view.click(120, 120)
    spin(lambda: len(placed.clicks) == 1)
    for x in range(130, 180, 10):
        assert view.send("MouseMoveEvent", x, x)
        application.processEvents()
    assert len(placed.clicks) == 1


def test_a_click_that_was_told_cannot_be_dragged(view: View, placement: Any, placed: Placed, spin: Any) -> None:
    placement.start(True)
    view.click(120, 120)
    spin(lambda: len(placed.clicks) == 1)
    placement.stop()
    view.send("MouseMoveEvent", 120, 120)
    view.send("LeftButtonPressEvent", 120, 120)
    view.send("MouseMoveEvent", 150, 150)
    view.send("LeftButtonReleaseEvent", 150, 150)
    position = [0.0, 0.0, 0.0]
    placement._nodes[True].GetNthControlPointPositionWorld(0, position)
    assert np.allclose(position, view.worldAt(120, 120))


def test_the_right_button_ends_placing(view: View, placement: Any, placed: Placed, spin: Any) -> None:
    placement.start(True)
    view.click(120, 120)
    spin(lambda: len(placed.clicks) == 1)
    view.click(60, 60, "Right")
    assert not isPlacing()
    assert placed.stops == 1
    assert len(placed.clicks) == 1


def test_a_double_click_counts_once(view: View, placement: Any, placed: Placed, spin: Any, application: Any) -> None:
    placement.start(False)
    view.click(120, 120)
    view.send("LeftButtonDoubleClickEvent", 120, 120)
    view.send("LeftButtonReleaseEvent", 120, 120)
    spin(lambda: bool(placed.clicks))
    application.processEvents()
    assert [lesion for lesion, _ in placed.clicks] == [False]


def test_an_undone_click_disappears_from_the_picture(view: View, placement: Any, placed: Placed, spin: Any) -> None:
    def picture() -> np.ndarray:
        from vtk.util.numpy_support import vtk_to_numpy

        view.window.Render()
        grab = view._vtk.vtkWindowToImageFilter()
        grab.SetInput(view.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        return np.array(vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()))

    placement.start(True)
    view.click(120, 120)
    spin(lambda: len(placed.clicks) == 1)
    placement.stop()
    withPoint = picture()
    placed.removals[-1]()
    assert (withPoint != picture()).any()
    assert placement._nodes[True].GetNumberOfControlPoints() == 0
