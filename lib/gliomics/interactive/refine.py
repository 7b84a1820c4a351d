"""From what a user says to the next mask: clicks, strokes, boxes, and slices drawn in full.

In the masks given, every value above 0 is lesion but :data:`NOT_LESION`; the user's own voxels, :data:`LESION` and
:data:`NOT_LESION`, are never changed. The masks returned have 1 and 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from gliomics.errors import InputError
from gliomics.interactive.graph_cut import cut
from gliomics.interactive.guidance import (
    CHANNELS,
    REACH,
    add_spot,
    canonical_voxel,
    guidance,
    network_voxel,
    require_inside,
)
from gliomics.preprocess import axial, from_canonical, to_canonical
from gliomics.records import Box, Click
from gliomics.segmentation.forward import batches_of, forward, in_parallel
from gliomics.segmentation.inputs import Inputs
from gliomics.segmentation.model import LoadedModel, PreparedStudy
from gliomics.segmentation.postprocess import calibrate
from gliomics.study import Mask, check_same_grid
from gliomics.study.volumes import Volume

LEAST = 2.0
"""Radius in voxels of the disc that a click changes at least: under the pointer, the user is right."""

LESION, NOT_LESION = 3, 2
"""Label values by which a user's own voxels are told from the mask's (1), as in MONAI Label's scribbles."""


