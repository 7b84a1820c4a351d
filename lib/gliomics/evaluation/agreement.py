"""Several annotators' masks of one study: how far they agree, and their consensus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.errors import InputError
from gliomics.evaluation.overlap import dice
from gliomics.evaluation.surfaces import surface_distances
from gliomics.study import Mask, check_same_grid

if TYPE_CHECKING:
    import SimpleITK as sitk

MARGIN = 5
"""Voxels around all the masks in which a consensus looks for what annotators left out."""


@dataclass(frozen=True)
class Agreement:
    """How far two annotators' masks agree; distances are None where either is empty."""

    first: str
    second: str
    dice: float
    surface_distance: float | None
    hausdorff_95: float | None
    unit: str
    """Of the distances: mm, or voxels where the voxel size is unknown."""

    def to_json(self) -> dict[str, Any]:
        """The agreement as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Consensus:
    """A mask made of several, and the sensitivity and specificity that it ascribes to each annotator."""

    mask: Mask
    sensitivity: dict[str, float]
    specificity: dict[str, float]


def agreements(masks: Mapping[str, Mask], *, spacing_known: bool) -> list[Agreement]:
    """The agreement of every two annotators; any label value above 0 is lesion."""
    names = list(masks)
    _check_grids(masks)
    spacing = masks[names[0]].spacing if spacing_known and names else (1.0, 1.0, 1.0)
    pairs = []
    for first, second in combinations(names, 2):
        a, b = masks[first].array > 0, masks[second].array > 0
        distances = surface_distances(a, b, spacing)
        pairs.append(
            Agreement(
                first,
                second,
                dice(a, b),
                _none_for_nan(distances.average),
                _none_for_nan(distances.hausdorff_95),
                "mm" if spacing_known else "voxels",
            )
        )
    return pairs


def consensus(masks: Mapping[str, Mask]) -> Consensus:
    """The consensus of two or more annotators by STAPLE (Warfield 2004), as SimpleITK computes it.

    STAPLE estimates, with the true mask, how sensitive and specific each annotator is. It is done for each label value
    by itself, inside the box around all masks with :data:`MARGIN` voxels more: with the empty rest of the head,
    specificities go to 1 and the consensus to the union. A voxel gets the value that is most probable there, if that
    is likelier than not.
    """
    if len(masks) < 2:
        raise InputError(f"a consensus needs the masks of two annotators at least; found {len(masks)}")
    _check_grids(masks)
    template = next(iter(masks.values()))
    arrays = [mask.array for mask in masks.values()]
    values = sorted({int(value) for array in arrays for value in np.unique(array) if value})
    merged = np.zeros(template.shape, template.array.dtype)
    if values:
        box = _box_around(np.any([array > 0 for array in arrays], axis=0))
        inside = [array[box] for array in arrays]
        probabilities = np.stack([_staple([array == value for array in inside])[0] for value in values])
        likeliest = np.array(values, template.array.dtype)[probabilities.argmax(axis=0)]
        merged[box] = np.where(probabilities.max(axis=0) > 0.5, likeliest, 0)
        _, sensitivity, specificity = _staple([array > 0 for array in inside])
    else:
        sensitivity = specificity = [1.0] * len(arrays)
    return Consensus(
        template.with_array(merged),
        dict(zip(masks, sensitivity, strict=True)),
        dict(zip(masks, specificity, strict=True)),
    )


class _Staple(Protocol):
    """What is called of SimpleITK's filter, which says no types."""

    def SetForegroundValue(self, value: int, /) -> None: ...  # noqa: N802
    def Execute(self, images: Sequence[sitk.Image], /) -> sitk.Image: ...  # noqa: N802
    def GetSensitivity(self) -> Sequence[float]: ...  # noqa: N802
    def GetSpecificity(self) -> Sequence[float]: ...  # noqa: N802


def _staple(lesions: list[npt.NDArray[np.bool_]]) -> tuple[npt.NDArray[np.float64], list[float], list[float]]:
    """Probability of lesion, and each annotator's sensitivity and specificity."""
    import SimpleITK as sitk

    new_staple: Callable[[], _Staple] = sitk.STAPLEImageFilter
    staple = new_staple()
    staple.SetForegroundValue(1)
    image = staple.Execute([sitk.GetImageFromArray(lesion.astype(np.uint8)) for lesion in lesions])
    return sitk.GetArrayFromImage(image), list(staple.GetSensitivity()), list(staple.GetSpecificity())


def _box_around(inside: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    (box,) = ndimage.find_objects(inside.astype(np.uint8))
    return tuple(
        slice(max(0, side.start - MARGIN), min(length, side.stop + MARGIN))
        for side, length in zip(box, inside.shape, strict=True)
    )


def _check_grids(masks: Mapping[str, Mask]) -> None:
    items = list(masks.items())
    for name, mask in items[1:]:
        check_same_grid(mask, items[0][1], f"the mask of '{name}'", f"the mask of '{items[0][0]}'")


def _none_for_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
