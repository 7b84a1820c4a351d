"""Where a row of features comes from, and what to beware of when reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

import gliomics
from gliomics.radiomics import engine
from gliomics.radiomics.config import FeatureConfig
from gliomics.study.records import Mask, Volume

FEW_VOXELS = 64
"""Below this many voxels texture is mostly noise."""
BINS = (16, 128)
"""Range of grey-level counts in which texture features are commonly reported as stable."""
FAR_FROM_ISOTROPIC = 3.0
"""Ratio of the longest to the shortest voxel edge from which 3-D texture and shape mix two resolutions."""


def content_sha256(volume: Volume) -> str:
    """Hex SHA-256 of an image's grid and voxel values, whatever file it came from."""
    digest = hashlib.sha256(f"{volume.array.dtype.str} {volume.shape}".encode())
    digest.update(np.ascontiguousarray(volume.affine, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(volume.array).data)
    return digest.hexdigest()


def of_region(mask: Mask, config: FeatureConfig, sequences: list[str], spacing_known: bool) -> dict[str, Any]:
    """The diagnostics that every row has; ``mask`` (0 and 1) is what was measured."""
    return {
        "gliomics_version": gliomics.__version__,
        **{f"{name}_version": version for name, version in engine.versions().items()},
        "config_sha256": config.digest,
        "mask_sha256": content_sha256(mask),
        "sequences": sequences,
        "size": list(mask.shape),
        "spacing": [round(edge, 6) for edge in mask.spacing],
        "spacing_known": spacing_known,
        "affine": [[round(float(item), 6) for item in row] for row in mask.affine[:3]],
        "voxels": int(np.count_nonzero(mask.array)),
    }


def geometry_warnings(mask: Mask, config: FeatureConfig, spacing_known: bool) -> list[str]:
    """Sentences about voxels of unknown or unequal size, and about too few of them."""
    warnings = []
    spacing = " x ".join(f"{edge:g}" for edge in mask.spacing)
    if not spacing_known and ("shape" in config.feature_class or "shape2D" in config.feature_class):
        warnings.append(
            f"the voxel size is unknown: shape features are in voxels (taken as {spacing}), not in millimetres"
        )
    flat = config.slices != "volume" and "shape" not in config.feature_class
    if spacing_known and max(mask.spacing) > FAR_FROM_ISOTROPIC * min(mask.spacing) and not flat:
        warnings.append(
            f"voxels of {spacing} mm are far from cubes: 3-D shape and texture depend on the slice direction"
        )
    count = int(np.count_nonzero(mask.array))
    if count < FEW_VOXELS:
        warnings.append(f"the region has {count} voxels; below {FEW_VOXELS} texture features are mostly noise")
    return warnings


def bin_warnings(sequence: str, bins: Mapping[str, int]) -> list[str]:
    """Sentences about filtered images (``bins`` counts the grey levels of each) with too few or too many levels."""
    warnings = []
    few = [name for name, count in bins.items() if count < BINS[0]]
    many = [name for name, count in bins.items() if count > BINS[1]]
    for names, word in ((few, "fewer"), (many, "more")):
        if names:
            where = "" if set(bins) == {"original"} else f" in {', '.join(names)}"
            warnings.append(
                f"{sequence}: the region spans {word} grey levels{where} than the {BINS[0]} to {BINS[1]} that texture "
                f"features are made for; another binWidth may suit"
            )
    return warnings
