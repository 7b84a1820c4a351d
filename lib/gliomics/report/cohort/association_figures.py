"""Features by class as small multiples: boxes, histograms, ROC curves, and AUCs with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.association.associate import AUC, Association
from gliomics.report.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SKY,
    TEXT,
    VERMILLION,
    YELLOW,
    blank,
    legend_above,
    tidy,
)
from gliomics.statistics.arrays import Array

COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, SKY, YELLOW, INK)
_ACROSS = 3
_BINS = 12
_LEAST_IN_BOX = 5
"""Of fewer patients quartiles say nothing; their points are drawn alone."""
_NAME = 34
"""Letters of a feature's name above a panel; of a longer one its end is shown, where names differ."""


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a target: ``values`` (patients, features) of the patients with a class, and their ``types``.

    ``labels`` are the classes and ``types`` the groups of the patients, (patients,), ``all`` for everybody where there
    is no other. ``classes`` and ``groups`` are those that are drawn, in order. ``groups_are_patients`` is False where
    they are not patients but several values of each.
    """

    names: Sequence[str]
    values: Array
    labels: npt.NDArray[np.str_]
    types: npt.NDArray[np.str_]
    classes: Sequence[str]
    groups: Sequence[str]
    groups_are_patients: bool = True

    def count(self, feature: int, class_: str) -> int:
        """Patients of a class who have a feature."""
        counts = [self.of(feature, class_, group).size for group in self.groups]
        return sum(counts) if self.groups_are_patients else max(counts)

    def of(self, feature: int, class_: str, group: str | None = None) -> Array:
        """The values of a feature that the patients of a class, and of a group, have."""
        kept = (self.labels == class_) & ((self.types == group) if group is not None else True)
        column: Array = self.values[kept, feature]
        return column[~np.isnan(column)]

    def colour(self, group: str) -> str:
        """By which a group, or where there is one only, everything, is told."""
        return COLOURS[list(self.groups).index(group) % len(COLOURS)]


def boxes(drawn: Drawn) -> Figure:
    """A panel for each feature: a box for each class and group, and every patient as a point."""
    figure, axes = _panels(len(drawn.names), 2.2)
    width = 0.8 / len(drawn.groups)
    rng = np.random.default_rng(0)
    for feature, axis in enumerate(axes):
        for place, class_ in enumerate(drawn.classes):
            for number, group in enumerate(drawn.groups):
                values = drawn.of(feature, class_, group)
                middle = place - 0.4 + width * (number + 0.5)
                if values.size >= _LEAST_IN_BOX:
                    _box(axis, values, middle, width, drawn.colour(group))
                if values.size:
                    jitter = rng.uniform(-0.25, 0.25, values.size) * width
                    axis.plot(
                        middle + jitter, values, "o", color=drawn.colour(group), markersize=2.4, alpha=0.7,
                        markeredgewidth=0,
                    )  # fmt: skip
        counts = [drawn.count(feature, class_) for class_ in drawn.classes]
        ticks = [f"{short(class_, 10)}\nn = {n}" for class_, n in zip(drawn.classes, counts, strict=True)]
        axis.set_xticks(range(len(ticks)), ticks, fontsize=TEXT - 2)
        _plain(axis, drawn.names[feature])
    _groups_legend(figure, drawn)
    return figure


def histograms(drawn: Drawn) -> Figure:
    """A row for each feature and a column for each class: patients by value, stacked by group."""
    rows, columns = len(drawn.names), len(drawn.classes)
    figure = blank(1.2 + 1.7 * columns, 0.8 + 1.25 * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row", gridspec_kw={"wspace": 0.08, "hspace": 0.95})
    for feature, line in enumerate(axes):
        everything = drawn.values[~np.isnan(drawn.values[:, feature]), feature]
        edges = np.histogram_bin_edges(everything, _BINS)
        for axis, class_ in zip(line, drawn.classes, strict=True):
            parts = [drawn.of(feature, class_, group) for group in drawn.groups]
            axis.hist(parts, edges, stacked=True, color=[drawn.colour(group) for group in drawn.groups])
            axis.axvline(float(np.median(everything)), color=MUTED, linestyle="dashed", linewidth=0.8)
            n = sum(part.size for part in parts)
            name = f"{short(class_, 10)}, n = {n}"
            axis.text(1.0, 1.02, name, transform=axis.transAxes, ha="right", fontsize=TEXT - 2, color=MUTED)
            _plain(axis, "")
        line[0].text(
            0.0, 1.3, short(drawn.names[feature], 60), transform=line[0].transAxes, fontsize=TEXT - 1, color=INK
        )
    figure.supylabel("patients", fontsize=TEXT, color=MUTED, x=0.02)
    _groups_legend(figure, drawn)
    return figure


def roc_curves(drawn: Drawn, rows: Sequence[Association]) -> Figure:
    """A panel for each feature: the curve of each class against all others, with its AUC."""
    figure, axes = _panels(len(drawn.names), 3.1 + 0.17 * len(drawn.classes), 0.1 * len(drawn.classes) + 0.35)
    for feature, axis in enumerate(axes):
        axis.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        handles = []
        for number, class_ in enumerate(drawn.classes):
            row = _auc_row(rows, drawn.names[feature], class_)
            if row is None or math.isnan(row.effect):
                continue
            false, true = roc(drawn, feature, class_)
            colour = COLOURS[number % len(COLOURS)]
            axis.plot(false, true, color=colour, linewidth=1.3)
            label = f"{short(class_, 10)} (n {row.n_class}) {_figures(row)}"
            handles.append(Line2D([], [], color=colour, label=label))
        axis.set_xlabel("1 - specificity", fontsize=TEXT - 2, color=MUTED)
        axis.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(-0.02, -0.2), fontsize=TEXT - 2, frameon=False,
            handlelength=1.0, borderaxespad=0.0,
        )  # fmt: skip
        axis.set_xticks([0, 0.5, 1])
        axis.set_yticks([0, 0.5, 1])
        axis.set_aspect("equal")
        _plain(axis, drawn.names[feature])
    figure.supylabel("sensitivity of high values", fontsize=TEXT, color=MUTED, x=0.02)
    return figure


def roc(drawn: Drawn, feature: int, class_: str) -> tuple[Array, Array]:
    """False and true positive rate of high values for a class against the others that are drawn."""
    from sklearn.metrics import roc_curve

    kept = np.isin(drawn.labels, drawn.classes) & ~np.isnan(drawn.values[:, feature])
    false, true, _ = roc_curve(drawn.labels[kept] == class_, drawn.values[kept, feature])
    return false, true


def auc_intervals(drawn: Drawn, rows: Sequence[Association]) -> Figure:
    """A panel for each class: the AUC of each feature with its interval; in colour where Holm's p is below 0.05."""
    columns, features = len(drawn.classes), list(reversed(drawn.names))
    figure = blank(2.6 + 1.6 * columns, 0.9 + 0.24 * len(features))
    axes = figure.subplots(1, columns, squeeze=False, sharey=True, gridspec_kw={"wspace": 0.12})[0]
    for axis, class_ in zip(axes, drawn.classes, strict=True):
        axis.axvline(0.5, color=MUTED, linewidth=0.8)
        for place, feature in enumerate(features):
            row = _auc_row(rows, feature, class_)
            if row is not None and not math.isnan(row.effect):
                colour = BLUE if row.p_holm < 0.05 else MUTED
                axis.plot([row.effect_low, row.effect_high], [place, place], color=colour, linewidth=1.2)
                axis.plot(row.effect, place, "o", color=colour, markersize=4.5)
        axis.set_xlim(-0.02, 1.02)
        axis.set_xticks([0, 0.5, 1])
        n = int((drawn.labels == class_).sum())
        axis.set_title(f"{short(class_, 14)}, n = {n}", fontsize=TEXT, color=INK, loc="left")
        tidy(axis)
    axes[0].set_yticks(range(len(features)), [short(name) for name in features], fontsize=TEXT - 1)
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=4.5, label="Holm's p < 0.05"),
        Line2D([], [], color=MUTED, marker="o", markersize=4.5, label="not"),
    ]
    legend_above(axes[0], handles, columns=2)
    axes[0].get_legend().set_bbox_to_anchor((0.0, 1.0 + 0.3 / figure.get_figheight()))
    figure.supxlabel("AUC of high values for the class against all others", fontsize=TEXT, color=MUTED, y=-0.02)
    return figure


