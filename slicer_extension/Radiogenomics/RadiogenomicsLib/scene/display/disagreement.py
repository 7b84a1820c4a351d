"""Where two labels disagree, over the images of the slice views. No label: it cannot be chosen and submitted as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.difference import BOTH, ONLY_FIRST, ONLY_SECOND, Difference
from RadiogenomicsLib.scene.display.overlays import REFERENCE_ROLE
from RadiogenomicsLib.scene.hierarchy import fileBeside, removeNode
from RadiogenomicsLib.scene.origin import MAP_ATTRIBUTE
from RadiogenomicsLib.scene.segments import ijkToRasOf

DISAGREEMENT = "disagreement"
"""What such a map is of, beside the maps of models."""
COLOURS = {BOTH: "#F0F0F0", ONLY_FIRST: "#E69F00", ONLY_SECOND: "#0072B2"}
"""Told from each other with every kind of colour vision: by hue for most, by lightness for all (Okabe and Ito)."""
_OPACITY = 0.6
_HIDDEN_ATTRIBUTE = "Gliomics.HiddenByMap"
"""Of a segmentation that is not shown in slice views as long as there is a map over it."""
_TABLE_NAME = "GliomicsDisagreement"


def addDisagreement(difference: Difference, reference: Any, title: str) -> Any:
    """A new label map under the study of ``reference``, on its grid, in the three colours."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", title)
    node.SetAttribute(MAP_ATTRIBUTE, DISAGREEMENT)
    node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(difference.image.ijkToRas))
    slicer.util.updateVolumeFromArray(node, difference.image.array)
    display = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeDisplayNode")
    display.SetAndObserveColorNodeID(_colourTable().GetID())
    node.SetAndObserveDisplayNodeID(display.GetID())
    node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    fileBeside(node, reference)
    return node


def showDisagreement(node: Any) -> None:
    """Put a map into the slice views over the images; segmentations there, whose colours are others, are hidden."""
    for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        role, display = segmentation.GetReferenceImageGeometryReferenceRole(), segmentation.GetDisplayNode()
        if (
            display is not None
            and display.GetVisibility2D()
            and segmentation.GetNodeReference(role) is referenceOf(node)
        ):
            segmentation.SetAttribute(_HIDDEN_ATTRIBUTE, "1")
            display.SetVisibility2D(False)
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        composite.SetLabelVolumeID(node.GetID())
        composite.SetLabelOpacity(_OPACITY)


def disagreementsOfScene() -> list[Any]:
    """The maps that are there."""
    nodes = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    return [node for node in nodes if node.GetAttribute(MAP_ATTRIBUTE) == DISAGREEMENT]


def referenceOf(node: Any) -> Any:
    """The volume on which a map lies; None where it has gone."""
    return node.GetNodeReference(REFERENCE_ROLE)


def removeDisagreements() -> None:
    """Take every map out of the views and of the scene, and show what it hid."""
    for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if segmentation.GetAttribute(_HIDDEN_ATTRIBUTE):
            segmentation.RemoveAttribute(_HIDDEN_ATTRIBUTE)
            segmentation.GetDisplayNode().SetVisibility2D(True)
    for node in disagreementsOfScene():
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if composite.GetLabelVolumeID() == node.GetID():
                composite.SetLabelVolumeID(None)
        removeNode(node)


def jumpTo(node: Any, voxel: tuple[int, int, int]) -> None:
    """Move all slice views to a voxel (i, j, k) of a volume."""
    position = [0.0, 0.0, 0.0]
    local = (ijkToRasOf(node) @ np.array([*voxel, 1.0]))[:3]
    node.TransformPointToWorld(local.tolist(), position)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        view.JumpSliceByOffsetting(*position)
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is not None:
        crosshair.SetCrosshairRAS(position)


def _colourTable() -> Any:
    """The colours, in one table for all such maps."""
    node = slicer.mrmlScene.GetFirstNode(_TABLE_NAME, "vtkMRMLColorTableNode")
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", _TABLE_NAME)
        node.SetTypeToUser()
        node.SetHideFromEditors(True)
        node.SetNumberOfColors(4)
        node.SetColor(0, _("neither"), 0, 0, 0, 0)
        names = {BOTH: _("both"), ONLY_FIRST: _("only the first"), ONLY_SECOND: _("only the second")}
        for value, name in names.items():
            channels = (int(COLOURS[value][place : place + 2], 16) / 255 for place in (1, 3, 5))
            node.SetColor(value, name, *channels, 1.0)
    return node
