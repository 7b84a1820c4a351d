"""What measuring a region takes of memory beside the images, so that too little is said before the work begins.

The shares are rounded up from what measuring took with filters, classes and numbers of grey levels of every size.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig
from gliomics.features.engines.interface import default_engine
from gliomics.features.windows import Window, filter_window, whole_of, window_of
from gliomics.study.volumes import Mask, Volume

_OF_PREPARING = 16
_OF_RESAMPLING = 32
_OF_FILTERS = {"Original": 0, "Wavelet": 100}
_OF_FILTER = 24
"""Bytes for each voxel of the image, of the image in new voxels, and of what a filter sees."""
_OF_BOX, _OF_VOXEL, _OF_PAIR = 32, 500, 64
"""Bytes for each voxel of the region's box, for each of the region, and for each pair of levels along a direction."""
_OF_LEVELS = {"native": 40, "pyradiomics": 13 * 8 * 4}
"""Bytes for each cell of a square of grey levels."""
_USUAL_LEVELS = 256
"""Where ``binWidth`` is set; how many there are is known when the image has been filtered."""
_PADDING = 5
MOST_OF_BATCH = 256 * 2**20
"""Bytes that one batch of voxels of maps may take beside these."""
OF_MAP = 8
"""Bytes for each voxel of the image and each map, which is turned to the image's order of axes in the end."""


def check_memory(regions: Mapping[str, Mask], image: Volume, config: FeatureConfig) -> None:
    """Raise :class:`InputError` for a region, by its name, that takes more memory than is free.

    ``image`` is one of those measured; ``regions`` are on its grid, before anything is resampled.
    """
    free = free_memory()
    if free is None or not config.image_classes:
        return
    # Most often there is room for the whole image, which is told without a look at its voxels.
    if max(bytes_of_steps(whole_of(image), math.prod(image.shape), image, config).values()) <= free:
        return
    for name, region in regions.items():
        inside = region.array > 0
        steps = bytes_of_steps(window_of(inside), int(np.count_nonzero(inside)), image, config)
        _refuse_more_than(free, steps, f"{name} needs", "to be measured")


def check_memory_of_maps(name: str, window: Window, number: int, image: Volume, config: FeatureConfig) -> None:
    """Raise :class:`InputError` where so many maps of a region within ``window`` take more memory than is free.

    ``name`` is the region's, ``image`` one of those measured.
    """
    free = free_memory()
    if free is None:
        return
    steps = {"ask for fewer maps at a time": number * math.prod(image.shape) * OF_MAP + MOST_OF_BATCH}
    for image_type in config.image_type:
        filtered = _bytes_of_filter(image_type, window, image, config.settings_of(image_type))
        steps[f"leave out the filter {image_type}"] = filtered + MOST_OF_BATCH
    _refuse_more_than(free, steps, f"{name} needs", "for its maps")


def _refuse_more_than(free: int, steps: Mapping[str, int], needs: str, purpose: str) -> None:
    remedy = max(steps, key=lambda step: steps[step])
    if steps[remedy] > free:
        raise InputError(
            f"{needs} about {_gigabytes(steps[remedy])} of memory {purpose}, beside the images, and "
            f"{_gigabytes(free)} are free: {remedy}, or end other programs"
        )


def _gigabytes(number: int) -> str:
    gigabytes = number / 2**30
    return f"{gigabytes:,.0f} GB" if gigabytes >= 100 else f"{gigabytes:.3g} GB ({number:,} bytes)"


