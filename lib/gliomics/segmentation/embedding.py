"""Deep features: what the encoder of a segmentation network makes of a region.

The deepest encoder block holds a coarse grid of cells for each slice, with some hundred channels each. Every channel
becomes two features of the region: its mean and its standard deviation over the cells, each cell weighted with the
fraction of it that the region covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gliomics.errors import InputError
from gliomics.preprocess import SliceGrid, to_canonical
from gliomics.segmentation.device import best_device
from gliomics.segmentation.inputs import Inputs, prepare
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import WEIGHTS
from gliomics.study.geometry import on_grid_of
from gliomics.study.volumes import Mask, Volume

_BATCH = 8

Array = npt.NDArray[np.float64]


def deep_features(segmenter: Segmenter, volumes: Mapping[str, Volume], mask: Mask) -> dict[str, float]:
    """Weighted mean and SD of the bottleneck's channels over the voxels above 0.

    ``volumes`` maps sequence names to images on the mask's grid; those that the model does not use are ignored. Names
    are ``deep_<model>_mean_000``, ... and ``deep_<model>_std_000``, ...; channels mean something only within one
    version of a model (:func:`deep_diagnostics`). Raises :class:`GeometryError` for a mask on another grid and
    :class:`InputError` for a missing sequence, a mask without a voxel above 0 or a region outside the head.
    """
    usable, _ = segmenter.choose(volumes)
    for name, volume in usable.items():
        mask = on_grid_of(mask, volume, "the mask", f"sequence '{name}'")
    region = to_canonical(mask).array > 0
    if not region.any():
        raise InputError("the mask is empty: no voxel is above 0; draw the lesion before computing deep features")
    inputs = prepare(usable, segmenter.sequences, segmenter.settings.input)
    covered = _coverage(region, inputs.grid, _cells(segmenter, inputs))
    if not covered.any():
        raise InputError("the region lies outside the head; does the mask belong to this image?")
    features, weights = _weighted_cells(segmenter, inputs, covered)
    return _by_name(segmenter.card.name, *_pooled(features, weights))


def deep_diagnostics(segmenter: Segmenter, volumes: Mapping[str, Volume]) -> dict[str, Any]:
    """Where :func:`deep_features` come from: version and weights of the model, and the sequences that it had."""
    usable, _ = segmenter.choose(volumes)
    card = segmenter.card
    return {
        f"deep_{card.name}_version": card.version,
        f"deep_{card.name}_weights_sha256": card.sha256.get(WEIGHTS),
        f"deep_{card.name}_sequences": list(usable),
    }


def pooled_channels(segmenter: Segmenter, inputs: Inputs, lesion: npt.NDArray[np.bool_]) -> Array:
    """Mean of the deepest block's channels over a lesion (slice, size, size) on the network's own slices.

    Where there is no lesion, over the whole of the middle slice.
    """
    if not lesion.any():
        lesion = np.zeros_like(lesion)
        lesion[len(lesion) // 2] = True
    cells = _cells(segmenter, inputs)
    covered = lesion.reshape(len(lesion), cells, -1, cells, lesion.shape[2] // cells).mean(axis=(2, 4))
    return _pooled(*_weighted_cells(segmenter, inputs, covered))[0]


def _deepest(segmenter: Segmenter, inputs: Inputs, slices: list[int]) -> torch.Tensor:
    """Feature maps (n, channels, cells, cells) of the deepest encoder block, each window's middle slice being asked."""
    settings = segmenter.settings.input
    batch = inputs.windows([number - (settings.depth - 1) // 2 for number in slices], settings)
    with torch.inference_mode():
        images = batch.to(best_device()).contiguous(memory_format=torch.channels_last)
        return segmenter.network.encode(images)[-1].cpu()


def _cells(segmenter: Segmenter, inputs: Inputs) -> int:
    return int(_deepest(segmenter, inputs, [0]).shape[-1])


def _coverage(region: npt.NDArray[np.bool_], grid: SliceGrid, cells: int) -> Array:
    """Fraction of each cell that the region (i, j, k) covers, (k, cells, cells)."""
    over_i, over_j = (
        _overlaps(start, extent, cells, size)
        for start, extent, size in zip(grid.start, grid.extent, region.shape[:2], strict=True)
    )
    covered = np.zeros((region.shape[2], cells, cells))
    for k in np.flatnonzero(region.any(axis=(0, 1))):
        covered[k] = over_i @ region[:, :, k] @ over_j.T
    return covered


def _overlaps(start: int, extent: int, cells: int, size: int) -> Array:
    """Fraction of each cell (rows) that lies in each of ``size`` voxels, for cells that divide ``extent`` evenly."""
    edges = start + extent * np.arange(cells + 1) / cells
    voxels = np.arange(size)
    shared = np.minimum(edges[1:, None], voxels + 1) - np.maximum(edges[:-1, None], voxels)
    return np.asarray(np.clip(shared, 0, None) * cells / extent)


def _weighted_cells(segmenter: Segmenter, inputs: Inputs, covered: Array) -> tuple[Array, Array]:
    """Channels (n, channels) and weights (n,) of the cells that the region touches; other slices are not computed."""
    touched = np.flatnonzero(covered.any(axis=(1, 2)))
    features, weights = [], []
    for start in range(0, len(touched), _BATCH):
        slices = touched[start : start + _BATCH]
        maps = _deepest(segmenter, inputs, slices.tolist())
        inside = covered[slices] > 0
        features.append(maps.permute(0, 2, 3, 1).numpy()[inside].astype(np.float64))
        weights.append(covered[slices][inside])
    return np.concatenate(features), np.concatenate(weights)


def _pooled(features: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean and SD (both (channels,)) of cells."""
    mean = np.average(features, axis=0, weights=weights)
    return mean, np.sqrt(np.average(np.square(features - mean), axis=0, weights=weights))


def _by_name(model: str, mean: Array, deviation: Array) -> dict[str, float]:
    digits = max(3, len(str(len(mean) - 1)))
    return {
        f"deep_{model}_{kind}_{channel:0{digits}d}": float(value)
        for kind, values in (("mean", mean), ("std", deviation))
        for channel, value in enumerate(values)
    }
