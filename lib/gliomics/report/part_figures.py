"""The parts of tumours as a mask and its reference tell them, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gliomics.errors import InputError
from gliomics.preprocess.orientation import to_canonical
from gliomics.report.axial_plane import axial_plane, draw_plane, head_box, orient, plane_title
from gliomics.report.drawing import BLUE, INK, MUTED, TEXT, VERMILLION, YELLOW, blank
from gliomics.study.geometry import check_same_grid
from gliomics.study.volumes import Mask, Volume

PARTS = {"whole": ("oedema", BLUE), "tumour-core": ("core without enhancement", YELLOW),
         "enhancing": ("enhancing", VERMILLION)}  # fmt: skip
"""Regions, each drawn over the one before, with what is seen of it and its colour."""
_PANEL = 2.7
_OPACITY = 0.6

Regions = Mapping[str, Mask]


@dataclass(frozen=True)
class PartsExample:
    """A study to show: an image, the regions of its reference and of a mask on one grid, and what stands above."""

    title: str
    image: Volume
    reference: Regions
    mask: Regions
    spacing_known: bool = True


def parts_examples(examples: Sequence[PartsExample]) -> Figure:
    """For each example a column: the image, the reference's parts, the mask's parts, on the reference's largest slice.

    It is the slice with most of the core, or of the whole where there is no core. The patient's right is on the left.
    Raises :class:`~gliomics.errors.GeometryError` when an image and its masks do not share a grid.
    """
    if not examples:
        raise InputError("there is no patient to show; give at least one")
    figure = blank(_PANEL * len(examples), 3 * _PANEL + 0.9)
    grid = figure.subplots(3, len(examples), squeeze=False, gridspec_kw={"wspace": 0.03, "hspace": 0.03})
    figure.subplots_adjust(left=0.04, right=1.0, top=0.93, bottom=0.09)
    for column, example in enumerate(examples):
        _draw(list(grid[:, column]), example)
    for axis, name in zip(grid[:, 0], ("image", "reference", "mask"), strict=True):
        axis.set_ylabel(name, fontsize=TEXT, color=INK)
    handles = [Patch(facecolor=colour, alpha=_OPACITY, label=name) for name, colour in PARTS.values()]
    figure.legend(handles=handles, loc="lower center", ncols=len(PARTS), fontsize=TEXT, frameon=False)
    return figure


def _draw(axes: Sequence[Axes], example: PartsExample) -> None:
    for name, regions in (("reference", example.reference), ("mask", example.mask)):
        for region, mask in regions.items():
            check_same_grid(mask, example.image, f"the {region} of the {name}", "the image")
    image = to_canonical(example.image)
    reference, found = (
        {region: to_canonical(mask).array > 0 for region, mask in regions.items()}
        for regions in (example.reference, example.mask)
    )
    k = _largest_slice([reference["tumour-core"], reference["whole"], found["whole"]])
    window = head_box([image], reference["whole"] | found["whole"])
    for axis, parts in zip(axes, ({}, reference, found), strict=True):
        draw_plane(axis, image, {}, window, k)
        _fill(axis, parts, window, k)
        orient(axis, image.spacing[0], example.spacing_known)
    axes[0].set_title(example.title, fontsize=TEXT, color=INK, pad=4)
    axes[-1].set_xlabel(plane_title(image, k, example.spacing_known), fontsize=TEXT, color=MUTED)


def _largest_slice(candidates: Sequence[npt.NDArray[np.bool_]]) -> int:
    """The axial slice with most of the first candidate that is not empty."""
    for region in candidates:
        area = region.sum(axis=(0, 1))
        if area.any():
            return int(area.argmax())
    return int(candidates[0].shape[2] // 2)


def _fill(axis: Axes, regions: Mapping[str, npt.NDArray[np.bool_]], window: tuple[slice, slice], k: int) -> None:
    """Colour slice ``k`` by the innermost region of each voxel."""
    if not regions:
        return
    shape = axial_plane(regions["whole"], window, k).shape
    colours = np.zeros((*shape, 4))
    for region, (_, colour) in PARTS.items():
        colours[axial_plane(regions[region], window, k)] = to_rgba(colour, _OPACITY)
    axis.imshow(colours, origin="lower", aspect=axis.get_aspect(), interpolation="nearest")
