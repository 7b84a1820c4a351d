"""How a map of what speaks for an estimate is drawn, and of which voxels of a segment it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.segments import ijkToRasOf, segmentArray, voxelsOf
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError

OUTSIDE = -1000.0
"""Of a voxel outside of the segment: far below any log-odds, and not drawn. 0 would hide the image there."""
_ANCHORS = (
    "#2d004b", "#542788", "#8073ac", "#b2abd2", "#d8daeb", "#f7f7f7",
    "#fee0b6", "#fdb863", "#e08214", "#b35806", "#7f3b08",
)  # fmt: skip
"""From purple, against, to orange, for (ColorBrewer's PuOr): told apart with every kind of colour vision."""
COLOURS = 255
"""Odd, so that the middle one is that of 0."""
_TABLE_NAME = "GliomicsEvidence"
_OUTLINED_ATTRIBUTE = "Gliomics.OutlinedByMap"
"""Of a segmentation that is not filled as long as a map is seen inside of it."""


@dataclass(frozen=True)
class MappedSegment:
    """Which voxels are inside of a segment, [k, j, i], and what its map is about: a class or a feature."""

    inside: np.ndarray
    subject: str


def drawnEvidence(image: OrientedImage, segment: MappedSegment) -> tuple[np.ndarray, float]:
    """The voxels as they are drawn, and how far the colours reach to both sides of 0."""
    most = float(np.abs(image.array[segment.inside]).max()) or 1.0
    return np.where(segment.inside, image.array, np.float32(OUTSIDE)), most


def evidenceColours() -> Any:
    """The colours, in one table for all such maps."""
    names = {0: _("against"), COLOURS // 2: _("neither"), COLOURS - 1: _("for")}
    return colourTable(_TABLE_NAME, _ANCHORS, names)


def colourTable(tableName: str, anchors: Sequence[str], names: Mapping[int, str]) -> Any:
    """The scene's table of that name: :data:`COLOURS` from one of ``anchors`` (``"#rrggbb"``) to the next."""
    node = slicer.mrmlScene.GetFirstNode(tableName, "vtkMRMLColorTableNode")
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", tableName)
        node.SetTypeToUser()
        node.SetHideFromEditors(True)
        node.SetNumberOfColors(COLOURS)
        shares = np.array([[int(text[place : place + 2], 16) / 255 for place in (1, 3, 5)] for text in anchors])
        places = np.linspace(0, len(shares) - 1, COLOURS)
        channels = [np.interp(places, np.arange(len(shares)), shares[:, channel]) for channel in range(3)]
        for value, colour in enumerate(np.transpose(channels).tolist()):
            node.SetColor(value, names.get(value, str(value)), *colour, 1.0)
    return node


def outlineUnderMap(segmentation: Any) -> None:
    """Show a segmentation by its edge as long as a map is seen inside of it; with None, fill again what was filled."""
    for other in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if other is not segmentation and other.GetAttribute(_OUTLINED_ATTRIBUTE):
            other.RemoveAttribute(_OUTLINED_ATTRIBUTE)
            other.GetDisplayNode().SetVisibility2DFill(True)
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is not None and display.GetVisibility2DFill():
        segmentation.SetAttribute(_OUTLINED_ATTRIBUTE, "1")
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)


class SegmentDigest:
    """A text that changes with the voxels of a segment, reckoned anew only when its labelmap was changed."""

    def __init__(self) -> None:
        self._made: tuple[Any, ...] = ()
        self._text = ""

    def of(self, segmentation: Any, segmentId: str, reference: Any) -> str:
        """The text on the grid of a volume; empty where there is no such segment, or it reaches out of the volume."""
        if segmentation is None or reference is None or not segmentId:
            return ""
        made = (segmentation.GetID(), segmentId, reference.GetID(), voxelsOf(segmentation.GetSegmentation()))
        if made != self._made:
            self._made = made
            try:
                voxels = segmentArray(segmentation, segmentId, reference)
                self._text = OrientedImage(voxels.astype(np.uint8), ijkToRasOf(reference)).digest
            except VolumeError:
                self._text = ""
        return self._text
