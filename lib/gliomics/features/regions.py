"""Regions of a glioma by the parts of the tumour that they hold, and slight changes of their edge."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure, label

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import Region
from gliomics.features.planes import ROUNDING, axial_axis
from gliomics.features.settings import MOST_VALUE
from gliomics.features.windows import Window, window_of
from gliomics.study.geometry import check_same_grid
from gliomics.study.numbering import (
    OEDEMA,
    PARTS_OF_REGION,
    UNDIVIDED,
    MaskNumbering,
    labels_of_mask,
    numbering_of_mask,
    part_of_name,
)
from gliomics.study.volumes import Mask, Volume

Bools = npt.NDArray[np.bool_]

REGIONS: dict[str, Region] = {
    "whole": Region(),
    **{name: Region(parts=list(parts)) for name, parts in PARTS_OF_REGION.items()},
    "peritumoral": Region(ring_mm=5),
}
"""Every named region. The whole is the tumour, which a resection cavity is not."""


def select_region(
    mask: Mask,
    region: str,
    *,
    name: str,
    numbering: MaskNumbering | None = None,
    brain: Bools | None = None,
    defined: Mapping[str, Region] | None = None,
) -> Mask:
    """The voxels of one region as a mask of 0 and 1.

    ``region`` is a key of :data:`REGIONS` or of ``defined``, or a label value written as text. ``numbering`` says which
    value is which part of the tumour; the values of the mask decide when None. A ring needs ``brain``, true where it
    may lie; no ring lies in a resection cavity. ``name`` says in errors whose mask it is. Raises
    :class:`UnknownNameError` for another name, :class:`InputError` for an empty region and for one that the numbering
    leaves open.

    >>> mask = Mask(np.array([[[0, 1, 2, 4]]]), np.eye(4))
    >>> select_region(mask, "tumour-core", name="a mask").array.tolist()
    [[[0, 1, 0, 1]]]
    """
    rule = _rule(region, defined or {})
    numbering = numbering or numbering_of_mask(labels_of_mask(mask), name)
    labels = _labels(rule, numbering, region, name)
    inside = mask.array > 0 if labels == numbering.labels else np.isin(mask.array, sorted(labels))
    if not inside.any():
        raise InputError(f"region '{region}' is empty in {name}: {_what_is_there(rule, numbering)}")
    if rule.ring_mm is not None:
        if brain is None:
            raise InputError(f"region '{region}' of {name} is a ring, which needs to know where the brain is")
        cavity = np.isin(mask.array, sorted(numbering.labels - numbering.tumour))
        inside = _ring(mask.with_array(inside), rule.ring_mm) & brain & ~cavity
        if not inside.any():
            raise InputError(f"region '{region}' is empty in {name}: no brain lies within {rule.ring_mm:g} mm of it")
    return mask.with_array(inside.astype(np.uint8))


def part_region(name: str) -> dict[str, Region]:
    """The region that a segment's name stands for, under that name; nothing where it is no part of the tumour."""
    if name in REGIONS:
        return {name: REGIONS[name]}
    part = part_of_name(name)
    return {} if part is None or part == UNDIVIDED else {name: Region(parts=[part])}


def names_whole(name: str) -> bool:
    """Whether a segment's name stands for the whole tumour."""
    return part_of_name(name) == UNDIVIDED


def needs_parts(region: str, defined: Mapping[str, Region]) -> bool:
    """Whether a region is made of parts of the tumour, so that it needs to know the numbering of a mask."""
    return _rule(region, defined).parts is not None


def is_whole(region: str, defined: Mapping[str, Region]) -> bool:
    """Whether a region is, or lies around, the whole tumour."""
    rule = _rule(region, defined)
    return rule.parts is None and rule.labels is None


def is_tumour(region: str, defined: Mapping[str, Region]) -> bool:
    """Whether a region is the whole tumour."""
    return is_whole(region, defined) and not is_ring(region, defined)


def _labels(rule: Region, numbering: MaskNumbering, region: str, name: str) -> Collection[int]:
    if rule.labels is not None:
        return rule.labels
    if rule.parts is None or rule.parts == [OEDEMA]:
        numbering.require_whole(region, name)
    return numbering.tumour if rule.parts is None else numbering.labels_of(rule.parts, region, name)