def bytes_of_steps(window: Window, count: int, image: Volume, config: FeatureConfig) -> dict[str, int]:
    """The bytes of each step of measuring a region of ``count`` voxels within ``window``, by what lessens them."""
    grid, box = _measured_grid(window, image, config)
    voxels_of_box = math.prod(part.stop - part.start for part in box.box)
    count = math.ceil(count * voxels_of_box / math.prod(part.stop - part.start for part in window.box))
    steps = {"measure a smaller image": math.prod(image.shape) * _OF_PREPARING}
    if config.new_spacing is not None:
        steps["resample to larger voxels"] = math.prod(grid.shape) * _OF_RESAMPLING
    engine = config.engine or default_engine()
    for image_type in config.image_type:
        settings = config.settings_of(image_type)
        filtered = _bytes_of_filter(image_type, box, grid, settings)
        levels = settings.get("binCount") or _USUAL_LEVELS
        pairs = 0
        if "glcm" in config.image_classes:
            pairs = 13 * min(levels**2, 2 * count) * _OF_PAIR + levels**2 * _OF_LEVELS[engine]
        textures = voxels_of_box * _OF_BOX + count * _OF_VOXEL + pairs
        remedy = "measure a smaller region or in larger voxels"
        if filtered > textures:
            remedy = f"leave out the filter {image_type}"
        elif 2 * pairs > textures:
            remedy = "set wider bins"
        elif config.new_spacing is not None:
            remedy = "resample to larger voxels"
        steps[remedy] = max(steps.get(remedy, 0), filtered + textures)
    return steps


def _bytes_of_filter(image_type: str, window: Window, image: Volume, settings: Mapping[str, Any]) -> int:
    seen = filter_window(window, image_type, settings, image)
    voxels: int = math.prod(part.stop - part.start for part in seen.box)
    return voxels * _OF_FILTERS.get(image_type, _OF_FILTER)


def _measured_grid(window: Window, image: Volume, config: FeatureConfig) -> tuple[Volume, Window]:
    """An empty image of the voxels that are filtered, and the region's box in it."""
    new = config.new_spacing or [0.0, 0.0, 0.0]
    edges = [edge or old for edge, old in zip(new, image.spacing, strict=True)]
    ratios = [old / edge for old, edge in zip(image.spacing, edges, strict=True)]
    i, j, k = (
        slice(int(part.start * ratio), max(math.ceil(part.stop * ratio), 1))
        for part, ratio in zip(window.box, ratios, strict=True)
    )
    box, shape = Window((i, j, k)), [math.ceil(size * ratio) for size, ratio in zip(image.shape, ratios, strict=True)]
    if config.setting.resampledPixelSpacing is not None:  # PyRadiomics' own sees the region and a few voxels more
        around = Window(tuple(slice(part.start - _PADDING, part.stop + _PADDING) for part in box.box))  # type: ignore[arg-type]
        box, shape = box.within(around), [part.stop - part.start for part in around.box]
    return Volume(np.broadcast_to(np.uint8(0), (shape[0], shape[1], shape[2])), np.diag([*edges, 1.0])), box


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say."""
    return min(_limits(), default=None) if sys.platform == "linux" else None


def _limits() -> Iterator[int]:
    """What the machine has free, what its container may take, and what ``ulimit -v`` leaves."""
    import resource

    machine = _table(Path("/proc/meminfo"))
    if "MemAvailable" in machine:
        yield machine["MemAvailable"] * 1024
    container = Path("/sys/fs/cgroup")
    limit, taken = (_number(container / name) for name in ("memory.max", "memory.current"))
    if limit is not None and taken is not None:
        yield limit - taken + _table(container / "memory.stat").get("inactive_file", 0)
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    size = _table(Path("/proc/self/status")).get("VmSize")
    if most != resource.RLIM_INFINITY and size is not None:
        yield most - size * 1024


def _table(path: Path) -> dict[str, int]:
    """Names and whole numbers of a file of the kernel's; none where it cannot be read."""
    return {words[0].rstrip(":"): int(words[1]) for words in _lines(path) if len(words) > 1 and words[1].isdigit()}


def _number(path: Path) -> int | None:
    """None for ``max``, too, which is no limit."""
    return next((int(words[0]) for words in _lines(path) if words[0].isdigit()), None)


def _lines(path: Path) -> Iterable[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError:
        return []
