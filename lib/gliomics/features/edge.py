"""Features of a region whose edge lies a little further out or in, or drawn anew: how much depends on who drew it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.planes import axial_axis
from gliomics.features.regions import shift_boundary
from gliomics.preprocess.contour import redraw_contour
from gliomics.preprocess.orientation import from_canonical, to_lps
from gliomics.study.volumes import Mask

MOVED_MM = 1.0
"""How far an edge is moved in its slices, but a voxel at least: about as far as one reader draws it from another."""


MOVES = ("grown", "shrunk", "redrawn", "redrawn again")
"""What is done to an edge.

Growing and shrinking leave an outline as smooth as it is, and hands draw it rougher than networks: of the changes above
0.2 from an automatic mask to one by hand, they alone tell a third, with two redrawn contours nine of ten.
"""


_UNMOVED = {"grown": "there is no room around it", "shrunk": "nothing of it would be left"}


@dataclass(frozen=True)
class MovedEdge:
    """The features of a region with its edge moved, by what was done: :data:`MOVES`.

    ``missing`` says why one of them is not there, by the same names.
    """

    values: Mapping[str, dict[str, float]]
    missing: Mapping[str, str] = field(default_factory=dict)


def edge_shift(mask: Mask, *, spacing_known: bool) -> int:
    """By how many voxels the edge is moved: :data:`MOVED_MM` in the slice, and one at least."""
    pixel = float(np.delete(np.asarray(mask.spacing), axial_axis(mask)).mean())
    return max(1, round(MOVED_MM / pixel)) if spacing_known else 1


def moved_edges(mask: Mask, voxels: int) -> dict[str, Mask]:
    """The region by each of :data:`MOVES`, by so many voxels; the same in whatever order its axes are stored."""
    lps = to_lps(mask.with_array((mask.array > 0).astype(np.uint8)))
    moved = (
        shift_boundary(lps, voxels),
        shift_boundary(lps, -voxels),
        redraw_contour(lps, 1, voxels=voxels),
        redraw_contour(lps, 2, voxels=voxels),
    )
    return {what: from_canonical(region, mask) for what, region in zip(MOVES, moved, strict=True)}


def measure_moved_edge(
    images: StudyImages,
    mask: Mask,
    config: FeatureConfig,
    classes: Mapping[str, Sequence[str]],
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> MovedEdge:
    """Measure the voxels of ``mask`` above 0 with their edge moved in its slices, otherwise as ``config`` says.

    ``classes`` are the feature classes that are wanted, with their features as in ``config``. A region that cannot be
    shrunk, because nothing or too little would be left, is measured without that.
    """
    asked = {name: list(features) for name, features in classes.items() if name in config.feature_class}
    reduced = config.model_copy(update={"feature_class": asked})
    moved = moved_edges(mask, edge_shift(mask, spacing_known=images.spacing_known))
    missing: dict[str, str] = {}
    for what, region in list(moved.items()):
        if np.array_equal(region.array > 0, mask.array > 0):
            del moved[what]
            if what in _UNMOVED:
                missing[what] = _UNMOVED[what]
    try:
        rows = extract_regions(images, moved, reduced, cancelled=cancelled)
    except InputError:
        rows = []
        for what, region in moved.items():
            try:
                rows += extract_regions(images, {what: region}, reduced, cancelled=cancelled)
            except InputError as error:
                missing[what] = str(error)
    return MovedEdge({row.region: row.values for row in rows}, missing)
