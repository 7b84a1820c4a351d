"""Features of one region of one study, with everything needed to know later how they came about."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import gliomics
from gliomics.errors import InputError, UnknownNameError
from gliomics.preprocess.intensity import foreground
from gliomics.radiomics import engine
from gliomics.radiomics.config import FeatureConfig
from gliomics.radiomics.outline import outline_features
from gliomics.records import FeatureTable
from gliomics.study.geometry import check_same_grid
from gliomics.study.images import to_sitk
from gliomics.study.records import SEQUENCES, Mask, Volume

FEW_VOXELS = 64
"""Below this many voxels texture is mostly noise."""
BINS = (16, 128)
"""Range of grey-level counts in which texture features are commonly reported as stable."""
FAR_FROM_ISOTROPIC = 3.0
"""Ratio of the longest to the shortest voxel edge from which 3-D texture and shape mix two resolutions."""

_DEFAULT_BIN_WIDTH = 25.0


@dataclass(frozen=True)
class _Scaled:
    """A sequence after normalisation, with the two numbers that did it."""

    volume: Volume
    mean: float
    deviation: float


@dataclass(frozen=True)
class _Window:
    """A box of the grid and how many layers of zeros are put around it."""

    box: tuple[slice, ...]
    pad: int


def extract_features(
    volumes: dict[str, Volume],
    mask: Mask,
    config: FeatureConfig,
    *,
    study_id: str,
    region: str = "tumour",
    spacing_known: bool = True,
    label: int | None = None,
) -> FeatureTable:
    """Measure one region in every sequence that ``config`` asks for.

    ``volumes`` maps sequence names to images, all on the mask's grid. The region is the voxels of ``mask``
    that equal ``label`` (by default the configuration's ``label``, else every voxel above 0); ``region`` is
    its name in the table. ``spacing_known`` false says that the voxel size is a placeholder.

    Raises :class:`GeometryError` where an image and the mask lie on different grids, :class:`UnknownNameError`
    for a sequence that the study does not have and :class:`InputError` for a region that cannot be measured.
    """
    names = _sequences_to_measure(list(volumes), config, study_id)
    for name in names:
        check_same_grid(volumes[name], mask, f"sequence '{name}' of '{study_id}'", f"mask of '{study_id}'")
    inside = _region_voxels(mask, config.setting.label if label is None else label, study_id, region)
    window = _window(inside, config)
    roi = to_sitk(_cropped(mask.with_array(inside.astype(np.uint8)), window))

    values: dict[str, float] = {}
    diagnostics = _diagnostics(mask, inside, names, config, spacing_known)
    warnings = _geometry_warnings(mask, inside, config, spacing_known)
    for kind, features in config.mask_classes.items():
        if kind == "outline":
            values |= outline_features(mask.with_array(inside), features)
        else:
            values |= engine.shape_features(roi, config, features)
    for name in names if config.image_classes else []:
        scaled = _normalised(volumes[name], config, f"sequence '{name}' of '{study_id}'")
        found = engine.intensity_features(to_sitk(_cropped(scaled.volume, window)), roi, config, config.image_classes)
        values |= {f"{name}_{feature}": value for feature, value in found.items()}
        diagnostics[f"{name}_image_sha256"] = content_sha256(volumes[name])
        diagnostics[f"{name}_normalisation"] = [scaled.mean, scaled.deviation]
        bins = _bin_count(scaled.volume.array[inside], config)
        diagnostics[f"{name}_bins"] = bins
        if not BINS[0] <= bins <= BINS[1]:
            warnings.append(
                f"{name}: the region spans {'fewer' if bins < BINS[0] else 'more'} grey levels than the {BINS[0]} to "
                f"{BINS[1]} that texture features are made for; another binWidth may suit"
            )
    undefined = [feature for feature, value in values.items() if not math.isfinite(value)]
    if undefined:
        warnings.append(f"left out because undefined for this region: {', '.join(undefined)}")
    finite = {feature: value for feature, value in values.items() if math.isfinite(value)}
    return FeatureTable(study_id, region, finite, diagnostics, warnings)


def content_sha256(volume: Volume) -> str:
    """Hex SHA-256 of an image's grid and voxel values, whatever file it came from."""
    digest = hashlib.sha256(f"{volume.array.dtype.str} {volume.shape}".encode())
    digest.update(np.ascontiguousarray(volume.affine, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(volume.array).tobytes())
    return digest.hexdigest()


def _sequences_to_measure(available: list[str], config: FeatureConfig, study_id: str) -> list[str]:
    if not available:
        raise InputError(f"study '{study_id}' has no sequence to measure")
    wanted = config.sequences if config.sequences is not None else available
    missing = [name for name in wanted if name not in available]
    if missing:
        raise UnknownNameError(
            f"study '{study_id}' has no sequence '{missing[0]}', which the feature configuration asks for; "
            f"it has {', '.join(sorted(available))}"
        )
    known = [name for name in SEQUENCES if name in wanted]
    return known + sorted(set(wanted) - set(known))


def _region_voxels(mask: Mask, label: int | None, study_id: str, region: str) -> npt.NDArray[np.bool_]:
    inside = np.asarray(mask.array > 0 if label is None else mask.array == label)
    count = int(np.count_nonzero(inside))
    if count == 0:
        present = ", ".join(str(value) for value in np.unique(mask.array[mask.array != 0])[:10])
        found = f"the mask holds only label {present}" if present else "no voxel is segmented"
        wanted = "any label above 0" if label is None else f"label {label}"
        raise InputError(f"the mask of '{study_id}' is empty for region '{region}' ({wanted}): {found}")
    if count == inside.size:
        raise InputError(f"region '{region}' of '{study_id}' is the whole image; draw the lesion only")
    if count == 1:
        raise InputError(
            f"region '{region}' of '{study_id}' is one voxel; features need a few voxels in at least two directions"
        )
    return inside


def _window(inside: npt.NDArray[np.bool_], config: FeatureConfig) -> _Window:
    """The part of the grid that the features depend on: the region's box, or all where something looks further."""
    setting = config.setting
    if set(config.image_type) != {"Original"} or setting.normalize or setting.resampledPixelSpacing is not None:
        return _Window(tuple(slice(0, size) for size in inside.shape), 0)
    box = []
    for axis in range(3):
        filled = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    # PyRadiomics refuses a mask without background, which the box of a cuboid would be.
    return _Window(tuple(box), 1)


def _cropped(volume: Volume, window: _Window) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start - window.pad for part in window.box]
    return Volume(np.pad(volume.array[window.box], window.pad), affine)


def _normalised(volume: Volume, config: FeatureConfig, name: str) -> _Scaled:
    if not np.isfinite(volume.array).all():
        raise InputError(f"{name} has voxels that are NaN or infinite; replace them before computing features")
    if config.normalisation.method == "none":
        return _Scaled(volume, 0.0, 1.0)
    array = volume.array.astype(np.float64)
    values = array[foreground(volume.array)]
    deviation = float(values.std()) if values.size else 0.0
    if deviation == 0:
        raise InputError(f"{name} has one intensity everywhere, so it cannot be standardised; is it the right file?")
    mean = float(values.mean())
    return _Scaled(volume.with_array((array - mean) / deviation * config.normalisation.scale), mean, deviation)


def _bin_count(values: npt.NDArray[np.generic], config: FeatureConfig) -> int:
    """Grey levels between the region's darkest and brightest voxel after PyRadiomics' discretisation."""
    if config.setting.binCount is not None:
        return int(config.setting.binCount)
    width = config.setting.binWidth or _DEFAULT_BIN_WIDTH
    return int(math.floor(float(values.max()) / width) - math.floor(float(values.min()) / width)) + 1


def _diagnostics(
    mask: Mask, inside: npt.NDArray[np.bool_], names: list[str], config: FeatureConfig, spacing_known: bool
) -> dict[str, Any]:
    return {
        "gliomics_version": gliomics.__version__,
        "pyradiomics_version": engine.version(),
        "config_sha256": config.digest,
        "mask_sha256": content_sha256(mask.with_array(inside.astype(np.uint8))),
        "sequences": names,
        "size": list(mask.shape),
        "spacing": [round(edge, 6) for edge in mask.spacing],
        "spacing_known": spacing_known,
        "affine": [[round(float(item), 6) for item in row] for row in mask.affine[:3]],
        "voxels": int(np.count_nonzero(inside)),
    }


def _geometry_warnings(
    mask: Mask, inside: npt.NDArray[np.bool_], config: FeatureConfig, spacing_known: bool
) -> list[str]:
    warnings = []
    spacing = " x ".join(f"{edge:g}" for edge in mask.spacing)
    if not spacing_known and "shape" in config.feature_class:
        warnings.append(
            f"the voxel size is unknown: shape features are in voxels (taken as {spacing}), not in millimetres"
        )
    if spacing_known and max(mask.spacing) > FAR_FROM_ISOTROPIC * min(mask.spacing):
        warnings.append(
            f"voxels of {spacing} mm are far from cubes: 3-D shape and texture depend on the slice direction"
        )
    count = int(np.count_nonzero(inside))
    if count < FEW_VOXELS:
        warnings.append(f"the region has {count} voxels; below {FEW_VOXELS} texture features are mostly noise")
    return warnings
