"""Regions of a glioma by their label values, as the BraTS challenges number them, and slight changes of their edge."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure, label

from gliomics.errors import InputError, UnknownNameError
from gliomics.radiomics.config import Region
from gliomics.radiomics.planes import ROUNDING, axial_axis
from gliomics.radiomics.windows import Window, window_of
from gliomics.study.records import Mask

Bools = npt.NDArray[np.bool_]

REGIONS: dict[str, Region] = {
    "whole": Region(),
    "tumour-core": Region(labels=[1, 4]),
    "enhancing": Region(labels=[4]),
    "oedema": Region(labels=[2]),
    "peritumoral": Region(ring_mm=5),
}
"""Every named region: 1 is necrotic or non-enhancing core, 2 oedema, 4 enhancing (the BraTS challenges up to 2021)."""


def select_region(
    mask: Mask, region: str, *, name: str, brain: Bools | None = None, own: Mapping[str, Region] | None = None
) -> Mask:
    """The voxels of one region as a mask of 0 and 1.

    ``region`` is a key of :data:`REGIONS` or of ``own``, or a label value written as text. A ring needs ``brain``, true
    where it may lie. ``name`` says in errors whose mask it is. Raises :class:`UnknownNameError` for another name,
    :class:`InputError` for an empty region.
    """
    rule = _rule(region, own or {})
    inside = mask.array > 0 if rule.labels is None else np.isin(mask.array, rule.labels)
    if not inside.any():
        present = np.unique(mask.array[mask.array != 0])
        wanted = "any label above 0" if rule.labels is None else "label " + " or ".join(map(str, rule.labels))
        raise InputError(
            f"region '{region}' is empty in {name}: the mask holds {_listed(present)}, the region is {wanted}"
        )
    if rule.ring_mm is not None:
        if brain is None:
            raise InputError(f"region '{region}' of {name} is a ring, which needs to know where the brain is")
        inside = _ring(mask.with_array(inside), rule.ring_mm) & brain
        if not inside.any():
            raise InputError(f"region '{region}' is empty in {name}: no brain lies within {rule.ring_mm:g} mm of it")
    return mask.with_array(inside.astype(np.uint8))


def is_ring(region: str, own: Mapping[str, Region]) -> bool:
    """Whether a region lies around the segmented voxels, so that it needs to know where the brain is."""
    return _rule(region, own).ring_mm is not None


def shift_boundary(mask: Mask, voxels: int) -> Mask:
    """Grow a mask of 0 and 1 by ``voxels`` within its axial slices, or shrink it where negative.

    A part that shrinking would remove altogether is kept as it is, so that small lesions do not vanish.
    """
    axial = axial_axis(mask)
    cross = generate_binary_structure(3, 1)
    cross[tuple(slice(None) if axis != axial else slice(0, 3, 2) for axis in range(3))] = False
    inside = mask.array > 0
    if voxels > 0:
        moved = binary_dilation(inside, cross, iterations=voxels)
    else:
        moved = binary_erosion(inside, cross, iterations=-voxels)
        parts, count = label(inside)
        kept = np.unique(parts[moved])
        moved |= np.isin(parts, np.setdiff1d(np.arange(1, count + 1), kept))
    return mask.with_array(moved.astype(np.uint8))


def _rule(region: str, own: Mapping[str, Region]) -> Region:
    named = {**REGIONS, **own}
    if region in named:
        return named[region]
    if region.lstrip("+").isdigit() and int(region) > 0:
        return Region(labels=[int(region)])
    raise UnknownNameError(f"region '{region}' is unknown; give {', '.join(named)} or a label value such as 1")


def _ring(mask: Mask, width: float) -> Bools:
    """Voxels whose centre lies within ``width`` mm of the centre of a voxel of the mask, but not in it."""
    width *= ROUNDING
    box = window_of(mask.array).box
    layers = [math.ceil(width / edge) for edge in mask.spacing]
    i, j, k = (slice(max(part.start - n, 0), part.stop + n) for part, n in zip(box, layers, strict=True))
    near = Window((i, j, k)).box
    ring = np.zeros(mask.shape, dtype=bool)
    distance = distance_transform_edt(~mask.array[near], sampling=mask.spacing)
    ring[near] = (distance > 0) & (distance <= width)
    return ring


def _listed(labels: npt.NDArray[np.generic]) -> str:
    return "no label at all" if labels.size == 0 else "label " + ", ".join(str(label) for label in labels[:10])
