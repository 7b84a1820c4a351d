"""Figures of how well masks agree with their references, and of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gliomics.errors import InputError
from gliomics.evaluation.pixelwise import Confusion
from gliomics.files import write_bytes
from gliomics.preprocess.orientation import to_canonical
from gliomics.report.axial_plane import draw_plane, head_box, orient, outline_legend, plane_title
from gliomics.report.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    TEXT,
    TITLE,
    VERMILLION,
    blank,
    legend_above,
    tidy,
    to_png,
)
from gliomics.study.geometry import check_same_grid
from gliomics.study.volumes import Mask, Volume

_PANEL = 3.0
"""Width of one patient's slice, in inches."""
_MOST_NAMES = 40
"""Patients whose names fit beside their dots."""


@dataclass(frozen=True)
class Example:
    """A study to show: an image, its reference and a mask on one grid, and what stands above."""

    title: str
    image: Volume
    reference: Mask
    mask: Mask
    spacing_known: bool = True


class Epoch(Protocol):
    """What a training records of an epoch, numbered from 1."""

    @property
    def epoch(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def validation_dice(self) -> float | None: ...


def example_slices(examples: Sequence[Example]) -> Figure:
    """The axial slice of each example where the reference is largest, with the outlines of reference and mask.

    Where the reference is empty, the slice where the mask is largest. The patient's right is on the left. Raises
    :class:`~gliomics.errors.GeometryError` when an image and its masks do not share a grid.
    """
    if not examples:
        raise InputError("there is no patient to show; give at least one")
    figure = blank(_PANEL * len(examples), _PANEL)
    axes = figure.subplots(1, len(examples), squeeze=False, gridspec_kw={"wspace": 0.04})[0]
    for axis, example in zip(axes, examples, strict=True):
        _draw_example(axis, example)
    # As high as the highest slice, with room for the legend below.
    figure.set_figheight(0.62 + _PANEL * max(map(_height_by_width, axes)))
    figure.subplots_adjust(left=0.0, right=1.0, top=1.0, bottom=0.62 / figure.get_figheight())
    outline_legend(figure, ["reference", "mask"])
    return figure


def dice_by_patient(dice: Mapping[str, float]) -> Figure:
    """The Dice of each patient, sorted, with mean and median; patients are named where they are few."""
    if not dice:
        raise InputError("there is no Dice to draw; evaluate at least one patient")
    ranked = sorted(dice.items(), key=lambda item: item[1])
    names, values = [name for name, _ in ranked], np.array([value for _, value in ranked])
    are_named = len(names) <= _MOST_NAMES
    figure = blank(5.4, 0.2 * len(names) + 1.2 if are_named else 4.2)
    axis = figure.subplots()
    rows = np.arange(len(names))
    if are_named:
        axis.hlines(rows, 0.0, 1.0, color=FAINT, linewidth=0.6, zorder=0)
    axis.plot(values, rows, marker="o", linestyle="", color=BLUE, markersize=5 if are_named else 3.5, zorder=3)
    averages: list[tuple[str, float, str, Literal["solid", "dashed"]]] = [
        ("mean", float(values.mean()), ORANGE, "solid"),
        ("median", float(np.median(values)), GREEN, "dashed"),
    ]
    for _, value, colour, style in averages:
        axis.axvline(value, color=colour, linestyle=style, linewidth=1.4, zorder=2)
    axis.set_yticks(rows if are_named else [], names if are_named else [], fontsize=TEXT - 1)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.8, len(names) - 0.2)
    axis.set_xlabel("Dice of the mask with the reference (0 to 1)", fontsize=TEXT)
    if not are_named:
        axis.set_ylabel("patients, the lowest at the bottom", fontsize=TEXT, color=MUTED)
    tidy(axis)
    handles = [Line2D([], [], marker="o", linestyle="", color=BLUE, label=f"patient (n = {len(names)})")]
    handles += [
        Line2D([], [], color=colour, linestyle=style, label=f"{name} {value:.3f}")
        for name, value, colour, style in averages
    ]
    legend_above(axis, handles, columns=3)
    return figure


