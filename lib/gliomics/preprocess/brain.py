"""What a mask must be to be taken for a brain's: on its image's voxels, as large as a brain, and around the tumour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.preprocess.intensity import foreground
from gliomics.study.geometry import on_grid_of
from gliomics.study.volumes import Mask, Volume

LEAST_SHARE = 0.1
"""Share of the head's voxels below which a mask is no brain's but a tumour's, or a part of the brain."""
MOST_AIR = 0.5
"""Share of a mask's voxels in air from which on it is no brain's: its values are the other way round, say."""
LARGEST_ML = 2500.0
"""More than the largest brain with its fluid, and less than an adult's head."""
MOST_OUTSIDE = 0.05
"""Share of a tumour outside the brain mask from which on the mask, or the tumour's, is wrong.

Where networks outlined the brains of 14 lower-grade gliomas, by all sequences, it was 1.9 % at most.
"""


def brain_mask(mask: Mask, volume: Volume, name: str, image: str = "its image", *, spacing_known: bool = True) -> Mask:
    """A brain's mask, of 0 and 1, on its image's grid, as :func:`~gliomics.study.geometry.on_grid_of` brings it there.

    ``name`` says in errors which mask it is, and ``image`` of what. Raises :class:`GeometryError` when its voxels are
    not the image's, and :class:`InputError` when it has several values, is empty, lies mostly in air, or is too small
    or, where the voxel size is known, too large for a brain.
    """
    values = [int(value) for value in np.unique(mask.array) if value != 0]
    if len(values) > 1:
        raise InputError(
            f"{name} has the values {', '.join(map(str, values))}; expected one value inside the brain and 0 outside: "
            "give the mask of the whole brain, not of its tissues or of a tumour's parts"
        )
    mask = on_grid_of(mask, volume, name, image)
    inside = mask.array > 0
    count = int(np.count_nonzero(inside))
    if not count:
        raise InputError(f"{name} is empty; leave it out or draw the brain")
    head = foreground(volume.array)
    in_air = float((~head[inside]).mean())
    if in_air > MOST_AIR:
        raise InputError(
            f"{in_air:.0%} of {name} lies in the air of {image}; expected at most {MOST_AIR:.0%}: is it of this study, "
            "and is the brain 1 and the rest 0?"
        )
    share = count / np.count_nonzero(head)
    if share < LEAST_SHARE:
        raise InputError(
            f"{name} is too small for a brain's: {share:.1%} of the head that {image} shows; expected at least "
            f"{LEAST_SHARE:.0%}. Is it the tumour's? give the brain's"
        )
    millilitres = count * float(np.prod(mask.spacing)) / 1000
    if spacing_known and millilitres > LARGEST_ML:
        raise InputError(
            f"{name} is too large for a brain's: {millilitres:.0f} ml; expected at most {LARGEST_ML:.0f} ml. Is it the "
            "head's? give the brain's"
        )
    return mask.with_array(inside.astype(np.uint8))


def outside_brain(lesion: npt.NDArray[np.bool_], brain: Mask, name: str, study_id: str) -> float:
    """The share of a tumour's voxels that lie outside a brain mask on its grid.

    Raises :class:`InputError` that names the study, where it is more than :data:`MOST_OUTSIDE`.
    """
    voxels, missed = np.count_nonzero(lesion), np.count_nonzero(lesion & (brain.array == 0))
    share = missed / voxels if voxels else 0.0
    if share > MOST_OUTSIDE:
        raise InputError(
            f"{name} misses the tumour of study '{study_id}': {missed} of its {voxels} voxels ({share:.0%}) lie "
            f"outside; expected at most {MOST_OUTSIDE:.0%}. Draw the brain around the tumour, or make the mask with "
            "gliomics masks brain --masks, which adds it; if the brain is right, correct the tumour's mask"
        )
    return share
