"""Slices of a study with the outline of its mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from gliomics.errors import InputError
from gliomics.preprocess.orientation import to_canonical
from gliomics.reading.feature_words import sequence_title
from gliomics.report.axial_plane import draw_plane, head_box, orient, outline_legend, plane_title
from gliomics.report.drawing import INK, TEXT, blank
from gliomics.sequences import DISPLAY_ORDER, in_order
from gliomics.study.geometry import check_same_grid
from gliomics.study.volumes import Mask, Volume

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
    masks = {mask_name: mask, **(compared or {})}
    _check(volumes, masks, mask_name)
    images = {name: to_canonical(volumes[name]) for name in in_order(volumes, DISPLAY_ORDER)}
    lesion = to_canonical(mask)
    outlines = {name: to_canonical(outlined).array > 0 for name, outlined in masks.items()}
    planes = lesion_planes(lesion.array > 0, columns)
    window = head_box(list(images.values()), lesion.array > 0)
    width, height = ((part.stop - part.start) * edge for part, edge in zip(window, lesion.spacing[:2], strict=True))
    # Sequences lie below each other, or beside each other where they are more than the slices.
    sequences_beside = len(images) > len(planes)
    down, across = (len(planes), len(images)) if sequences_beside else (len(images), len(planes))
    figure = blank(_PANEL * across, _PANEL * height / width * down)
    axes = figure.subplots(down, across, squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    for of_sequence, image in zip(axes.T if sequences_beside else axes, images.values(), strict=True):
        for axis, k in zip(of_sequence, planes, strict=True):
            draw_plane(axis, image, outlines, window, k)
    sequences = [sequence_title(name) for name in images]
    slices = [plane_title(lesion, k, spacing_known) for k in planes]
    _label_grid(axes, *((sequences, slices) if sequences_beside else (slices, sequences)))
    orient(axes[0, 0], lesion.spacing[0], spacing_known)
    if len(masks) > 1:
        outline_legend(figure, list(outlines))
    return figure


def _check(volumes: Mapping[str, Volume], masks: Mapping[str, Mask], mask_name: str) -> None:
    """Raise what makes a picture impossible: no sequence, other grids, an empty mask."""
    mask = masks[mask_name]
    if not volumes:
        raise InputError("there is no sequence to show; give at least one")
    for name, volume in volumes.items():
        check_same_grid(volume, mask, f"sequence '{name}'", f"mask '{mask_name}'")
    for name, compared in masks.items():
        check_same_grid(compared, mask, f"mask '{name}'", f"mask '{mask_name}'")
    if not np.any(mask.array):
        raise InputError(f"mask '{mask_name}' is empty; there is no lesion to show")


def lesion_planes(lesion: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Up to ``count`` slices: the one of the largest area and others spread over the lesion's volume."""
    area = lesion.sum(axis=(0, 1)).astype(float)
    largest = int(area.argmax())
    share = (np.cumsum(area) - area / 2.0) / area.sum()
    levels = (np.arange(count) + 0.5) / count
    planes = {largest}
    for level in sorted(levels, key=lambda level: -abs(level - share[largest])):
        if len(planes) < count:
            planes.add(int(np.argmin(np.where(area > 0, np.abs(share - level), np.inf))))
    return sorted(planes)


def _label_grid(axes: npt.NDArray[Any], above: Sequence[str], beside: Sequence[str]) -> None:
    for axis, text in zip(axes[0], above, strict=True):
        axis.set_title(text, fontsize=TEXT, color=INK, pad=3)
    for axis, text in zip(axes[:, 0], beside, strict=True):
        axis.set_ylabel(text, fontsize=TEXT, color=INK)
