"""Volumes turned to a canonical axis order and back, without interpolation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import permutations
from typing import Any, Literal

import nibabel as nib
import numpy as np
import numpy.typing as npt

from gliomics.study.volumes import Volume

Orientation = npt.NDArray[np.float64]
"""Which way each voxel axis runs, (3, 2), as nibabel has it: the patient's axis, and 1 or -1 for along or against."""
_codes: Callable[[Orientation], tuple[str, ...]] = nib.orientations.ornt2axcodes
_from_codes: Callable[[str], Orientation] = nib.orientations.axcodes2ornt
_change: Callable[[Orientation, Orientation], Orientation] = nib.orientations.ornt_transform
_apply: Callable[[npt.NDArray[Any], Orientation], npt.NDArray[Any]] = nib.orientations.apply_orientation
_inverse_affine: Callable[[Orientation, tuple[int, ...]], npt.NDArray[np.float64]] = nib.orientations.inv_ornt_aff
_SAME = 1e-5
"""Affines are single precision: orders of axes that fit equally well but for this are equally good."""


def orientation_of(affine: npt.NDArray[np.float64]) -> Orientation:
    """Which way each voxel axis runs: (3, 2), as :func:`nibabel.orientations.io_orientation` gives it.

    nibabel's own goes through the axes one after the other, so that where two of an oblique grid run closest to one
    direction, the answer depends on which is stored first. Here the three are assigned together, the best fit in all.
    """
    return _orientation_of(*affine[:3, :3].ravel().tolist()).copy()


@functools.lru_cache(maxsize=64)
def _orientation_of(*steps: float) -> Orientation:
    directions = np.reshape(steps, (3, 3)) / np.linalg.norm(np.reshape(steps, (3, 3)), axis=0)
    fits = []
    for world in permutations(range(3)):
        towards = np.where(directions[list(world), range(3)] < 0, -1.0, 1.0)
        ordered = (directions * towards)[:, np.argsort(world)]
        fits.append((float(np.trace(ordered)), np.round(ordered, 4).tolist(), world, towards))
    best = max(fit[0] for fit in fits)
    _, _, world, towards = max((fit for fit in fits if fit[0] > best - _SAME), key=lambda fit: fit[1])
    return np.stack([np.array(world, dtype=float), towards], axis=1)


def axes_of(volume: Volume) -> str:
    """Where the voxel axes i, j, k run to, e.g. ``LPS``: to the left, backwards (posterior) and upwards.

    >>> axes_of(Volume(np.zeros((2, 2, 2)), np.diag([-1.0, -1.0, 5.0, 1.0])))
    'LPS'
    """
    return "".join(_codes(orientation_of(volume.affine)))


Plane = Literal["axial", "coronal", "sagittal"]
_AXES: dict[Plane, str] = {"axial": "RAS", "coronal": "RSA", "sagittal": "ASR"}


def in_plane(volume: Volume, plane: Plane) -> Volume:
    """The same voxels with axes flipped and permuted so that ``plane`` is that of i and j; axial is canonical.

    :func:`from_canonical` undoes it.
    """
    return _reordered(volume, _AXES[plane])


def to_canonical(volume: Volume) -> Volume:
    """The same voxels with axes flipped and permuted so that i, j, k run closest to right, anterior, superior."""
    return in_plane(volume, "axial")


def to_lps(volume: Volume) -> Volume:
    """The same voxels with axes flipped and permuted so that i, j, k run closest to left, posterior, superior.

    That is the order of DICOM and ITK, in which axial scanner images, the BraTS challenges and PyRadiomics' parameters
    (``force2Ddimension`` 0 is axial) are.
    """
    return _reordered(volume, "LPS")


def begin_at(volume: Volume, place: npt.ArrayLike) -> Volume:
    """The same voxels with the first one's centre at ``place``, in RAS millimetres."""
    affine = volume.affine.copy()
    affine[:3, 3] = place
    return Volume(volume.array, affine)


def stored_index(volume: Volume, axis: int, index: int) -> int:
    """The index along its own axis at which ``volume`` stores slice ``index`` across ``axis`` of :func:`to_lps`."""
    orientation = orientation_of(volume.affine)
    stored = int(np.flatnonzero(orientation[:, 0] == axis)[0])
    ascending = orientation[stored, 1] == (-1, -1, 1)[axis]
    return index if ascending else volume.shape[stored] - 1 - index


def from_canonical(canonical: Volume, original: Volume) -> Volume:
    """Undo :func:`to_canonical`, :func:`in_plane` or :func:`to_lps`: the reordered array on the original's grid."""
    undo = _change(orientation_of(canonical.affine), orientation_of(original.affine))
    array = _apply(canonical.array, undo)
    return original.with_array(np.ascontiguousarray(array))


def axial(volume: Volume) -> tuple[int, bool]:
    """The axis (0, 1, 2 for i, j, k) across which axial slices are cut, and whether it runs downwards."""
    orientation = orientation_of(volume.affine)
    axis = int(np.flatnonzero(orientation[:, 0] == 2)[0])
    return axis, bool(orientation[axis, 1] < 0)


def _reordered(volume: Volume, axes: str) -> Volume:
    change = _change(orientation_of(volume.affine), _from_codes(axes))
    array = _apply(volume.array, change)
    affine = volume.affine @ _inverse_affine(change, volume.shape)
    # ITK reads what is stored with i fastest as it lies; what was so and keeps its order is not copied.
    array = array if array.flags.f_contiguous else np.ascontiguousarray(array)
    return Volume(array, affine)
