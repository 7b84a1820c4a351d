"""Texture features of many surroundings at once: what is counted in each kernel, and the formulas of the classes.

Grey levels are those of the region, as PyRadiomics has them in maps: features that depend on their number do so on
that of the region, not of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gliomics.features.maps.kernels import Array, Bools, Kernel, Surroundings
from gliomics.features.maps.tables import Tables, run_lengths, tabulated
from gliomics.features.native import cooccurrence, sizes
from gliomics.features.native.neighbours import Integers, Levels
from gliomics.features.native.textures import lengths_of


class KernelCounts:
    """Counts in the kernels of some voxels.

    ``levels`` are those that occur in the region, ``spacing`` is in the order of the axes of the kernel's places.
    """

    def __init__(
        self,
        around: Surroundings,
        kernel: Kernel,
        levels: Integers,
        settings: Mapping[str, Any],
        spacing: Sequence[float],
    ) -> None:
        self.around, self.kernel, self.levels = around, kernel, levels
        self.settings, self.spacing = settings, spacing
        self.number = len(around.levels)

    def cooccurrence(self, names: Collection[str]) -> dict[str, Array]:
        """Features of the co-occurrence matrix; NaN where no two voxels of a kernel are neighbours."""
        settings, offsets, own = self.settings, self.kernel.offsets, self.around.levels
        norm = settings.get("weightingNorm")
        weights = np.ones(len(offsets))
        if norm not in (None, "no_weighting"):
            weights = np.exp(-(lengths_of(offsets, self.spacing, norm) ** 2))
        columns = own[:, np.array([self.kernel.following(offset) for offset in offsets])]
        both = bool(settings.get("symmetricalGLCM", True))
        tables = tabulated(own, columns, weights, both=both, merged=norm is not None)
        if not len(tables.directions):
            return {name: np.full(self.number, np.nan) for name in names}
        matrix = cooccurrence.Cooccurrence(tables.directions, tables.entries, self.levels, int(self.levels[-1]))
        per_voxel = 1 if norm is not None else len(offsets)
        return {name: self._mean(cooccurrence.FEATURES[name](matrix), tables.group_of, per_voxel) for name in names}

    def runs(self, names: Collection[str]) -> dict[str, Array]:
        """Features of runs; NaN where no line meets a kernel twice."""
        directions, norm = self.kernel.adjacent, self.settings.get("weightingNorm")
        weights = np.ones(len(directions))
        if norm not in (None, "no_weighting"):
            weights = lengths_of(directions, self.spacing, norm)
        lengths = run_lengths(self.around.levels, self.kernel, directions)
        tables = tabulated(self.around.levels, lengths, weights, both=False, merged=norm is not None)
        return self._sizes(tables, sizes.RUNS, names, 1 if norm is not None else len(directions))

    def zones(self, names: Collection[str]) -> dict[str, Array]:
        """Features of zones."""
        levels, inside, width = self.around.levels, self.around.inside, len(self.kernel.places)
        starts, ends = [], []
        for offset in self.kernel.adjacent:
            ahead = self.kernel.following(offset)
            voxels, places = np.nonzero(inside & (levels[:, ahead] == levels[:, :-1]))
            starts.append(voxels * width + places)
            ends.append(voxels * width + ahead[places])
        links = (np.concatenate(starts), np.concatenate(ends))
        size = self.number * width
        graph = coo_array((np.ones(len(links[0]), dtype=bool), links), shape=(size, size))
        zone = connected_components(graph, directed=False)[1].reshape(self.number, width)
        voxels, places = np.nonzero(inside)
        _, first, counts = np.unique(zone[voxels, places], return_index=True, return_counts=True)
        numbers = np.zeros((self.number, 1, width), dtype=np.int32)
        numbers[voxels[first], 0, places[first]] = counts
        tables = tabulated(levels, numbers, np.ones(1), both=False, merged=True)
        return self._sizes(tables, sizes.ZONES, names, 1)

    def dependences(self, names: Collection[str]) -> dict[str, Array]:
        """Features of dependences."""
        levels, inside = self.around.levels, self.around.inside
        dependent = np.ones(inside.shape, dtype=np.int32)
        for ahead in self._neighbours():
            dependent += (ahead > 0) & (np.abs(ahead - levels[:, :-1]) <= self.settings.get("gldm_a", 0))
        tables = tabulated(levels, dependent[:, None], np.ones(1), both=False, merged=True)
        return self._sizes(tables, sizes.DEPENDENCES, names, 1)

    def tones(self, names: Collection[str]) -> dict[str, Array]:
        """Features of tone differences, as :func:`gliomics.features.native.tones.tone_features`."""
        levels, inside = self.around.levels, self.around.inside
        sums, near = np.zeros(inside.shape, dtype=np.int64), np.zeros(inside.shape, dtype=np.int64)
        for ahead in self._neighbours():
            sums += ahead
            near += ahead > 0
        difference = np.where(near > 0, np.abs(levels[:, :-1] - sums / np.maximum(near, 1)), 0)
        voxels, places = np.nonzero(inside)
        codes = voxels * len(self.levels) + np.searchsorted(self.levels, levels[voxels, places])
        size = self.number * len(self.levels)
        numbers: Any = np.bincount(codes, minlength=size).reshape(self.number, -1)
        differences: Any = np.bincount(codes, difference[voxels, places], minlength=size).reshape(self.number, -1)
        return {name: _TONES[name](self.levels.astype(np.float64), numbers, differences) for name in names}

    def _neighbours(self) -> list[Levels]:
        """The levels of the neighbours of every place, offset by offset, to both sides; 0 for none."""
        levels = self.around.levels
        return [
            levels[:, self.kernel.following([sign * step for step in offset])]
            for offset in self.kernel.offsets
            for sign in (1, -1)
        ]

    def _sizes(
        self, tables: Tables, formula_of: Mapping[str, str], names: Collection[str], per_voxel: int
    ) -> dict[str, Array]:
        if not len(tables.directions):
            return {name: np.full(self.number, np.nan) for name in names}
        values = sizes.formulas(tables.directions, tables.entries)
        return {name: self._mean(values[formula_of[name]], tables.group_of, per_voxel) for name in names}

    def _mean(self, values: Array, group_of: Integers, per_voxel: int) -> Array:
        """The mean over the directions of each voxel, of which there are ``per_voxel``; NaN where there are none."""
        voxels = group_of // per_voxel
        known = ~np.isnan(values)
        counts = np.bincount(voxels[known], minlength=self.number)
        sums = np.bincount(voxels[known], values[known], minlength=self.number)
        return np.asarray(np.divide(sums, counts, out=np.full(self.number, np.nan), where=counts > 0))


def _pairwise(numbers: Array) -> Bools:
    """Which pairs of levels a kernel has, (voxels, levels, levels)."""
    some = numbers > 0
    return np.asarray(some[:, :, None] & some[:, None, :])


def _weighted(numbers: Array, differences: Array) -> Array:
    return np.asarray((numbers * differences).sum(axis=1) / numbers.sum(axis=1))


def _divided(value: Array, by: Array, otherwise: float) -> Array:
    return np.asarray(np.divide(value, by, out=np.full(len(value), otherwise), where=by != 0))


def _busyness(levels: Array, numbers: Array, differences: Array) -> Array:
    shares = levels * numbers / numbers.sum(axis=1, keepdims=True)
    sides = np.where(_pairwise(numbers), np.abs(shares[:, :, None] - shares[:, None, :]), 0).sum(axis=(1, 2))
    return _divided(_weighted(numbers, differences), sides, 0.0)


def _coarseness(levels: Array, numbers: Array, differences: Array) -> Array:
    weighted = _weighted(numbers, differences)
    return _divided(np.ones_like(weighted), weighted, 1e6)


def _complexity(levels: Array, numbers: Array, differences: Array) -> Array:
    total = numbers.sum(axis=1)
    shares = numbers / total[:, None]
    products = shares * differences
    apart = np.abs(levels[:, None] - levels[None, :])
    sums = shares[:, :, None] + shares[:, None, :]
    terms = np.where(_pairwise(numbers), apart * (products[:, :, None] + products[:, None, :]), 0)
    return np.asarray((terms / np.where(sums > 0, sums, 1)).sum(axis=(1, 2)) / total)


def _contrast(levels: Array, numbers: Array, differences: Array) -> Array:
    total, count = numbers.sum(axis=1), np.count_nonzero(numbers, axis=1).astype(np.float64)
    shares = numbers / total[:, None]
    apart = (levels[:, None] - levels[None, :]) ** 2
    contrast = np.einsum("vi,vj,ij->v", shares, shares, apart) * differences.sum(axis=1) / total
    return _divided(contrast, count * (count - 1), 0.0)


def _strength(levels: Array, numbers: Array, differences: Array) -> Array:
    shares = numbers / numbers.sum(axis=1, keepdims=True)
    apart = (levels[:, None] - levels[None, :]) ** 2
    terms = np.where(_pairwise(numbers), (shares[:, :, None] + shares[:, None, :]) * apart, 0).sum(axis=(1, 2))
    return _divided(terms, differences.sum(axis=1), 0.0)


_TONES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "Busyness": _busyness,
    "Coarseness": _coarseness,
    "Complexity": _complexity,
    "Contrast": _contrast,
    "Strength": _strength,
}
CLASSES: dict[str, Callable[[KernelCounts, Collection[str]], dict[str, Array]]] = {
    "glcm": KernelCounts.cooccurrence,
    "gldm": KernelCounts.dependences,
    "glrlm": KernelCounts.runs,
    "glszm": KernelCounts.zones,
    "ngtdm": KernelCounts.tones,
}
