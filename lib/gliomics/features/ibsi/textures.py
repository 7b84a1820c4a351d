"""Texture features by the standard: the native engine's matrices, joined over slices and directions in each way.

A way is a grouping of matrices: each by itself (2-D and 3-D averaged), those of a slice summed (2-D merged), those of a
direction (2.5-D averaged) or all (2.5-D and 3-D merged). Features are of each group, and averaged over groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_cdt

from gliomics.features.ibsi.preparation import Bools
from gliomics.features.ibsi.settings import Dimensions
from gliomics.features.native.cooccurrence import cooccurrence_features
from gliomics.features.native.counts import Array, Counts, Table, count, table_of
from gliomics.features.native.neighbours import Integers, RegionLevels, offsets_of
from gliomics.features.native.sizes import formulas
from gliomics.features.native.textures import joined, weighted
from gliomics.features.native.tones import tone_features

Features = dict[str, float]

_FAMILIES = ("glcm", "glrlm", "glszm", "gldm", "ngtdm")
_PLANE, _SPACE = (3, 3, 1), (3, 3, 3)
COOCCURRENCE = {
    "joint_max": "MaximumProbability", "joint_avg": "JointAverage", "joint_var": "SumSquares",
    "joint_entr": "JointEntropy", "diff_avg": "DifferenceAverage", "diff_var": "DifferenceVariance",
    "diff_entr": "DifferenceEntropy", "sum_avg": "SumAverage", "sum_var": "ClusterTendency", "sum_entr": "SumEntropy",
    "energy": "JointEnergy", "contrast": "Contrast", "dissimilarity": "DifferenceAverage", "inv_diff": "Id",
    "inv_diff_norm": "Idn", "inv_diff_mom": "Idm", "inv_diff_mom_norm": "Idmn", "inv_var": "InverseVariance",
    "corr": "Correlation", "auto_corr": "Autocorrelation", "clust_tend": "ClusterTendency",
    "clust_shade": "ClusterShade", "clust_prom": "ClusterProminence", "info_corr1": "Imc1", "info_corr2": "Imc2",
}  # fmt: skip
TONES = ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")
_FORMULAS = (
    "small", "large", "low", "high", "small low", "small high", "large low", "large high", "levels",
    "levels normalised", "sizes", "sizes normalised", "percentage", "level variance", "size variance", "entropy",
    "energy",
)  # fmt: skip
_SIZES = {
    "rlm": "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var rl_entr",
    "szm": "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var zs_entr",
    "dzm": "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var zd_var zd_entr",
    "ngl": "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var dc_var dc_entr "
    "dc_energy",
}
"""The tags of each family of grey level by size, in the order of :data:`_FORMULAS`."""


@dataclass(frozen=True)
class _Part:
    """What is counted of a slice, or of the whole volume."""

    counts: Counts
    runs: list[Table]
    distances: Table
    tones: tuple[Integers, Array]
    voxels: int


def texture_features(levels: Integers, inside: Bools, morphology: Bools, dimensions: Sequence[Dimensions]) -> Features:
    """Every texture feature by the standard's tag with its way, such as ``cm_contrast_2_5D_avg``.

    ``levels`` are those of the voxels that are true in ``inside``, (i, j, k);
    ``morphology`` is the mask to whose border zones have a distance. Slices are across k.
    """
    matrix = np.zeros(inside.shape, dtype=np.int64)
    matrix[inside] = levels
    present = np.flatnonzero(np.bincount(levels))
    features: Features = {}
    if {"2D", "2.5D"} & {*dimensions}:
        slices = _slices(matrix, inside, morphology)
        for name in ("2D", "2.5D"):
            if name in dimensions:
                features |= _in_slices(slices, present, merged=name == "2.5D")
    if "3D" in dimensions:
        features |= _in_volume(_part(matrix, inside, _distances(morphology, _SPACE), _SPACE), present)
    return features


def _slices(matrix: Integers, inside: Bools, morphology: Bools) -> list[_Part]:
    parts = []
    for number in np.flatnonzero(inside.any(axis=(0, 1))):
        place = (slice(None), slice(None), slice(number, number + 1))
        parts.append(_part(matrix[place], inside[place], _distances(morphology[place], _PLANE), _PLANE))
    return parts


def _distances(mask: Bools, reach: tuple[int, int, int]) -> Integers:
    """How many steps along axes each voxel of a mask is from outside of it, 1 at the border; across slices or not."""
    padded = np.pad(mask, [(1, 1) if size > 1 else (0, 0) for size in reach])
    flat = padded[:, :, 0] if reach == _PLANE else padded
    distances = distance_transform_cdt(flat, metric="taxicab").astype(np.int64)
    return np.asarray(distances[tuple(slice(1, -1) for _ in range(flat.ndim))].reshape(mask.shape))


def _part(matrix: Integers, inside: Bools, distances: Integers, reach: tuple[int, int, int]) -> _Part:
    """Counts of a slice or a volume; what the native engine leaves out of a region without neighbours is put in."""
    region = RegionLevels.of(matrix.transpose(2, 1, 0))
    settings = {"force2D": reach == _PLANE}
    offsets = offsets_of(_SPACE, [1], settings)  # of a narrow slice, too, so that each has its place
    counts = count(region, offsets, offsets, wanted=_FAMILIES)
    levels = region.levels.astype(np.int64)
    alone = table_of(region.levels, np.ones(len(levels), dtype=np.int64))
    runs = [runs if len(runs.counts) else alone for runs in counts.runs]
    zones = counts.zone_of_voxel
    nearest = np.full(int(zones.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(nearest, zones, distances.transpose(2, 1, 0)[matrix.transpose(2, 1, 0) > 0])
    level_of_zone = np.zeros(len(nearest), dtype=np.int32)
    level_of_zone[zones] = region.levels
    numbers, differences = counts.tones
    alone_at = inside & ~_with_neighbours(inside, reach)
    numbers = numbers - np.bincount(matrix[alone_at], minlength=len(numbers) + 1)[1:]
    return _Part(counts, runs, table_of(level_of_zone, nearest), (numbers, differences), len(levels))


def _with_neighbours(inside: Bools, reach: tuple[int, int, int]) -> Bools:
    around = np.ones(reach, dtype=bool)
    around[tuple(size // 2 for size in reach)] = False
    return np.asarray(binary_dilation(inside, around))


def _in_slices(slices: list[_Part], levels: Integers, *, merged: bool) -> Features:
    """2-D, or with ``merged`` 2.5-D."""
    suffix = "2_5D" if merged else "2D"
    by_slice = range(len(slices))
    features: Features = {}
    for prefix, tables, of in (
        ("cm", [part.counts.pairs for part in slices], _cooccurrence(levels)),
        ("rlm", [part.runs for part in slices], _by_size("rlm")),
    ):
        if merged:
            averaged = [_sum(of_direction) for of_direction in zip(*tables, strict=True)]
            combined = [_sum([table for row in tables for table in row])]
        else:
            averaged = [table for row in tables for table in row]
            combined = [_sum(row) for row in tables]
        features |= _tagged(prefix, f"{suffix}_avg", of(averaged)) | _tagged(prefix, f"{suffix}_comb", of(combined))
    groups = [list(by_slice)] if merged else [[number] for number in by_slice]
    return features | _undirected([[slices[number] for number in group] for group in groups], suffix)


def _in_volume(volume: _Part, levels: Integers) -> Features:
    features: Features = {}
    for prefix, tables, of in (
        ("cm", volume.counts.pairs, _cooccurrence(levels)),
        ("rlm", volume.runs, _by_size("rlm")),
    ):
        features |= _tagged(prefix, "3D_avg", of(tables)) | _tagged(prefix, "3D_comb", of([_sum(tables)]))
    return features | _undirected([[volume]], "3D")


def _undirected(groups: list[list[_Part]], suffix: str) -> Features:
    """Zones, distances, dependences and tones, of the sum of the parts of each group, averaged over groups."""
    features: Features = {}
    pick: dict[str, Callable[[_Part], Table]] = {
        "szm": lambda part: part.counts.zones,
        "dzm": lambda part: part.distances,
        "ngl": lambda part: part.counts.dependences,
    }
    for prefix, table_in in pick.items():
        tables = [_sum([table_in(part) for part in group]) for group in groups]
        found = _by_size(prefix)(tables)
        if prefix == "dzm":  # of the voxels, as that of size zones
            found["z_perc"] = features[f"szm_z_perc_{suffix}"]
        features |= _tagged(prefix, suffix, found)
    features[f"ngl_dc_perc_{suffix}"] = 1.0
    rows = [_tone_features([part.tones for part in group]) for group in groups]
    means = {name.lower(): float(np.mean([row[name] for row in rows])) for name in TONES}
    return features | _tagged("ngt", suffix, means)


def _tone_features(parts: list[tuple[Integers, Array]]) -> Features:
    size = max(len(numbers) for numbers, _ in parts)
    numbers, differences = np.zeros(size, dtype=np.int64), np.zeros(size)
    for some, of_some in parts:
        numbers[: len(some)] += some
        differences[: len(some)] += of_some
    return tone_features(numbers, differences) if numbers.any() else dict.fromkeys(TONES, float("nan"))


def _cooccurrence(levels: Integers) -> Callable[[Sequence[Table]], Features]:
    def of(tables: Sequence[Table]) -> Features:
        found = cooccurrence_features(tables, (), levels, settings={}, spacing=(), names={*COOCCURRENCE.values()})
        return {tag: found[name] for tag, name in COOCCURRENCE.items()}

    return of


def _by_size(prefix: str) -> Callable[[Sequence[Table]], Features]:
    tags = dict(zip(_SIZES[prefix].split(), _FORMULAS, strict=False))

    def of(tables: Sequence[Table]) -> Features:
        values = formulas(*joined(tables))
        return {tag: float(values[formula].mean()) for tag, formula in tags.items()}

    return of


def _sum(tables: Sequence[Table]) -> Table:
    """The tables added."""
    return weighted(tables, np.ones(len(tables)))[1] if len(tables) != 1 else tables[0]


def _tagged(prefix: str, suffix: str, features: Features) -> Features:
    return {f"{prefix}_{tag}_{suffix}": value for tag, value in features.items()}