def confusion_matrix(confusion: Confusion) -> Figure:
    """Voxels by class of the reference (rows) and of the mask (columns): counts, and their share of the row."""
    counts = np.array(
        [
            [confusion.true_negative, confusion.false_positive],
            [confusion.false_negative, confusion.true_positive],
        ],
        dtype=np.int64,
    )
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure = blank(4.2, 3.4)
    axis = figure.subplots()
    axis.imshow(share, cmap="Blues", vmin=0.0, vmax=1.25)
    for row in range(2):
        for column in range(2):
            percent = f"{100 * share[row, column]:.2f} %" if totals[row, 0] else "no such voxels"
            axis.text(
                column, row, f"{counts[row, column]:,}\n{percent}", ha="center", va="center", fontsize=TITLE,
                color="white" if share[row, column] > 0.6 else INK,
            )  # fmt: skip
    axis.set_xticks([0, 1], ["background", "lesion"], fontsize=TEXT)
    axis.set_yticks([0, 1], ["background", "lesion"], fontsize=TEXT, rotation=90, va="center")
    axis.set_xlabel("mask", fontsize=TEXT, color=INK)
    axis.set_ylabel("reference", fontsize=TEXT, color=INK)
    axis.set_title("Voxels: count and percent of the row", loc="left", fontsize=TEXT, color=INK)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, colors=INK)
    return figure


def training_curves(records: Sequence[Epoch], path: Path) -> None:
    """Write a PNG of the training loss by epoch and, where it was scored, the validation Dice."""
    if not records:
        raise InputError(f"there is no epoch to draw in {path}; train for at least one")
    scored = [(r.epoch, r.validation_dice) for r in records if r.validation_dice is not None]
    panels = 2 if scored else 1
    figure = blank(5.6, 2.2 * panels + 0.4)
    axes = figure.subplots(panels, 1, squeeze=False, sharex=True, gridspec_kw={"hspace": 0.16})[:, 0]
    axes[0].plot(
        [r.epoch for r in records], [r.loss for r in records], color=BLUE, marker=_dot(len(records)), markersize=3.5
    )
    axes[0].set_ylabel("mean training loss\n(no unit)", fontsize=TEXT, color=INK)
    if scored:
        epochs, values = zip(*scored, strict=True)
        best = int(np.argmax(values))
        axes[1].plot(epochs, values, color=VERMILLION, marker=_dot(len(scored)), markersize=3.5)
        axes[1].annotate(
            f"best {values[best]:.3f}, epoch {epochs[best]}", (epochs[best], values[best]), xytext=(0, 7),
            textcoords="offset points", ha="right" if epochs[best] > 0.6 * epochs[-1] else "left", fontsize=TEXT - 1,
            color=INK,
        )  # fmt: skip
        axes[1].set_ylabel("mean Dice, validation\npatients (0 to 1)", fontsize=TEXT, color=INK)
        axes[1].margins(y=0.18)
    axes[-1].set_xlabel("epoch", fontsize=TEXT, color=INK)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    minutes = sum(r.seconds for r in records) / 60.0
    axes[0].set_title(f"{len(records)} epochs in {_duration(minutes)}", loc="left", fontsize=TITLE, color=INK)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(MUTED)
        axis.tick_params(labelsize=TEXT, colors=MUTED)
        axis.grid(axis="y", color=FAINT, linewidth=0.6)
    figure.align_ylabels()
    write_bytes(path, to_png(figure))


def _draw_example(axis: Axes, example: Example) -> None:
    check_same_grid(example.image, example.reference, "the image", "the reference")
    check_same_grid(example.mask, example.reference, "the mask", "the reference")
    image, reference, mask = (to_canonical(v) for v in (example.image, example.reference, example.mask))
    outlines = {"reference": reference.array > 0, "mask": mask.array > 0}
    area = next((a for o in outlines.values() if (a := o.sum(axis=(0, 1))).any()), None)
    k = int(area.argmax()) if area is not None else image.shape[2] // 2
    window = head_box([image], outlines["reference"] | outlines["mask"])
    draw_plane(axis, image, outlines, window, k)
    axis.set_title(example.title, fontsize=TEXT, color=INK, pad=4)
    axis.set_xlabel(plane_title(image, k, example.spacing_known), fontsize=TEXT, color=MUTED)
    axis.set_anchor("N")
    orient(axis, image.spacing[0], example.spacing_known)


def _height_by_width(axis: Axes) -> float:
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    return (top - bottom) / (right - left) * float(axis.get_aspect())


def _dot(points: int) -> str:
    """Points are marked where they are few enough to be told apart."""
    return "o" if points <= 30 else ""


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
