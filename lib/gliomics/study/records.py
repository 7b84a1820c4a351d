"""What a study is: MR sequences of one examination, and the volumes and masks read from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.notebook import card, slice_picture, spoken_spacing
from gliomics.sequences import DISPLAY_ORDER, SEQUENCES

__all__ = ["DISPLAY_ORDER", "SEQUENCES", "UNNAMED_SEQUENCE", "Mask", "Study", "Volume"]

UNNAMED_SEQUENCE = "image"
"""Name of the only sequence of a study that is a single image file whose name does not tell its sequence."""

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


@dataclass(frozen=True)
class Study:
    """One examination of one patient: its sequences as files on disk.

    ``spacing_known`` is false when the source does not tell the voxel size (the file's
    spacing is then a placeholder), and everything measured in millimetres must say so.
    ``numbering`` says which value of its labels is which part of the tumour, as
    :func:`~gliomics.study.numbering.parse_numbering` reads it; None where it is not known.
    """

    id: str
    patient_id: str
    folder: Path
    sequences: dict[str, Path]
    timepoint: str = "baseline"
    date: str | None = None
    spacing_known: bool = True
    source: dict[str, str] = field(default_factory=dict)
    numbering: str | None = None

    @property
    def default_sequence(self) -> str:
        """The sequence that stands for the study where one image is asked for: the first of :data:`DISPLAY_ORDER`.

        The first that the study has, where it has none of these.

        >>> Study("s1", "p1", Path("s1"), {"t1": Path("s1/t1.nii.gz"), "t1c": Path("s1/t1c.nii.gz")}).default_sequence
        't1c'
        """
        return next((name for name in DISPLAY_ORDER if name in self.sequences), next(iter(self.sequences)))

    def __repr__(self) -> str:
        when = f"{self.timepoint} {self.date}" if self.date else self.timepoint
        return f"Study('{self.id}' of patient '{self.patient_id}', {when}: {', '.join(self.sequences)})"

    def _repr_html_(self) -> str:
        from gliomics.study.images import read_volume

        facts: dict[str, object] = {
            "patient": self.patient_id,
            "time point": f"{self.timepoint} {self.date}" if self.date else self.timepoint,
            "sequences": ", ".join(self.sequences),
            "folder": self.folder,
        }
        picture = ""
        try:
            volume = read_volume(self.path(self.default_sequence))
        except GliomicsError as error:
            facts["no picture"] = error
        else:
            size = spoken_spacing(volume.spacing) if self.spacing_known else "unknown"
            facts |= {"voxels": " x ".join(map(str, volume.shape)), "voxel size": size}
            alternative = f"A slice of {self.default_sequence} of {self.id}"
            picture = slice_picture(volume.array, volume.affine, alternative=alternative)
        return card(f"Study {self.id}", facts.items(), picture=picture)

    def path(self, sequence: str) -> Path:
        """The file of one sequence; :class:`UnknownNameError` names those that exist."""
        if sequence not in self.sequences:
            raise UnknownNameError(
                f"study '{self.id}' has no sequence '{sequence}'; it has {', '.join(sorted(self.sequences))}"
            )
        return self.sequences[sequence]
