"""One grid or another: comparing the geometry of images and resampling between grids."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.errors import GeometryError
from gliomics.study import itk
from gliomics.study.images import from_sitk, read_volume, to_sitk
from gliomics.study.records import Study
from gliomics.study.volumes import Mask, Volume

GRID_TOLERANCE = 0.01
"""Two grids are one when no corner differs by more than this fraction of the smallest voxel edge."""


def describe_geometry(volume: Volume) -> str:
    """The grid in words: size in voxels, spacing and origin in mm (RAS), axis directions.

    >>> describe_geometry(Volume(np.zeros((4, 5, 6)), np.diag([-1.0, 1.0, 2.5, 1.0])))
    'size (4, 5, 6), spacing (1, 1, 2.5), origin (0, 0, 0), axes LAS'
    """
    return (
        f"size {volume.shape}, spacing {_numbers(volume.spacing)}, origin {_numbers(volume.affine[:3, 3])}, "
        f"axes {_axes(volume)}"
    )


def same_grid(a: Volume, b: Volume) -> bool:
    """Whether the voxels of both lie at the same places, within :data:`GRID_TOLERANCE`."""
    if a.shape != b.shape:
        return False
    distance = np.linalg.norm(_corners(a) - _corners(b), axis=1).max()
    return bool(distance <= GRID_TOLERANCE * min(*a.spacing, *b.spacing))


def check_same_grid(a: Volume, b: Volume, name_a: str, name_b: str) -> None:
    """Raise :class:`GeometryError` naming both and what differs, unless they share one grid."""
    if not same_grid(a, b):
        raise GeometryError(
            f"geometry of {name_a} differs from {name_b}: {_difference(a, b)}; resample one to the other's grid"
        )


def on_grid_of(mask: Mask, volume: Volume, name: str, image: str = "its image") -> Mask:
    """A mask whose voxels lie on the lattice of ``volume``'s, on the grid of ``volume``; no value is interpolated.

    It may be cropped, padded, flipped, or hold its axes in another order. ``name`` says in errors which mask it is, and
    ``image`` of what. Raises :class:`GeometryError`, with both geometries and the remedy, when a corner of the mask is
    off the lattice by more than :data:`GRID_TOLERANCE` of the smallest voxel edge, and when labelled voxels lie outside
    the image.
    """
    if same_grid(mask, volume):
        return volume.with_array(mask.array)
    _check_placed(mask, volume, name, image)
    placement = _placement(mask, volume)
    if placement is None:
        raise GeometryError(
            f"geometry of {name} differs from {image}: {_difference(mask, volume)}; its voxels are not those of the "
            "image: draw it on the image, or bring it there with gliomics masks resample MASKS STUDIES --out FOLDER"
        )
    axes, signs, starts = placement
    turned = mask.array.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]
    if turned.shape == volume.shape and any(starts):
        raise GeometryError(
            f"geometry of {name} differs from {image}: {_difference(mask, volume)}; it has the image's size and lies "
            f"{tuple(starts)} voxels aside: its header is wrong, or it is of another image; save it with the "
            "header of its image"
        )
    source, target = [], []
    for start, count, size in zip(starts, turned.shape, volume.shape, strict=True):
        low = max(start, 0)
        high = max(low, min(start + count, size))
        source.append(slice(low - start, high - start))
        target.append(slice(low, high))
    array = np.zeros(volume.shape, mask.array.dtype)
    array[tuple(target)] = turned[tuple(source)]
    labelled = np.count_nonzero(mask.array)
    outside = labelled - np.count_nonzero(array)
    if outside:
        raise GeometryError(
            f"{name} has {outside} of its {labelled} labelled voxels outside {image}: {describe_geometry(mask)} vs "
            f"{describe_geometry(volume)}; give the image that it was drawn on, or erase what lies outside"
        )
    return volume.with_array(array)


def _check_placed(mask: Volume, volume: Volume, name: str, image: str) -> None:
    """Refuse to place by its header what has none: no sform or qform, or the unit axes from 0 of a lost header."""
    header_lost = mask.shape == volume.shape and np.array_equal(mask.affine, np.eye(4))
    if not same_grid(mask, volume) and (header_lost or not mask.placed or not volume.placed):
        silent = image if mask.placed and not header_lost else name
        raise GeometryError(
            f"geometry of {name} differs from {image}: {_difference(mask, volume)}; the header of {silent} does not "
            "say where it lies: save it with the header of the other, if both have the same voxels"
        )


def _placement(mask: Volume, volume: Volume) -> tuple[list[int], list[int], list[int]] | None:
    """How the voxels of ``mask`` are voxels of the lattice of ``volume``; None when they are not.

    For each axis of ``volume``: the axis of ``mask`` along it, -1 where that runs the other way (else 1), and the index
    in ``volume`` of the first voxel of the mask so turned. An axis of one voxel has no direction.
    """
    steps = np.linalg.inv(volume.affine) @ mask.affine
    along: dict[int, int] = {}
    for axis in sorted(range(3), key=lambda axis: mask.shape[axis] == 1):
        free = [target for target in range(3) if target not in along]
        along[max(free, key=lambda target: abs(steps[target, axis]))] = axis
    axes = [along[target] for target in range(3)]
    signs = [-1 if steps[target, axis] < 0 and mask.shape[axis] > 1 else 1 for target, axis in enumerate(axes)]
    origin = [round(float(index)) for index in steps[:3, 3]]
    on_lattice = np.zeros((4, 4))
    on_lattice[range(3), axes] = signs
    on_lattice[:, 3] = [*origin, 1]
    distance = np.linalg.norm(_corners(Volume(mask.array, volume.affine @ on_lattice)) - _corners(mask), axis=1).max()
    if distance > GRID_TOLERANCE * min(volume.spacing):
        return None
    starts = [
        index if sign > 0 else index - mask.shape[axis] + 1
        for index, sign, axis in zip(origin, signs, axes, strict=True)
    ]
    return axes, signs, starts


def resample_to(volume: Volume, reference: Volume, *, labels: bool = False) -> Volume:
    """``volume`` on the grid of ``reference``.

    Images are interpolated linearly (the result is floating-point); with ``labels`` each
    voxel gets the label that has the largest part of it by linear interpolation, and the
    type is kept. Outside ``volume`` the result is 0.
    On the same grid the values are returned unchanged. Raises :class:`GeometryError`
    when the two do not overlap in space or an affine has shear.
    """
    if same_grid(volume, reference):
        return reference.with_array(volume.array)
    _check_overlap(volume, reference)
    if not (volume.placed and reference.placed):
        raise GeometryError(
            f"the images cannot be brought together: {describe_geometry(volume)} vs {describe_geometry(reference)}; "
            "the header of one does not say where it lies; save it with the header of the other"
        )
    moving = to_sitk(volume)
    if not labels and volume.array.dtype.kind != "f":
        moving = itk.cast_to(moving, sitk.sitkFloat32)
    fixed = to_sitk(Volume(np.broadcast_to(np.uint8(0), reference.shape), reference.affine))
    interpolator = sitk.sitkLabelLinear if labels else sitk.sitkLinear
    resampled = sitk.Resample(moving, fixed, interpolator=interpolator)
    return reference.with_array(from_sitk(resampled).array)


def resample_mask(mask: Mask, volume: Volume, name: str, image: str = "its image") -> Mask:
    """A mask on the grid of ``volume``: exactly where :func:`on_grid_of` can, else each label by linear interpolation.

    A nearest neighbour would shift outlines by up to half a voxel and change volumes more. Raises
    :class:`GeometryError` when labelled voxels lie outside ``volume``.
    """
    _check_placed(mask, volume, name, image)
    if same_grid(mask, volume) or _placement(mask, volume) is not None:
        return on_grid_of(mask, volume, name, image)
    centres = np.argwhere(mask.array) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    indices = np.linalg.solve(volume.affine[:3, :3], (centres - volume.affine[:3, 3]).T).T
    outside = np.any((indices < -0.5) | (indices > np.array(volume.shape) - 0.5), axis=1)
    if outside.any():
        raise GeometryError(
            f"{name} has {np.count_nonzero(outside)} of its {len(outside)} labelled voxels outside {image}: "
            f"{describe_geometry(mask)} vs {describe_geometry(volume)}; is it of another image?"
        )
    return resample_to(mask, volume, labels=True)


def load_sequences(study: Study, names: Iterable[str], *, grid_of: str | None = None) -> dict[str, Volume]:
    """Read sequences of a study onto one grid.

    Without ``grid_of`` the sequences must share a grid already; else each is resampled
    to the grid of the sequence that it names. Raises :class:`GeometryError` naming the
    study, both sequences and both geometries, and :class:`UnknownNameError` for a
    sequence that the study does not have.
    """
    paths = {name: study.path(name) for name in names}
    reference_path = study.path(grid_of) if grid_of is not None else None
    if not paths:
        return {}
    with ThreadPoolExecutor() as pool:  # decompressing does not hold the interpreter's lock
        volumes = dict(zip(paths, pool.map(read_volume, paths.values()), strict=True))
    if grid_of is not None and reference_path is not None:
        reference = volumes[grid_of] if grid_of in volumes else read_volume(reference_path)
        return {name: resample_to(volume, reference) for name, volume in volumes.items()}
    reference_name, *names_left = volumes
    for name in names_left:
        if not same_grid(volumes[reference_name], volumes[name]):
            raise GeometryError(
                f"study '{study.id}': sequences '{reference_name}' and '{name}' lie on different grids: "
                f"{describe_geometry(volumes[reference_name])} vs {describe_geometry(volumes[name])}; "
                f"ask for resampling to one of them, e.g. '{reference_name}'"
            )
    return volumes


def _corners(volume: Volume) -> npt.NDArray[np.float64]:
    """The centres of the eight corner voxels in RAS millimetres, (8, 3)."""
    indices = np.array(list(product(*[(0, size - 1) for size in volume.shape])), dtype=np.float64)
    return indices @ volume.affine[:3, :3].T + volume.affine[:3, 3]


def _difference(a: Volume, b: Volume) -> str:
    parts = []
    if a.shape != b.shape:
        parts.append(f"size {a.shape} vs {b.shape}")
    if not np.allclose(a.spacing, b.spacing, rtol=1e-3):
        parts.append(f"spacing {_numbers(a.spacing)} vs {_numbers(b.spacing)}")
    if not np.allclose(a.affine[:3, :3] / a.spacing, b.affine[:3, :3] / b.spacing, atol=1e-3):
        parts.append(f"axes {_axes(a)} vs {_axes(b)}")
    if not np.allclose(a.affine[:3, 3], b.affine[:3, 3], atol=1e-3 * min(a.spacing)):
        parts.append(f"origin {_numbers(a.affine[:3, 3])} vs {_numbers(b.affine[:3, 3])}")
    return ", ".join(parts) or f"affine {a.affine[:3].tolist()} vs {b.affine[:3].tolist()}"


def _check_overlap(a: Volume, b: Volume) -> None:
    corners_a, corners_b = _corners(a), _corners(b)
    margin = max(*a.spacing, *b.spacing)
    apart = (corners_a.min(0) > corners_b.max(0) + margin) | (corners_b.min(0) > corners_a.max(0) + margin)
    if apart.any():
        raise GeometryError(
            f"the images do not overlap in space: {describe_geometry(a)} vs {describe_geometry(b)}; register them first"
        )


def _axes(volume: Volume) -> str:
    """Axis directions: letters when along the body's axes, else the unit vectors in RAS."""
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    main = np.abs(directions).argmax(axis=0)
    if len(set(main)) == 3 and np.abs(directions).max(axis=0).min() > 1 - 1e-6:
        return "".join("RAS"[axis] if directions[axis, k] > 0 else "LPI"[axis] for k, axis in enumerate(main))
    return " ".join(_numbers(column) for column in directions.T)


def _numbers(values: Iterable[float]) -> str:
    return "(" + ", ".join(f"{round(float(value), 4) + 0.0:g}" for value in values) + ")"
