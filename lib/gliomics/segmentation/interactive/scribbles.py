"""The outline that follows probabilities, edges of the image and a user's strokes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

SMOOTHNESS = 1.0
"""Weight of the outline's length against the probabilities."""

CONTRAST = 0.3
"""Difference of intensity, in standard deviations over the head, that counts as an edge."""

_MARGIN = 3
_LEAST = 1e-3


def cut(probability: npt.NDArray[Any], image: npt.NDArray[Any], own: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """The binary mask (i, j, k) of least energy: a graph cut of probabilities, solved by maximum flow.

    ``image`` is standardised; ``own`` is 1 and -1 where the user says lesion and not. Voxels far from any that could
    be lesion are left out of the graph, because they could only stay outside.
    """
    import numpymaxflow

    mask = np.zeros(probability.shape, dtype=bool)
    possible = (probability > _LEAST) | (own != 0)
    if not possible.any():
        return mask
    (box,) = ndimage.find_objects(possible.astype(np.uint8))
    box = tuple(slice(max(0, side.start - _MARGIN), side.stop + _MARGIN) for side in box)
    lesion = np.clip(probability[box], _LEAST, 1 - _LEAST).astype(np.float32)
    lesion[own[box] > 0], lesion[own[box] < 0] = 1 - 1e-7, 1e-7
    both = np.stack([1 - lesion, lesion])
    label = numpymaxflow.maxflow(image[box][None].astype(np.float32), both, SMOOTHNESS, CONTRAST, 6)
    mask[box] = label[0] > 0
    mask[own > 0], mask[own < 0] = True, False
    return mask
