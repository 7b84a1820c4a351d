"""Layouts of the application's views: a study's four sequences side by side, with the segment in 3-D, the table of
features, the plots of the population or the curve of a training; and back to the layout before.

The views are the module's own, so that the user's red, green and yellow views stay as they are.
"""

from __future__ import annotations

from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.sequences import SEQUENCES, TITLES

SEQUENCES_LAYOUT, SURFACE_LAYOUT, FEATURES_LAYOUT, POPULATION_LAYOUT, CURVE_LAYOUT = range(7610, 7615)
"""What the scene calls them; a saved scene names its layout so, therefore they stay as they are."""
DEFAULT_LAYOUT = 3
"""3D Slicer's own *Four-Up*, where it is not known which layout was before."""
ORDER = ("flair", "t1", "t1c", "t2")
VIEW_TAGS = {sequence: f"Gliomics{sequence.upper()}" for sequence in SEQUENCES}
"""The slice view of each sequence."""
SURFACE_TAG, TABLE_TAG = "GliomicsSurface", "GliomicsFeatures"
PLOT_TAGS = ("GliomicsKeyFeatures", "GliomicsFeature")
CURVE_TAG = "GliomicsCurve"
_VIEW_GROUP = 76
"""Views that move together; 3D Slicer's own are group 0."""
_COLOURS = {"flair": "#7FA8D1", "t1": "#A9A9A9", "t1c": "#D9B26F", "t2": "#8FBF9F"}


def _slice(sequence: str) -> str:
    properties = {
        "orientation": "Axial",
        "viewlabel": TITLES[sequence],
        "viewcolor": _COLOURS[sequence],
        "viewgroup": str(_VIEW_GROUP),
    }
    return _view("vtkMRMLSliceNode", VIEW_TAGS[sequence], properties)


def _view(className: str, tag: str, properties: dict[str, str]) -> str:
    lines = "".join(
        f'<property name="{name}" action="default">{value}</property>' for name, value in properties.items()
    )
    return f'<view class="{className}" singletontag="{tag}">{lines}</view>'


def _arranged(kind: str, *parts: str) -> str:
    return f'<layout type="{kind}">' + "".join(f"<item>{part}</item>" for part in parts) + "</layout>"


def _split(*parts: tuple[int, str]) -> str:
    """Parts above one another; the user can move the border between them."""
    items = "".join(f'<item splitSize="{size}">{part}</item>' for size, part in parts)
    return f'<layout type="vertical" split="true">{items}</layout>'


def _descriptions() -> dict[int, str]:
    """The layouts in the application's own form."""
    slices = [_slice(sequence) for sequence in ORDER]
    fourUp = _arranged("vertical", _arranged("horizontal", *slices[:2]), _arranged("horizontal", *slices[2:]))
    row = _arranged("horizontal", *slices)
    surface = _view("vtkMRMLViewNode", SURFACE_TAG, {"viewlabel": "3-D"})
    table = _view("vtkMRMLTableViewNode", TABLE_TAG, {"viewlabel": "Features"})
    plots = [_view("vtkMRMLPlotViewNode", tag, {"viewlabel": "Plot"}) for tag in PLOT_TAGS]
    return {
        SEQUENCES_LAYOUT: fourUp,
        SURFACE_LAYOUT: _arranged("horizontal", fourUp, surface),
        FEATURES_LAYOUT: _split((350, row), (650, table)),
        POPULATION_LAYOUT: _split((350, row), (650, _arranged("horizontal", *plots))),
        CURVE_LAYOUT: _arranged("horizontal", _view("vtkMRMLPlotViewNode", CURVE_TAG, {"viewlabel": "Plot"})),
    }


def layoutNode() -> Any:
    """The node of the application's layout; None where there are no views."""
    return slicer.mrmlScene.GetSingletonNode("vtkMRMLLayoutNode", "vtkMRMLLayoutNode")


def arrangement() -> int:
    """The layout that is shown; 0 where there are no views."""
    node = layoutNode()
    return int(node.GetViewArrangement()) if node is not None else 0


