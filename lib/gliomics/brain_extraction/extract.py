"""The brain in the images of a head, as deepbet outlines it (Fisch 2024), over several sequences at once.

One network finds the brain in the whole image, another outlines it in a box around what the first found. Neither asks
for the size of a voxel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import binary_fill_holes, generate_binary_structure, label
from torch import nn
from torch.nn.functional import interpolate

from gliomics.brain_extraction.weights import FINDER, OUTLINER, load_network
from gliomics.errors import InputError
from gliomics.preprocess import from_canonical, to_canonical
from gliomics.segmentation.device import best_device
from gliomics.study.volumes import Mask, Volume

Array = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Box = tuple[slice, slice, slice]

SEQUENCES = ("t1", "t1c", "t2", "flair")
"""The sequences that show where the brain ends, the one that the networks learned from first."""

_WHOLE, _BOXED = 128, 256
"""Voxels along each side of what the first network sees, and the second."""
_EXTREMES = (0.005, 0.995)
"""Quantiles of the whole image between which intensities count."""
_MARGIN = 0.1
"""Share of the brain's size that the box has more on each side."""
_LEAST_FILLED = 0.02
"""Share of a cross-section of the whole image from which on the box reaches it."""


class BrainExtractor:
    """Outlines brains; made once, it serves for many studies.

    Raises :class:`~gliomics.errors.DependencyError` where the package with the weights is not installed.
    """

    def __init__(self) -> None:
        device = best_device()
        self._finder, self._outliner = (load_network(file).to(device) for file in (FINDER, OUTLINER))

    def brain(self, volumes: Mapping[str, Volume], *, name: str = "the study") -> Mask:
        """The brain as 1 in the grid that the sequences of a study share: one part, without holes.

        ``volumes`` maps sequences to images; those of :data:`SEQUENCES` are looked at, and where there is none of them,
        the first. Where several are, their mean probability counts, so that none of them alone decides. ``name`` says
        in errors whose they are. Raises :class:`InputError` where no brain is found.
        """
        images = [volumes[sequence] for sequence in SEQUENCES if sequence in volumes] or [next(iter(volumes.values()))]
        inside = np.mean([self.probability(image).array for image in images], axis=0) > 0.5
        if not inside.any():
            raise InputError(f"no brain is found in the images of {name}; do they show a head?")
        return images[0].with_array(binary_fill_holes(_largest(inside)).astype(np.uint8))

    def probability(self, image: Volume) -> Volume:
        """The probability that each voxel of an image is brain; 0 everywhere where none is found."""
        canonical = to_canonical(image)
        array = np.ascontiguousarray(canonical.array, dtype=np.float32)
        whole = _resized(array, (_WHOLE,) * 3)
        low, high = np.quantile(whole, _EXTREMES)
        probability = np.zeros(array.shape, dtype=np.float32)
        if high > low:
            found = _answer(self._finder, _normalised(whole, low, high)) > 0.5
            box = _box_around(_largest(found), array.shape) if found.any() else None
            if box is not None:
                boxed = _normalised(_resized(array[box], (_BOXED,) * 3), low, high)
                probability[box] = _resized(_answer(self._outliner, boxed), probability[box].shape)
        return from_canonical(canonical.with_array(probability), image)


def _answer(network: nn.Module, image: Array) -> Array:
    device = next(network.parameters()).device
    with torch.inference_mode():
        answer = network(torch.from_numpy(image)[None, None].to(device))
    return np.asarray(answer[0].cpu().numpy())


def _resized(array: Array, shape: tuple[int, ...]) -> Array:
    """Another number of voxels along each side, each the nearest of the former."""
    return np.asarray(interpolate(torch.from_numpy(array)[None, None], shape, mode="nearest-exact")[0, 0].numpy())


def _normalised(array: Array, low: float, high: float) -> Array:
    """Intensities as the networks learned them: clipped, and of the mean and spread of grey photographs."""
    clipped = np.clip((array - low) / (high - low), 0, 1)
    return np.asarray(0.226 * (clipped - clipped.mean()) / clipped.std(ddof=1) + 0.449, dtype=np.float32)


def _largest(inside: Bools) -> Bools:
    parts, _ = label(inside, generate_binary_structure(3, 3))
    return np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def _box_around(found: Bools, shape: tuple[int, ...]) -> Box | None:
    """The box around a brain with a margin, in an image of ``shape``; None where hardly anything was found."""
    box = []
    for axis, size in enumerate(shape):
        filled = np.flatnonzero(found.mean(axis=tuple({0, 1, 2} - {axis})) > _LEAST_FILLED)
        if not filled.size:
            return None
        scale = size / found.shape[axis]
        middle = round(scale * (filled[-1] + 1 + filled[0]) / 2)
        half = round(scale * (filled[-1] + 1 - filled[0]) * (1 + 2 * _MARGIN)) / 2
        box.append(slice(max(0, int(middle - half)), min(size, int(middle + half))))
    i, j, k = box
    return i, j, k
