"""Lines and boxes that are drawn in slice views: what shows them, and the voxels that a line crosses."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.hierarchy import removeNode
from RadiogenomicsLib.scene.segments import ijkToRasOf
from RadiogenomicsLib.server.volumes import VolumeError

COLOURS = {True: (0.2, 0.8, 0.3), False: (0.9, 0.25, 0.2)}
"""Of what is drawn on the lesion, and beside it."""


def addCurve(lesion: bool) -> Any:
    """An empty curve of straight pieces that cannot be moved by hand and is not saved with the scene."""
    node = _addMark("vtkMRMLMarkupsCurveNode", _("Lesion stroke") if lesion else _("Not lesion stroke"), lesion)
    node.SetCurveTypeToLinear()
    node.SetLocked(True)
    display = node.GetDisplayNode()
    display.SetSelectedColor(COLOURS[lesion])
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.5)
    display.SetCurveLineSizeMode(display.UseLineDiameter)
    return node


def _addMark(className: str, name: str, lesion: bool) -> Any:
    """A node that is seen in the views and nowhere else: not listed, not saved, not undone with the scene."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetUndoEnabled(False)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetColor(COLOURS[lesion])
    return node


def extend(curve: Any, position: list[float]) -> None:
    """Continue a curve to a position in RAS."""
    curve.AddControlPointWorld(vtk.vtkVector3d(*position))


class BoxOutline:
    """Shows the outline of a box of voxels in the slice views; it is not saved with the scene.

    It is a surface, which the slices cut: a region of markups would take the mouse from the corners that are placed.
    """

    def __init__(self) -> None:
        self._node: Any = None

    def show(self, volume: Any, first: tuple[int, int, int], second: tuple[int, int, int], *, lesion: bool) -> None:
        """Show the box of which these two voxels (i, j, k) of a volume are opposite corners."""
        lower, upper = np.minimum(first, second) - 0.5, np.maximum(first, second) + 0.5
        cube = vtk.vtkCubeSource()
        cube.SetBounds(*np.stack([lower, upper], axis=1).ravel())
        toRas = vtk.vtkTransform()
        toRas.SetMatrix(slicer.util.vtkMatrixFromArray(ijkToRasOf(volume)))
        placed = vtk.vtkTransformPolyDataFilter()
        placed.SetTransform(toRas)
        placed.SetInputConnection(cube.GetOutputPort())
        placed.Update()
        if self._node is None:
            self._node = _addSurface(lesion)
        self._node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        self._node.SetAndObservePolyData(placed.GetOutput())

    def remove(self) -> None:
        """Take it off the views."""
        if self._node is not None:
            removeNode(self._node)
            self._node = None


def _addSurface(lesion: bool) -> Any:
    node = _addMark("vtkMRMLModelNode", _("Box with lesion") if lesion else _("Box without lesion"), lesion)
    display = node.GetDisplayNode()
    display.SetVisibility2D(True)
    display.SetVisibility3D(False)
    display.SetSliceIntersectionThickness(2)
    return node


def voxelsAlong(volume: Any, positions: list[list[float]]) -> np.ndarray:
    """The voxels (i, j, k) of a volume on a line through positions in RAS, each once, in their order.

    What lies beside the volume is left out; :class:`VolumeError` where all does.
    """
    toVoxel = np.linalg.inv(ijkToRasOf(volume))
    corners = []
    for position in positions:
        local = [0.0, 0.0, 0.0]
        volume.TransformPointFromWorld(position, local)
        corners.append((toVoxel @ [*local, 1.0])[:3])
    pieces = [np.array(corners[:1])]
    for start, end in itertools.pairwise(corners):
        count = int(np.ceil(2 * np.abs(end - start).max())) + 1
        pieces.append(np.linspace(start, end, count))
    voxels = np.rint(np.concatenate(pieces)).astype(int)
    size = np.array(volume.GetImageData().GetDimensions())
    voxels = voxels[((voxels >= 0) & (voxels < size)).all(axis=1)]
    if not voxels.size:
        raise VolumeError(_("the stroke is outside '{volume}'; draw on the volume").format(volume=volume.GetName()))
    first = np.unique(voxels, axis=0, return_index=True)[1]
    return np.asarray(voxels[np.sort(first)])
