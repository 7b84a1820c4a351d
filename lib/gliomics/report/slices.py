"""Slices of a study with the outline of its mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from gliomics.errors import InputError
from gliomics.preprocess.orientation import to_canonical
from gliomics.report.drawing import INK, TEXT, blank
from gliomics.report.names import sequence_title
from gliomics.report.planes import axial_plane, draw_outlines, grey_range, head_box, orient, outline_legend, plane_title
from gliomics.sequences import DISPLAY_ORDER, in_order
from gliomics.study.geometry import check_same_grid
from gliomics.study.records import Mask, Volume

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
    names = in_order(volumes, DISPLAY_ORDER)
    images = {name: to_canonical(volumes[name]) for name in names}
    lesion = to_canonical(mask)
    outlines = {mask_name: lesion.array > 0} | {n: to_canonical(m).array > 0 for n, m in compared.items()}
    planes = _planes(lesion.array > 0, columns)
    window = head_box(list(images.values()), lesion.array > 0)
    width, height = ((part.stop - part.start) * edge for part, edge in zip(window, lesion.spacing[:2], strict=True))
    wide = len(names) > len(planes)
    shape = (len(planes), len(names)) if wide else (len(names), len(planes))
    figure = blank(_PANEL * shape[1], _PANEL * height / width * shape[0])
    axes = figure.subplots(*shape, squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    for row, name in enumerate(names):
        low, high = grey_range(images[name].array)
        for column, k in enumerate(planes):
            axis = axes[column, row] if wide else axes[row, column]
            image = axis.imshow(
                axial_plane(images[name].array, window, k), cmap="gray", vmin=low, vmax=high, origin="lower",
                aspect=lesion.spacing[1] / lesion.spacing[0], interpolation="bilinear",
            )  # fmt: skip
            draw_outlines(axis, outlines, window, k)
            left, right, bottom, top = image.get_extent()
            axis.set(xticks=[], yticks=[], xlim=(left, right), ylim=(bottom, top))
            axis.spines[:].set_visible(False)
    sequences = [sequence_title(name) for name in names]
    slices = [plane_title(lesion, k, spacing_known) for k in planes]
    _label_grid(axes, *((sequences, slices) if wide else (slices, sequences)))
    orient(axes[0, 0], lesion.spacing[0], spacing_known)
    if compared:
        outline_legend(figure, list(outlines))
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


def _label_grid(axes: npt.NDArray[Any], above: Sequence[str], beside: Sequence[str]) -> None:
    for axis, text in zip(axes[0], above, strict=True):
        axis.set_title(text, fontsize=TEXT, color=INK, pad=3)
    for axis, text in zip(axes[:, 0], beside, strict=True):
        axis.set_ylabel(text, fontsize=TEXT, color=INK)
