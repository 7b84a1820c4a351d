"""The views of the current layout, really drawn: MRML's own layout, slice and displayable logic, off screen.

What the application adds is small and stands here: one render window for each view, of a size that a test chooses.
Modelled on ``qMRMLLayoutManager``, ``qMRMLSliceView`` and ``qMRMLThreeDView`` of 3D Slicer 5.12: a slice logic is made
for every slice node of the scene and published by the application's logic, the slice's image is drawn by an image
mapper, and everything else by the displayable managers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)
_BLACK_LEVEL = 127.5


class DrawnView:
    """One view of the screen, with its render window."""

    def __init__(self, node: Any, logic: Any, size: tuple[int, int]) -> None:
        self.node, self.logic = node, logic
        self.renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetSize(*size)
        self._window.SetMultiSamples(0)
        self._window.SetNumberOfLayers(2)  # legends are drawn in a layer of their own
        self._window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self._window)
        isSlice = node.IsA("vtkMRMLSliceNode")
        if isSlice:
            self._drawImage(size)
        # The application's factories keep what is registered in them for ever, so the managers are made here.
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        for name in _SLICE_MANAGERS if isSlice else _THREE_D_MANAGERS:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(slicer.app.applicationLogic())
            self.group.AddDisplayableManager(manager)
        self.group.SetMRMLDisplayableNode(node)

    def _drawImage(self, size: tuple[int, int]) -> None:
        self.logic.ResizeSliceNode(*size)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(2 * _BLACK_LEVEL)
        mapper.SetColorLevel(_BLACK_LEVEL)
        mapper.SetInputConnection(self.logic.GetImageDataConnection())
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.SetLayerNumber(0)
        self._image = actor
        self.renderer.AddViewProp(actor)

    def picture(self) -> np.ndarray:
        """What is seen now: uint8, [row from the top, column, red-green-blue]."""
        if self.node.IsA("vtkMRMLSliceNode"):
            self._image.SetVisibility(self.logic.GetImageDataConnection() is not None)
            self._image.GetMapper().SetInputConnection(self.logic.GetImageDataConnection())
        self._window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        return np.array(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3])

    def close(self) -> None:
        self.group.SetMRMLDisplayableNode(None)
        self._window.Finalize()


class Screen:
    """The application's views: the layout's nodes, and those of them drawn that a test looks at."""

    def __init__(self, scene: Any, size: tuple[int, int] = (240, 240)) -> None:
        self._scene, self._size = scene, size
        self._application = slicer.app.applicationLogic()
        self._sliceLogics = vtk.vtkCollection()
        self._application.SetSliceLogics(self._sliceLogics)
        self._drawn: dict[str, DrawnView] = {}
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self._tag = scene.AddObserver(scene.NodeAddedEvent, self._onNodeAdded)
        self.logic = slicer.vtkMRMLLayoutLogic()
        self.logic.SetMRMLApplicationLogic(self._application)
        self.logic.SetMRMLScene(scene)
        self.layout = self.logic.GetLayoutNode()
        self.layout.SetViewArrangement(self.layout.SlicerLayoutConventionalView)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, _scene: Any, _event: Any, node: Any) -> None:
        if node.IsA("vtkMRMLSliceNode"):
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(self._application)
            self._sliceLogics.AddItem(logic)
            logic.SetMRMLScene(self._scene)
            logic.SetSliceNode(node)
            logic.ResizeSliceNode(*self._size)

    def tags(self) -> list[str]:
        """The views of the layout, by their singleton tags."""
        nodes = self.logic.GetViewNodes()
        return [nodes.GetItemAsObject(index).GetSingletonTag() for index in range(nodes.GetNumberOfItems())]

    def node(self, tag: str) -> Any:
        """The node of a view of the layout."""
        nodes = self.logic.GetViewNodes()
        views = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
        return next(view for view in views if view.GetSingletonTag() == tag)

    def composite(self, tag: str) -> Any:
        """What a slice view of the layout shows."""
        return self._application.GetSliceLogicByLayoutName(tag).GetSliceCompositeNode()

    def view(self, tag: str, size: tuple[int, int] | None = None) -> DrawnView:
        """A slice or 3-D view of the layout, drawn; of another size than the others where one is given at first."""
        if tag not in self._drawn:
            logic = self._application.GetSliceLogicByLayoutName(tag)
            self._drawn[tag] = DrawnView(self.node(tag), logic, size or self._size)
        return self._drawn[tag]

    def picture(self, tag: str, size: tuple[int, int] | None = None) -> np.ndarray:
        """What is seen in a view of the layout now."""
        return self.view(tag, size).picture()

    def save(self, tags: list[list[str]], path: Path) -> None:
        """Write the pictures of some views, in rows, to a PNG file."""
        from PIL import Image

        rows = [np.concatenate([self.picture(tag) for tag in row], axis=1) for row in tags]
        Image.fromarray(np.concatenate(rows, axis=0)).save(path)

    def close(self) -> None:
        """Let go of the windows and of what the application's logic was told."""
        for view in self._drawn.values():
            view.close()
        self._drawn.clear()
        self._scene.RemoveObserver(self._tag)
        self.logic.SetMRMLScene(None)
        for index in range(self._sliceLogics.GetNumberOfItems()):
            self._sliceLogics.GetItemAsObject(index).SetMRMLScene(None)
        self._application.SetSliceLogics(None)
        for className in ("vtkMRMLLayoutNode", "vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
            for node in slicer.util.getNodesByClass(className):
                self._scene.RemoveNode(node)
        for className in ("vtkMRMLViewNode", "vtkMRMLTableViewNode", "vtkMRMLPlotViewNode", "vtkMRMLCameraNode"):
            for node in slicer.util.getNodesByClass(className):
                self._scene.RemoveNode(node)
