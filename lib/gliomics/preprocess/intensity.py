"""Intensities of MR images, which have no unit, brought to one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError

_BACKGROUND_FRACTION = 0.05
"""Voxels under this fraction of the robust maximum are air."""


def foreground(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Voxels that show the head (or, in a skull-stripped image, the brain).

    An image with negative values whose commonest value is 0 was standardised after
    skull stripping: there, everything but 0 is foreground.
    """
    if not np.isfinite(array).all():
        raise InputError("the image has voxels that are NaN or infinite; replace them before use")
    low, high = float(array.min()), float(np.percentile(array, 99.5))
    if low < 0 and np.count_nonzero(array == 0) > 0.1 * array.size:
        return array != 0
    return np.asarray(array > low + _BACKGROUND_FRACTION * (high - low))


def standardise(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Clip to the 1st and 99.5th percentile of the foreground and z-score over it; air becomes the minimum.

    A constant image raises :class:`InputError`: nothing can be segmented in it.
    """
    inside = foreground(array)
    if not inside.any():
        raise InputError("every voxel of the image has the same value; is it the right file?")
    values = array[inside].astype(np.float32)
    low, high = np.percentile(values, (1, 99.5))
    values = np.clip(values, low, high)
    deviation = float(values.std())
    if deviation == 0:
        raise InputError("the image has one intensity inside the head; is it a mask?")
    clipped = np.clip(array.astype(np.float32), low, high)
    scaled = (clipped - float(values.mean())) / deviation
    scaled[~inside] = scaled.min()
    return scaled.astype(np.float32)
