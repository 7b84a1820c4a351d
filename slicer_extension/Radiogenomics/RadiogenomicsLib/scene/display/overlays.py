"""Maps over the images: how probable tumour is, where a model is unsure, what speaks for an estimate; a feature."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.scene.display.evidence import MappedSegment, drawnEvidence, evidenceColours
from RadiogenomicsLib.scene.display.featuremaps import drawnFeature, featureColours
from RadiogenomicsLib.scene.display.layouts import VIEW_TAGS
from RadiogenomicsLib.scene.hierarchy import fileBeside, removeNode
from RadiogenomicsLib.scene.origin import MAP_ATTRIBUTE
from RadiogenomicsLib.scene.segments import ijkToRasOf
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid

PROBABILITY, UNCERTAINTY, EVIDENCE, FEATURE = "probability", "uncertainty", "evidence", "feature"
OF_SEGMENT = (EVIDENCE, FEATURE)
"""Maps of one segment."""
TITLES = {
    PROBABILITY: _("Probability of tumour"),
    UNCERTAINTY: _("Uncertainty"),
    EVIDENCE: _("What speaks for the estimate"),
    FEATURE: _("Feature"),
}
_COLOURS = {PROBABILITY: "vtkMRMLColorTableNodeIron", UNCERTAINTY: "vtkMRMLColorTableNodeOcean"}
_LEAST_SHOWN = 0.05
"""Below this the image is seen through the map."""
_MODEL_ATTRIBUTE, _CONTENTS_ATTRIBUTE = "Gliomics.MapModel", "Gliomics.MapOf"
REFERENCE_ROLE = "Gliomics.MapReference"
"""Of a map: the volume on whose grid it is."""


@dataclass(frozen=True)
class _Look:
    """How a map is drawn: which voxels, in which colours, of which values from one end to the other, and its legend."""

    voxels: np.ndarray
    colours: str
    ends: tuple[float, float]
    least: float
    title: str
    numbers: str = "%.2f"
    smooth: bool = True


def addMap(
    image: OrientedImage,
    kind: str,
    reference: Any,
    *,
    model: str,
    contents: Mapping[str, str],
    segment: MappedSegment | None = None,
) -> Generator[None, None, Any]:
    """A new volume node with a map of ``model`` on the grid of ``reference``, in colours, with a legend.

    Colours are from 0 to 1; those of the evidence, which is of a ``segment``, reach as far below 0 as above it, and
    those of a feature, which is of one too, from the least to the greatest value.
    ``contents`` has a text for each sequence that it was made from, which changes with the image. It takes the place of
    an earlier map of the same kind. It is made in parts, between which the event loop has its turn; a generator that is
    closed before leaves no map.
    """
    grid = OrientedImage(slicer.util.arrayFromVolume(reference), ijkToRasOf(reference))
    if not sameGrid(image, grid):
        raise VolumeError(
            _(
                "the map has {image}, '{reference}' has {grid}, or they lie elsewhere; the server answered "
                "for another image"
            ).format(image=describeGrid(image), reference=reference.GetName(), grid=describeGrid(grid))
        )
    for node in _mapsOn(reference, kind):
        removeNode(node)
        yield
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", f"{reference.GetName()}: {TITLES[kind].lower()}, {model}"
    )
    try:
        node.SetAttribute(MAP_ATTRIBUTE, kind)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(image.ijkToRas))
        look = _look(image, kind, segment)
        slicer.util.updateVolumeFromArray(node, look.voxels)
        yield
        _display(node, look, reference)
        yield
    except GeneratorExit:
        removeNode(node)
        raise
    node.SetAttribute(_MODEL_ATTRIBUTE, model)
    node.SetAttribute(_CONTENTS_ATTRIBUTE, json.dumps(dict(contents)))
    return node


def _look(image: OrientedImage, kind: str, segment: MappedSegment | None) -> _Look:
    if segment is None:
        return _Look(image.array, _COLOURS[kind], (0.0, 1.0), _LEAST_SHOWN, TITLES[kind])
    if kind == FEATURE:
        values, ends = drawnFeature(image, segment.inside)
        return _Look(values, featureColours().GetID(), ends, ends[0], segment.subject, "%.3g", smooth=False)
    voxels, most = drawnEvidence(image, segment)
    title = _("Log-odds of {name}").format(name=segment.subject)
    return _Look(voxels, evidenceColours().GetID(), (-most, most), -most, title, "%+.1f", smooth=False)


def _display(node: Any, look: _Look, reference: Any) -> None:
    """Let a map be where its reference is, in colours."""
    node.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
    node.SetAndObserveTransformNodeID(reference.GetTransformNodeID())
    # With a display node of its own making, 3D Slicer looks all voxels through for a window first.
    display = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeDisplayNode")
    display.SetAndObserveColorNodeID(look.colours)
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*look.ends)
    display.SetThreshold(look.least, look.ends[1])
    display.SetApplyThreshold(True)
    display.SetInterpolate(look.smooth)
    node.SetAndObserveDisplayNodeID(display.GetID())
    _addLegend(node, look)
    fileBeside(node, reference)


def mapOf(kind: str, reference: Any, *, model: str, contents: Mapping[str, str]) -> Any:
    """The map that :func:`addMap` made of these; None where there is none, or it was made of others."""
    for node in _mapsOn(reference, kind):
        if node.GetAttribute(_MODEL_ATTRIBUTE) == model and _contents(node) == contents:
            return node
    return None


def kindOf(node: Any) -> str:
    """What a map is of."""
    return str(node.GetAttribute(MAP_ATTRIBUTE) or "")


def isMadeOf(node: Any, contents: Mapping[str, str]) -> bool:
    """Whether a map was made of images that are all among these, by sequence."""
    return all(contents.get(sequence) == text for sequence, text in _contents(node).items())


def mapsOn(volume: Any) -> list[Any]:
    """The maps on the grid of a volume, of whatever they are."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in nodes if _isMap(node) and node.GetNodeReference(REFERENCE_ROLE) is volume]


