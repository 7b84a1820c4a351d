"""From the network's logits to probabilities, and from these to a mask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from gliomics.segmentation.settings import CalibrationSettings, PostprocessSettings


def calibrate(logits: npt.NDArray[np.float32], settings: CalibrationSettings) -> npt.NDArray[np.float32]:
    """Lesion probabilities of logits: sigmoid(slope * z + intercept)."""
    return np.asarray(special.expit(settings.slope * logits + settings.intercept), dtype=np.float32)


def entropy(p: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Entropy of a yes or no with probability ``p``, in nats; at most ln 2.

    >>> entropy(np.array([0.5, 0.01])).round(3)
    array([0.693, 0.056])
    """
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.minimum(-(p * np.log(p) + (1 - p) * np.log(1 - p)), math.log(2)))


def to_mask(probability: npt.NDArray[Any], settings: PostprocessSettings) -> npt.NDArray[np.uint8]:
    """Threshold and drop 3-D components (faces connect) smaller than a fraction of the largest one.

    >>> to_mask(np.array([[[0.9, 0.8, 0.2, 0.7]]]), PostprocessSettings(smallest_component=0.6))
    array([[[1, 1, 0, 0]]], dtype=uint8)
    """
    above = probability > settings.threshold
    components, count = ndimage.label(above)
    if count > 1:
        sizes = np.bincount(components.ravel())
        sizes[0] = 0
        above = (sizes >= settings.smallest_component * sizes.max())[components]
        above[components == 0] = False
    return np.asarray(above, dtype=np.uint8)
