"""Labels of a study in the scene: where a segmentation came from, and several of them seen together."""

from __future__ import annotations

from typing import Any

import slicer.util

LABEL_ATTRIBUTE = "Gliomics.Label"
"""Of a segmentation that was loaded from the server: the label and its version."""


def markLabel(segmentation: Any, label: str) -> None:
    """Note which label a segmentation came as."""
    segmentation.SetAttribute(LABEL_ATTRIBUTE, label)


def labelOf(segmentation: Any) -> str:
    """The label that a segmentation came as; empty for one that is none of the server's."""
    return segmentation.GetAttribute(LABEL_ATTRIBUTE) or ""


def outlineOthers(segmentation: Any) -> None:
    """Fill this segmentation, and show others on the same volume by their outlines, so that both are seen."""
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    volumeId = segmentation.GetNodeReferenceID(role)
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetNodeReferenceID(role) == volumeId and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility2DFill(node is segmentation)
