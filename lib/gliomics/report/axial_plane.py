"""One axial plane of a study: how it lies on the page, its grey levels, and outlines drawn over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.errors import InputError
from gliomics.report.drawing import SKY, TEXT, VERMILLION, YELLOW
from gliomics.study.volumes import Volume


def head_box(images: Sequence[Volume], lesion: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The in-plane box of what is not background in any image, with a small margin."""
    head = np.any(lesion, axis=2)
    for image in images:
        low, high = np.percentile(image.array, (1.0, 99.0))
        head = head | np.any(image.array > low + 0.12 * (high - low), axis=2)
    box = []
    for axis in range(2):
        filled = np.flatnonzero(head.any(axis=1 - axis))
        box.append(slice(max(0, int(filled[0]) - 3), min(head.shape[axis], int(filled[-1]) + 4)))
    return box[0], box[1]


def grey_range(array: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Black and white levels: the bright scalp may saturate so that the brain shows its contrast."""
    values = array.astype(np.float64)
    low, high = np.percentile(values, (1.0, 99.5))
    head = values[values > low + 0.1 * (high - low)]
    return float(low), float(np.percentile(head, 98.5)) if head.size else float(high) + 1.0


def axial_plane(array: npt.NDArray[Any], window: tuple[slice, slice], k: int) -> npt.NDArray[Any]:
    """One axial slice as rows from posterior to anterior and columns from the patient's right to left."""
    return np.asarray(array[window[0], window[1], k][::-1].T)


def draw_plane(
    axis: Axes,
    image: Volume,
    outlines: Mapping[str, npt.NDArray[np.bool_]],
    window: tuple[slice, slice],
    k: int,
) -> None:
    """Draw slice ``k`` of an image, with outlines by name over it, alone on its axes."""
    low, high = grey_range(image.array)
    picture = axis.imshow(
        axial_plane(image.array, window, k), cmap="gray", vmin=low, vmax=high, origin="lower",
        aspect=image.spacing[1] / image.spacing[0], interpolation="bilinear",
    )  # fmt: skip
    draw_outlines(axis, outlines, window, k)
    left, right, bottom, top = picture.get_extent()
    axis.set(xticks=[], yticks=[], xlim=(left, right), ylim=(bottom, top))
    axis.spines[:].set_visible(False)


def draw_outlines(
    axis: Axes, outlines: Mapping[str, npt.NDArray[np.bool_]], window: tuple[slice, slice], k: int
) -> None:
    """Draw outlines by name over slice ``k``; the first, solid, below the others, so that all show where they meet."""
    styles = _styles(len(outlines))
    for outline, (colour, style) in zip(outlines.values(), styles, strict=True):
        plane = axial_plane(outline, window, k)
        if plane.any():
            padded = np.pad(plane.astype(float), 1)
            grid = np.arange(-1, plane.shape[1] + 1), np.arange(-1, plane.shape[0] + 1)
            axis.contour(*grid, padded, levels=[0.5], colors=[colour], linewidths=1.1, linestyles=[style])


def _styles(count: int) -> list[tuple[str, Literal["solid", "dashed", "dotted"]]]:
    styles: list[tuple[str, Literal["solid", "dashed", "dotted"]]] = [
        (YELLOW, "solid"),
        (SKY, "dashed"),
        (VERMILLION, "dotted"),
    ]
    if count > len(styles):
        raise InputError(f"{count} outlines in one picture cannot be told apart; compare at most two masks")
    return styles[:count]


def plane_title(volume: Volume, k: int, spacing_known: bool) -> str:
    """Where slice ``k`` lies: in millimetres, or by its number where the voxel size is unknown."""
    if not spacing_known:
        return f"slice {k + 1} of {volume.shape[2]}"
    middle = [(volume.shape[0] - 1) / 2.0, (volume.shape[1] - 1) / 2.0, k, 1.0]
    return f"z = {float((volume.affine @ middle)[2]):.0f} mm"


def orient(axis: Axes, edge_mm: float, spacing_known: bool) -> None:
    """Mark left and right and, where the voxel size is known, 5 cm."""
    for place, letter in ((0.03, "R"), (0.97, "L")):
        axis.text(
            place, 0.97, letter, transform=axis.transAxes, color="white", fontsize=TEXT,
            ha="left" if letter == "R" else "right", va="top",
        )  # fmt: skip
    if spacing_known:
        left, right = axis.get_xlim()
        bottom, top = axis.get_ylim()
        start, level = left + 0.04 * (right - left), bottom + 0.04 * (top - bottom)
        axis.plot([start, start + 50.0 / edge_mm], [level, level], color="white", linewidth=2.0)
        axis.text(start, level + 0.02 * (top - bottom), "5 cm", color="white", fontsize=TEXT - 2, va="bottom")
        axis.set_xlim(left, right)
        axis.set_ylim(bottom, top)


def outline_legend(figure: Figure, names: Sequence[str]) -> None:
    """Name the outlines below the pictures, on grey so that the yellow line can be seen."""
    handles = [
        Line2D([], [], color=colour, linestyle=style, linewidth=1.6, label=name)
        for name, (colour, style) in zip(names, _styles(len(names)), strict=True)
    ]
    legend = figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.1), ncols=len(names), labelcolor="white",
        facecolor="#333333", edgecolor="none", framealpha=1.0, fontsize=TEXT,
    )  # fmt: skip
    legend.set_in_layout(True)
