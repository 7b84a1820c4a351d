"""Masked patches of a tumour: its slices cut to the square around it, everything else taken out.

Intensities are standardised over the head as the segmentation networks see them, so that their encoders can be used.
Outside of the mask, a patch has the image's lowest value, that of air: nothing but the tumour and its outline enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from gliomics.errors import InputError
from gliomics.preprocess import SliceGrid, from_canonical, standardise, to_canonical
from gliomics.segmentation.networks import SegmentationNetwork
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings
from gliomics.study.geometry import on_grid_of
from gliomics.study.volumes import Mask, Volume

SIZE = 64
"""Pixels of a patch along each side."""
SLICES = 8
"""Patches of a tumour at most."""
_MARGIN = 1.15
"""The square is this much wider than the tumour."""
_LEAST_SHARE = 0.25
"""The square is at least this share of the head's: a few voxels are not blown up to a patch."""
_LEAST_AREA = 0.2
"""Slices that show less than this share of the largest area are left out."""


@dataclass(frozen=True)
class TumourPatches:
    """What a network sees of the tumour of one study.

    ``images`` is (n, sequences * window, size, size) in half precision; ``cover`` (n, size, size) is the fraction of
    each pixel that is tumour; ``numbers`` are the canonical slices of the n patches, from inferior to superior.
    """

    images: torch.Tensor
    cover: torch.Tensor
    numbers: list[int]
    grid: SliceGrid
    lesion: npt.NDArray[np.bool_]
    """The tumour on the canonical grid."""
    image: Volume
    """The image on whose grid the study lies."""

    def volume(self, maps: npt.NDArray[np.float32]) -> Volume:
        """Maps (n, size, size) of the patches on the grid of the study's image; 0 outside of the tumour.

        A slice between two patches gets both, weighted by their distance; one beyond the ends gets the nearest.
        """
        slices = np.zeros((self.lesion.shape[2], *maps.shape[1:]), dtype=np.float32)
        for k in np.flatnonzero(self.lesion.any(axis=(0, 1))):
            place = float(np.interp(k, self.numbers, np.arange(len(self.numbers))))
            before, part = int(place), place - int(place)
            after = min(before + 1, len(self.numbers) - 1)
            slices[k] = (1 - part) * maps[before] + part * maps[after]
        restored = self.grid.restore(slices, self.lesion.shape) * self.lesion
        return from_canonical(to_canonical(self.image).with_array(restored), self.image)


def tumour_patches(
    volumes: Mapping[str, Volume], mask: Mask, sequences: Sequence[str], settings: InputSettings
) -> TumourPatches:
    """Cut the patches of a study whose ``volumes`` lie on one grid; every voxel above 0 in ``mask`` is tumour.

    ``sequences`` are the network's, in its order; one that the study lacks is zero. ``settings`` say how many
    neighbouring slices the network sees. Raises :class:`GeometryError` for a mask on another grid and
    :class:`InputError` for an empty one and where the study has none of the sequences.
    """
    available = [name for name in sequences if name in volumes]
    if not available:
        found = ", ".join(sorted(volumes)) or "no image"
        raise InputError(f"the study has {found}; patches of the tumour need one of {', '.join(sequences)}")
    image = volumes[available[0]]
    lesion = to_canonical(on_grid_of(mask, image, "the mask", f"sequence '{available[0]}'")).array > 0
    if not lesion.any():
        raise InputError("the mask is empty: no voxel is above 0; draw the tumour first")
    grid, numbers = _around(lesion, to_canonical(image)), _slices(lesion)
    offsets = np.arange(settings.slices) - settings.context - (settings.depth - 1) // 2
    windows = np.clip(np.add.outer(numbers, offsets), 0, lesion.shape[2] - 1)
    seen = np.unique(windows)
    places = torch.from_numpy(np.searchsorted(seen, windows))
    cover = torch.from_numpy(grid.sample(lesion[:, :, seen].astype(np.float32)))
    channels = []
    for name in sequences:
        slices = torch.zeros_like(cover)
        if name in volumes:
            array = standardise(to_canonical(volumes[name]).array)
            masked = np.where(lesion, array, array.min())
            slices = torch.from_numpy(grid.sample(masked[:, :, seen]))
        channels.append(slices[places])
    middle = torch.from_numpy(np.searchsorted(seen, numbers))
    return TumourPatches(torch.cat(channels, dim=1).half(), cover[middle].half(), numbers, grid, lesion, image)


