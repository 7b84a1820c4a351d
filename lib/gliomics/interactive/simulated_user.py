"""A simulated annotator, who clicks near what is wrong, as people do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.records import Click
from gliomics.study.volumes import Mask

JITTER = 1.0
"""Standard deviation of where a click lands, in voxels within the slice."""


def next_click(mask: Mask, truth: Mask, rng: np.random.Generator, *, slice_axis: int) -> Click | None:
    """The click by which an annotator would correct ``mask``, or None where nothing is left to correct.

    The annotator sees the largest connected error, looks at the slice (across ``slice_axis``) where it is largest and
    clicks somewhere in its middle.
    """
    is_lesion = truth.array > 0
    wrong = (mask.array > 0) != is_lesion
    components, count = ndimage.label(wrong)
    if count == 0:
        return None
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    # A component may hold voxels that are missing beside voxels that are too many; the annotator sees the larger part.
    inside = components == sizes.argmax()
    missing = np.count_nonzero(inside & is_lesion) * 2 >= np.count_nonzero(inside)
    inside &= is_lesion == missing
    in_plane = tuple({0, 1, 2} - {slice_axis})
    number = int(inside.sum(axis=in_plane).argmax())
    row, column = draw_place(np.take(inside, number, axis=slice_axis), rng)
    voxel = [row, column]
    voxel.insert(slice_axis, number)
    return Click((voxel[0], voxel[1], voxel[2]), bool(missing))


def draw_place(area: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """Where an annotator clicks who means an area of a slice: near its middle, but seldom exactly there.

    The probability grows with the distance to the area's edge, and the hand trembles by :data:`JITTER`. Ideal clicks,
    in the very middle, flatter interactive models (Marinov 2024, arXiv 2404.01816).
    """
    depth = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1] ** 2
    aim = rng.choice(depth.size, p=(depth / depth.sum()).ravel())
    place = np.array(np.unravel_index(aim, depth.shape)) + rng.normal(0, JITTER, 2)
    row, column = np.clip(np.rint(place), 0, np.array(area.shape) - 1).astype(int).tolist()
    return row, column
