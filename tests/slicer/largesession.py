"""A session with the panel on studies of real size, in an event loop like 3D Slicer's: what a user does, timed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from clicks import place
from largestudy import SHAPE
from layouts import SURFACE
from slicerloop import Block, OwnClock, SlicerLoop

MIDDLE = tuple(length // 2 for length in SHAPE)


class LargeSession:
    """The module's panel, connected to a server; each action ends when its work is done."""

    def __init__(self, panel: Any, url: str) -> None:
        self.panel, self.loop = panel, SlicerLoop()
        self._random = np.random.default_rng(4)
        panel.ui.serverUrl.text = url

    def idle(self) -> bool:
        return not self.panel.model.running

    def act(self, action: str, event: Callable[[], object], until: Callable[[], bool] | None = None) -> None:
        """Do what an event does, and let its work end; errors of the panel are errors of the test."""
        self.loop.during = action
        self.loop.timed(event)
        self.loop.until(until or self.idle, 300)
        self.loop.runFor(0.3)  # what the panel does a moment later belongs to the action too
        assert self.panel.model.state.value != "error", f"{action}: {self.panel.model.message}"
        self.loop.during = "between actions"

    def press(self, action: str, button: str) -> None:
        widget = getattr(self.panel.ui, button)
        assert widget.enabled, f"{button}: {widget.toolTip}"
        self.act(action, widget.click)

    def click(self, voxel: tuple[int, ...] = MIDDLE) -> None:
        """A click that adds lesion."""
        if not self.panel.ui.addLesionButton.checked:
            self.act("add lesion", self.panel.ui.addLesionButton.click)
        given = list(self.panel.correction._given)
        self.act(
            "click", lambda: place(self.panel, voxel), lambda: self.panel.correction._given != given and self.idle()
        )

    def stroke(self, action: str = "stroke", until: Callable[[], bool] | None = None) -> None:
        """A stroke of the brush, and what follows from it."""
        self.act(action, self.paint, until)

    def paint(self) -> None:
        """Change some voxels at the segment's edge as the Segment Editor does, in the segment's own labelmap."""
        import slicer

        segmentation, segmentId = self.panel.selection.segmentation(), self.panel.selection.segmentId()
        array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation, segmentId)
        inner = segmentation.GetSegmentation()
        value = inner.GetSegment(segmentId).GetLabelValue()
        inside = np.argwhere(array == value)
        k, j, i = inside[self._random.integers(len(inside))]
        disc = array[k, max(j - 2, 0) : j + 3, max(i - 2, 0) : i + 3]
        disc[:] = value if (disc != value).any() else 0
        inner.GetSegment(segmentId).Modified()
        segmentation.Modified()
        inner.InvokeEvent(inner.SourceRepresentationModified)

    def surface(self) -> None:
        """Have the segment shown in 3-D, in its layout."""
        selector, views = self.panel.ui.layoutSelector, self.panel.views
        assert selector.enabled
        timers = (views._settleTimer, views._surfaceTimer)
        index = selector.findText(SURFACE)
        self.act(
            "surface", lambda: selector.setCurrentIndex(index), lambda: not any(timer.isActive() for timer in timers)
        )

    def closeScene(self) -> None:
        self._sceneEvent("close scene", "EndCloseEvent", lambda scene: scene.Clear(False))

    def loadScene(self, path: Path) -> None:
        self._sceneEvent("load scene", "EndImportEvent", lambda scene: scene.ReadFromMRB(str(path)))

    def _sceneEvent(self, action: str, name: str, change: Callable[[Any], object]) -> None:
        """Time what observers do at the end of it, without what 3D Slicer itself does before."""
        import slicer

        scene, clocks = slicer.mrmlScene, []
        event = getattr(scene, name)
        first = scene.AddObserver(event, lambda *_: clocks.append(OwnClock()), 1000.0)
        last = scene.AddObserver(
            event, lambda *_: self.loop.blocks.append(Block(action, clocks[-1].milliseconds())), -1000.0
        )
        try:
            change(scene)
        finally:
            scene.RemoveObserver(first)
            scene.RemoveObserver(last)
        assert clocks
        self.act(action, lambda: None, lambda: not self.panel.isLoading)


def everyAction(session: LargeSession, folder: Path) -> None:
    """All that an annotator, a radiologist and a reviewer do, once."""
    import slicer

    panel = session.panel
    panel.ui.readButton.click()  # live reading is for readers
    panel.ui.sliceCount.value = 0  # whole studies
    session.press("connect", "connectButton")
    session.press("next study", "nextStudyButton")
    session.press("auto segment", "segmentButton")
    session.press("compute", "computeButton")
    session.click()
    session.press("undo", "undoClickButton")
    session.stroke()
    panel.ui.liveCheckBox.checked = True
    session.stroke("live update", lambda: session.idle() and not panel.model.staleness)
    panel.ui.liveCheckBox.checked = False
    for action, button in (
        ("map made", "probabilityButton"),
        ("map off", "noMapButton"),
        ("map on", "probabilityButton"),
    ):
        session.press(action, button)
    session.surface()
    session.press("all parts", "allPartsButton")
    session.press("submit", "submitButton")
    scene = folder / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(scene))
    session.closeScene()
    session.loadScene(scene)
    session.press("compute", "computeButton")
    session.stroke("another stroke")  # the label is saved twice, and not alike
    session.press("submit and next", "submitNextButton")
    assert panel.selection.segmentation().GetName().startswith(panel.selection.read().studyId)
    reviewLabels(session)


def reviewLabels(session: LargeSession) -> None:
    """All that a reviewer does with a study that was labelled twice."""
    session.panel.ui.manageButton.click()
    for action, button in (
        ("list studies", "reviewListButton"),
        ("open study", "reviewOpenButton"),
        ("compare labels", "disagreementButton"),
        ("go to the largest distance", "farthestButton"),
        ("accept", "acceptButton"),
    ):
        session.press(action, button)
