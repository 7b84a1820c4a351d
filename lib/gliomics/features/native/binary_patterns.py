"""Local binary patterns within slices (Ojala 2002), as scikit-image computes them for PyRadiomics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def binary_patterns(image: npt.NDArray[Any], rows: slice, columns: slice, settings: Mapping[str, Any]) -> Array:
    """The patterns of the pixels of ``image`` in ``rows`` and ``columns``.

    Around each pixel, ``lbp2DSamples`` values are taken ``lbp2DRadius`` pixels away by bilinear interpolation, outside
    of the image 0; those not below the pixel's own are bits. ``lbp2DMethod`` says what is made of these: ``default``,
    their number; ``ror``, the smallest number that rotating gives; ``uniform``, how many they are, or one more than the
    samples where they change more than twice around; ``var``, the variance of the values.
    """
    samples = settings.get("lbp2DSamples", 8)
    method = settings.get("lbp2DMethod", "uniform")
    values = _samples(image.astype(np.float64), rows, columns, np.float32(settings.get("lbp2DRadius", 1)), samples)
    if method == "var":
        return _variances(values)
    bits = values - image[rows, columns] >= 0
    if method == "uniform":
        changes = np.count_nonzero(bits[:-1] != bits[1:], axis=0)
        return np.asarray(np.where(changes <= 2, np.count_nonzero(bits, axis=0), samples + 1), dtype=np.float64)
    numbers = np.tensordot(2 ** np.arange(samples, dtype=np.int64), bits.astype(np.int64), axes=1)
    if method == "ror":
        rotated = [numbers >> shift | (numbers & (1 << shift) - 1) << (samples - shift) for shift in range(samples)]
        numbers = np.min(rotated, axis=0)
    return numbers.astype(np.float64)


def _samples(image: Array, rows: slice, columns: slice, radius: np.float32, samples: int) -> Array:
    """The values around each pixel, (samples, rows, columns)."""
    angles = 2 * np.pi * np.arange(samples) / samples
    room = int(np.ceil(radius)) + 1
    padded = np.pad(image, room)
    values = []
    for down, right in zip(np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5), strict=True):
        # Rounded as scikit-image does: where values are the same, the last bit decides.
        r, c = np.arange(rows.start, rows.stop) + down, np.arange(columns.start, columns.stop) + right
        top, bottom = (np.asarray(edge(r), dtype=np.int64)[:, None] + room for edge in (np.floor, np.ceil))
        left, after = (np.asarray(edge(c), dtype=np.int64)[None, :] + room for edge in (np.floor, np.ceil))
        below, beside = (r - np.floor(r))[:, None], (c - np.floor(c))[None, :]
        upper = (1 - beside) * padded[top, left] + beside * padded[top, after]
        lower = (1 - beside) * padded[bottom, left] + beside * padded[bottom, after]
        values.append((1 - below) * upper + below * lower)
    return np.stack(values)


def _variances(values: Array) -> Array:
    """Undefined where all values are the same."""
    sums, squares = np.zeros(values.shape[1:]), np.zeros(values.shape[1:])
    for sample in values:
        sums += sample
        squares += sample * sample
    variances = (squares - sums * sums / len(values)) / len(values)
    return np.where(variances != 0, variances, np.nan)
