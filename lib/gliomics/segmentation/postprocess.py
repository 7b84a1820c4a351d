"""From the network's logits to probabilities, and from these to a mask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from gliomics.segmentation.settings import CalibrationSettings, PostprocessSettings, SegmentationSettings
from gliomics.study.numbering import CORE, ENHANCING, NUMBERINGS, OEDEMA

PART_VALUES = {part: value for value, part in NUMBERINGS["brats-2023"].parts.items()}
"""The label value of each part in the masks that models write: BraTS's since 2023."""


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


def labels_of(
    probabilities: npt.NDArray[np.floating], settings: SegmentationSettings, *, whole_shown: bool = True
) -> npt.NDArray[np.uint8]:
    """The mask of a model's calibrated probabilities (regions, i, j, k): of the lesion, or a label map of its parts."""
    if settings.inner:
        return to_parts(probabilities, settings, whole_shown=whole_shown)
    return to_mask(probabilities[0], settings.postprocess)


def to_parts(
    probabilities: npt.NDArray[np.floating], settings: SegmentationSettings, *, whole_shown: bool = True
) -> npt.NDArray[np.uint8]:
    """The label map (:data:`PART_VALUES`) of the calibrated probabilities of nested regions, (regions, i, j, k).

    What is called an inner region belongs to those around it. Small components of each are dropped as by
    :func:`to_mask`, from the outermost inwards; what is dropped of an inner region stays in the one around it. Where
    the whole does not show, there is no oedema.
    """
    rules = settings.rules(whole_shown=whole_shown)
    whole, core, enhancing = (values > rule.threshold for values, rule in zip(probabilities, rules, strict=True))
    core |= enhancing
    nested = list(zip((OEDEMA, CORE, ENHANCING), (whole | core, core, enhancing), rules, strict=True))
    labels = np.zeros(core.shape, np.uint8)
    around = np.ones_like(core)
    for part, region, rule in nested if whole_shown else nested[1:]:
        around = largest_components(region & around, rule.smallest_component)
        labels[around] = PART_VALUES[part]
    return labels


def to_mask(probability: npt.NDArray[Any], settings: PostprocessSettings) -> npt.NDArray[np.uint8]:
    """Threshold and drop 3-D components (faces connect) smaller than a fraction of the largest one.

    >>> to_mask(np.array([[[0.9, 0.8, 0.2, 0.7]]]), PostprocessSettings(smallest_component=0.6))
    array([[[1, 1, 0, 0]]], dtype=uint8)
    """
    above = np.asarray(probability > settings.threshold)
    return largest_components(above, settings.smallest_component).astype(np.uint8)


def largest_components(inside: npt.NDArray[np.bool_], smallest: float) -> npt.NDArray[np.bool_]:
    """Those 3-D components (faces connect) that are at least ``smallest`` as large as the largest one."""
    components, count = ndimage.label(inside)
    if count <= 1:
        return inside
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    large = (sizes >= smallest * sizes.max())[components]
    large[components == 0] = False
    return np.asarray(large)
