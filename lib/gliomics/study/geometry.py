"""One grid or another: comparing the geometry of images and resampling between grids."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.errors import GeometryError
from gliomics.study.images import from_sitk, read_volume, to_sitk
from gliomics.study.records import Study, Volume

GRID_TOLERANCE = 0.01
"""Two grids are one when no corner differs by more than this fraction of the smallest voxel edge."""


def describe_geometry(volume: Volume) -> str:
    """The grid in words: size in voxels, spacing and origin in mm (RAS), axis directions."""
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


def resample_to(volume: Volume, reference: Volume, *, labels: bool = False) -> Volume:
    """``volume`` on the grid of ``reference``.

    Images are interpolated linearly (the result is floating-point); with ``labels`` the
    nearest voxel's value is taken and the type kept. Outside ``volume`` the result is 0.
    On the same grid the values are returned unchanged. Raises :class:`GeometryError`
    when the two do not overlap in space or an affine has shear.
    """
    if same_grid(volume, reference):
        return reference.with_array(volume.array)
    _check_overlap(volume, reference)
    moving = to_sitk(volume)
    if not labels and volume.array.dtype.kind != "f":
        moving = sitk.Cast(moving, sitk.sitkFloat32)
    fixed = to_sitk(Volume(np.broadcast_to(np.uint8(0), reference.shape), reference.affine))
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    resampled = sitk.Resample(moving, fixed, sitk.Transform(), interpolator, 0.0)
    return reference.with_array(from_sitk(resampled).array)


_resample = resample_to  # load_sequences has a parameter of the same name


def load_sequences(study: Study, names: Iterable[str], *, resample_to: str | None = None) -> dict[str, Volume]:
    """Read sequences of a study onto one grid.

    Without ``resample_to`` the sequences must share a grid already; else each is brought
    to the grid of the sequence that it names. Raises :class:`GeometryError` naming the
    study, both sequences and both geometries, and :class:`UnknownNameError` for a
    sequence that the study does not have.
    """
    paths = {name: study.path(name) for name in names}
    reference_path = study.path(resample_to) if resample_to is not None else None
    if not paths:
        return {}
    with ThreadPoolExecutor() as pool:  # decompressing does not hold the interpreter's lock
        volumes = dict(zip(paths, pool.map(read_volume, paths.values()), strict=True))
    if resample_to is not None and reference_path is not None:
        reference = volumes[resample_to] if resample_to in volumes else read_volume(reference_path)
        return {name: _resample(volume, reference) for name, volume in volumes.items()}
    first, *others = volumes
    for name in others:
        if not same_grid(volumes[first], volumes[name]):
            raise GeometryError(
                f"study '{study.id}': sequences '{first}' and '{name}' lie on different grids: "
                f"{describe_geometry(volumes[first])} vs {describe_geometry(volumes[name])}; "
                f"ask for resampling to one of them, e.g. '{first}'"
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
