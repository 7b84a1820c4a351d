"""Regions of a glioma by their label values, as the BraTS challenges number them, and slight changes of their edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_erosion, generate_binary_structure, label

from gliomics.errors import InputError, UnknownNameError
from gliomics.study.records import Mask

REGIONS: dict[str, tuple[int, ...] | None] = {
    "whole": None,
    "tumour-core": (1, 4),
    "enhancing": (4,),
    "oedema": (2,),
}
"""Label values of each named region: 1 necrotic or non-enhancing core, 2 oedema, 4 enhancing; None is any above 0."""


def select_region(mask: Mask, region: str, *, name: str) -> Mask:
    """The voxels of one region as a mask of 0 and 1.

    ``region`` is a key of :data:`REGIONS` or an integer label written as text. ``name`` says in errors
    whose mask it is. Raises :class:`UnknownNameError` for another name, :class:`InputError` for an empty region.
    """
    if region in REGIONS:
        values = REGIONS[region]
    elif region.lstrip("+").isdigit() and int(region) > 0:
        values = (int(region),)
    else:
        raise UnknownNameError(f"region '{region}' is unknown; give {', '.join(REGIONS)} or a label value such as 1")
    inside = mask.array > 0 if values is None else np.isin(mask.array, values)
    if not inside.any():
        present = np.unique(mask.array[mask.array != 0])
        raise InputError(
            f"region '{region}' is empty in {name}: the mask holds {_listed(present)}, "
            f"the region is {'any label above 0' if values is None else 'label ' + ' or '.join(map(str, values))}"
        )
    return mask.with_array(inside.astype(np.uint8))


def shift_boundary(mask: Mask, voxels: int) -> Mask:
    """Grow a mask of 0 and 1 by ``voxels`` within its axial slices, or shrink it where negative.

    A part that shrinking would remove altogether is kept as it is, so that small lesions do not vanish.
    """
    axial = int(np.argmax(np.abs(mask.affine[2, :3]) / np.asarray(mask.spacing)))
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


def _listed(labels: npt.NDArray[np.generic]) -> str:
    return "no label at all" if labels.size == 0 else "label " + ", ".join(str(label) for label in labels[:10])
