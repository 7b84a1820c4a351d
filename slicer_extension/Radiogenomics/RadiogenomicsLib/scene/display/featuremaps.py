"""How a map of a feature is drawn: from its least to its greatest value, and nothing where it has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from RadiogenomicsLib.scene.display.evidence import colourTable
from RadiogenomicsLib.server.volumes import OrientedImage

_ANCHORS = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
)  # fmt: skip
"""Viridis: equal steps look equal, with every kind of colour vision."""
_TABLE_NAME = "GliomicsFeature"


def drawnFeature(image: OrientedImage, inside: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The voxels as they are drawn, and the least and the greatest value; where there is none, far below the least."""
    drawn = inside & np.isfinite(image.array)
    values = image.array[drawn]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if low == high:
        high = low + (abs(low) or 1.0)
    return np.where(drawn, image.array, np.float32(low - 10 * (high - low))), (low, high)


def featureColours() -> Any:
    """The colours, in one table for all such maps."""
    return colourTable(_TABLE_NAME, _ANCHORS, {})
