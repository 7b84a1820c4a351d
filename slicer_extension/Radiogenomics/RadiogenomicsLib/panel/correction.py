"""Correcting a segment by clicks: each is sent with the segment as it is, and the answer takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gliomics.records import Click
from RadiogenomicsLib.panel import viewmodel
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.placement import PointPlacement
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid


@dataclass(frozen=True)
class _Step:
    """A click and the voxels that it changed, as positions in the flat array of the segment."""

    click: Click
    changed: np.ndarray


@dataclass(frozen=True)
class _Target:
    """What is corrected: a segment, on the grid of a volume."""

    segmentationId: str
    segmentId: str
    volumeId: str


class Correction(Controller):
    """Binds the buttons of the corrections. Clicks that come while other work runs wait for it to end.

    The clicks belong to one segment as they made it: when another is chosen, or the segment is edited in another way,
    they are forgotten, and so is what *Undo* would go back to.
    """

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._placement = PointPlacement(self.onPlaced, self.onStopped, self.runner)
        self._buttons = {True: self._ui.addLesionButton, False: self._ui.removeLesionButton}
        self._target: _Target | None = None
        self._steps: list[_Step] = []
        self._waiting: list[Click] = []
        self._replacing = False
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.addLesionButton, "toggled(bool)", lambda on: self.onToggled(True, on))
        connect(ui.removeLesionButton, "toggled(bool)", lambda on: self.onToggled(False, on))
        connect(ui.undoClickButton, "clicked(bool)", self.onUndo)

    # Scene

    def selectionChanged(self) -> None:
        """Clicks on another segment than the one that is chosen now are forgotten."""
        target = self._chosen()
        if target != self._target:
            self._target = target
            self.forget()

    def segmentEdited(self) -> None:
        """The segmentation changed; unless a click did it, there is nothing to go back to."""
        if not self._replacing:
            self.forget()

    def forget(self) -> None:
        """Begin anew, without a click."""
        self._steps, self._waiting = [], []
        self._model.clicks = 0
        self._placement.clear()

    def update(self) -> None:
        """After any change: stop placing where nothing can be corrected any more, and send a click that waits."""
        if self._model.correctionReason:
            self.release()
        if self._waiting and not self._model.running and not self._replacing:
            self._send(self._waiting[0])

    def release(self) -> None:
        """Switch both kinds of clicks off."""
        for button in self._buttons.values():
            if button.checked:
                button.checked = False

    def cleanup(self) -> None:
        """Leave no observer, and the mouse as it was."""
        self._placement.cleanup()

    # Actions

    @shown
    def onToggled(self, lesion: bool, on: bool) -> None:
        """Clicks of one kind were switched on or off."""
        if not on:
            if not self._buttons[not lesion].checked:
                self._placement.stop()
        elif self.runner.mayUpload():
            self._placement.start(lesion)
            self._buttons[not lesion].checked = False
        else:
            self._buttons[lesion].checked = False

    @shown
    def onStopped(self) -> None:
        """The user left the mouse mode in another way than by the buttons."""
        self.release()

    @shown
    def onPlaced(self, lesion: bool, position: list[float]) -> None:
        """A point was placed."""
        voxel = None
        if self._model.correctionReason:
            self.runner.fail(self._model.correctionReason)
        else:
            voxel = self.runner.attempt(lambda: self._logic.voxelAt(self._volume(), position))
        if voxel is None:
            self._placement.removeLast(lesion)
        else:
            self._waiting.append(Click(voxel, lesion))
            self.update()

    @shown
    def onUndo(self) -> None:
        """Go back to the segment before the last click."""
        step = self._steps[-1]
        segmentation, volume = self._selection.segmentation(), self._volume()
        mask = self._logic.segmentMask(segmentation, self._selection.segmentId(), volume, allowEmpty=True)
        mask.array.flat[step.changed] ^= 1
        self._steps.pop()
        self._replace(mask)
        self._placement.removeLast(step.click.lesion)
        self._model.actionDone(f"The last click was undone: {_counted(step.changed.size)} changed back.")
        self._onChanged()

    def _send(self, click: Click) -> None:
        segmentation, segmentId = self._selection.segmentation(), self._selection.segmentId()
        volume = self._volume()
        model = self._model.refinementModels[0]

        def read() -> tuple[OrientedImage, servercalls.CaseImages]:
            self._logic.checkTransforms({"volume": volume, "segmentation": segmentation})
            mask = self._logic.segmentMask(segmentation, segmentId, volume, allowEmpty=True)
            return mask, self._selection.images(model.sequences or SEQUENCES)

        case = self.runner.attempt(read, onFailed=self._dropWaiting)
        if case is None:
            return
        mask, images = case
        clicks = [*(step.click for step in self._steps), click]
        backend, segment = self.runner.backend(), self._model.selection.segment

        def onResult(answer: OrientedImage) -> None:
            if not any(waiting is click for waiting in self._waiting):
                raise VolumeError(
                    f"'{segment}' was edited, or another was chosen, while it was corrected; the answer was dropped: "
                    "click again"
                )
            if not sameGrid(answer, mask):
                raise VolumeError(
                    f"the corrected segment has {describeGrid(answer)}, '{segment}' has {describeGrid(mask)}, or they "
                    "lie elsewhere; the server answered for another image"
                )
            self._take(click, mask, answer)

        self.runner.start(
            viewmodel.CORRECT,
            lambda job: servercalls.correct(job, backend, model.name, images, mask=mask, clicks=clicks),
            onResult,
            backend=backend,
            onAbandoned=self._dropWaiting,
        )

    def _take(self, click: Click, before: OrientedImage, answer: OrientedImage) -> None:
        """Put an answer in the segment's place."""
        after = OrientedImage((answer.array > 0).astype(np.uint8), before.ijkToRas)
        changed = np.flatnonzero(after.array != before.array)
        self._waiting.pop(0)
        self._steps.append(_Step(click, changed))
        if changed.size:
            self._replace(after)
        self._model.clicks = len(self._steps)
        verb = "added to" if click.lesion else "removed from"
        change = f"{_counted(changed.size)} {verb}" if changed.size else "the click changed nothing of"
        self._model.jobFinished(f"{change} '{self._model.selection.segment}'.")

    def _replace(self, mask: OrientedImage) -> None:
        segmentation, segmentId = self._selection.segmentation(), self._selection.segmentId()
        self._replacing = True
        try:
            self._logic.replaceSegment(segmentation, segmentId, mask, self._volume())
        finally:
            self._replacing = False
        self._model.clicks = len(self._steps)

    def _dropWaiting(self) -> None:
        """Take back the clicks that were not answered."""
        for click in reversed(self._waiting):
            self._placement.removeLast(click.lesion)
        self._waiting = []

    def _chosen(self) -> _Target | None:
        segmentation, segmentId, volume = self._selection.segmentation(), self._selection.segmentId(), self._volume()
        if segmentation is None or not segmentId or volume is None:
            return None
        return _Target(segmentation.GetID(), segmentId, volume.GetID())

    def _volume(self) -> Any:
        """The volume on whose grid a segment is corrected: the first of those that the model needs."""
        models = self._model.refinementModels
        return self._selection.firstVolume(models[0].requiredSequences if models else ())


def _counted(voxels: int) -> str:
    return "1 voxel" if voxels == 1 else f"{voxels} voxels"
