"""Dice and 95 % Hausdorff distance lesion by lesion, as the BraTS challenge of 2023 counts them.

The definition, with its numbers, is the challenge's own for gliomas (Saluja, "BraTS 2023 Lesion-Wise Performance
Metrics"). Its distances are those of DeepMind's ``surface-distance``: surfaces lie between the voxels, and each of
their elements weighs as much as its area (Nikolov 2018, arXiv 1809.04430).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from gliomics.evaluation.overlap import as_binary, dice
from gliomics.evaluation.surfaces import distances_between

REACH = 3
"""Voxels by which a lesion of the reference is dilated before it is joined with others, and with those of the mask."""
SMALLEST_SCORED_MM3 = 50.0
"""Lesions of the reference up to this volume are not scored; what touches them in the mask is not false either."""
ABSENT = 374.0
"""The distance in mm of a lesion that was missed or is false: the diagonal of BraTS's 240 x 240 x 155 mm."""

Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]

_TOUCHING = np.ones((3, 3, 3), dtype=bool)
_DILATION = ndimage.generate_binary_structure(3, 2)
_CORNERS = np.array([[[128, 64], [32, 16]], [[8, 4], [2, 1]]])


@dataclass(frozen=True)
class LesionwiseScores:
    """Means over the lesions that are scored, and how many of them were found, missed and false."""

    dice: float
    hausdorff_95: float
    found: int
    missed: int
    false: int


