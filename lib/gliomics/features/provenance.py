"""Where a row of features comes from, and what to beware of when reading it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig, load_config, preset_of
from gliomics.features.engines.interface import default_engine, engine_of
from gliomics.features.windows import Window
from gliomics.records import FeatureRow
from gliomics.study.volumes import Mask, Volume
from gliomics.version import __version__

HARMONISED, HARMONISED_BATCH = "harmonised", "harmonised_batch"
"""Diagnostics of rows of ``gliomics cohort harmonise``: over what, beside whom; the batch of the row."""

FEW_VOXELS = 64
"""Below this many voxels texture is mostly noise."""
BINS = (16, 128)
"""Range of grey-level counts in which texture features are commonly reported as stable."""
_IN_MILLIMETRES = {"shape", "shape2D", "outline"}
FAR_FROM_ISOTROPIC = 3.0
"""Ratio of the longest to the shortest voxel edge from which 3-D texture and shape mix two resolutions."""


def content_sha256(volume: Volume, window: Window | None = None) -> str:
    """Hex SHA-256 of an image's grid and voxel values, whatever file it came from.

    Where ``window`` is given, all that is outside of it is 0.
    """
    digest = hashlib.sha256(f"{volume.array.dtype.str} {volume.shape}".encode())
    digest.update(np.ascontiguousarray(volume.affine, dtype="<f8").tobytes())
    if window is None:
        array = _in_c_order(volume.array)
    else:
        array = np.zeros(volume.shape, volume.array.dtype)
        array[window.box] = volume.array[window.box]
    digest.update(array.data)
    return digest.hexdigest()


def _in_c_order(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """:func:`numpy.ascontiguousarray`, a plane at a time: of an array in Fortran's order a plane fits the cache."""
    if array.flags.c_contiguous:
        return array
    copy = np.empty(array.shape, array.dtype)
    for number in range(array.shape[1]):
        copy[:, number] = array[:, number]
    return copy


def of_region(
    mask: Mask, window: Window, config: FeatureConfig, sequences: list[str], spacing_known: bool
) -> dict[str, Any]:
    """The diagnostics that every row has; ``mask`` (0 and 1) is what was measured, ``window`` its box."""
    return {
        "gliomics_version": __version__,
        "engine": config.engine or default_engine(),
        **{f"{name}_version": version for name, version in engine_of(config.engine).versions().items()},
        "config_sha256": config.digest,
        "config": config.parameters,
        "mask_sha256": content_sha256(mask, window),
        "sequences": sequences,
        "size": list(mask.shape),
        "spacing": [round(edge, 6) for edge in mask.spacing],
        "spacing_known": spacing_known,
        "affine": [[round(float(item), 6) for item in row] for row in mask.affine[:3]],
        "voxels": int(np.count_nonzero(mask.array[window.box])),
        "bias_field": "N4" if config.bias_field else "as in the file",
        "resampling": config.new_spacing or "as in the file",
    }


def config_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """In what two configurations differ, each by :attr:`~gliomics.features.config.FeatureConfig.parameters`.

    >>> config_differences({"setting": {"binWidth": 25}}, {"setting": {"binWidth": 10}, "biasField": True})
    ['biasField is false, expected true', 'setting.binWidth is 25, expected 10']
    """
    defaults = FeatureConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    flat_found, flat_expected = _flat(defaults | dict(found)), _flat(defaults | dict(expected))
    names = sorted(flat_found.keys() | flat_expected.keys())
    texts = {name: (flat_found.get(name, "not set"), flat_expected.get(name, "not set")) for name in names}
    return [f"{name} is {value}, expected {other}" for name, (value, other) in texts.items() if value != other]


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Parameters by their dotted names, as text; an empty list stands for all features of a class."""
    texts: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            texts |= _flat(value, f"{prefix}{name}.")
        elif prefix == "featureClass.":
            texts[f"{prefix}{name}"] = ", ".join(value) or "all features"
        elif value == {}:
            texts[f"{prefix}{name}"] = "as by default"
        else:
            texts[f"{prefix}{name}"] = f"{value:g}" if isinstance(value, float) else json.dumps(value)
    return texts


_MOST_DIFFERENCES = 5


def difference_in_words(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """How the configuration of a row differs from another's, each by the diagnostics ``config_sha256`` and ``config``.

    Rows and models of before had the digest alone; it tells the parameters where it is that of a preset.
    """
    parameters = [parameters_of(diagnostics) for diagnostics in (found, expected)]
    if parameters[0] is None or parameters[1] is None:
        digests = [str(diagnostics.get("config_sha256"))[:12] for diagnostics in (found, expected)]
        return (
            f"its digest is {digests[0]}, expected {digests[1]} (which parameters differ cannot be told: an older "
            "version of Gliomics wrote the digest alone)"
        )
    differences = config_differences(parameters[0], parameters[1])
    if not differences:
        return "the parameters are the same, but mean something else in the version of Gliomics that computed them"
    more = len(differences) - _MOST_DIFFERENCES
    return "; ".join(differences[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def parameters_of(diagnostics: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The parameters of the configuration of a row; None where it does not tell them."""
    if isinstance(diagnostics.get("config"), Mapping):
        return dict(diagnostics["config"])
    preset = preset_of(diagnostics.get("config_sha256"))
    return load_config(preset).parameters if preset is not None else None


