"""The segment that is read, cut out and turned to the patient's axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from gliomics.errors import InputError
from gliomics.features.windows import window_of
from gliomics.preprocess.orientation import axial, stored_index, to_lps
from gliomics.study.volumes import Mask, Volume

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Segment:
    """A segment in the smallest box around it, its axes running to the left, backwards and upwards.

    ``volume`` is true inside, ``largest`` in the largest of its ``parts`` (voxels that touch, at corners too).
    ``slice_numbers`` are the numbers of its axial slices, from 0, as the whole mask is stored.
    """

    volume: Volume
    largest: Bools
    parts: int
    slice_numbers: list[int]

    @property
    def voxels(self) -> int:
        """How many voxels it has."""
        return int(np.count_nonzero(self.volume.array))

    @property
    def edges(self) -> Array:
        """The size of a voxel along its axes, (3,)."""
        return np.array(self.volume.spacing)


def segment_of(mask: Mask) -> Segment:
    """The voxels of ``mask`` above 0 as a segment; :class:`InputError` where there are none."""
    inside = mask.array > 0
    if not inside.any():
        raise InputError("the segment is empty; draw it before it is measured")
    window = window_of(inside)
    cropped = window.crop(mask.with_array(inside))
    volume = to_lps(cropped)
    labelled, parts = label(volume.array, np.ones((3, 3, 3)))
    largest = labelled == 1 + np.bincount(labelled.ravel())[1:].argmax()
    first = window.box[axial(mask)[0]].start
    numbers = [first + stored_index(cropped, 2, number) for number in range(volume.shape[2])]
    return Segment(volume, largest, int(parts), numbers)