def lesionwise(
    mask: npt.NDArray[Any], reference: npt.NDArray[Any], spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> LesionwiseScores:
    """Lesion-wise Dice and 95 % Hausdorff distance of two binary volumes (i, j, k); ``spacing`` in mm.

    Components (voxels that touch by faces, edges or corners) of the reference are one lesion where they meet after
    :data:`REACH` dilations by faces and edges. A lesion is compared with all components of the mask that the lesion so
    dilated meets, taken whole; with none, its Dice is 0 and its distance :data:`ABSENT`, and likewise for each
    component of the mask that meets no lesion. Both figures are means over the lesions above
    :data:`SMALLEST_SCORED_MM3` and these false ones; with nothing of either, 1 and 0. Raises
    :class:`~gliomics.errors.GeometryError` for volumes of two shapes.

    >>> mask, reference = np.zeros((2, 12, 12, 12))
    >>> reference[:4, :4, :4] = mask[:4, :4, :4] = mask[10, 10, 10] = 1
    >>> lesionwise(mask, reference)
    LesionwiseScores(dice=0.5, hausdorff_95=187.0, found=1, missed=0, false=1)
    """
    a, b = as_binary(mask, reference)
    if not (a.any() or b.any()):
        return LesionwiseScores(1.0, 0.0, 0, 0, 0)
    a, b = _cut_out(a, b)
    components, count = ndimage.label(a, structure=_TOUCHING)
    lesions = _joined(b)
    met: set[int] = set()
    overlaps, distances, found = [], [], 0
    for lesion, box in enumerate(ndimage.find_objects(lesions), start=1):
        inside = lesions == lesion
        touching = set(np.unique(components[_around(box)][_dilated(inside[_around(box)])]).tolist()) - {0}
        met |= touching
        if np.count_nonzero(inside) * float(np.prod(spacing)) <= SMALLEST_SCORED_MM3:
            continue
        partner = np.isin(components, list(touching))
        found += bool(touching)
        overlaps.append(dice(partner, inside))
        distances.append(robust_hausdorff(partner, inside, spacing) if touching else ABSENT)
    false = count - len(met)
    scored = len(overlaps) + false
    return LesionwiseScores(
        sum(overlaps) / scored if scored else 1.0,
        (sum(distances) + false * ABSENT) / scored if scored else 0.0,
        found,
        len(overlaps) - found,
        false,
    )


@dataclass(frozen=True)
class MatchedScores:
    """Means over pairs of components; 0 and NaN where there is none, both NaN where there are no components at all."""

    dice: float
    hausdorff_95: float
    count: int


def matched(
    mask: npt.NDArray[Any], reference: npt.NDArray[Any], spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> MatchedScores:
    """Dice and 95 % Hausdorff distance of components that are each other's best partner, as BraTS of 2026 reports them.

    Components of the mask and of the reference are paired one to one so that their Dice adds up to the most; those
    without a partner count for nothing. The distance is the 95th percentile of both surfaces' distances put together.
    The figures are ``lesionwise_dsc_mean``, ``lesionwise_hd95_mean`` and ``all_instance_tp`` of ``brats-evaluation``
    0.0.10. Values and errors are as in :func:`lesionwise`.

    >>> mask, reference = np.zeros((2, 12, 12, 12))
    >>> reference[:4, :4, :4] = mask[:4, :4, :4] = mask[10, 10, 10] = 1
    >>> matched(mask, reference)
    MatchedScores(dice=1.0, hausdorff_95=0.0, count=1)
    """
    a, b = as_binary(mask, reference)
    if not (a.any() and b.any()):
        return MatchedScores(0.0 if a.any() or b.any() else float("nan"), float("nan"), 0)
    a, b = _cut_out(a, b, margin=0)
    components, found = ndimage.label(a, structure=_TOUCHING)
    lesions, existing = ndimage.label(b, structure=_TOUCHING)
    pairs = components.astype(np.int64) * (existing + 1) + lesions
    overlap = np.bincount(pairs.ravel(), minlength=(found + 1) * (existing + 1)).reshape(found + 1, existing + 1)
    sizes = overlap.sum(axis=1)[1:, None] + overlap.sum(axis=0)[None, 1:]
    scores = 2 * overlap[1:, 1:] / sizes
    rows, columns = linear_sum_assignment(scores, maximize=True)
    partners = [(row, column) for row, column in zip(rows, columns, strict=True) if scores[row, column] > 0]
    if not partners:
        return MatchedScores(0.0, float("nan"), 0)
    distances = [
        np.percentile(np.concatenate(distances_between(components == row + 1, lesions == column + 1, spacing)), 95)
        for row, column in partners
    ]
    return MatchedScores(float(np.mean([scores[pair] for pair in partners])), float(np.mean(distances)), len(partners))


def robust_hausdorff(mask: Bools, reference: Bools, spacing: Sequence[float]) -> float:
    """The larger of the 95th percentiles of both surfaces' distances to the other, by area; neither may be empty.

    A surface passes through the corners of voxels of which some are inside and some are not; its elements have the
    area that marching cubes give them there.
    """
    codes_a, codes_b = (_corner_codes(array) for array in _cut_out(mask, reference, margin=0))
    areas = _areas(tuple(float(edge) for edge in spacing))
    return max(
        _percentile_by_area(codes_a, codes_b, areas, spacing), _percentile_by_area(codes_b, codes_a, areas, spacing)
    )


def _percentile_by_area(
    start: npt.NDArray[np.uint8],
    end: npt.NDArray[np.uint8],
    areas: npt.NDArray[np.float64],
    spacing: Sequence[float],
) -> float:
    """The distance within which 95 % of a surface's area lies from another surface."""
    surface = _is_surface(start)
    distances = ndimage.distance_transform_edt(~_is_surface(end), sampling=spacing)[surface]
    weights = areas[start[surface]]
    order = np.lexsort((weights, distances))
    distances, weights = distances[order], weights[order]
    within = np.cumsum(weights) / np.sum(weights)
    return float(distances[min(int(np.searchsorted(within, 0.95)), len(distances) - 1)])


def _corner_codes(inside: Bools) -> npt.NDArray[np.uint8]:
    """Which of the eight voxels around each corner are inside, one bit each; (i + 1, j + 1, k + 1)."""
    padded = np.pad(inside, ((0, 1), (0, 1), (0, 1))).astype(np.uint8)
    return np.asarray(ndimage.correlate(padded, _CORNERS, mode="constant", cval=0), dtype=np.uint8)


def _is_surface(codes: npt.NDArray[np.uint8]) -> Bools:
    return np.asarray((codes != 0) & (codes != 255))


@lru_cache(maxsize=16)
def _areas(spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Area of the surface around a corner by its code; inside and outside may be swapped."""
    from skimage import measure

    marching_cubes: Callable[..., tuple[Any, ...]] = measure.marching_cubes
    areas = np.zeros(256)
    for code in range(1, 255):
        fewer = code if code.bit_count() <= 4 else 255 - code
        cube = np.array([fewer >> bit & 1 for bit in range(7, -1, -1)], dtype=float).reshape(2, 2, 2)
        vertices, faces, _, _ = marching_cubes(cube, 0.5, method="lorensen")
        first, second, third = (vertices.astype(np.float64) * spacing)[faces.T]
        areas[code] = np.linalg.norm(np.cross(second - first, third - first), axis=1).sum() / 2
    return areas


def _joined(reference: Bools) -> Labels:
    """The lesions of a reference: components that meet when they are dilated are one."""
    extents, _ = ndimage.label(_dilated(reference), structure=_TOUCHING)
    return np.asarray(np.where(reference, extents, 0), dtype=np.int32)


def _dilated(inside: Bools) -> Bools:
    return np.asarray(ndimage.binary_dilation(inside, _DILATION, iterations=REACH))


def _around(box: tuple[slice, ...]) -> tuple[slice, ...]:
    return tuple(slice(max(0, side.start - REACH), side.stop + REACH) for side in box)


def _cut_out(a: Bools, b: Bools, margin: int = REACH) -> tuple[Bools, Bools]:
    """Both arrays where either has anything, which one must, with a margin as far as there is one."""
    (extent,) = ndimage.find_objects((a | b).astype(np.uint8))
    box = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in extent)
    return a[box], b[box]
