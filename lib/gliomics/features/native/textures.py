"""What the feature classes of texture share: weights of directions, entropies, means over directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.features.native.counts import Array, Table
from gliomics.features.native.neighbours import Offset

EPSILON = float(np.spacing(1))
"""Added to what a logarithm is taken of, as PyRadiomics does."""

_NORMS = {"infinity": np.inf, "euclidean": 2, "manhattan": 1}


def lengths_of(offsets: Sequence[Offset], spacing: Sequence[float], norm: str) -> Array:
    """How long offsets are, by the norm that ``weightingNorm`` names; ``spacing`` in the order of their axes."""
    return np.asarray(np.linalg.norm(np.abs(offsets) * np.asarray(spacing), ord=_NORMS[norm], axis=1))


def joined(tables: Sequence[Table]) -> tuple[npt.NDArray[np.int64], Table]:
    """The tables of several directions as one, with the number of its direction for each entry; empty ones are none."""
    filled = [table for table in tables if len(table.counts)]
    directions = np.repeat(np.arange(len(filled)), [len(table.counts) for table in filled])
    parts = [[getattr(table, name) for table in filled] for name in ("rows", "columns", "counts")]
    empty = [np.zeros(0, dtype=np.int64)]
    rows, columns, counts = (np.concatenate(part or empty) for part in parts)
    return directions, Table(rows, columns, counts)


def weighted(tables: Sequence[Table], weights: Array) -> tuple[npt.NDArray[np.int64], Table]:
    """The sum of several tables, each times its weight, as one of a single direction."""
    width = 1 + max((int(table.columns.max()) for table in tables if len(table.columns)), default=0)
    codes = np.concatenate([table.rows * width + table.columns for table in tables])
    values = np.concatenate([table.counts * weight for table, weight in zip(tables, weights, strict=True)])
    found, places = np.unique(codes, return_inverse=True)
    sums: Any = np.bincount(places, values, minlength=len(found))
    return np.zeros(len(found), dtype=np.int64), Table(found // width, found % width, sums)


def entropy_terms(shares: Array) -> Array:
    """``- p log2(p)`` of each share, as PyRadiomics rounds it."""
    terms: Array = -shares * np.log2(shares + EPSILON)
    return terms
