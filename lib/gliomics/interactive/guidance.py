"""What a user says of voxels, as channels that a network sees beside the images.

Three channels, on the network's slices: the mask until now, where the user says lesion, and where the user says none.
A click is a Gaussian spot, which fades over the neighbouring slices; a stroke or a drawn slice is the area itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from gliomics.errors import InputError
from gliomics.records import Click
from gliomics.segmentation.inputs import Inputs
from gliomics.study.volumes import Volume

CHANNELS = 3
"""Mask until now, lesion, no lesion."""

REACH = 2
"""Slices on each side of a click that it may change."""

_SPOT = 3.0
"""Standard deviation of a spot within its slice, in pixels of the network."""

_FADE = 1.0
"""Standard deviation of a spot across slices."""


def require_inside(click: Click, image: Volume, what: str = "a click") -> None:
    """Raise :class:`InputError`, naming ``what`` it is, unless the click is on the image."""
    if not all(0 <= index < length for index, length in zip(click.voxel, image.shape, strict=True)):
        raise InputError(f"{what} is on voxel {list(click.voxel)}; the image has {list(image.shape)} voxels")


def add_spot(maps: torch.Tensor, place: tuple[float, float, float]) -> None:
    """Put a click at ``place`` (slice, row, column) into ``maps`` (slice, row, column), in place.

    The slice may lie outside the maps; it fades into them.
    """
    slices, rows, columns = maps.shape
    across = _fall(torch.arange(slices, device=maps.device), place[0], _FADE)
    down = _fall(torch.arange(rows, device=maps.device), place[1], _SPOT)
    along = _fall(torch.arange(columns, device=maps.device), place[2], _SPOT)
    near = (torch.arange(slices, device=maps.device) - place[0]).abs() <= REACH
    spot = (across * near)[:, None, None] * (down[:, None] * along)
    torch.maximum(maps, spot.to(maps.dtype), out=maps)


def _fall(positions: torch.Tensor, centre: float, width: float) -> torch.Tensor:
    return torch.exp(-((positions - centre) ** 2) / (2 * width**2))


def guidance(
    inputs: Inputs,
    previous: npt.NDArray[np.bool_],
    painted: npt.NDArray[np.int8],
    clicks: Sequence[Click],
    image: Volume,
) -> torch.Tensor:
    """The channels of a study, (:data:`CHANNELS`, slice, size, size).

    ``previous`` is the mask and ``painted`` what the user drew (1 lesion, -1 none, 0 nothing), both on the canonical
    grid of ``inputs``; ``clicks`` are voxels of ``image``.
    """
    maps = [
        torch.from_numpy(inputs.grid.sample(array.astype(np.float32))) for array in (previous, painted > 0, painted < 0)
    ]
    for click in clicks:
        add_spot(maps[1 if click.lesion else 2], network_place(click, inputs, image))
    return torch.stack(maps)


def network_place(click: Click, inputs: Inputs, image: Volume) -> tuple[float, float, float]:
    """Where a click is on the network's slices: slice, row and column."""
    return network_voxel(canonical_voxel(click, inputs.canonical, image), inputs)


def network_voxel(voxel: tuple[int, int, int], inputs: Inputs) -> tuple[float, float, float]:
    """Where a voxel of the canonical grid is on the network's slices: slice, row and column."""
    i, j, k = voxel
    grid = inputs.grid
    row, column = (
        (index + 0.5 - start) * grid.size / extent - 0.5
        for index, start, extent in zip((i, j), grid.start, grid.extent, strict=True)
    )
    return float(k), row, column


def canonical_voxel(click: Click, canonical: Volume, image: Volume) -> tuple[int, int, int]:
    """A click's voxel after :func:`~gliomics.preprocess.to_canonical`."""
    position = image.affine @ np.array([*click.voxel, 1.0])
    i, j, k = np.rint(np.linalg.solve(canonical.affine, position)[:3]).astype(int).tolist()
    return i, j, k
