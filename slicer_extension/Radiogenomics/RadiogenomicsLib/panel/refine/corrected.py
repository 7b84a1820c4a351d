"""What is sent of a segmentation to correct one of its segments, and what the answer makes of its segments.

A whole lesion is a segment by itself. A part of a tumour is one among others: a voxel that it gains is taken from
another, and one that it loses goes to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.selected import Selection
from RadiogenomicsLib.scene.parts import CAVITY, VALUES, partOf
from RadiogenomicsLib.scene.segments import ijkToRasOf, segmentArray, segmentsOf
from RadiogenomicsLib.server.offer import Model
from RadiogenomicsLib.server.prompts import Part, Prompt, Stroke, withStrokes
from RadiogenomicsLib.server.volumes import OrientedImage

_INWARDS = ("oedema", "core-without-enhancement", "enhancing", CAVITY)


class Corrected(Protocol):
    """A segment as it is now."""

    @property
    def sent(self) -> OrientedImage:
        """The mask that is sent."""

    @property
    def part(self) -> Part | None:
        """The part that it is."""

    @property
    def segment(self) -> np.ndarray:
        """The segment's own voxels."""

    def after(self, answer: np.ndarray, prompts: Sequence[Prompt]) -> dict[str, np.ndarray]:
        """The voxels of the segment after the answer to the last of ``prompts``, and of others that it changes."""


@dataclass(frozen=True)
class WholeLesion:
    """A segment by itself, of 0 and 1."""

    segmentId: str
    sent: OrientedImage
    part: None = None

    @property
    def segment(self) -> np.ndarray:
        """The segment's own voxels."""
        return self.sent.array

    def after(self, answer: np.ndarray, prompts: Sequence[Prompt]) -> dict[str, np.ndarray]:
        """The answer, after a stroke with all strokes: earlier ones were not sent, but hold."""
        strokes = _strokes(prompts) if isinstance(prompts[-1], Stroke) else []
        return {self.segmentId: withStrokes((answer > 0).astype(np.uint8), strokes, 1, 0)}


@dataclass(frozen=True)
class PartOfTumour:
    """One of the segments that are parts of a tumour, ``parts`` by their IDs with their voxels in ``arrays``."""

    segmentId: str
    sent: OrientedImage
    part: Part
    parts: dict[str, str]
    arrays: dict[str, np.ndarray]

    @property
    def segment(self) -> np.ndarray:
        """The segment's own voxels."""
        return self.arrays[self.segmentId]

    def after(self, answer: np.ndarray, prompts: Sequence[Prompt]) -> dict[str, np.ndarray]:
        """Voxels of another part than before leave the segments that they were in and go to one of theirs, if any.

        Earlier strokes were not sent; where the last one does not cross them, their voxels stay.
        """
        changed = answer != self.sent.array
        held = np.zeros_like(changed)
        for stroke in _strokes(prompts[:-1]):
            held[stroke.index] = True
        for stroke in _strokes(prompts[-1:]):
            held[stroke.index] = False
        changed &= ~held
        segments = {self.segmentId: self.segment}
        receivers = {part: segmentId for segmentId, part in reversed(self.parts.items())}
        receivers[self.parts[self.segmentId]] = self.segmentId
        for segmentId, part in self.parts.items():
            voxels = self.arrays[segmentId] & ~changed
            if receivers[part] == segmentId:
                voxels |= changed & (answer == VALUES[part])
            if not np.array_equal(voxels, self.arrays[segmentId]):
                segments[segmentId] = voxels
        return {segmentId: voxels.astype(np.uint8) for segmentId, voxels in segments.items()}


def partOfTumour(segmentation: Any, segmentId: str, reference: Any) -> PartOfTumour:
    """A segment that is a part of a tumour, with the other parts beside it, on the grid of ``reference``.

    Where segments share voxels, the one that is corrected has them, then those that lie farther inside.
    """
    parts = {key: partOf(segment.GetName()) for key, segment in segmentsOf(segmentation).items()}
    parts = {key: part for key, part in parts.items() if part}
    arrays = {key: segmentArray(segmentation, key, reference) for key in parts}
    label = np.zeros(arrays[segmentId].shape, np.uint8)
    inwards = sorted(parts, key=lambda key: (key == segmentId, _INWARDS.index(parts[key])))
    for key in inwards:
        label[arrays[key]] = VALUES[parts[key]]
    numbering = ",".join(f"{VALUES[part]}={part}" for part in sorted(set(parts.values())))
    sent = OrientedImage(label, ijkToRasOf(reference))
    return PartOfTumour(segmentId, sent, Part(parts[segmentId], numbering), parts, arrays)


def _strokes(prompts: Sequence[Prompt]) -> list[Stroke]:
    return [prompt for prompt in prompts if isinstance(prompt, Stroke)]


def correctingModel(model: Model, selection: Selection) -> Model:
    """The model that corrects the chosen segment: that of parts where it is one."""
    return model.parts if selection.part and model.parts is not None else model


def partReason(model: Model, selection: Selection) -> str:
    """Why the chosen segment cannot be corrected as the part that it is; empty where it can."""
    if not selection.part:
        return ""
    if selection.part == CAVITY:
        return _("'{segment}' is a cavity, and no model corrects one: draw it by hand.").format(
            segment=selection.segment
        )
    if model.parts is None:
        return _(
            "'{segment}' is a part of the tumour, and '{model}' corrects a whole lesion only: draw it by hand, or "
            "connect to a server with a model of parts."
        ).format(segment=selection.segment, model=model.name)
    return ""