def _auc_row(rows: Sequence[Association], feature: str, class_: str) -> Association | None:
    return next((row for row in rows if (row.test, row.feature, row.class_) == (AUC, feature, class_)), None)


def _figures(row: Association) -> str:
    return f"{row.effect:.2f} ({row.effect_low:.2f}-{row.effect_high:.2f})"


def _panels(count: int, height: float, between: float = 0.5) -> tuple[Figure, list[Axes]]:
    across = min(_ACROSS, count)
    down = -(-count // across)
    figure = blank(0.6 + 2.6 * across, 0.5 + height * down)
    axes = list(figure.subplots(down, across, squeeze=False, gridspec_kw={"wspace": 0.3, "hspace": between}).ravel())
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes[:count]


def _box(axis: Axes, values: Array, middle: float, width: float, colour: str) -> None:
    line = {"color": colour, "linewidth": 1.0}
    axis.boxplot(
        values, positions=[middle], widths=[0.8 * width], showfliers=False, manage_ticks=False, boxprops=line,
        whiskerprops=line, capprops=line, medianprops=line | {"linewidth": 2.0},
    )  # fmt: skip


def _plain(axis: Axes, title: str) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(MUTED)
    axis.tick_params(labelsize=TEXT - 2, colors=MUTED)
    axis.set_title(short(title), fontsize=TEXT - 1, color=INK, loc="left")


def short(name: str, most: int = _NAME) -> str:
    """A name that fits a figure: without PyRadiomics' ``original_``, and of a long one its end."""
    name = name.replace("original_", "")
    return name if len(name) <= most else f"...{name[-most + 3 :]}"


def _groups_legend(figure: Figure, drawn: Drawn) -> None:
    if len(drawn.groups) < 2:
        return
    counts: Mapping[str, int] = {group: int((drawn.types == group).sum()) for group in drawn.groups}
    handles = [
        Line2D([], [], marker="s", linestyle="", color=drawn.colour(group), label=f"{short(group, 24)} (n = {n})")
        for group, n in counts.items()
    ]
    above_titles = figure.subplotpars.top + 0.3 / figure.get_figheight()
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.1, above_titles), ncols=min(4, len(handles)),
        frameon=False, fontsize=TEXT - 1,
    )  # fmt: skip
