"""From lesion probabilities to a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.segmentation.settings import PostprocessSettings


def to_mask(probability: npt.NDArray[Any], settings: PostprocessSettings) -> npt.NDArray[np.uint8]:
    """Threshold and drop 3-D components (faces connect) smaller than a fraction of the largest one."""
    above = probability > settings.threshold
    components, count = ndimage.label(above)
    if count > 1:
        sizes = np.bincount(components.ravel())
        sizes[0] = 0
        above = (sizes >= settings.smallest_component * sizes.max())[components]
        above[components == 0] = False
    return np.asarray(above, dtype=np.uint8)
