"""What tells one glioma from another in plain sight: brightness against the patient's own tissue, edge, core, place.

Intensities are z-scores against the tissue outside the lesion (:mod:`~gliomics.features.glioma.surroundings`), so that
neither a scanner's scale nor an offset counts. Distances are within slices and in shares of the head, and sizes in
shares of the head or of the lesion, so that neither the voxel size nor the distance between slices need be known.

A core that FLAIR shows darker than the rim is half of the T2-FLAIR mismatch sign: Patel et al., Clin Cancer Res 23:6078
(2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label

from gliomics.features.glioma.surroundings import Surroundings, reference_of
from gliomics.features.windows import Window, window_of
from gliomics.preprocess.head import origin
from gliomics.study.volumes import Mask, Volume

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

INTENSITY = (
    "Mean",
    "StandardDeviation",
    "10Percentile",
    "90Percentile",
    "CoreMinusRim",
    "RingLevel",
    "EdgeStep",
    "RimGradientRatio",
)
"""Measured in each sequence."""
ENHANCEMENT = (
    "EnhancementMean",
    "Enhancement95Percentile",
    "Enhancement99Percentile",
    "EnhancingFraction",
    "StronglyEnhancingFraction",
)
"""Measured in T1 after contrast less T1 before."""
MISMATCH = ("MismatchMean", "MismatchCoreMinusRim", "MismatchFraction")
"""Measured in T2 less FLAIR."""
LOCATION = ("CentroidLeft", "CentroidBack", "CentroidUp", "MidlineDistance", "MidlineShare")
"""Measured of mask and head, where the file tells how the image lies."""
SIZE = ("RelativeVolume", "RelativeArea", "Components")
"""Measured of mask and head."""
FEATURES = (*LOCATION, *SIZE, *INTENSITY, *ENHANCEMENT, *MISMATCH)
"""Every feature of the class."""

_LEAST_PART = 0.01
"""Share of the region from which on a part of it is counted."""
_LEAST_INSIDE = 0.5
"""Share of a region's voxels that lie in the head, or it is not measured."""
_SMOOTHING = 0.25
"""Standard deviation of the Gaussian before gradients are taken, in widths of the rim: 1 mm in an adult's head."""


@dataclass(frozen=True)
class _Bands:
    """A region cut to a window around it: which voxels are inside, and which of these are rim and core.

    The rim is as wide as the shell around it, but at most half as deep as the region; the core is deeper than the rim
    and than half of the deepest voxel. ``shell`` lies outside, in tissue.
    """

    window: Window
    inside: Bools
    rim: Bools
    core: Bools
    shell: Bools


def glioma_features(
    volumes: Mapping[str, Volume], mask: Mask, head: Surroundings, names: Iterable[str] = ()
) -> tuple[dict[str, float], list[str]]:
    """The named features, or all of them, of the voxels above 0, and sentences about what could not be measured.

    ``volumes`` are the sequences of a study by name, on the grid of ``mask`` and with the axes of ``head``. Names like
    ``flair_original_glioma_Mean``, ``t1c_original_glioma_EnhancementMean`` and ``original_glioma_RelativeVolume``; NaN
    where a feature is undefined. What needs a sequence that is not there has no name either.
    """
    bands = _bands(mask, head)
    inside = np.argwhere(bands.inside) + [part.start for part in bands.window.box]
    share = float(head.at(head.inside, inside).mean())
    if share < _LEAST_INSIDE:
        return {}, [
            f"{share:.0%} of the region's voxels lie in the head that the images show; expected at least "
            f"{_LEAST_INSIDE:.0%}: features of class glioma are left out; is it the mask of this study?"
        ]
    values = {f"original_glioma_{name}": value for name, value in _of_mask(mask, inside, head).items()}
    warnings = [] if head.box else ["where the head lies cannot be told: the location in it is left out"]
    scores: dict[str, Array] = {}
    tissue = head.outside(mask)
    for sequence, volume in volumes.items():
        reference = reference_of(volume, tissue)
        if reference is None:
            warnings.append(f"{sequence}: no tissue outside the region to compare it with; class glioma is left out")
            continue
        middle, spread = reference
        scores[sequence] = (bands.window.crop(volume).array.astype(np.float64) - middle) / spread
        of_sequence = _of_intensity(scores[sequence], bands, head)
        values |= {f"{sequence}_original_glioma_{name}": value for name, value in of_sequence.items()}
    for later, earlier, compare in (("t1c", "t1", _enhancement), ("t2", "flair", _mismatch)):
        if later in scores and earlier in scores:
            difference = compare(scores[later] - scores[earlier], bands)
            values |= {f"{later}_original_glioma_{name}": value for name, value in difference.items()}
    wanted = set(names) or set(FEATURES)
    return {name: value for name, value in values.items() if name.rsplit("_", 1)[1] in wanted}, warnings


