"""What a mask must be to be taken for a lesion's: on its image's voxels, and a part of the head only."""

from __future__ import annotations

import numpy as np

from gliomics.errors import GeometryError, InputError
from gliomics.preprocess.intensity import foreground
from gliomics.study.geometry import on_grid_of
from gliomics.study.images import read_volume
from gliomics.study.records import Study
from gliomics.study.volumes import Mask, Volume

LARGEST_SHARE = 1 / 3
"""Share of the head's voxels above which a mask is no lesion's.

Large gliomas take up to a quarter of the brain (at most 16 % in seven BraTS patients and 9 % of the head in forty of
TCGA-LGG); a brain takes more than a third of a head, and all of one without its skull.
"""

MASK_VALUES = 16
"""An image of this many different values or fewer, all whole numbers, is a mask."""

_SMALL_SHARE = 0.01
"""No head is so small a part of its image that a mask of this share of it could be too large."""


def lesion_mask(mask: Mask, volume: Volume, name: str, image: str = "its image", *, allow_empty: bool = False) -> Mask:
    """A lesion's mask on the grid of its image, as :func:`~gliomics.study.geometry.on_grid_of` brings it there.

    ``name`` says in errors which mask it is, and ``image`` of what. Raises :class:`GeometryError` when its voxels are
    not the image's, and :class:`InputError` when its values are no integers, no voxel is labelled (unless
    ``allow_empty``), or more than :data:`LARGEST_SHARE` of the head is: such a mask is of the brain, of the background
    or of everything.
    """
    if mask.array.dtype.kind not in "iub":
        raise InputError(f"{name} has values of type {mask.array.dtype}; expected integer label values")
    mask = on_grid_of(mask, volume, name, image)
    labelled = np.count_nonzero(mask.array)
    if not labelled and not allow_empty:
        raise InputError(
            f"{name} is empty: no voxel is labelled; draw the tumour and save it again; where there is none, "
            "leave the study out, or send the label to the server with allow_empty"
        )
    if labelled > _SMALL_SHARE * mask.array.size:
        head = np.count_nonzero(foreground(volume.array))
        if 0 < LARGEST_SHARE * head < labelled:
            raise InputError(
                f"{name} is too large for a tumour's: {labelled} voxels are labelled, and {image} shows a head of "
                f"{head}; expected at most a third. Is it a mask of the brain or of the background? "
                "give the tumour's"
            )
    return mask


def lesion_mask_of_study(
    mask: Mask, study: Study, name: str, *, sequence: str | None = None, allow_empty: bool = False
) -> Mask:
    """A lesion's mask on the grid of one of a study's sequences, which may lie on different ones.

    ``sequence`` (the study's first when None) comes before the others, and errors are about it.
    """
    failures: list[GeometryError] = []
    for candidate in dict.fromkeys([sequence or next(iter(study.sequences)), *study.sequences]):
        volume = read_volume(study.path(candidate))
        try:
            return lesion_mask(mask, volume, name, f"sequence '{candidate}'", allow_empty=allow_empty)
        except GeometryError as error:
            failures.append(error)
    raise failures[0]


def is_mask_like(volume: Volume) -> bool:
    """Whether an image holds a few whole numbers from 0 on, as masks do and images of patients do not."""
    step = max(1, volume.array.size // 10_000)
    for array in (volume.array.ravel()[::step], volume.array):  # most images are told by a few of their voxels
        values = np.unique(array)
        if values.size > MASK_VALUES or values[0] < 0 or (values != np.rint(values)).any():
            return False
    return True
