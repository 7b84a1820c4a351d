"""Volumes and masks: what the images of a study are in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.notebook import card, slice_picture, spoken_spacing

_LEAST_INTENSITIES = 32
"""An image has more grey levels than this, and a mask fewer labels."""


@dataclass(frozen=True)
class Volume:
    """A 3-D image: ``array`` indexed ``[i, j, k]`` and ``affine`` from voxel indices to RAS millimetres (4 x 4)."""

    array: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    placed: bool = True
    """Whether the file that it came from says where it lies; if not, the affine is only a convention."""

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise InputError(
                f"an image must have 3 dimensions; this one has {self.array.ndim}, shape {self.array.shape}"
            )
        if self.affine.shape != (4, 4):
            raise InputError(f"an affine must be 4 x 4; this one is {self.affine.shape}")

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in millimetres along i, j, k."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        i, j, k = self.array.shape
        return i, j, k

    def __repr__(self) -> str:
        kind, voxels = str(self.array.dtype), " x ".join(map(str, self.shape))
        finite = self.array[np.isfinite(self.array)]
        values = f"{finite.min():g} to {finite.max():g}" if finite.size else "no finite value"
        return f"Volume({voxels} voxels of {spoken_spacing(self.spacing)}, {kind}, {values})"

    def _repr_html_(self) -> str:
        outlined = self.array > 0 if self._may_be_mask else None
        picture = slice_picture(self.array, self.affine, outlined=outlined, alternative=repr(self))
        facts: dict[str, object] = {
            "voxels": " x ".join(map(str, self.shape)),
            "voxel size": spoken_spacing(self.spacing),
            "values": self.array.dtype,
        }
        if self._may_be_mask:
            labels, counts = np.unique(self.array[self.array > 0], return_counts=True)
            facts |= {f"label {label:g}": f"{count} voxels" for label, count in zip(labels, counts, strict=True)}
        return card("Mask" if self._may_be_mask else "Volume", facts.items(), picture=picture)

    @property
    def _may_be_mask(self) -> bool:
        """Whether the values are a few whole numbers from 0, as labels are and intensities are not."""
        whole = self.array.dtype.kind in "biu"
        return whole and self.array.size > 0 and self.array.min() >= 0 and self.array.max() < _LEAST_INTENSITIES

    def with_array(self, array: npt.NDArray[Any]) -> Volume:
        """Another array on the same grid."""
        if array.shape != self.array.shape:
            raise InputError(f"the new array has shape {array.shape}; the grid has {self.array.shape}")
        return Volume(array, self.affine, self.placed)


Mask = Volume
"""A volume of integer label values; 0 is background."""
