"""What tests of the panel do with it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import EXTENSION
from inprocess import InProcessBackend
from RadiogenomicsLib.server.volumes import OrientedImage

Spin = Callable[..., None]

REMOTE = "http://hospital.example:8000"


def idle(panel: Any) -> Callable[[], bool]:
    return lambda: not panel.model.running


def jobThreads() -> list[threading.Thread]:
    """The threads of jobs that live."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("gliomics: ")]


def state(panel: Any) -> str:
    return str(panel.model.state.value)


def paint(panel: Any, change: Callable[[np.ndarray], None]) -> None:
    """Edit the selected segment's voxels as the Segment Editor does."""
    import slicer

    segmentation, segmentId = panel.selection.segmentation(), panel.selection.segmentId()
    reference = panel.logic.referenceVolume(segmentation)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, reference).astype(np.uint8)
    change(array)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, reference)


def paintOneSlice(array: np.ndarray) -> None:
    array[1, 6:12, 8:15] = 1


def addVolume(name: str, image: OrientedImage) -> Any:
    import slicer

    return slicer.util.addVolumeFromArray(image.array, image.ijkToRas, name)


def useRemote(panel: Any, spin: Spin) -> None:
    panel.ui.serverUrl.text = REMOTE
    panel.ui.connectButton.click()
    spin(idle(panel))


def press(panel: Any, name: str, spin: Spin) -> None:
    """Press a button as the user does, wait for its work, and let no error pass."""
    button = getattr(panel.ui, name)
    assert button.enabled, button.toolTip
    button.click()
    spin(lambda: not panel.model.running, seconds=120)
    assert panel.model.state.value != "error", panel.model.message


def chooseAtRandom(panel: Any) -> None:
    """Let the next study be any, so that no network scores all studies beside what the test does."""
    panel.ui.strategySelector.setCurrentIndex(panel.ui.strategySelector.findData("random"))


def estimateTexts(panel: Any) -> list[str]:
    """The rich texts of the estimates on display."""
    import slicer.util

    widgets = vars(slicer.util.childWidgetVariables(panel.ui.estimatesPage))
    names = sorted(name for name in widgets if re.fullmatch(r"estimate\d+", name))
    return [
        widgets[f"{name}Headline"].text + widgets[f"{name}Text"].text for name in names if not widgets[name].isHidden()
    ]


def openAnother(backend: InProcessBackend) -> Any:
    """The panel as it is when 3D Slicer is started again."""
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    return RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)


def tree(scene: Any) -> dict[str, list[str]]:
    """The items under each folder, by name."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)

    def children(item: int) -> list[int]:
        items: list[int] = []
        hierarchy.GetItemChildren(item, items, False)
        return items

    return {
        hierarchy.GetItemName(item): [hierarchy.GetItemName(child) for child in children(item)]
        for item in children(hierarchy.GetSceneItemID())
    }


def edit(node: Any) -> None:
    """Change one voxel of a volume as a filter does, in place."""
    import slicer

    slicer.util.arrayFromVolume(node)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(node)