def _what_is_there(rule: Region, numbering: MaskNumbering) -> str:
    """The values of a mask that does not have a region, and what the region is."""
    present = ", ".join(map(str, sorted(numbering.labels)[:10]))
    if rule.parts is not None:
        definition = f"is {' and '.join(rule.parts)} (numbered as {numbering.name}, {numbering.source})"
    else:
        definition = "is label " + " or ".join(map(str, rule.labels)) if rule.labels else "is any tumour"
    return f"the mask holds {f'label {present}' if present else 'no label at all'}, the region {definition}"


def is_ring(region: str, defined: Mapping[str, Region]) -> bool:
    """Whether a region lies around the segmented voxels, so that it needs to know where the brain is."""
    return _rule(region, defined).ring_mm is not None


def checked_region(mask: Mask, reference: Volume, sequence: str, study_id: str, region: str) -> Mask:
    """The region as 0 and 1, on the reference's grid.

    Raises :class:`GeometryError` for another grid, and :class:`InputError` for a region that cannot be measured.
    """
    check_same_grid(reference, mask, f"sequence '{sequence}' of '{study_id}'", f"mask of '{study_id}'")
    inside = mask.array > 0
    count = int(np.count_nonzero(inside))
    if count == 0:
        raise InputError(f"the mask of '{study_id}' is empty for region '{region}': no voxel is segmented")
    if count == inside.size:
        raise InputError(f"region '{region}' of '{study_id}' is the whole image; draw the lesion only")
    if count == 1:
        raise InputError(
            f"region '{region}' of '{study_id}' is one voxel; features need a few voxels in at least two directions"
        )
    return mask.with_array(inside.astype(np.uint8))


def shift_boundary(mask: Mask, voxels: int) -> Mask:
    """Grow a mask of 0 and 1 by ``voxels`` within its axial slices, or shrink it where negative.

    A part that shrinking would remove altogether is kept as it is, so that small lesions do not vanish.
    """
    axial = axial_axis(mask)
    cross = generate_binary_structure(3, 1)
    cross[tuple(slice(None) if axis != axial else slice(0, 3, 2) for axis in range(3))] = False
    moved = mask.array > 0
    if moved.any():
        around = _around(moved, [abs(voxels) + 1] * 3).box
        inside = moved[around].copy()
        if voxels > 0:
            moved[around] = binary_dilation(inside, cross, iterations=voxels)
        elif voxels < 0:
            shrunk = binary_erosion(inside, cross, iterations=-voxels)
            parts, count = label(inside)
            lost = np.setdiff1d(np.arange(1, count + 1), np.unique(parts[shrunk]))
            moved[around] = shrunk | np.isin(parts, lost)
    return mask.with_array(moved.astype(np.uint8))


def _around(inside: Bools, layers: Sequence[int]) -> Window:
    """The smallest window around the voxels that are true, with so many layers to both sides of each axis."""
    i, j, k = (
        slice(max(part.start - n, 0), part.stop + n) for part, n in zip(window_of(inside).box, layers, strict=True)
    )
    return Window((i, j, k))


def _rule(region: str, defined: Mapping[str, Region]) -> Region:
    named = {**REGIONS, **defined}
    if region in named:
        return named[region]
    digits = region.lstrip("+")
    if digits.isascii() and digits.isdigit() and 0 < int(digits[:11]) <= MOST_VALUE:
        return Region(labels=[int(digits)])
    raise UnknownNameError(f"region '{region[:80]}' is unknown; give {', '.join(named)} or a label value such as 1")


def _ring(mask: Mask, width: float) -> Bools:
    """Voxels whose centre lies within ``width`` mm of the centre of a voxel of the mask, but not in it."""
    width *= ROUNDING
    near = _around(mask.array, [math.ceil(width / edge) for edge in mask.spacing]).box
    ring = np.zeros(mask.shape, dtype=bool)
    distance = distance_transform_edt(~mask.array[near], sampling=mask.spacing)
    ring[near] = (distance > 0) & (distance <= width)
    return ring
