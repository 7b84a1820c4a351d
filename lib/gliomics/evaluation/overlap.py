"""How much of a lesion a mask covers: Dice and IoU, volumes, and which lesions were found at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.errors import GeometryError

SMALLEST_LESION = 10
"""Voxels of the smallest component that counts as a lesion; smaller ones are taken for slips of the pen."""

_CORNERS_CONNECT = np.ones((3, 3, 3), dtype=bool)


def as_binary(
    mask: npt.NDArray[Any], reference: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Both arrays as lesion or not; :class:`~gliomics.errors.GeometryError` for arrays of two shapes."""
    if mask.shape != reference.shape:
        raise GeometryError(
            f"the mask has shape {mask.shape}, the reference {reference.shape}; resample one to the other's grid"
        )
    return mask.astype(bool), reference.astype(bool)


def dice(mask: npt.NDArray[Any], reference: npt.NDArray[Any]) -> float:
    """Dice coefficient of two binary volumes, 2|A n B| / (|A| + |B|) (Dice 1945); 1 when both are empty.

    Any value but 0 is lesion. Raises :class:`~gliomics.errors.GeometryError` for volumes of two shapes.

    >>> dice(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
    0.6666666666666666
    """
    a, b = as_binary(mask, reference)
    total = int(np.count_nonzero(a) + np.count_nonzero(b))
    return 1.0 if total == 0 else 2 * int(np.count_nonzero(a & b)) / total


def iou(mask: npt.NDArray[Any], reference: npt.NDArray[Any]) -> float:
    """Intersection over union of two binary volumes, |A n B| / |A u B| (Jaccard 1912); 1 when both are empty.

    Values and errors are as in :func:`dice`.

    >>> iou(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
    0.5
    """
    a, b = as_binary(mask, reference)
    union = int(np.count_nonzero(a | b))
    return 1.0 if union == 0 else int(np.count_nonzero(a & b)) / union


@dataclass(frozen=True)
class Volumes:
    """Volumes of a mask and its reference in one unit, e.g. voxels or mL."""

    mask: float
    reference: float

    @property
    def error(self) -> float:
        """|mask - reference|, in the unit of the volumes."""
        return abs(self.mask - self.reference)

    @property
    def relative_difference(self) -> float:
        """(mask - reference) / reference, above 0 where the mask is too large; NaN when the reference is empty."""
        return (self.mask - self.reference) / self.reference if self.reference else float("nan")


@dataclass(frozen=True)
class Lesions:
    """Lesions of the reference that a mask found or missed, and lesions of the mask where the reference has none."""

    found: int
    missed: int
    false_positive: int

    @property
    def sensitivity(self) -> float:
        """Fraction of the reference's lesions that were found; NaN when it has none."""
        total = self.found + self.missed
        return self.found / total if total else float("nan")


def count_lesions(mask: npt.NDArray[Any], reference: npt.NDArray[Any], *, smallest: int = SMALLEST_LESION) -> Lesions:
    """Match the lesions of two binary volumes (i, j, k).

    A lesion is a 3-D component whose voxels touch by faces, edges or corners, of at least ``smallest`` voxels. A
    lesion of the reference is found when the mask has any voxel in it. A lesion of the mask is false when the
    reference, small components included, has no voxel in it. Values and errors are as in :func:`dice`.

    >>> mask, reference = np.zeros((2, 8, 8, 8))
    >>> reference[:3, :3, :3] = reference[5:, 5:, 5:] = mask[:2, :3, :3] = 1
    >>> count_lesions(mask, reference)
    Lesions(found=1, missed=1, false_positive=0)
    """
    a, b = as_binary(mask, reference)
    found, missed = _touched(b, a, smallest)
    _, false_positive = _touched(a, b, smallest)
    return Lesions(found, missed, false_positive)


def _touched(lesions: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], smallest: int) -> tuple[int, int]:
    """How many components of ``lesions`` share a voxel with ``other``, and how many do not."""
    labels, count = ndimage.label(lesions, structure=_CORNERS_CONNECT)
    large = np.bincount(labels.ravel(), minlength=count + 1)[1:] >= smallest
    touched = np.isin(np.arange(1, count + 1), labels[other])
    return int(np.count_nonzero(large & touched)), int(np.count_nonzero(large & ~touched))
