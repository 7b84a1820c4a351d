"""Slices of a study with the outline of its mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.errors import InputError
from gliomics.preprocess.orientation import to_canonical
from gliomics.report.drawing import INK, SKY, TEXT, VERMILLION, YELLOW, blank
from gliomics.report.names import sequence_title
from gliomics.study.geometry import check_same_grid
from gliomics.study.records import Mask, Volume

_ORDER = ("flair", "t1c", "t2", "t1")
_PANEL = 2.1
"""Width of one slice, in inches."""


def slices_with_outline(
    volumes: Mapping[str, Volume],
    mask: Mask,
    *,
    mask_name: str = "segment",
    compared: Mapping[str, Mask] | None = None,
    columns: int = 3,
    spacing_known: bool = True,
) -> Figure:
    """Axial slices of every sequence with the mask's outline, the slice of the largest area among them.

    Shown as radiologists look at them: the patient's right on the left. ``compared`` maps names to at most two more
    masks, drawn dashed. Raises :class:`InputError` for an empty mask and :class:`GeometryError` for another grid.
    """
    if not volumes:
        raise InputError("there is no sequence to show; give at least one")
    compared = dict(compared or {})
    for name, volume in volumes.items():
        check_same_grid(volume, mask, f"sequence '{name}'", f"mask '{mask_name}'")
    for name, other in compared.items():
        check_same_grid(other, mask, f"mask '{name}'", f"mask '{mask_name}'")
    if not np.any(mask.array):
        raise InputError(f"mask '{mask_name}' is empty; there is no lesion to show")
    names = [n for n in _ORDER if n in volumes] + sorted(set(volumes) - set(_ORDER))
    images = {name: to_canonical(volumes[name]) for name in names}
    lesion = to_canonical(mask)
    outlines = {mask_name: lesion.array > 0} | {n: to_canonical(m).array > 0 for n, m in compared.items()}
    planes = _planes(lesion.array > 0, columns)
    window = _head_box(list(images.values()), lesion.array > 0)
    width, height = ((part.stop - part.start) * edge for part, edge in zip(window, lesion.spacing[:2], strict=True))
    wide = len(names) > len(planes)
    shape = (len(planes), len(names)) if wide else (len(names), len(planes))
    figure = blank(_PANEL * shape[1], _PANEL * height / width * shape[0])
    axes = figure.subplots(*shape, squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    for row, name in enumerate(names):
        low, high = _grey_range(images[name].array)
        for column, k in enumerate(planes):
            axis = axes[column, row] if wide else axes[row, column]
            image = axis.imshow(
                _shown(images[name].array, window, k), cmap="gray", vmin=low, vmax=high, origin="lower",
                aspect=lesion.spacing[1] / lesion.spacing[0], interpolation="bilinear",
            )  # fmt: skip
            _draw_outlines(axis, outlines, window, k)
            left, right, bottom, top = image.get_extent()
            axis.set(xticks=[], yticks=[], xlim=(left, right), ylim=(bottom, top))
            axis.spines[:].set_visible(False)
    sequences = [sequence_title(name) for name in names]
    slices = [_plane_title(lesion, k, spacing_known) for k in planes]
    _label_grid(axes, *((sequences, slices) if wide else (slices, sequences)))
    _orient(axes[0, 0], lesion.spacing[0], spacing_known)
    if compared:
        _outline_legend(figure, list(outlines))
    return figure


def _planes(lesion: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Up to ``count`` slices: the one of the largest area and others spread over the lesion's volume."""
    area = lesion.sum(axis=(0, 1)).astype(float)
    share = (np.cumsum(area) - area / 2.0) / area.sum()
    wanted = (np.arange(count) + 0.5) / count
    chosen = {int(area.argmax())}
    for target in sorted(wanted, key=lambda level: -abs(level - share[int(area.argmax())])):
        if len(chosen) < count:
            chosen.add(int(np.argmin(np.where(area > 0, np.abs(share - target), np.inf))))
    return sorted(chosen)


def _head_box(images: Sequence[Volume], lesion: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The in-plane box of what is not background in any image, with a small margin."""
    head = lesion.any(axis=2)
    for image in images:
        low, high = np.percentile(image.array, (1.0, 99.0))
        head = head | (image.array > low + 0.12 * (high - low)).any(axis=2)
    box = []
    for axis in range(2):
        filled = np.flatnonzero(head.any(axis=1 - axis))
        box.append(slice(max(0, int(filled[0]) - 3), min(head.shape[axis], int(filled[-1]) + 4)))
    return box[0], box[1]


def _grey_range(array: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Black and white levels: the bright scalp may saturate so that the brain shows its contrast."""
    values = array.astype(np.float64)
    low, high = np.percentile(values, (1.0, 99.5))
    head = values[values > low + 0.1 * (high - low)]
    return float(low), float(np.percentile(head, 98.5)) if head.size else float(high) + 1.0


def _shown(array: npt.NDArray[Any], window: tuple[slice, slice], k: int) -> npt.NDArray[Any]:
    """One axial slice as rows from posterior to anterior and columns from the patient's right to left."""
    return np.asarray(array[window[0], window[1], k][::-1].T)


def _label_grid(axes: npt.NDArray[Any], above: Sequence[str], beside: Sequence[str]) -> None:
    for axis, text in zip(axes[0], above, strict=True):
        axis.set_title(text, fontsize=TEXT, color=INK, pad=3)
    for axis, text in zip(axes[:, 0], beside, strict=True):
        axis.set_ylabel(text, fontsize=TEXT, color=INK)


def _draw_outlines(
    axis: Axes, outlines: Mapping[str, npt.NDArray[np.bool_]], window: tuple[slice, slice], k: int
) -> None:
    """The first outline is drawn last, over the others."""
    styles = _styles(len(outlines))
    for outline, (colour, style) in list(zip(outlines.values(), styles, strict=True))[::-1]:
        plane = _shown(outline, window, k)
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


def _plane_title(volume: Volume, k: int, spacing_known: bool) -> str:
    if not spacing_known:
        return f"slice {k + 1} of {volume.shape[2]}"
    middle = [(volume.shape[0] - 1) / 2.0, (volume.shape[1] - 1) / 2.0, k, 1.0]
    return f"z = {float((volume.affine @ middle)[2]):.0f} mm"


def _orient(axis: Axes, edge_mm: float, spacing_known: bool) -> None:
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


def _outline_legend(figure: Figure, names: Sequence[str]) -> None:
    """Below the pictures, on grey so that the yellow line can be seen."""
    handles = [
        Line2D([], [], color=colour, linestyle=style, linewidth=1.6, label=name)
        for name, (colour, style) in zip(names, _styles(len(names)), strict=True)
    ]
    legend = figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.1), ncols=len(names), labelcolor="white",
        facecolor="#333333", edgecolor="none", framealpha=1.0, fontsize=TEXT,
    )  # fmt: skip
    legend.set_in_layout(True)
