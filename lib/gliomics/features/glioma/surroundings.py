"""The head around a region and the tissue in it that intensities are compared with; no voxel size is needed.

MR intensities have no unit. Here each sequence becomes its z-score against the tissue of the same patient that is not
lesion: median 0, and 1 is the standard deviation that a normal distribution with the tissue's interquartile range has.
Both are the same whatever share of the voxels is bright fat, dark fluid or lesion, as long as that is small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_fill_holes, distance_transform_edt

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
_QUARTILES_APART = 1.3489795
"""Standard deviations between the quartiles of a normal distribution."""
_LEAST_TISSUE = 200
"""Voxels, of the coarse grid, from which on their quartiles say what a tissue is."""
_ELSEWHERE = 1e6
"""Slices are so far apart, in pixels, that distances are within the slice."""


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
    def distances(self) -> Array:
        """Voxel sizes, (3,), for distances within slices: slices are farther apart than anything else."""
        edges = self.edges.copy()
        edges[self.across] = _ELSEWHERE * edges.max()
        return edges

    @property
    def shell(self) -> float:
        """How wide rim and shell are: a share of the head, but a pixel at least."""
        return max(SHELL * self.diameter, float(np.delete(self.edges, self.across).max()))

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

    def reference(self, volume: Volume, mask: Mask) -> tuple[float, float] | None:
        """Median and spread of a sequence's tissue outside a region and its shell; None where there is none to tell.

        Air and bone, which no sequence shows, are not counted.
        """
        part = coarse(volume).array
        near = _within(coarse(mask).array > 0, self.shell, self.distances * self.steps)
        values = part[self.tissue & foreground(part) & ~near]
        if values.size < _LEAST_TISSUE:
            return None
        low, middle, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
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
    whole = Surroundings((one, two, three), inside, inside, box, across, edges, diameter)
    if brain is not None:
        return whole
    outer = _within(~inside, _SCALP * diameter, whole.distances * whole.steps)
    return replace(whole, tissue=inside & ~outer)


def _sections(inside: Bools, across: int) -> npt.NDArray[np.intp]:
    """Voxels in each slice."""
    return np.asarray(np.count_nonzero(inside, axis=tuple({0, 1, 2} - {across})))


def _filled(inside: Bools, across: int) -> Bools:
    """The voxels that are true and those that they enclose within a slice."""
    slices = np.moveaxis(inside, across, 0)
    return np.asarray(np.moveaxis(np.stack([binary_fill_holes(pixels) for pixels in slices]), 0, across))


def _within(inside: Bools, width: float, edges: Array) -> Bools:
    """The voxels that are true and those at most ``width`` from one within the slice."""
    if not inside.any():
        return inside
    return np.asarray(distance_transform_edt(~inside, sampling=edges) <= width)
