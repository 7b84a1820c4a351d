"""Clicks of a user: real markups and mouse mode, points placed by program instead of the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
from panels import Spin


def nodes() -> tuple[Any, Any]:
    """The application's nodes that hold the mouse mode and what is placed in it."""
    import slicer

    application = slicer.app.applicationLogic()
    return application.GetInteractionNode(), application.GetSelectionNode()


def isPlacing() -> bool:
    interaction, _ = nodes()
    return interaction.GetCurrentInteractionMode() == interaction.Place and interaction.GetPlaceModePersistence() == 1


def worldAt(volume: Any, voxel: tuple[float, float, float]) -> list[float]:
    """Where a voxel is in the world."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    world = [0.0, 0.0, 0.0]
    volume.TransformPointToWorld((slicer.util.arrayFromVTKMatrix(matrix) @ [*voxel, 1.0])[:3].tolist(), world)
    return world


def place(panel: Any, voxel: tuple[float, float, float]) -> None:
    """Do to the active list what the slice view does on a click: add a point there."""
    import slicer
    import vtk

    assert isPlacing()
    node = slicer.mrmlScene.GetNodeByID(nodes()[1].GetActivePlaceNodeID())
    node.AddControlPointWorld(vtk.vtkVector3d(*worldAt(panel.selection.firstVolume(), voxel)))


def click(panel: Any, voxel: tuple[float, float, float], *, lesion: bool, spin: Spin) -> None:
    """Switch to a kind of click, click, and wait for the answer."""
    button = panel.ui.addLesionButton if lesion else panel.ui.removeLesionButton
    if not button.checked:
        button.click()
    assert button.checked
    given = list(panel.correction._given)
    place(panel, voxel)
    spin(lambda: panel.correction._given != given and not panel.model.running, seconds=60)


def voxels(panel: Any) -> np.ndarray:
    """The selected segment on the grid of the first volume."""
    mask = panel.logic.segmentMask(
        panel.selection.segmentation(), panel.selection.segmentId(), panel.selection.firstVolume(), allowEmpty=True
    )
    return np.asarray(mask.array)


def points() -> dict[str, int]:
    """Points that are placed in the scene, and do not only follow the mouse, by the name of their list."""
    import slicer

    lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return {node.GetName(): node.GetNumberOfDefinedControlPoints() for node in lists}