def middle_maps(network: SegmentationNetwork, images: torch.Tensor) -> torch.Tensor:
    """Channels (n, channels, g, g) of patches: the two maps before the deepest, joined on the finer one's grid.

    A place of the deepest map sees all of a patch, one of the first maps little more than its own intensity.
    """
    fine, coarse = network.encode(images.contiguous(memory_format=torch.channels_last))[-3:-1]
    return torch.cat((fine, functional.interpolate(coarse, size=fine.shape[-2:], mode="nearest")), dim=1)


def covered_cells(cover: torch.Tensor, cells: int) -> torch.Tensor:
    """Fraction (n, g, g) of each of g x g cells that is tumour, from that of each pixel, (n, size, size)."""
    return functional.adaptive_avg_pool2d(cover.float()[:, None], cells)[:, 0]


def mean_over_tumour(maps: torch.Tensor, cover: torch.Tensor) -> torch.Tensor:
    """Mean of maps (patients, n, channels, g, g) over the tumour of each patient, (patients, channels).

    Each cell counts as much as it is covered, ``cover`` (patients, n, g, g).
    """
    share = cover / cover.sum(dim=(1, 2, 3), keepdim=True)
    return torch.einsum("pncij,pnij->pc", maps, share)


def patch_channels(network: SegmentationNetwork, patches: TumourPatches) -> torch.Tensor:
    """Mean of :func:`middle_maps` over the tumour, (channels,)."""
    with torch.no_grad():
        maps = middle_maps(network, patches.images.float().to(next(network.parameters()).device)).cpu()
        return mean_over_tumour(maps[None], covered_cells(patches.cover, maps.shape[-1])[None])[0]


def patch_features(segmenter: Segmenter, volumes: Mapping[str, Volume], mask: Mask) -> dict[str, float]:
    """:func:`patch_channels` of a study as features, ``deep_<model>_patch_000``, ...

    ``volumes`` maps sequence names to images on the mask's grid; those that the model does not use are ignored. Raises
    as :func:`tumour_patches` does.
    """
    usable, _ = segmenter.choose(volumes)
    patches = tumour_patches(usable, mask, segmenter.sequences, segmenter.settings.input)
    values = patch_channels(segmenter.network, patches)
    return {f"deep_{segmenter.card.name}_patch_{n:03d}": float(value) for n, value in enumerate(values)}


def _around(lesion: npt.NDArray[np.bool_], image: Volume) -> SliceGrid:
    """The square around the tumour, the same for all slices and square in millimetres."""
    head = SliceGrid.around_head(image, SIZE)
    bounds = [np.flatnonzero(lesion.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]] + [0, 1] for axis in (0, 1)]
    spacing = image.spacing[:2]
    widest = max(float(high - low) * step for (low, high), step in zip(bounds, spacing, strict=True))
    side = max(_MARGIN * widest, _LEAST_SHARE * head.extent[0] * spacing[0])
    extent = [max(2, round(side / step)) for step in spacing]
    start = [int(low + high) // 2 - length // 2 for (low, high), length in zip(bounds, extent, strict=True)]
    return SliceGrid((start[0], start[1]), (extent[0], extent[1]), SIZE)


def _slices(lesion: npt.NDArray[np.bool_]) -> list[int]:
    """At most :data:`SLICES` slices, evenly spread over those that show much of the tumour."""
    area = lesion.sum(axis=(0, 1))
    large = np.flatnonzero(area >= _LEAST_AREA * area.max())
    spread = np.unique(np.round(np.linspace(0, len(large) - 1, min(SLICES, len(large)))).astype(int))
    return [int(number) for number in large[spread]]
