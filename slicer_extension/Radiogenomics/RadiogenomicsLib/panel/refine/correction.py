"""Correcting a segment by clicks, strokes and boxes: each is sent with the segment as it is, and the answer is one step
in the Segment Editor's history."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from gliomics.records import Box, Click
from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import makeTimer, shown
from RadiogenomicsLib.panel.refine.corrected import Corrected, WholeLesion, correctingModel, partOfTumour
from RadiogenomicsLib.panel.refine.editor import SegmentEditor
from RadiogenomicsLib.panel.refine.placement import PointPlacement, Positions
from RadiogenomicsLib.panel.refine.strokes import StrokeDrawing
from RadiogenomicsLib.scene.strokes import BoxOutline, voxelsAlong
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.prompts import Prompt, Said, Stroke, holds
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid

CLICK, STROKE, BOX = "Click", "Stroke", "Box"
TOOLS = (CLICK, STROKE, BOX)
"""What the user may correct with, as listed in the panel."""


@dataclass(frozen=True, eq=False)
class _Given:
    """What the user said, and what takes its mark off the views."""

    prompt: Prompt
    remove: Callable[[], None]


@dataclass(frozen=True)
class _Target:
    """What is corrected: a segment, on the grid of a volume."""

    segmentationId: str
    segmentId: str
    volumeId: str


class Correction(Controller):
    """Binds the buttons of the corrections. What is said while other work runs waits for it to end.

    What was said belongs to one segment, and holds as long as the segment is so at its place: a click that was undone
    or drawn over goes, with its mark, and is not sent again.
    """

    def __init__(self, context: PanelContext, editor: SegmentEditor) -> None:
        super().__init__(context)
        self._editor = editor
        ui, connect = self._ui, self._subscriptions.connect
        placed, stopped, runner = self._onDrawn, self.onStopped, self.runner
        clickNames = {True: _("Lesion clicks"), False: _("Not lesion clicks")}
        boxNames = {True: _("Corners of a box with lesion"), False: _("Corners of a box without lesion")}
        corners = PointPlacement(boxNames, 2, functools.partial(placed, BOX), stopped, runner)
        corners.onMoved = self._onCorners
        self._tools: dict[str, PointPlacement | StrokeDrawing] = {
            CLICK: PointPlacement(clickNames, 1, functools.partial(placed, CLICK), stopped, runner),
            STROKE: StrokeDrawing(functools.partial(placed, STROKE), stopped, runner),
            BOX: corners,
        }
        self._outline = BoxOutline()
        """Of the box that is being drawn."""
        self._buttons = {True: ui.addLesionButton, False: ui.removeLesionButton}
        self._target: _Target | None = None
        self._given: list[_Given] = []
        self._waiting: list[_Given] = []
        self._isReplacing = False
        self._checkTimer = makeTimer(0, self._check)
        editor.onEffect = self.release
        connect(ui.addLesionButton, "toggled(bool)", lambda on: self.onToggled(True, on))
        connect(ui.removeLesionButton, "toggled(bool)", lambda on: self.onToggled(False, on))
        connect(ui.toolSelector, "currentIndexChanged(int)", self.onTool)
        connect(ui.undoClickButton, "clicked(bool)", self.onUndo)

    # Scene

    def selectionChanged(self) -> None:
        """What was said of another segment than the one that is chosen now is forgotten."""
        target = self._chosen()
        if target != self._target:
            self._target = target
            self.forget()

    def segmentEdited(self) -> None:
        """The segmentation changed; unless an answer did it, what waits was said of another segment."""
        if not self._isReplacing:
            self._dropWaiting()
        self._checkTimer.start()

    def forget(self) -> None:
        """Begin anew, without a mark."""
        for each in (*self._given, *self._waiting):
            each.remove()
        self._given, self._waiting = [], []
        for tool in self._tools.values():
            tool.clear()
        self._outline.remove()

    def update(self) -> None:
        """After any change: stop where nothing can be corrected any more, and send what waits."""
        if self._model.correctionReason:
            self.release()
        if self._waiting and not self._model.isBusy and not self._isReplacing:
            self._send(self._waiting[0])

    def release(self) -> None:
        """Switch adding and removing off."""
        for button in self._buttons.values():
            if button.checked:
                button.checked = False

    def cleanup(self) -> None:
        """Leave no observer, and the mouse as it was."""
        self._checkTimer.stop()
        for tool in self._tools.values():
            tool.cleanup()
        self._outline.remove()

    # Actions

    @shown
    def onToggled(self, lesion: bool, on: bool) -> None:
        """Adding or removing was switched on or off."""
        if not on:
            if not self._buttons[not lesion].checked:
                self._tool.stop()
        elif self.runner.mayUpload():
            self._editor.endEffect()
            self._tool.start(lesion)
            self._buttons[not lesion].checked = False
        else:
            self._buttons[lesion].checked = False

    @shown
    def onTool(self) -> None:
        """Another tool was chosen: it takes over what is switched on."""
        for tool in self._tools.values():
            tool.stop()
        for lesion, button in self._buttons.items():
            if button.checked:
                self._tool.start(lesion)

    @property
    def _tool(self) -> PointPlacement | StrokeDrawing:
        return self._tools[TOOLS[max(self._ui.toolSelector.currentIndex, 0)]]

    @shown
    def onStopped(self) -> None:
        """The user left the mouse mode in another way than by the buttons."""
        self.release()

    def _onCorners(self, lesion: bool, positions: Positions) -> None:
        """Show the box from its first corner to the mouse, where that is over the volume."""
        if len(positions) < 2:
            self._outline.remove()
            return
        with suppress(VolumeError):
            first, second = (self._logic.voxelAt(self._volume(), position) for position in positions[:2])
            self._outline.show(self._volume(), first, second, lesion=lesion)

    def _onDrawn(self, tool: str, lesion: bool, positions: Positions, remove: Callable[[], None]) -> None:
        """A click, a stroke or a box was completed."""
        prompt = None
        if self._model.correctionReason:
            self.runner.fail(self._model.correctionReason)
        else:
            prompt = self.runner.attempt(lambda: self._promptOf(tool, lesion, positions))
        if isinstance(prompt, Box):
            self._outline.show(self._volume(), prompt.first, prompt.second, lesion=lesion)
            outline, self._outline = self._outline, BoxOutline()
            remove = _both(outline.remove, remove)
        if prompt is None:
            remove()
            self._outline.remove()
        else:
            self._waiting.append(_Given(prompt, remove))
            self.update()

    def _promptOf(self, tool: str, lesion: bool, positions: Positions) -> Prompt:
        volume = self._volume()
        if tool == STROKE:
            return Stroke(voxelsAlong(volume, positions), lesion)
        voxels = [self._logic.voxelAt(volume, position) for position in positions]
        return Click(voxels[0], lesion) if tool == CLICK else Box(voxels[0], voxels[1], lesion)

    @shown
    def onUndo(self) -> None:
        """Go back one step, whether a model or the user's hand made it."""
        self._editor.undo()
        self._check()
        self._model.actionDone(_("The last step was undone."))
        self._onChanged()

    def _send(self, given: _Given) -> None:
        segmentation, segmentId = self._selection.segmentation(), self._selection.segmentId()
        volume = self._volume()
        model = self._model.refinementModels[0]
        sequences = correctingModel(model, self._model.selection).sequences or SEQUENCES

        def read() -> tuple[Corrected, servercalls.CaseImages]:
            self._logic.checkTransforms({"volume": volume, "segmentation": segmentation})
            if self._model.selection.part:
                return partOfTumour(segmentation, segmentId, volume), self._selection.images(sequences)
            mask = self._logic.segmentMask(segmentation, segmentId, volume, allowEmpty=True)
            return WholeLesion(segmentId, mask), self._selection.images(sequences)

        case = self.runner.attempt(read, onFailed=self._dropWaiting)
        if case is None:
            return
        corrected, images = case
        mask = corrected.sent
        said = Said([*(each.prompt for each in self._given), given.prompt], corrected.part)
        backend, segment = self.runner.backend(), self._model.selection.segment

        def onResult(answer: OrientedImage) -> None:
            if given not in self._waiting:
                raise VolumeError(
                    _(
                        "'{segment}' was edited, or another was chosen, while it was corrected; the answer was "
                        "dropped: click again"
                    ).format(segment=segment)
                )
            if not sameGrid(answer, mask):
                raise VolumeError(
                    _(
                        "the corrected segment has {answer}, '{segment}' has {mask}, or they lie elsewhere; the "
                        "server answered for another image"
                    ).format(answer=describeGrid(answer), segment=segment, mask=describeGrid(mask))
                )
            self._take(given, corrected, answer.array)

        self.runner.start(
            facts.CORRECT,
            lambda job: servercalls.correct(job, backend, model.name, images, mask=mask, said=said),
            onResult,
            backend=backend,
            onAbandoned=self._dropWaiting,
        )

    def _take(self, given: _Given, before: Corrected, answer: np.ndarray) -> None:
        """Put an answer in the segment's place, and what it changes of others in theirs."""
        segments = before.after(answer, [each.prompt for each in (*self._given, given)])
        after = segments[self._selection.segmentId()]
        changed = int(np.count_nonzero(after != before.segment))
        self._waiting.pop(0)
        self._given.append(given)
        if changed:
            self._isReplacing = True
            try:
                masks = {key: OrientedImage(voxels, before.sent.ijkToRas) for key, voxels in segments.items()}
                self._editor.replace(masks, self._volume())
            finally:
                self._isReplacing = False
        self._keepThatHold(after)
        self._model.jobFinished(_changeInWords(changed, self._model.selection.segment, added=given.prompt.lesion))

    @shown
    def _check(self) -> None:
        """Forget what does not hold any more, after the segment changed."""
        if self._given:
            segmentation, volume = self._selection.segmentation(), self._volume()
            mask = self._logic.segmentMask(segmentation, self._selection.segmentId(), volume, allowEmpty=True)
            self._keepThatHold(mask.array)

    def _keepThatHold(self, mask: np.ndarray) -> None:
        given, self._given = self._given, []
        for each in given:
            if holds(each.prompt, mask):
                self._given.append(each)
            else:
                each.remove()

    def _dropWaiting(self) -> None:
        """Take back what was not answered."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.remove()

    def _chosen(self) -> _Target | None:
        segmentation, segmentId, volume = self._selection.segmentation(), self._selection.segmentId(), self._volume()
        if segmentation is None or not segmentId or volume is None:
            return None
        return _Target(segmentation.GetID(), segmentId, volume.GetID())

    def _volume(self) -> Any:
        """The volume on whose grid a segment is corrected: the first of those that the model needs."""
        models = self._model.refinementModels
        model = correctingModel(models[0], self._model.selection) if models else None
        return self._selection.firstVolume(model.requiredSequences if model is not None else ())


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def _changeInWords(voxels: int, segment: str, *, added: bool) -> str:
    if not voxels:
        text = _("nothing changed in '{segment}'.")
    elif voxels == 1:
        text = _("1 voxel added to '{segment}'.") if added else _("1 voxel removed from '{segment}'.")
    else:
        text = _("{count} voxels added to '{segment}'.") if added else _("{count} voxels removed from '{segment}'.")
    return text.format(count=voxels, segment=segment)
