"""The head around a region and the tissue in it that intensities are compared with; no voxel size is needed.

MR intensities have no unit. Here each sequence becomes its z-score against the tissue of the same patient that is not
lesion: its median is 0, and its quartiles are as far apart as those of a normal distribution of standard deviation 1.
Some bright fat, dark fluid or overlooked lesion among the tissue changes neither by much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, distance_transform_edt, generate_binary_structure, label, minimum_filter1d

from gliomics.features.planes import slice_axis
from gliomics.preprocess.head import Head, coarse, coarse_steps, head_of, largest_part
from gliomics.preprocess.intensity import foreground
from gliomics.study.volumes import Mask, Volume

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

SHELL = 0.025
"""Width of the rim of a lesion and of the shell around it, in diameters of the head: 4 mm in an adult's."""
_SCALP = 0.08
"""So many diameters from its edge inwards a head is scalp and skull: 14 mm in an adult's."""
_AROUND = 0.05
"""Each quartile is the mean over this share of the ranks to both sides: in 8 bits, tissue may span 20 levels only."""
_QUARTILES_APART = 1.3546
"""Standard deviations between such quartiles of a normal distribution: twice its mean from the 70 % to the 80 % one."""
_LEAST_TISSUE = 200
"""Voxels, of the coarse grid, from which on their quartiles say what a tissue is."""


@dataclass(frozen=True)
class Surroundings:
    """The head that the sequences of a study show, on every ``steps``-th voxel of their grid.

    ``inside`` is true in the head, without holes; ``tissue`` where it is deeper than scalp and skull (the brain where a
    mask of it was given). ``box`` is None where no head can be made out or the file does not say how the image lies.
    ``across`` is the axis across which slices are cut; ``edges`` is the voxel's size, (3,), and ``diameter`` that of
    the disc with the area of the head's largest cross-section, in the same unit. Axes run left, backwards and up.
    """

    steps: tuple[int, int, int]
    inside: Bools
    tissue: Bools
    box: Head | None
    across: int
    edges: Array
    diameter: float

    @property
    def pixel(self) -> Array:
        """The size of a voxel along the two axes of a slice, (2,)."""
        return np.delete(self.edges, self.across)

    @property
    def shell(self) -> float:
        """How wide rim and shell are: a share of the head, but a pixel at least."""
        return max(SHELL * self.diameter, float(self.pixel.max()))

    @property
    def volume(self) -> float:
        """The head's volume in voxels of the full grid."""
        return float(np.count_nonzero(self.inside) * math.prod(self.steps))

    @property
    def section(self) -> float:
        """The area of the head's largest cross-section in pixels of the full grid."""
        in_plane = [step for axis, step in enumerate(self.steps) if axis != self.across]
        return float(_sections(self.inside, self.across).max() * math.prod(in_plane))

    def at(self, where: Bools, voxels: Indices) -> Bools:
        """Whether voxels of the full grid, (n, 3), lie ``where`` the coarse one is true."""
        return np.asarray(where[tuple((voxels // self.steps).T)])

    def outside(self, mask: Mask) -> Bools:
        """The tissue outside a region and its shell, on the coarse grid."""
        layers = math.ceil(self.shell / (self.pixel * np.delete(self.steps, self.across)).min())
        near = binary_dilation(coarse(mask).array > 0, _in_slice(self.across, 2), iterations=layers)
        return np.asarray(self.tissue & ~near)

    def distance(self, zero: Bools) -> Array:
        """How far the centre of each voxel of the full grid lies from the voxels in its slice that are true.

        That is up to their edge, half a pixel before their centre, and at most a head.
        """
        slices = np.moveaxis(zero, self.across, 0)
        distances = np.full(slices.shape, self.diameter)
        half = math.sqrt(self.pixel.prod()) / 2
        for number, pixels in enumerate(slices):
            if pixels.any():
                distances[number] = distance_transform_edt(~pixels, sampling=self.pixel) - half
        return np.moveaxis(distances, 0, self.across)


def reference_of(volume: Volume, tissue: Bools) -> tuple[float, float] | None:
    """Median and spread of a sequence in ``tissue`` (on the coarse grid); None where there is too little to tell.

    Air and bone, which no sequence shows, are not counted.
    """
    part = coarse(volume).array
    values = np.sort(part[tissue & foreground(part)])
    if values.size < _LEAST_TISSUE:
        return None
    low, middle, high = (
        float(values[round((rank - _AROUND) * values.size) : round((rank + _AROUND) * values.size)].mean())
        for rank in (0.25, 0.5, 0.75)
    )
    return (middle, (high - low) / _QUARTILES_APART) if high > low else None


def surroundings_of(
    volumes: Mapping[str, Volume], brain: Mask | None, *, placed: bool, spacing_known: bool
) -> Surroundings:
    """The head that images of one grid show: what is above air in all of them, in LPS, or ``brain``.

    ``placed`` says whether the files tell how the images lie.
    """
    reference = next(iter(volumes.values()))
    across = slice_axis(reference)
    visible = [foreground(coarse(volume).array) for volume in volumes.values()]
    seen: Bools = np.logical_and.reduce(visible) if brain is None else coarse(brain).array > 0
    part = seen if brain is not None else largest_part(seen)
    box = None
    if placed and part is not None:
        box = head_of(coarse(reference).with_array(part), spacing_known=spacing_known)
    inside = _filled(seen if part is None else part, across)
    one, two, three = coarse_steps(reference.shape)
    edges = np.array(reference.spacing)
    pixel = float(np.delete(edges * (one, two, three), across).prod())
    diameter = math.sqrt(4 / math.pi * pixel * _sections(inside, across).max())
    tissue = inside if brain is not None else _eroded(inside, _SCALP * diameter / (edges * (one, two, three)), across)
    return Surroundings((one, two, three), inside, tissue, box, across, edges, diameter)


def _sections(inside: Bools, across: int) -> npt.NDArray[np.intp]:
    """Voxels in each slice."""
    return np.asarray(np.count_nonzero(inside, axis=tuple({0, 1, 2} - {across})))


def _filled(inside: Bools, across: int) -> Bools:
    """The voxels that are true and those that they enclose within a slice."""
    holes, count = label(~inside, _in_slice(across, 1))
    open_ones = np.zeros(count + 1, dtype=bool)
    for axis in {0, 1, 2} - {across}:
        for end in (0, -1):
            open_ones[np.unique(holes.take(end, axis=axis))] = True
    return np.asarray(inside | ~open_ones[holes])


def _eroded(inside: Bools, widths: Array, across: int) -> Bools:
    """The voxels from which along the axes of the slice no voxel within ``widths``, in voxels, is false."""
    rest = inside.view(np.uint8)
    for axis in {0, 1, 2} - {across}:
        rest = minimum_filter1d(rest, 2 * round(widths[axis]) + 1, axis=axis, mode="nearest")
    return rest.view(np.bool_)


def _in_slice(across: int, connectivity: int) -> Bools:
    """A voxel and its neighbours in the slice, those at corners too where ``connectivity`` is 2, (3, 3, 3)."""
    plane = generate_binary_structure(2, connectivity)
    near = np.zeros((3, 3, 3), dtype=bool)
    near[tuple(1 if axis == across else slice(None) for axis in range(3))] = plane
    return near
