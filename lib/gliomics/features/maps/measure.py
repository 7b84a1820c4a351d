"""Maps of features of a region, by the definitions of PyRadiomics' voxel-based extraction, on the grid of the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import FeatureConfig
from gliomics.features.engines import native
from gliomics.features.engines.interface import one_thread
from gliomics.features.engines.memory import MOST_OF_BATCH, check_memory_of_maps
from gliomics.features.extract import (
    WHOLE_MASK,
    StudyImages,
    check_images,
    measured_grid,
    prepared_image,
    sequences_to_measure,
)
from gliomics.features.filters import FilteredRegion, UnfilteredRegion, filtered_regions, masked_region
from gliomics.features.maps.first_order import first_order_maps
from gliomics.features.maps.kernels import Array, Kernel, Surroundings, surroundings
from gliomics.features.maps.names import MapName, maps_named
from gliomics.features.maps.textures import CLASSES, KernelCounts
from gliomics.features.native.levels import Discretised, discretised
from gliomics.features.regions import checked_region
from gliomics.features.settings import VoxelSettings
from gliomics.features.windows import Window
from gliomics.preprocess.orientation import from_canonical
from gliomics.study.volumes import Mask, Volume


def _silent(_text: str, _fraction: float) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class FeatureMap:
    """A feature around each voxel of a region, by its column's name, on the study's grid; ``initValue`` outside."""

    name: str
    volume: Volume


@dataclass(frozen=True)
class _Work:
    """What is the same for all maps: how they are measured, who hears of it, and the box of the grid that they fill."""

    settings: VoxelSettings
    report: Callable[[str, float], None]
    cancelled: Callable[[], bool]
    window: Window
    made: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def shape(self) -> list[int]:
        """Of the maps, before they are put into the whole grid."""
        return [part.stop - part.start for part in self.window.box]


def feature_maps(
    images: StudyImages,
    mask: Mask,
    config: FeatureConfig,
    features: Sequence[str],
    *,
    region: str = WHOLE_MASK,
    report: Callable[[str, float], None] = _silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[FeatureMap]:
    """The maps of ``features``, named as in tables (:func:`~gliomics.features.maps.names.maps_named`).

    The region is the voxels of ``mask`` above 0. ``voxelSetting`` of the configuration has the kernel. The native
    engine measures, a batch of voxels after the other; ``report`` is told what is being measured and which share is
    done. When ``cancelled`` returns true, :class:`InterruptedError` is raised. Raises the errors of
    :func:`~gliomics.features.extract.extract_regions`, and :class:`InputError` for a configuration whose voxels are
    not those of the study.
    """
    check_config(config)
    sequences = sequences_to_measure(list(images.volumes), config, images.study_id)
    asked = maps_named(features, config, sequences)
    check_images(images, sequences, config)
    reference = images.volumes[sequences[0]]
    inside = measured_grid(checked_region(mask, reference, sequences[0], images.study_id, region))
    brain = measured_grid(images.brain) if images.brain is not None else None
    name = f"region '{region}' of '{images.study_id}'"
    room = 0 if config.voxel_setting.maskedKernel else config.voxel_setting.kernelRadius
    whole = masked_region(name, inside, room)
    work = _Work(config.voxel_setting, report, cancelled, whole.window)
    number = sum(1 if each.sequence else len(sequences) for each in asked)
    check_memory_of_maps(name, whole.window, number, measured_grid(reference), _narrowed(config, asked))
    native.check_region(whole.window.crop(inside), config.general_settings, name)
    with one_thread():
        for sequence in sequences:
            of_sequence = [each for each in asked if each.sequence in ("", sequence)]
            if not of_sequence:
                continue
            narrowed = _narrowed(config, of_sequence)
            image = prepared_image(sequence, images, narrowed, brain).sequence
            seen: list[str] = []
            for filtered in filtered_regions(image, [whole], narrowed, {}):
                if isinstance(filtered, UnfilteredRegion):
                    raise InputError(f"no map of sequence '{sequence}' of '{images.study_id}': {filtered.reason}")
                seen.append(filtered.name)
                wanted = [each for each in of_sequence if each.image == filtered.name]
                _measure(filtered, wanted, f"{sequence}_{filtered.name}", name, work)
            missing = [each.image for each in of_sequence if each.image not in seen]
            if missing:
                raise UnknownNameError(f"there is no filtered image '{missing[0]}'; there are {', '.join(seen)}")
    maps = []
    for map_name in [*work.made]:
        values = np.zeros(inside.shape, dtype=np.float32)  # which takes no memory until it is written to
        if work.settings.initValue != 0:
            values[:] = work.settings.initValue
        values[whole.window.box] = work.made.pop(map_name)
        maps.append(FeatureMap(map_name, from_canonical(inside.with_array(values), reference)))
    return maps


def check_config(config: FeatureConfig) -> None:
    """Raise :class:`InputError` for a configuration whose features have no map on the voxels of a study."""
    if config.new_spacing is not None:
        raise InputError(
            "maps lie on the voxels of the images: leave resampling and resampledPixelSpacing out of the configuration"
        )
    if config.slices != "volume":
        raise InputError("maps are of volumes: leave out 'slices', and set 'force2D: true' for kernels within slices")


def _narrowed(config: FeatureConfig, names: Sequence[MapName]) -> FeatureConfig:
    """The configuration with no filters but those of ``names``."""
    wanted = {each.image_type for each in names}
    types = {kind: each for kind, each in config.image_type.items() if kind in wanted}
    return config.model_copy(update={"image_type": types, "engine": "native"})


def _measure(region: FilteredRegion, wanted: Sequence[MapName], column: str, name: str, work: _Work) -> None:
    """Measure the maps of one filtered image."""
    if not wanted:
        return
    inside = region.mask if work.settings.maskedKernel else region.mask.with_array(np.ones_like(region.mask.array))
    levels = discretised(region.image, inside, region.settings, f"{name} in image '{region.name}'")
    classes: dict[str, list[str]] = {}
    for each in wanted:
        classes.setdefault(each.kind, []).append(each.feature)
    centres = np.argwhere((region.mask.array == 1).transpose(2, 1, 0))
    kernel = Kernel.of(work.settings.kernelRadius, region.settings)
    far = [kind for kind in ("glcm", "gldm", "ngtdm") if kind in classes]
    if far and not kernel.offsets:
        raise InputError(
            f"kernels of {work.settings.kernelRadius} voxels to each side are too small for neighbours at distances "
            f"{region.settings['distances']} that {far[0]} looks for; set smaller distances or a larger kernelRadius"
        )
    # Where the part that was measured begins in the whole grid, whose first voxel is at 0.
    start = np.rint(np.linalg.solve(region.image.affine[:3, :3], region.image.affine[:3, 3])).astype(int)
    places = tuple((centres[:, ::-1] + start - [part.start for part in work.window.box]).T)
    for kind, names in classes.items():
        made = [f"{column}_{kind}_{feature}" for feature in names]
        for map_name in made:
            work.made[map_name] = np.full(work.shape, work.settings.initValue, dtype=np.float32)
        batch = _batch(kind, kernel, levels, work.settings.voxelBatch)
        image = region.image.array.transpose(2, 1, 0)
        for part, around in surroundings(levels.matrix, image, centres, kernel, batch):
            if work.cancelled():
                raise InterruptedError("measuring was cancelled")
            work.report(f"{column}_{kind}", part.start / len(centres))
            values = _values(kind, names, around, kernel=kernel, levels=levels, region=region)
            for map_name, feature in zip(made, names, strict=True):
                work.made[map_name][tuple(axis[part] for axis in places)] = values[feature]


def _values(
    kind: str, names: list[str], around: Surroundings, *, kernel: Kernel, levels: Discretised, region: FilteredRegion
) -> Mapping[str, Array]:
    spacing = region.image.spacing[::-1]
    if kind == "firstorder":
        return first_order_maps(around, levels.count, float(np.prod(spacing)), region.settings, names)
    return CLASSES[kind](KernelCounts(around, kernel, levels.levels, region.settings, spacing), names)


def _batch(kind: str, kernel: Kernel, levels: Discretised, most: int) -> int:
    """How many voxels are measured at a time: as many as fit into the memory, and no more than ``most`` above 0."""
    places, offsets = len(kernel.places), max(len(kernel.offsets), len(kernel.adjacent))
    numbers: dict[str, int] = {
        "glcm": offsets * (20 * places + 8 * (len(levels.levels) + levels.count)),
        "glrlm": offsets * (12 * places + 4 * (len(levels.levels) + places)),
        "glszm": 12 * places * offsets + 4 * levels.count,
        "gldm": 6 * places * offsets + 4 * levels.count,
        "ngtdm": 6 * places * offsets + 6 * len(levels.levels) ** 2,
    }
    each = 8 * (numbers.get(kind, levels.count) + 20 * places)
    fitting = max(1, MOST_OF_BATCH // each)
    return min(fitting, most) if most > 0 else fitting
