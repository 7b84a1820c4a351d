"""Labels of a study in the scene: where a segmentation came from, and several of them seen together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer.util

from RadiogenomicsLib.scene.segments import ijkToRasOf
from RadiogenomicsLib.server.volumes import OrientedImage, sameGrid

LABEL_ATTRIBUTE = "Gliomics.Label"
"""Of a segmentation that was loaded from the server: the label and its version."""


def markLabel(segmentation: Any, label: str) -> None:
    """Note which label a segmentation came as."""
    segmentation.SetAttribute(LABEL_ATTRIBUTE, label)


def labelOf(segmentation: Any) -> str:
    """The label that a segmentation came as; empty for one that is none of the server's."""
    return segmentation.GetAttribute(LABEL_ATTRIBUTE) or ""


def volumeOfGrid(mask: OrientedImage, volumes: Iterable[Any]) -> Any:
    """The first of these volumes that has a mask's grid; None where none has."""
    grids = ((node, OrientedImage(slicer.util.arrayFromVolume(node), ijkToRasOf(node))) for node in volumes)
    return next((node for node, grid in grids if sameGrid(mask, grid)), None)


def outlineOthers(segmentation: Any) -> None:
    """Fill this segmentation, and show others on the same volume by their outlines, so that both are seen."""
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    volumeId = segmentation.GetNodeReferenceID(role)
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetNodeReferenceID(role) == volumeId and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility2DFill(node is segmentation)
