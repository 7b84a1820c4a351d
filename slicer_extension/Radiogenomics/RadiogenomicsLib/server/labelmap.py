"""Segments put into one label map. Only numpy, so that a job's thread can do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from RadiogenomicsLib.server.volumes import OrientedImage

_MOST_SEGMENTS = 255


@dataclass(frozen=True)
class LabelledSegment:
    """A segment, and beside it those of its segmentation that a label map can hold with it.

    ``values`` are the segments' values by name, ``value`` is that of the segment itself.
    """

    mask: OrientedImage
    values: dict[str, int]
    value: int


def withNeighbours(segment: str, mask: OrientedImage, arrays: dict[str, np.ndarray]) -> LabelledSegment:
    """A segment, whose voxels are ``mask``, with the other segments of its segmentation, ``arrays`` by their names.

    A segment that is made of others adds nothing. Where any two of the others share voxels the segment stands alone,
    for a label map has one value per voxel; so it does where it is made of others, or no arrays are given.
    """
    alone = LabelledSegment(mask, {segment: 1}, 1)
    arrays = {name: voxels for name, voxels in arrays.items() if voxels.any()}
    names = set(primary(arrays))
    if segment not in names or len(names) > _MOST_SEGMENTS:
        return alone
    label = np.zeros(mask.array.shape, np.uint8)
    values: dict[str, int] = {}
    for name, voxels in arrays.items():
        if name not in names:
            continue
        if label[voxels].any():
            return alone
        values[name] = len(values) + 1
        label[voxels] = values[name]
    return LabelledSegment(OrientedImage(label, mask.ijkToRas), values, values[segment])


def primary(arrays: dict[str, np.ndarray]) -> list[str]:
    """The names of the segments without those that are made of smaller ones."""
    names = sorted(arrays, key=lambda name: int(arrays[name].sum()))
    kept: list[str] = []
    for name in names:
        inside = [other for other in kept if not (arrays[other] & ~arrays[name]).any()]
        union = np.zeros_like(arrays[name])
        for other in inside:
            union |= arrays[other]
        if not inside or not np.array_equal(union, arrays[name]):
            kept.append(name)
    return [name for name in arrays if name in kept]
