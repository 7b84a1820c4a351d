"""Lines that are drawn in slice views: the curves that show them, and the voxels that they cross."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.segments import ijkToRasOf
from RadiogenomicsLib.server.volumes import VolumeError

COLOURS = {True: (0.2, 0.8, 0.3), False: (0.9, 0.25, 0.2)}
"""Of what is drawn on the lesion, and beside it."""


def addCurve(lesion: bool) -> Any:
    """An empty curve of straight pieces that cannot be moved by hand and is not saved with the scene."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLMarkupsCurveNode")
    node.UnRegister(None)
    node.SetName(_("Lesion stroke") if lesion else _("Not lesion stroke"))
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetUndoEnabled(False)
    node.SetCurveTypeToLinear()
    node.SetLocked(True)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetSelectedColor(COLOURS[lesion])
    display.SetColor(COLOURS[lesion])
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.5)
    display.SetCurveLineSizeMode(display.UseLineDiameter)
    return node


def extend(curve: Any, position: list[float]) -> None:
    """Continue a curve to a position in RAS."""
    curve.AddControlPointWorld(vtk.vtkVector3d(*position))


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