def isOurs(layout: int) -> bool:
    """Whether a layout is one of these."""
    return layout in range(SEQUENCES_LAYOUT, CURVE_LAYOUT + 1)


def register(node: Any) -> None:
    """Let the application know these layouts; it forgets them when it is closed."""
    for identifier, description in _descriptions().items():
        if not node.IsLayoutDescription(identifier):
            node.AddLayoutDescription(identifier, description)


def arrange(layout: int) -> None:
    """Show a layout: one of these, or one of the application's."""
    node = layoutNode()
    register(node)
    node.SetViewArrangement(layout)


def nameOnly(layout: int) -> None:
    """Let the scene have another layout without showing it: nobody is told."""
    node = layoutNode()
    tellsNobody = node.GetDisableModifiedEvent()
    node.SetDisableModifiedEvent(True)
    node.SetViewArrangement(layout)
    node.SetDisableModifiedEvent(tellsNobody)


def sliceLogics() -> dict[str, Any]:
    """What draws the slice view of each sequence; only those that the application has made."""
    application = slicer.app.applicationLogic()
    if application.GetSliceLogics() is None:
        return {}
    logics = {sequence: application.GetSliceLogicByLayoutName(VIEW_TAGS[sequence]) for sequence in ORDER}
    return {sequence: logic for sequence, logic in logics.items() if logic is not None}


def fill(volumes: dict[str, Any]) -> None:
    """Put each sequence's volume into its view, with nothing over it; a view without a volume says so by its label.

    Window and level are those of the volumes and are left as they are.
    """
    for sequence, logic in sliceLogics().items():
        node, composite = volumes.get(sequence), logic.GetSliceCompositeNode()
        wasModified = composite.StartModify()
        composite.SetBackgroundVolumeID(node.GetID() if node is not None else None)
        composite.SetLabelVolumeID(None)
        composite.SetLinkedControl(True)
        composite.EndModify(wasModified)
        logic.GetSliceNode().SetLayoutLabel(
            TITLES[sequence] if node is not None else _("{sequence}: none chosen").format(sequence=TITLES[sequence])
        )


def fit(volumes: dict[str, Any], centre: list[float] | None) -> None:
    """Turn all views into the plane in which the first volume was acquired, fit it, and go to ``centre`` (RAS, mm)."""
    first = next((volumes[sequence] for sequence in ORDER if sequence in volumes), None)
    if first is None:
        return
    views = [logic.GetSliceNode() for logic in sliceLogics().values()]
    for logic, view in zip(sliceLogics().values(), views, strict=True):
        width, height, _depth = view.GetDimensions()
        view.SetOrientation("Axial")
        view.RotateToVolumePlane(first)
        logic.FitSliceToVolume(first, width, height)
        if centre is not None:
            view.JumpSliceByOffsetting(*centre)
    for logic in sliceLogics().values():  # onto the middle of a slice; a view without a volume knows none
        if logic.GetBackgroundLayer().GetVolumeNode() is first:
            logic.SnapSliceOffsetToIJK()
            for view in views:
                view.SetSliceOffset(logic.GetSliceOffset())


def showInOtherViews(node: Any) -> None:
    """Put a volume into all slice views but those of the sequences, and fit it there."""
    tags = set(VIEW_TAGS.values())
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if composite.GetLayoutName() not in tags:
            composite.SetBackgroundVolumeID(node.GetID())
    collection = slicer.app.applicationLogic().GetSliceLogics()
    for index in range(collection.GetNumberOfItems() if collection is not None else 0):
        logic = collection.GetItemAsObject(index)
        if logic.GetSliceNode() is not None and logic.GetSliceNode().GetLayoutName() not in tags:
            logic.FitSliceToBackground()


def slicePlanes() -> list[Any]:
    """The nodes of the slice views in which a slice is shown to the user: the red one and those of the sequences."""
    tags = ("Red", *VIEW_TAGS.values())
    nodes = [slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode") for tag in tags]
    return [node for node in nodes if node is not None]
