"""Volumes turned to a canonical axis order and back, without interpolation."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from gliomics.study.records import Volume


def to_canonical(volume: Volume) -> Volume:
    """The same voxels with axes flipped and permuted so that i, j, k run closest to right, anterior, superior."""
    orientation = nib.orientations.io_orientation(volume.affine)
    array = nib.orientations.apply_orientation(volume.array, orientation)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(orientation, volume.shape)
    return Volume(np.ascontiguousarray(array), affine)


def from_canonical(canonical: Volume, original: Volume) -> Volume:
    """Undo :func:`to_canonical`: the canonical array on the original's grid."""
    undo = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(np.eye(4)), nib.orientations.io_orientation(original.affine)
    )
    array = nib.orientations.apply_orientation(canonical.array, undo)
    return original.with_array(np.ascontiguousarray(array))


def axial(volume: Volume) -> tuple[int, bool]:
    """The axis (0, 1, 2 for i, j, k) across which axial slices are cut, and whether it runs downwards."""
    orientation = nib.orientations.io_orientation(volume.affine)
    axis = int(np.flatnonzero(orientation[:, 0] == 2)[0])
    return axis, bool(orientation[axis, 1] < 0)
