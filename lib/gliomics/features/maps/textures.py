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
from gliomics.features.native import cooccurrence, sizes
from gliomics.features.native.counts import Table
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
        groups, rows, columns, counts = [], [], [], []
        for direction, (offset, weight) in enumerate(zip(offsets, weights, strict=True)):
            ahead = own[:, self.kernel.following(offset)]
            voxels, places = np.nonzero(self.around.inside & (ahead > 0))
            group = voxels if norm is not None else voxels * len(offsets) + direction
            i, j = own[voxels, places], ahead[voxels, places]
            both = bool(settings.get("symmetricalGLCM", True))
            groups += [group, group] if both else [group]
            rows += [i, j] if both else [i]
            columns += [j, i] if both else [j]
            counts.append(np.full(len(group) * (2 if both else 1), weight))
        directions, group_of, table = _grouped(groups, rows, columns, counts)
        if not len(directions):
            return {name: np.full(self.number, np.nan) for name in names}
        matrix = cooccurrence.Cooccurrence(directions, table, self.levels, int(self.levels[-1]))
        per_voxel = 1 if norm is not None else len(offsets)
        return {name: self._mean(cooccurrence.FEATURES[name](matrix), group_of, per_voxel) for name in names}

    def runs(self, names: Collection[str]) -> dict[str, Array]:
        """Features of runs; NaN where no line meets a kernel twice."""
        directions, inside = self.kernel.adjacent, self.around.inside
        norm = self.settings.get("weightingNorm")
        weights = np.ones(len(directions))
        if norm not in (None, "no_weighting"):
            weights = lengths_of(directions, self.spacing, norm)
        groups, rows, columns, counts = [], [], [], []
        for number, (direction, weight) in enumerate(zip(directions, weights, strict=True)):
            lengths, starts = self._runs(direction)
            lines = self.kernel.lines(direction)
            met = inside.astype(np.int64) @ np.eye(int(lines.max()) + 1, dtype=np.int64)[lines]
            crossed = np.asarray((met >= 2).any(axis=1, keepdims=True))
            voxels, places = np.nonzero(starts & crossed)
            groups.append(voxels if norm is not None else voxels * len(directions) + number)
            rows.append(self.around.levels[voxels, places])
            columns.append(lengths[voxels, places])
            counts.append(np.full(len(voxels), weight))
        return self._sizes(
            _grouped(groups, rows, columns, counts), sizes.RUNS, names, 1 if norm is not None else len(directions)
        )

    def _runs(self, direction: Sequence[int]) -> tuple[Integers, Bools]:
        """How long the run is that goes on from each place, and where runs start, both (voxels, places)."""
        levels, inside = self.around.levels, self.around.inside
        ahead, behind = self.kernel.following(direction), self.kernel.following([-step for step in direction])
        continues = inside & (levels[:, ahead] == levels[:, :-1])
        lengths = np.ones((self.number, levels.shape[1]), dtype=np.int64)
        for _ in range(int(np.abs(self.kernel.places).max()) * 2):
            lengths[:, :-1] = np.where(continues, 1 + lengths[:, ahead], 1)
        return lengths[:, :-1], inside & (levels[:, behind] != levels[:, :-1])

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
        found, first, counts = np.unique(zone[voxels, places], return_index=True, return_counts=True)
        owner, level = voxels[first], levels[voxels[first], places[first]]
        grouped = _grouped([owner], [level], [counts], [np.ones(len(found))])
        return self._sizes(grouped, sizes.ZONES, names, 1)

    def dependences(self, names: Collection[str]) -> dict[str, Array]:
        """Features of dependences."""
        levels, inside = self.around.levels, self.around.inside
        dependent = np.ones(inside.shape, dtype=np.int64)
        for ahead in self._neighbours():
            dependent += (ahead > 0) & (np.abs(ahead - levels[:, :-1]) <= self.settings.get("gldm_a", 0))
        voxels, places = np.nonzero(inside)
        counts = np.ones(len(voxels))
        grouped = _grouped([voxels], [levels[voxels, places]], [dependent[voxels, places]], [counts])
        return self._sizes(grouped, sizes.DEPENDENCES, names, 1)

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
        self, grouped: tuple[Integers, Integers, Table], formula_of: Mapping[str, str], names: Collection[str], per: int
    ) -> dict[str, Array]:
        directions, group_of, table = grouped
        if not len(directions):
            return {name: np.full(self.number, np.nan) for name in names}
        values = sizes.formulas(directions, table)
        return {name: self._mean(values[formula_of[name]], group_of, per) for name in names}

    def _mean(self, values: Array, group_of: Integers, per_voxel: int) -> Array:
        """The mean over the directions of each voxel, of which there are ``per_voxel``; NaN where there are none."""
        voxels = group_of // per_voxel
        known = ~np.isnan(values)
        counts = np.bincount(voxels[known], minlength=self.number)
        sums = np.bincount(voxels[known], values[known], minlength=self.number)
        return np.asarray(np.divide(sums, counts, out=np.full(self.number, np.nan), where=counts > 0))


def _grouped(
    groups: Sequence[Integers], rows: Sequence[Any], columns: Sequence[Any], counts: Sequence[Array]
) -> tuple[Integers, Integers, Table]:
    """Entries as one table: of each its matrix, counted from 0, of each matrix its group, and the table."""
    group, row, column = (np.concatenate(parts).astype(np.int64) for parts in (groups, rows, columns))
    height, width = (int(part.max(initial=0)) + 1 for part in (row, column))
    found, places = np.unique((group * height + row) * width + column, return_inverse=True)
    sums: Any = np.bincount(places, np.concatenate(counts), minlength=len(found))
    group_of, directions = np.unique(found // width // height, return_inverse=True)
    return directions, group_of, Table(found // width % height, found % width, sums)


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