class Refiner(LoadedModel):
    """A network that sees the images, a mask and what the user says of it.

    After the idea of Sofiiuk 2022 (RITM), one network for the first click and the last; the change is kept only where
    it hangs together with the click, as in Chen 2022 (FocalClick).
    """

    task = "refinement"
    _verb = "refined"
    extra_channels = CHANNELS

    def refine(self, study: PreparedStudy, mask: Mask, clicks: Sequence[Click]) -> Mask:
        """The mask after the last of ``clicks``; earlier ones keep their voxels.

        The last click changes voxels only as it says (a click on lesion adds, one on background removes), within
        :data:`~gliomics.interactive.guidance.REACH` slices, and only where the change hangs together with
        the click; at least a small disc around it.
        """
        if not clicks:
            raise InputError("there is no click; give at least one")
        for click in clicks:
            require_inside(click, study.image)
        current = _CurrentMask.of(mask, study)
        last = clicks[-1]
        centre = canonical_voxel(last, study.inputs.canonical, study.image)
        slices = _around([centre[2]], current.lesion.shape[2])
        maps = guidance(study.inputs, current.lesion, current.user_voxels, clicks, study.image)
        proposed = current.lesion.copy()
        proposed[:, :, slices] = self._probability(study.inputs, maps, slices) > self.settings.postprocess.threshold
        after = _changed_around(current.lesion, proposed, centre, last.lesion)
        for click in clicks:
            after[canonical_voxel(click, study.inputs.canonical, study.image)] = click.lesion
        return current.with_lesion(after)

    def from_scribbles(self, study: PreparedStudy, mask: Mask) -> Mask:
        """The mask after strokes: a graph cut over the network's probabilities in the slices near a stroke.

        The cut (Boykov and Kolmogorov 2004) prefers an outline along edges of the image; strokes bind it.
        """
        current = _CurrentMask.of(mask, study)
        slices = _around(current.drawn_slices(), current.lesion.shape[2])
        if not slices:
            raise InputError(
                f"there is no stroke; draw with label value {LESION} on the lesion or {NOT_LESION} beside it"
            )
        maps = guidance(study.inputs, current.lesion, current.user_voxels, [], study.image)
        after = current.lesion.copy()
        probability = self._probability(study.inputs, maps, slices)
        after[:, :, slices] = cut(
            probability, study.inputs.canonical.array[:, :, slices], current.user_voxels[:, :, slices]
        )
        return current.with_lesion(after)

    def within_box(self, study: PreparedStudy, mask: Mask, box: Box) -> Mask:
        """The mask after a box: with the lesion that is in it added, or without any in it. Outside nothing changes.

        Lesion is outlined as after strokes, by a graph cut over the network's probabilities, which are told of the box
        as of a click in the middle of each of its slices. The user's own voxels stay.
        """
        clicks = [Click(corner, box.lesion) for corner in (box.first, box.second)]
        for click in clicks:
            require_inside(click, study.image, "a corner of the box")
        current = _CurrentMask.of(mask, study)
        corners = [canonical_voxel(click, study.inputs.canonical, study.image) for click in clicks]
        inside = tuple(slice(min(pair), max(pair) + 1) for pair in zip(*corners, strict=True))
        after = current.lesion.copy()
        after[inside] = box.lesion and (current.lesion | self._lesion_in(study, current, inside))[inside]
        return current.with_lesion(after)

    def _lesion_in(
        self, study: PreparedStudy, current: _CurrentMask, inside: tuple[slice, ...]
    ) -> npt.NDArray[np.bool_]:
        """Where the network finds lesion in the slices of a box."""
        i, j, slices = (list(range(side.start, side.stop)) for side in inside)
        maps = guidance(study.inputs, current.lesion, current.user_voxels, [], study.image)
        for number in slices:
            add_spot(maps[1], network_voxel((i[len(i) // 2], j[len(j) // 2], number), study.inputs))
        lesion = np.zeros_like(current.lesion)
        probability = self._probability(study.inputs, maps, slices)
        image = study.inputs.canonical.array[:, :, slices]
        lesion[:, :, slices] = cut(probability, image, current.user_voxels[:, :, slices])
        return lesion

    def propagate(
        self, study: PreparedStudy, mask: Mask, drawn: Sequence[int], cancelled: Callable[[], bool] = lambda: False
    ) -> Mask:
        """The mask continued from slices that the user drew, outwards until nothing is left of the lesion.

        ``drawn`` are numbers of axial slices in the image's own order. There ``mask`` is taken as it is, elsewhere only
        the user's own voxels. Slices between two drawn ones are continued from the nearer. When ``cancelled`` returns
        true, :class:`InterruptedError` is raised at the next slice.
        """
        current = _CurrentMask.of(mask, study)
        count = current.lesion.shape[2]
        outside = [number for number in drawn if not 0 <= number < count]
        if outside or not drawn:
            raise InputError(f"slices drawn are {list(drawn)}; expected at least one, from 0 to {count - 1}")
        _, downwards = axial(study.image)
        sources = [count - 1 - number if downwards else number for number in drawn]
        after = np.zeros_like(current.lesion)
        after[:, :, sources] = current.lesion[:, :, sources]
        # To the network, a slice that was drawn or continued is one that the user decided on.
        decided = current.user_voxels.copy()
        decided[:, :, sources] = np.where(after[:, :, sources], 1, -1)
        for number in _outwards(sources, count):
            if cancelled():
                raise InterruptedError("continuing the drawn slices was cancelled")
            nearest = min(sources, key=lambda source: abs(source - number))
            if after[:, :, number + int(np.sign(nearest - number))].any():
                maps = guidance(study.inputs, after, decided, [], study.image)
                probability = self._probability(study.inputs, maps, [number])[:, :, 0]
                after[:, :, number] = probability > self.settings.postprocess.threshold
            undecided = decided[:, :, number] == 0
            decided[:, :, number][undecided] = np.where(after[:, :, number], 1, -1)[undecided]
        return current.with_lesion(after)

    def _probability(self, inputs: Inputs, maps: torch.Tensor, slices: Sequence[int]) -> npt.NDArray[np.float32]:
        """The network's probabilities of some slices, (i, j, slice) on the canonical grid."""
        settings = self.settings
        guided = Inputs(torch.cat([inputs.images.float(), maps]), inputs.present, inputs.grid, inputs.canonical)
        batches = batches_of(slices)
        answers = in_parallel(lambda part: forward(self.answering, guided.windows(part, settings.input)), batches)
        logits = torch.cat(list(answers))[:, 0].numpy()
        i, j, _ = inputs.canonical.shape
        return inputs.grid.restore(calibrate(logits, settings.calibration), (i, j, len(slices)))


@dataclass(frozen=True)
class _CurrentMask:
    """A mask on the canonical grid: lesion, and the user's own voxels (1 lesion, -1 not, 0 not the user's)."""

    mask: Mask
    canonical: Volume
    lesion: npt.NDArray[np.bool_]
    user_voxels: npt.NDArray[np.int8]

    @classmethod
    def of(cls, mask: Mask, study: PreparedStudy) -> _CurrentMask:
        check_same_grid(mask, study.image, "the mask", "the image")
        array = to_canonical(mask).array
        user_voxels = np.where(array == LESION, 1, np.where(array == NOT_LESION, -1, 0)).astype(np.int8)
        return cls(mask, study.inputs.canonical, (array > 0) & (array != NOT_LESION), user_voxels)

    def drawn_slices(self) -> list[int]:
        return list(np.flatnonzero((self.user_voxels != 0).any(axis=(0, 1))).tolist())

    def with_lesion(self, lesion: npt.NDArray[np.bool_]) -> Mask:
        """The new mask (1 lesion, 0 not) on the grid of the old, with the user's own voxels as they were."""
        after = np.where(self.user_voxels == 0, lesion, self.user_voxels > 0).astype(np.uint8)
        return from_canonical(self.canonical.with_array(after), self.mask)


def _around(centres: Sequence[int], count: int) -> list[int]:
    return [number for number in range(count) if any(abs(number - centre) <= REACH for centre in centres)]


def _outwards(sources: Sequence[int], count: int) -> list[int]:
    """The slices that are none of ``sources``, nearest to one of these first."""
    distance = {number: min(abs(number - source) for source in sources) for number in range(count)}
    return sorted((number for number in range(count) if distance[number]), key=lambda number: distance[number])


def _changed_around(
    before: npt.NDArray[np.bool_], proposed: npt.NDArray[np.bool_], centre: tuple[int, int, int], lesion: bool
) -> npt.NDArray[np.bool_]:
    """``before`` with those of the proposed changes that go the click's way and hang together with its place."""
    change = (proposed != before) & (proposed == lesion)
    rows, columns = np.indices(before.shape[:2])
    disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= LEAST**2
    change[:, :, centre[2]] |= disc & (before[:, :, centre[2]] != lesion)
    change[centre] = True
    components, _ = ndimage.label(change, structure=np.ones((3, 3, 3)))
    after = before.copy()
    after[components == components[centre]] = lesion
    return after
