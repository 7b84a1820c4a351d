"""What a user says of a segment to a model that corrects it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gliomics.records import MOST_CLICKS, Box, Click

STROKE_LESION, STROKE_NOT_LESION = 3, 2
"""Label values by which the server tells a stroke from the mask (1) that it is drawn on."""


@dataclass(frozen=True)
class Stroke:
    """A line drawn on the lesion, or beside it: voxels (i, j, k), one a row, in the order of drawing."""

    voxels: np.ndarray
    lesion: bool

    @property
    def index(self) -> tuple[np.ndarray, ...]:
        """The voxels as an index of an array [k, j, i]."""
        return tuple(self.voxels.T[::-1])


Prompt = Click | Stroke | Box


@dataclass(frozen=True)
class Part:
    """The part of a tumour that is corrected, and which value of the label map sent is which part."""

    name: str
    numbering: str


@dataclass(frozen=True)
class Said:
    """What was said of a segment, the new last, and the part of a tumour that it is."""

    prompts: Sequence[Prompt]
    part: Part | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What a request for a correction says of it.

        A stroke is in the mask that is sent; where a part is corrected, it is an option of its own.
        """
        last = self.prompts[-1]
        # The mask has the clicks before the last already; they only tell the server more of what the user means.
        clicks = [prompt.to_json() for prompt in self.prompts if isinstance(prompt, Click)][-MOST_CLICKS:]
        options: dict[str, Any] = {"box": last.to_json()} if isinstance(last, Box) else {}
        if self.part is not None:
            options["part"] = self.part.name
            if self.part.numbering:
                options["numbering"] = self.part.numbering
            if isinstance(last, Stroke):
                options["stroke"] = {"voxels": last.voxels.tolist(), "lesion": last.lesion}
        if clicks and (isinstance(last, Click) or self.part is not None):
            options["clicks"] = clicks
        return options


def holds(prompt: Prompt, mask: np.ndarray) -> bool:
    """Whether a mask [k, j, i] of 0 and 1 still is what was said: at the click, along most of a stroke.

    A box says something of the moment only: what is in it is not all lesion.
    """
    if isinstance(prompt, Click):
        return bool(mask[prompt.voxel[::-1]] == prompt.lesion)
    if isinstance(prompt, Stroke):
        return bool(np.mean(mask[prompt.index] == prompt.lesion) > 0.5)
    return False


def withStrokes(mask: np.ndarray, strokes: Iterable[Stroke], lesion: int, notLesion: int) -> np.ndarray:
    """A copy of a mask with each stroke's voxels, later ones over earlier ones."""
    mask = mask.copy()
    for stroke in strokes:
        mask[stroke.index] = lesion if stroke.lesion else notLesion
    return mask