def check_comparable(rows: Sequence[FeatureRow]) -> None:
    """Raise :class:`InputError` for rows of different regions or configurations, or only some with a brain mask."""
    regions = {row.region for row in rows}
    if len(regions) > 1:
        raise InputError(f"the rows are of different regions ({', '.join(sorted(regions))}); keep one")
    first = rows[0]
    for row in rows:
        if row.diagnostics.get("config_sha256") != first.diagnostics.get("config_sha256"):
            difference = difference_in_words(row.diagnostics, first.diagnostics)
            raise InputError(
                f"the rows were computed with different feature configurations: of '{row.study_id}' beside "
                f"'{first.study_id}', {difference}; compute them again with one"
            )
        if harmonisation_of(row) != harmonisation_of(first):
            raise InputError(
                f"the rows of '{row.study_id}' and '{first.study_id}' were not harmonised together; give the rows of "
                "one `gliomics cohort harmonise`, or all as they were measured"
            )
        if bool(row.diagnostics.get("brain_mask")) != bool(first.diagnostics.get("brain_mask")):
            given = [item.study_id for item in (row, first) if item.diagnostics.get("brain_mask")]
            raise InputError(
                f"of '{row.study_id}' and '{first.study_id}', only the row of '{given[0]}' was measured with a brain "
                "mask; compute them again with --brain for all or for none"
            )


def harmonisation_of(row: FeatureRow) -> Mapping[str, Any] | None:
    """How a row's values were harmonised over a cohort (``gliomics cohort harmonise``); None of values as measured."""
    found = row.diagnostics.get(HARMONISED)
    return found if isinstance(found, Mapping) else None


def check_as_measured(rows: Iterable[FeatureRow]) -> None:
    """Raise :class:`InputError` for rows that were harmonised over a cohort, which no model may learn from."""
    for row in rows:
        found = harmonisation_of(row)
        if found is not None:
            raise InputError(
                f"the features of '{row.study_id}' were harmonised over '{found.get('batch')}' with "
                f"{found.get('patients')} patients at once, those to be predicted among them, so that figures of "
                "models would be too good; give the features as they were measured (`gliomics subtype compare` "
                "harmonises inside the training folds)"
            )


def of_drawing(mask: Mask) -> dict[str, Any]:
    """The diagnostics of a region as it was drawn, for rows of one that was resampled; ``mask`` is the drawn one."""
    return {
        "drawn_size": list(mask.shape),
        "drawn_spacing": [round(edge, 6) for edge in mask.spacing],
        "drawn_voxels": int(np.count_nonzero(mask.array)),
    }


UNKNOWN_VOXEL_SIZE = "the voxel size is unknown"
SHAPE_IN_VOXELS = f"{UNKNOWN_VOXEL_SIZE}: shape features are in voxels"


def plane_of(settings: Mapping[str, Any]) -> str | None:
    """The plane in which textures are measured by PyRadiomics' settings; None for all directions."""
    if not settings.get("force2D"):
        return None
    return ("axial", "coronal", "sagittal")[settings.get("force2Ddimension") or 0]


def warnings_of(diagnostics: Mapping[str, Any], config: FeatureConfig) -> list[str]:
    """What to beware of in a row with these diagnostics."""
    return _geometry_warnings(diagnostics, config) + bin_warnings(bins_of(diagnostics))


def bins_of(diagnostics: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Grey levels that the region of a row spans in each filtered image, by sequence."""
    return {key.removesuffix("_bins"): counts for key, counts in diagnostics.items() if key.endswith("_bins")}


def undefined_warnings(features: Sequence[str]) -> list[str]:
    """A sentence about features that a row does not have because they are undefined, if there are any."""
    return [f"left out because undefined for this region: {', '.join(features)}"] if features else []


def _geometry_warnings(diagnostics: Mapping[str, Any], config: FeatureConfig) -> list[str]:
    """Sentences about voxels of unknown or unequal size, and about too few of them."""
    warnings = []
    edges, spacing_known = diagnostics["spacing"], diagnostics["spacing_known"]
    resegmented = (diagnostics.get(f"{name}_voxels", math.inf) for name in diagnostics["sequences"])
    count = min(diagnostics["voxels"], *resegmented)
    spacing = " x ".join(f"{edge:g}" for edge in edges)
    if not spacing_known and _IN_MILLIMETRES & config.mask_classes.keys():
        warnings.append(f"{SHAPE_IN_VOXELS} (taken as {spacing}), not in millimetres")
    if not spacing_known and "LoG" in config.image_type:
        warnings.append(f"{UNKNOWN_VOXEL_SIZE}: sigma of LoG is in voxels (taken as {spacing}), not in millimetres")
    if spacing_known and max(edges) > FAR_FROM_ISOTROPIC * min(edges) and _across_slices(config):
        warnings.append(
            f"voxels of {spacing} mm are far from cubes: 3-D shape and texture depend on the slice direction"
        )
    if count < FEW_VOXELS:
        warnings.append(f"the region has {count} voxels; below {FEW_VOXELS} texture features are mostly noise")
    return warnings


def _across_slices(config: FeatureConfig) -> bool:
    """Whether a feature mixes what lies within slices with what lies across them."""
    in_slices = config.slices != "volume" or bool(config.setting.force2D)
    more = set(config.image_classes) - {"firstorder"} or set(config.image_type) - {"Original"}
    return "shape" in config.feature_class or bool(config.image_classes and more and not in_slices)


def bin_warnings(bins: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Sentences about sequences whose filtered images have too few or too many grey levels."""
    warnings = []
    for sequence, counts in bins.items():
        few = [name for name, count in counts.items() if count < BINS[0]]
        many = [name for name, count in counts.items() if count > BINS[1]]
        for names, word in ((few, "fewer"), (many, "more")):
            if names:
                where = "" if set(counts) == {"original"} else f" in {', '.join(names)}"
                warnings.append(
                    f"{sequence}: the region spans {word} grey levels{where} than the {BINS[0]} to {BINS[1]} that "
                    f"texture features are made for; another binWidth may suit"
                )
    return warnings
