"""Image and region on the grid on which they are measured, rounded, and the voxels that intensities are taken of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from gliomics.errors import InputError
from gliomics.features.ibsi.filters.apply import filtered, reach_mm
from gliomics.features.ibsi.settings import IbsiSettings
from gliomics.features.sequence import PreparedSequence
from gliomics.features.windows import Window, window_of
from gliomics.preprocess.resampling import check_size
from gliomics.study.volumes import Mask

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AROUND_MM = 8.0
"""What is kept of the image around a region: the sphere of the local intensity peak has a radius of 6.2 mm."""
_SPLINE = 24
"""Voxels after which a cubic spline has forgotten a value but for 1e-13 of it."""
_ROUNDING = 1e-6
"""Between slices an interpolated mask is often one half but for rounding."""


@dataclass(frozen=True)
class PreparedRegion:
    """An image around a region, (i, j, k), and of its shape the region itself and the voxels whose intensities count.

    ``spacing`` in mm along i, j and k.
    """

    image: Array
    morphology: Bools
    intensity: Bools
    spacing: tuple[float, float, float]

    @property
    def values(self) -> Array:
        """The intensities that count, (n,)."""
        return self.image[self.intensity]


def prepared_region(
    sequence: PreparedSequence, mask: Mask, settings: IbsiSettings, what: str, around: float = AROUND_MM
) -> PreparedRegion:
    """The region of a mask of 0 and 1, with ``around`` mm of the image to all sides; ``what`` is its name in errors.

    Raises :class:`InputError` where the settings leave fewer than two voxels.
    """
    chosen = settings.filter
    if chosen is not None:
        around += reach_mm(chosen, _edges(mask, settings))
    image, inside, spacing = _interpolated(sequence, mask, settings, what, around)
    if settings.rounding:
        image = np.floor(image + 0.5)
    kept = _resegmented(image, inside, settings)
    count = int(np.count_nonzero(kept))
    if count < 2:
        raise InputError(
            f"{what} cannot be measured by IBSI's definitions: of {np.count_nonzero(inside)} voxels, range and "
            f"outliers leave {count}; at least 2 are needed: widen 'range' or 'outliers', or choose a smaller "
            "'voxelSize'"
        )
    if chosen is not None:
        image = filtered(image, chosen, spacing, what)
    return PreparedRegion(image, inside, kept, spacing)


def _edges(mask: Mask, settings: IbsiSettings) -> tuple[float, float, float]:
    """The voxels that are measured, in mm."""
    i, j, k = (edge or old for edge, old in zip(settings.voxel_size or (0, 0, 0), mask.spacing, strict=True))
    return i, j, k


def new_size(shape: Sequence[int], spacing: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many voxels of so many mm along each axis cover an image; 0 keeps those that it has."""
    return [
        int(np.ceil(size * old / edge - _ROUNDING)) if edge else size
        for size, old, edge in zip(shape, spacing, edges, strict=True)
    ]


def _interpolated(
    sequence: PreparedSequence, mask: Mask, settings: IbsiSettings, what: str, around: float
) -> tuple[Array, Bools, tuple[float, float, float]]:
    old, new = np.array(mask.spacing), np.array(_edges(mask, settings))
    wanted = np.array(settings.voxel_size or (0.0, 0.0, 0.0))
    shape = mask.shape
    sizes = np.array(new_size(shape, mask.spacing, wanted.tolist()))
    check_size(shape, mask.spacing, wanted.tolist(), what)
    ratio = new / old
    # Where the first new voxel's centre lies among the old ones: both grids have one centre.
    begin = (np.array(shape) - 1) / 2 - (sizes - 1) / 2 * ratio
    box = window_of(mask.array == 1).box
    low = [(part.start - 1 - start) / step for part, start, step in zip(box, begin, ratio, strict=True)]
    high = [(part.stop - start) / step for part, start, step in zip(box, begin, ratio, strict=True)]
    margin = min(around, 1e6) / new
    first = np.clip(np.floor(low - margin), 0, sizes - 1).astype(int)
    last = np.clip(np.ceil(high + margin), 0, sizes - 1).astype(int)
    target = _Target(first, last - first + 1, begin, ratio)
    inside = target.sample(PreparedSequence(mask), shape, order=1) >= 0.5 - _ROUNDING
    image = target.sample(sequence, shape, order=1 if settings.interpolation == "linear" else 3)
    return image, inside, (float(new[0]), float(new[1]), float(new[2]))


@dataclass(frozen=True)
class _Target:
    """A box of the new grid: its first voxel and size, and where the grid's first voxel and the next lie in the old."""

    first: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    begin: Array
    ratio: Array

    def sample(self, sequence: PreparedSequence, shape: Sequence[int], order: int) -> Array:
        """The sequence in the box, by splines of an order; beyond the image's last voxels it is as these are."""
        reach = 1 if order == 1 else _SPLINE
        start = self.begin + self.first * self.ratio
        stop = start + (self.size - 1) * self.ratio
        low = np.clip(np.floor(start).astype(int) - reach, 0, np.array(shape) - 1)
        high = np.clip(np.ceil(stop).astype(int) + reach + 1, 1, shape)
        i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        part = sequence.crop(Window((i, j, k))).array.astype(np.float64)
        if (self.ratio == 1).all():
            offset = self.first - low
            return np.asarray(part[tuple(slice(a, a + n) for a, n in zip(offset, self.size, strict=True))])
        sampled: Array = affine_transform(part, self.ratio, start - low, tuple(self.size), order=order, mode="nearest")
        return sampled


def _resegmented(image: Array, inside: Bools, settings: IbsiSettings) -> Bools:
    """The voxels within range and outliers, both of the whole region."""
    kept = inside.copy()
    if settings.range is not None:
        kept &= (image >= settings.range[0]) & (image <= settings.range[1])
    if settings.outliers is not None:
        values = image[kept] if kept.any() else image[inside]
        reach = settings.outliers * values.std()
        kept &= np.abs(image - values.mean()) <= reach
    return kept
