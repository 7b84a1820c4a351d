"""The outline that follows probabilities, edges of the image and a user's strokes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

SMOOTHNESS = 1.0
"""Weight of the outline's length against the probabilities."""

CONTRAST = 0.3
"""Difference of intensity, in standard deviations over the head, that counts as an edge."""

_MARGIN = 3
_LEAST = 1e-3
_BOUND = 1e-7
"""Probability of the other answer where the user has said which."""

_UNITS = 100_000
"""SciPy's capacities are whole numbers: so many to 1."""


def cut(
    probability: npt.NDArray[Any], image: npt.NDArray[Any], user_voxels: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """The binary mask (i, j, k) of least energy: a graph cut of probabilities, solved by maximum flow.

    ``image`` is standardised; ``user_voxels`` is 1 and -1 where the user says lesion and not. Voxels far from any that
    could be lesion are left out of the graph, because they could only stay outside.
    """
    mask = np.zeros(probability.shape, dtype=bool)
    possible = (probability > _LEAST) | (user_voxels != 0)
    if not possible.any():
        return mask
    (box,) = ndimage.find_objects(possible.astype(np.uint8))
    box = tuple(slice(max(0, side.start - _MARGIN), side.stop + _MARGIN) for side in box)
    lesion = np.clip(probability[box].astype(float), _LEAST, 1 - _LEAST)
    lesion[user_voxels[box] > 0], lesion[user_voxels[box] < 0] = 1 - _BOUND, _BOUND
    mask[box] = _least_energy(np.log(lesion / (1 - lesion)), image[box].astype(float))
    mask[user_voxels > 0], mask[user_voxels < 0] = True, False
    return mask


def _least_energy(logits: npt.NDArray[np.float64], image: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The side of the source in the least cut (Boykov and Jolly 2001): lesion where positive logits outweigh borders.

    A voxel hangs on the source by its logit, on the sink by minus its logit, and on its six neighbours by how alike
    the image is there.
    """
    lower, upper, alike = _neighbours(image)
    weights = np.rint(_UNITS * logits.ravel()).astype(np.int32)
    inside, outside = np.flatnonzero(weights > 0), np.flatnonzero(weights < 0)
    source, sink = image.size, image.size + 1
    tails = np.concatenate([lower, upper, np.full(inside.size, source), outside])
    heads = np.concatenate([upper, lower, inside, np.full(outside.size, sink)])
    capacities = np.concatenate([alike, alike, weights[inside], -weights[outside]])
    graph = csr_array((capacities, (tails, heads)), shape=(image.size + 2, image.size + 2), dtype=np.int32)
    residual = graph - maximum_flow(graph, source, sink).flow
    residual.eliminate_zeros()
    mask = np.zeros(image.size + 2, dtype=bool)
    mask[breadth_first_order(residual, source, return_predecessors=False)] = True
    return mask[: image.size].reshape(image.shape)


def _neighbours(image: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int32]]:
    """Both flat indices of each pair of voxels with a common face, and the capacity between them."""
    index = np.arange(image.size).reshape(image.shape)
    lower, upper, alike = [], [], []
    for axis in range(image.ndim):
        step = np.diff(image, axis=axis)
        lower.append(np.delete(index, -1, axis).ravel())
        upper.append(np.delete(index, 0, axis).ravel())
        alike.append(np.rint(_UNITS * SMOOTHNESS * np.exp(-(step**2) / (2 * CONTRAST**2))).ravel().astype(np.int32))
    return np.concatenate(lower), np.concatenate(upper), np.concatenate(alike)
