"""Features of regions of one study, with everything needed to know later how they came about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError, UnknownNameError
from gliomics.features import provenance
from gliomics.features.config import VOLUME_CLASSES, FeatureConfig
from gliomics.features.ellipsoid import ellipsoid_features
from gliomics.features.engines.interface import engine_of, one_thread
from gliomics.features.engines.memory import check_memory
from gliomics.features.filters import MaskedRegion, UnfilteredRegion, filtered_regions
from gliomics.features.glioma.measure import glioma_features
from gliomics.features.glioma.surroundings import surroundings_of
from gliomics.features.ibsi.measure import ibsi_features
from gliomics.features.native.levels import discretised
from gliomics.features.outline import outline_features
from gliomics.features.planes import in_largest_slice, plane_settings, slice_axis, slices_of
from gliomics.features.regions import checked_region
from gliomics.features.sequence import PreparedSequence, prepare_sequence
from gliomics.features.windows import window_of
from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.orientation import axes_of, begin_at, stored_index, to_lps
from gliomics.preprocess.resampling import resample_to_spacing
from gliomics.records import FeatureRow
from gliomics.sequences import in_order
from gliomics.study.geometry import check_same_grid
from gliomics.study.volumes import Mask, Volume

WHOLE_MASK = "tumour"
"""Name of a region that is all of a mask, unless told."""


@dataclass(frozen=True)
class PreparedImage:
    """A sequence ready to be measured, with the hash of its voxels and how they were normalised: mean and deviation."""

    sequence: PreparedSequence
    sha256: str
    normalisation: list[float]


@dataclass(frozen=True)
class StudyImages:
    """The images of a study that regions are measured in, all on one grid.

    ``volumes`` maps sequence names to images. ``brain`` is a mask of the brain, over which intensities are standardised
    (the images' foreground when None). ``spacing_known`` false says that the voxel size is a placeholder. ``prepared``
    keeps what depends on the images alone for what else is measured in them.
    """

    study_id: str
    volumes: Mapping[str, Volume]
    brain: Mask | None = None
    spacing_known: bool = True
    prepared: dict[tuple[str, str], PreparedImage] = field(default_factory=dict, repr=False, compare=False)

    def brain_voxels(self) -> npt.NDArray[np.bool_]:
        """True where the brain is; without a mask, the foreground of the first image, be it a head or a brain."""
        return self.brain.array > 0 if self.brain is not None else foreground(next(iter(self.volumes.values())).array)


@dataclass(frozen=True)
class RegionFeatures:
    """What was measured of a region, or of one slice of it.

    ``undefined`` names the features that have no value there; ``warnings`` are those of measuring.
    """

    study_id: str
    region: str
    values: dict[str, float]
    undefined: list[str]
    diagnostics: dict[str, Any]
    warnings: list[str]

    def row(self, config: FeatureConfig) -> FeatureRow:
        """The row of a table, with all that there is to beware of in sentences."""
        warnings = provenance.warnings_of(self.diagnostics, config) + provenance.undefined_warnings(self.undefined)
        return FeatureRow(self.study_id, self.region, self.values, self.diagnostics, self.warnings + warnings)


@dataclass
class _Row:
    """One region on its way to being a row; ``volume`` is all of a region of which ``masked`` may be one slice."""

    region: str
    masked: MaskedRegion
    volume: Mask
    values: dict[str, float] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def extract_features(
    images: StudyImages,
    mask: Mask,
    config: FeatureConfig,
    *,
    region: str = WHOLE_MASK,
    label: int | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FeatureRow:
    """Measure one region in every sequence that ``config`` asks for.

    The region is the voxels of ``mask`` with ``label`` (by default that of ``config``, else all above 0); ``region`` is
    its name in the table. Otherwise as :func:`extract_regions`.

    >>> import numpy as np
    >>> from gliomics.features.config import load_config
    >>> noise = np.random.default_rng(0).normal(100, 20, (20, 20, 20))
    >>> ball = np.linalg.norm(np.indices((20, 20, 20)) - 10, axis=0) <= 6
    >>> flair, mask = Volume(noise, np.eye(4)), Volume(ball.astype(np.uint8), np.eye(4))
    >>> row = extract_features(StudyImages("case-1", {"flair": flair}), mask, load_config("lgg-shape"))
    >>> row.diagnostics["voxels"], round(row.values["original_outline_Solidity"], 2)
    (113, 0.88)
    """
    label = config.setting.label if label is None else label
    inside = mask.array > 0 if label is None else mask.array == label
    if not inside.any():
        present = ", ".join(str(value) for value in np.unique(mask.array[mask.array != 0])[:10])
        content = f"the mask holds only label {present}" if present else "no voxel is segmented"
        expected = "any label above 0" if label is None else f"label {label}"
        raise InputError(f"the mask of '{images.study_id}' is empty for region '{region}' ({expected}): {content}")
    if config.slices == "each":
        raise InputError("with 'slices: each' a region has one row per slice; use extract_regions")
    regions = {region: mask.with_array(inside.astype(np.uint8))}
    return extract_regions(images, regions, config, cancelled=cancelled)[0]


def extract_regions(
    images: StudyImages,
    regions: Mapping[str, Mask],
    config: FeatureConfig,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[FeatureRow]:
    """Measure several regions in every sequence that ``config`` asks for; each image is filtered once for all of them.

    ``regions`` maps names to masks whose voxels above 0 are the region, on the grid of the images. They are measured in
    the order of axes of :func:`~gliomics.preprocess.orientation.to_lps`, however they are stored: that is what the
    diagnostics describe. One row per region, or per region and slice where the configuration says ``slices: each``.
    When ``cancelled`` returns true, :class:`InterruptedError` is raised at the next filtered image.

    Raises :class:`GeometryError` where an image and a mask lie on different grids, :class:`UnknownNameError` for a
    sequence that the study does not have and :class:`InputError` for a region that cannot be measured.
    """
    return [measured.row(config) for measured in measure_regions(images, regions, config, cancelled=cancelled)]


def measure_regions(
    images: StudyImages,
    regions: Mapping[str, Mask],
    config: FeatureConfig,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[RegionFeatures]:
    """As :func:`extract_regions`, before anything is put into words: what several processes measure goes together."""
    names = sequences_to_measure(list(images.volumes), config, images.study_id)
    reference = images.volumes[names[0]]
    check_images(images, names, config)
    brain = measured_grid(images.brain) if images.brain is not None else None
    drawn = {
        region: measured_grid(checked_region(mask, reference, names[0], images.study_id, region))
        for region, mask in regions.items()
    }
    named = {f"region '{region}' of '{images.study_id}'": mask for region, mask in drawn.items()}
    check_memory(named, measured_grid(reference), config)
    rows = [row for region, mask in drawn.items() for row in _rows(region, mask, config, images.study_id)]
    if not rows:
        return []
    plane = plane_settings(config.slices, config.setting.force2Ddimension, rows[0].volume)
    with one_thread():
        _measure_masks(rows, images, names, config, plane)
        for name in names if config.image_classes else []:
            _measure_sequence(name, images, rows, config, plane=plane, brain=brain, cancelled=cancelled)
        if config.study_classes:
            _measure_study(names, images, rows, config, brain=brain)
    return [_features_of(row, images.study_id) for row in rows]


def sequences_to_measure(available: list[str], config: FeatureConfig, study_id: str) -> list[str]:
    """The sequences that ``config`` measures of those that a study has, in the order of their columns."""
    if not available:
        raise InputError(f"study '{study_id}' has no sequence to measure")
    names = config.sequences if config.sequences is not None else available
    missing = [name for name in names if name not in available]
    if missing:
        raise UnknownNameError(
            f"study '{study_id}' has no sequence '{missing[0]}', which the feature configuration asks for; "
            f"it has {', '.join(sorted(available))}"
        )
    return in_order(names)


def check_images(images: StudyImages, names: list[str], config: FeatureConfig) -> None:
    """Raise what makes images unfit to measure any region in; ``names`` are the sequences that are measured."""
    study_id, reference, brain = images.study_id, images.volumes[names[0]], images.brain
    for name in names[1:]:
        check_same_grid(images.volumes[name], reference, f"sequence '{name}' of '{study_id}'", f"sequence '{names[0]}'")
    if brain is not None:
        check_same_grid(reference, brain, f"sequence '{names[0]}' of '{study_id}'", f"brain mask of '{study_id}'")
        if not (brain.array > 0).any():
            raise InputError(f"the brain mask of '{study_id}' is empty; leave it out or draw the brain")
    if (config.new_spacing or (config.ibsi and config.ibsi.voxel_size)) and not images.spacing_known:
        raise InputError(
            f"'{study_id}' cannot be resampled to millimetres: its voxel size is unknown; measure it without "
            "resampledPixelSpacing or voxelSize, or import it with its voxel size"
        )


def measured_grid(volume: Volume) -> Volume:
    """A volume as it is measured: its axes in one order, its first voxel at 0.

    Files hold where it begins in single precision, and flipped axes begin elsewhere: the nearest voxel may be another.
    """
    return begin_at(to_lps(volume), (0, 0, 0))


def _rows(region: str, mask: Mask, config: FeatureConfig, study_id: str) -> list[_Row]:
    """The row of a region, or of each of its slices that features can be measured in."""
    drawing = provenance.of_drawing(mask) if config.new_spacing is not None else {}
    if config.resampling is not None:
        resampled = resample_to_spacing(mask, config.resampling, labels=True)
        mask = _not_empty(resampled, f"region '{region}' of '{study_id}'")
    if config.slices == "volume":
        return [_row(region, mask, mask, study_id, drawing)]
    if config.slices == "largest":
        number, alone = in_largest_slice(mask)
        return [_row(region, alone, mask, study_id, {"slice": number, **drawing})]
    rows = [
        _row(f"{region} slice {number}", alone, mask, study_id, {"slice": number, **drawing})
        for number, alone in slices_of(mask).items()
    ]
    least = config.setting.minimumROISize or 0
    large = [row for row in rows if _is_plane(row.masked) and np.count_nonzero(row.masked.mask.array) > least]
    if not large:
        size = f" and has more than {least} voxels" if least else ""
        raise InputError(
            f"no slice of region '{region}' of '{study_id}' is more than one voxel wide in both directions{size}"
        )
    return large


def _row(region: str, mask: Mask, volume: Mask, study_id: str, diagnostics: Mapping[str, Any]) -> _Row:
    masked = MaskedRegion(f"region '{region}' of '{study_id}'", mask, window_of(mask.array > 0))
    return _Row(region, masked, volume, diagnostics=dict(diagnostics))


def _measure_masks(
    rows: list[_Row], images: StudyImages, names: list[str], config: FeatureConfig, plane: Mapping[str, Any]
) -> None:
    """Add the features of its mask to every row, and what the row says of the region that was measured."""
    reference = images.volumes[names[0]]
    origin, stored_axes = to_lps(reference).affine[:3, 3], axes_of(reference)
    settings = {**config.general_settings, **plane}
    for row in rows:
        measured = _measured_region(row.masked.mask, config, settings, row.masked.name)
        window = row.masked.window if measured is row.masked.mask else window_of(measured.array > 0)
        in_space = begin_at(measured, measured.affine[:3, 3] + origin)
        row.diagnostics |= provenance.of_region(in_space, window, config, names, images.spacing_known)
        row.diagnostics |= {"stored_axes": stored_axes, "plane": provenance.plane_of(settings)}
        if "slice" in row.diagnostics and config.resampling is None:
            axis = slice_axis(rows[0].volume)
            row.diagnostics["slice_as_stored"] = stored_index(reference, axis, row.diagnostics["slice"])
        row.values |= _mask_features(row, window.crop(measured), config, settings)


def _measured_region(mask: Mask, config: FeatureConfig, settings: Mapping[str, Any], name: str) -> Mask:
    """A region on the grid on which it is measured, which ``resampledPixelSpacing`` or ``preCrop`` makes."""
    if settings.get("resampledPixelSpacing") is None and not settings.get("preCrop"):
        return mask
    return _not_empty(engine_of(config.engine).resampled_region(mask, settings, name), name)


def _is_plane(region: MaskedRegion) -> bool:
    return [part.stop - part.start > 1 for part in region.window.box].count(True) == 2


def _mask_features(row: _Row, box: Mask, config: FeatureConfig, settings: Mapping[str, Any]) -> dict[str, float]:
    """Features of the mask alone, cut to ``box``. What PyRadiomics refuses is refused, whatever is measured."""
    values: dict[str, float] = {}
    engine = engine_of(config.engine)
    engine.check_region(box, settings, row.masked.name)
    for kind, names in config.mask_classes.items():
        mask = row.volume if kind in VOLUME_CLASSES else row.masked.mask
        if kind == "outline":
            values |= outline_features(mask, names)
        elif kind == "ellipsoid":
            values |= ellipsoid_features(mask, names)
        else:
            part = box
            if mask is not row.masked.mask:
                whole = _measured_region(mask, config, settings, row.masked.name)
                part = window_of(whole.array > 0).crop(whole)
                engine.check_region(part, settings, row.masked.name)
            features = engine.shape_features(part, kind, names, settings)
            values |= {f"original_{name}": value for name, value in features.items()}
    return values


def _not_empty(resampled: Mask, name: str) -> Mask:
    if not resampled.array.any():
        size = " x ".join(f"{edge:g}" for edge in resampled.spacing)
        raise InputError(f"nothing is left of {name} in voxels of {size} mm; choose smaller voxels")
    return resampled


def _measure_sequence(
    name: str,
    images: StudyImages,
    rows: list[_Row],
    config: FeatureConfig,
    *,
    plane: Mapping[str, Any],
    brain: Mask | None,
    cancelled: Callable[[], bool],
) -> None:
    """Add the features of one sequence to every row; ``brain`` is on the grid that is measured."""
    image = prepared_image(name, images, config, brain)
    bins: list[dict[str, int]] = [{} for _ in rows]
    for region in filtered_regions(image.sequence, [row.masked for row in rows], config, plane):
        if cancelled():
            raise InterruptedError("measuring was cancelled")
        row = rows[region.index]
        if isinstance(region, UnfilteredRegion):
            row.warnings.append(f"{name}: {region.reason}")
            continue
        what = f"{row.masked.name} in image '{region.name}' of sequence '{name}'"
        levels = discretised(region.image, region.mask, region.settings, what)
        features = engine_of(config.engine).intensity_features(
            region.image, region.mask, levels, config.image_classes, settings=region.settings, what=what
        )
        row.values |= {f"{name}_{region.name}_{feature}": value for feature, value in features.items()}
        bins[region.index][region.name] = levels.count
        if config.setting.resegmentRange is not None:
            row.diagnostics[f"{name}_voxels"] = int(np.count_nonzero(region.mask.array))
    for row, counts in zip(rows, bins, strict=True):
        row.diagnostics[f"{name}_image_sha256"] = image.sha256
        row.diagnostics[f"{name}_normalisation"] = list(image.normalisation)
        row.diagnostics[f"{name}_bins"] = counts


def _measure_study(
    names: list[str], images: StudyImages, rows: list[_Row], config: FeatureConfig, *, brain: Mask | None
) -> None:
    """Add the features that are measured of all sequences at once to every row."""
    prepared = {name: prepared_image(name, images, config, brain) for name in names}
    for row in rows:
        row.diagnostics |= {f"{name}_image_sha256": image.sha256 for name, image in prepared.items()}
        if config.ibsi is not None and "ibsi" in config.feature_class:
            tags = config.feature_class["ibsi"]
            for name, image in prepared.items():
                row.diagnostics[f"{name}_normalisation"] = list(image.normalisation)
                what = f"{row.masked.name} in sequence '{name}'"
                row.values |= ibsi_features(name, image.sequence, row.volume, config.ibsi, tags=tags, what=what)
    if "glioma" not in config.feature_class:
        return
    volumes = {name: image.sequence.raw for name, image in prepared.items()}
    if brain is not None and config.resampling is not None:
        brain = resample_to_spacing(brain, config.resampling, labels=True)
    placed = all(images.volumes[name].placed for name in names)
    head = surroundings_of(volumes, brain, placed=placed, spacing_known=images.spacing_known)
    for row in rows:
        values, warnings = glioma_features(volumes, row.volume, head, config.study_classes["glioma"])
        row.values |= values
        row.warnings += warnings


def prepared_image(name: str, images: StudyImages, config: FeatureConfig, brain: Mask | None) -> PreparedImage:
    """A sequence of the study as ``config`` measures it, whatever the region."""
    key = (name, config.preparation)
    if key in images.prepared:
        return images.prepared[key]
    volume = images.volumes[name]
    sequence = prepare_sequence(measured_grid(volume), config, f"sequence '{name}' of '{images.study_id}'", brain)
    normalisation = [sequence.mean, sequence.deviation]
    if config.setting.normalize:  # PyRadiomics' own, over all voxels
        normalisation = [float(volume.array.mean(dtype=float)), float(volume.array.std(dtype=float, ddof=1))]
    image = PreparedImage(sequence, provenance.content_sha256(to_lps(volume)), normalisation)
    images.prepared[key] = image
    return image


def _features_of(row: _Row, study_id: str) -> RegionFeatures:
    values = {name: value for name, value in row.values.items() if math.isfinite(value)}
    undefined = [name for name in row.values if name not in values]
    return RegionFeatures(study_id, row.region, values, undefined, row.diagnostics, row.warnings)