def _bands(mask: Mask, head: Surroundings) -> _Bands:
    """The region's inside, rim, core and shell in the smallest window that holds them."""
    margins = np.ceil(1.5 * head.shell / head.edges).astype(int) + 1
    margins[head.across] = 0
    i, j, k = (
        slice(max(part.start - margin, 0), min(part.stop + margin, size))
        for part, margin, size in zip(window_of(mask.array > 0).box, margins, mask.shape, strict=True)
    )
    window = Window((i, j, k))
    inside = mask.array[window.box] > 0
    depth = head.distance(~inside)
    deepest = float(depth.max())
    width = max(float(head.pixel.max()), min(head.shell, deepest / 2))
    outside = np.argwhere(~inside & (head.distance(inside) <= head.shell))
    shell = np.zeros_like(inside)
    kept = outside[head.at(head.tissue, outside + [part.start for part in window.box])]
    shell[tuple(kept.T)] = True
    return _Bands(window, inside, inside & (depth <= width), inside & (depth > max(width, deepest / 2)), shell)


def _of_mask(mask: Mask, inside: npt.NDArray[np.intp], head: Surroundings) -> dict[str, float]:
    values = dict.fromkeys(LOCATION, np.nan)
    if head.box is not None:
        places = inside * head.edges + origin(mask)
        left, back, up = (places.mean(axis=0) - head.box.low) / head.box.size
        across = places[:, 0] - head.box.middle
        share = float((across > 0).mean() + 0.5 * (across == 0).mean())
        values = {
            "CentroidLeft": float(left),
            "CentroidBack": float(back),
            "CentroidUp": float(up),
            "MidlineDistance": float(abs(across.mean()) / head.box.size[0]),
            "MidlineShare": min(share, 1 - share),
        }
    region = mask.array > 0
    area = int(np.count_nonzero(region, axis=tuple({0, 1, 2} - {head.across})).max())
    sizes = np.bincount(label(region[window_of(region).box], np.ones((3, 3, 3)))[0].ravel())[1:]
    return values | {
        "RelativeVolume": len(inside) / head.volume,
        "RelativeArea": area / head.section,
        "Components": float(np.count_nonzero(sizes >= _LEAST_PART * len(inside))),
    }


def _of_intensity(score: Array, bands: _Bands, head: Surroundings) -> dict[str, float]:
    values = score[bands.inside]
    low, high = np.percentile(values, (10, 90))
    ring, rim = _mean(score, bands.shell), _mean(score, bands.rim)
    slope = _slope(score, head)
    within = _mean(slope, bands.inside & ~bands.rim)
    return {
        "Mean": float(values.mean()),
        "StandardDeviation": float(values.std()),
        "10Percentile": float(low),
        "90Percentile": float(high),
        "CoreMinusRim": _mean(score, bands.core) - rim,
        "RingLevel": ring,
        "EdgeStep": rim - ring,
        "RimGradientRatio": _mean(slope, bands.rim) / within if within > 0 else np.nan,
    }


def _enhancement(difference: Array, bands: _Bands) -> dict[str, float]:
    values = difference[bands.inside]
    high, highest = np.percentile(values, (95, 99))
    return {
        "EnhancementMean": float(values.mean()),
        "Enhancement95Percentile": float(high),
        "Enhancement99Percentile": float(highest),
        "EnhancingFraction": float((values > 1).mean()),
        "StronglyEnhancingFraction": float((values > 2).mean()),
    }


def _mismatch(difference: Array, bands: _Bands) -> dict[str, float]:
    return {
        "MismatchMean": _mean(difference, bands.inside),
        "MismatchCoreMinusRim": _mean(difference, bands.core) - _mean(difference, bands.rim),
        "MismatchFraction": float((difference[bands.inside] > 1).mean()),
    }


def _slope(score: Array, head: Surroundings) -> Array:
    """The gradient's length within slices, of the image smoothed by a share of the rim's width."""
    sigma = _SMOOTHING * head.shell / head.edges
    sigma[head.across] = 0
    smooth = gaussian_filter(score.astype(np.float32), sigma, truncate=3)
    axes = [axis for axis in range(3) if axis != head.across]
    parts = [np.gradient(smooth, head.edges[axis], axis=axis) for axis in axes if score.shape[axis] > 1]
    return np.asarray(np.sqrt(sum((part**2 for part in parts), start=np.zeros_like(smooth))))


def _mean(values: Array, where: Bools) -> float:
    return float(values[where].mean()) if where.any() else np.nan