def mapsOfScene() -> list[Any]:
    """All maps of the scene."""
    return [node for kind in TITLES for node in _maps(kind)]


def showMap(node: Any, opacity: float) -> None:
    """Put a map over the images of all slice views, or take every map off with None; ``opacity`` is from 0 to 1."""
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if node is not None:
            composite.SetForegroundVolumeID(node.GetID())
            composite.SetForegroundOpacity(opacity)
        elif _isMap(slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or "")):
            composite.SetForegroundVolumeID(None)
    for other in mapsOfScene():  # a legend looks whether its map is shown when it is changed itself
        legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(other)
        if legend is not None:
            legend.Modified()


def _maps(kind: str) -> list[Any]:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if kindOf(node) == kind]


def _mapsOn(reference: Any, kind: str) -> list[Any]:
    return [node for node in _maps(kind) if node.GetNodeReference(REFERENCE_ROLE) is reference]


def _contents(node: Any) -> dict[str, str]:
    try:
        return dict(json.loads(node.GetAttribute(_CONTENTS_ATTRIBUTE) or ""))
    except (ValueError, TypeError):
        return {"": "not known"}


def _isMap(node: Any) -> bool:
    return node is not None and bool(node.GetAttribute(MAP_ATTRIBUTE))


def _addLegend(node: Any, look: _Look) -> None:
    """A legend in one of the views of the sequences and in the application's own; in each it would hide too much."""
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(node)
    legend.SetTitleText(look.title)
    legend.SetLabelFormat(look.numbers)
    legend.SetSize(0.12, 0.5)
    legend.SetPosition(0.97, 0.5)
    tags = ("Red", "Yellow", "Green", VIEW_TAGS["t2"])
    for tag in tags:
        legend.AddViewNodeID(f"vtkMRMLSliceNode{tag}")
