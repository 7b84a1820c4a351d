"""Axial slices of a volume by number, counted in the volume's own order as the server counts them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from slicer.i18n import tr as _

from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid, sameGrid


def axialAxis(ijkToRas: np.ndarray) -> int:
    """The voxel axis (0, 1, 2 for i, j, k) across which axial slices are cut: the one that is most nearly S."""
    directions = ijkToRas[:3, :3] / np.linalg.norm(ijkToRas[:3, :3], axis=0)
    return int(np.argmax(np.abs(directions[2])))


def sliceCentre(volume: OrientedImage, number: int) -> np.ndarray:
    """The middle of an axial slice in RAS, millimetres; :class:`VolumeError` where the volume has no such slice."""
    axis = axialAxis(volume.ijkToRas)
    centre = (np.array(volume.array.shape[::-1]) - 1) / 2
    count = volume.array.shape[2 - axis]
    if not 0 <= number < count:
        raise VolumeError(
            _("there is no slice {number}; the volume has slices 0 to {last}").format(number=number, last=count - 1)
        )
    centre[axis] = number
    return np.asarray((volume.ijkToRas @ np.append(centre, 1.0))[:3])


def withEarlierSlices(
    mask: OrientedImage, slices: Collection[int], earlier: OrientedImage, earlierSlices: Collection[int]
) -> OrientedImage:
    """``mask`` with the slices of an ``earlier`` mask that were done then and are not among ``slices`` now."""
    if not sameGrid(mask, earlier):
        raise VolumeError(
            _(
                "the slices saved before have {earlier}, these have {mask}, or lie elsewhere; draw on the "
                "volume that they were drawn on"
            ).format(earlier=describeGrid(earlier), mask=describeGrid(mask))
        )
    array = mask.array.astype(np.promote_types(mask.array.dtype, earlier.array.dtype))
    axis = 2 - axialAxis(mask.ijkToRas)
    for number in set(earlierSlices) - set(slices):
        index = (slice(None),) * axis + (number,)
        array[index] = earlier.array[index]
    return OrientedImage(array, mask.ijkToRas)
