"""Figures of a report: probabilities, features beside the training patients, versions of a model.

Every function returns a matplotlib figure that belongs to no window;
:func:`~gliomics.report.drawing.to_png` turns it into a file's bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.errors import InputError
from gliomics.reading.feature_words import read_feature_name
from gliomics.reading.numbers import number
from gliomics.records import SubtypeEstimate
from gliomics.report.drawing import (
    BAND,
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SKY,
    TEXT,
    TITLE,
    VERMILLION,
    blank,
    legend_above,
    tidy,
)

_REACH = 3.0
"""Interquartile ranges that a feature axis shows; what lies further is drawn as an arrow at its end."""
_CLASS_MARKERS = ("^", "s", "D", "v", "p")
_NARROWEST_SCORES = 0.1
"""Width of the score axis at least, so that a difference of thousandths does not look like a leap."""


class FeatureRange(Protocol):
    """What the training patients' values of one feature are like: quantiles at ``levels``, over all and by class."""

    @property
    def levels(self) -> Sequence[float]: ...
    @property
    def overall(self) -> Sequence[float]: ...
    @property
    def by_class(self) -> Mapping[str, Sequence[float]]: ...


def probability_bars(estimates: Sequence[SubtypeEstimate]) -> Figure:
    """Each estimate's class probabilities with their 90 % intervals, the predicted class in colour."""
    if not estimates:
        raise InputError("there is no estimate to draw; give at least one")
    rows = [len(estimate.probabilities) for estimate in estimates]
    figure = blank(5.6, 0.34 * sum(rows) + 0.85 * len(rows))
    axes = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": rows, "hspace": 0.75})
    for axis, estimate in zip(axes[:, 0], estimates, strict=True):
        names = sorted(estimate.probabilities, key=lambda name: estimate.probabilities[name])
        for row, name in enumerate(names):
            value, (low, high) = estimate.probabilities[name], estimate.intervals[name]
            colour = BLUE if name == estimate.predicted else "#A9B4BC"
            axis.barh(row, value, height=0.62, color=colour, zorder=2)
            axis.plot([low, high], [row, row], color="white", linewidth=4.0, solid_capstyle="butt", zorder=3)
            axis.plot([low, high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=4)
            axis.text(1.02, row, f"{value:.2f}  ({low:.2f} to {high:.2f})", va="center", fontsize=TEXT, color=INK)
        axis.set_yticks(range(len(names)), names, fontsize=TEXT)
        axis.set_xlim(0.0, 1.0)
        axis.set_ylim(-0.6, len(names) - 0.4)
        doubt = "" if estimate.inside_training_range else "; outside the training range"
        doubt += "; this patient among them" if estimate.in_sample else ""
        axis.set_title(
            f"{estimate.target} (n = {estimate.n_training} training patients{doubt})",
            loc="left", fontsize=TITLE, color=VERMILLION if doubt else INK,
        )  # fmt: skip
        tidy(axis)
    axes[-1, 0].set_xlabel("estimated probability (line: 90 % bootstrap interval)", fontsize=TEXT)
    return figure


def features_against_population(
    values: Mapping[str, float],
    population: Mapping[str, FeatureRange],
    *,
    n_training: int,
    study_name: str = "this study",
    most: int = 16,
) -> Figure:
    """Where a study's features lie among the training patients', the most unusual first (at most ``most``).

    Each row is scaled by the training patients' median and interquartile range. Features of ``population`` that
    ``values`` lacks are left out; without any in common, :class:`InputError`.
    """
    names = [name for name in population if name in values]
    if not names:
        raise InputError("none of the study's features has a training range; compute the features the model uses")
    scales = {name: _Scale(population[name]) for name in names}
    names.sort(key=lambda name: -abs(scales[name](values[name])))
    shown = names[:most]
    figure = blank(5.4, 0.31 * len(shown) + 0.9)
    axis = figure.subplots()
    classes = sorted({label for name in shown for label in population[name].by_class})
    for row, name in enumerate(reversed(shown)):
        _feature_row(axis, row, _Feature(name, values[name], population[name], scales[name]), classes)
    labels = [read_feature_name(name) for name in reversed(shown)]
    axis.set_yticks(range(len(shown)), [label.short for label in labels], fontsize=TEXT)
    axis.set_xlim(-_REACH - 0.15, _REACH + 0.15)
    axis.set_ylim(-0.7, len(shown) - 0.3)
    axis.text(
        1.02, len(shown) - 0.3, "value (training 5 to 95 %)", transform=axis.get_yaxis_transform(), va="bottom",
        fontsize=TEXT - 1, color=MUTED,
    )  # fmt: skip
    axis.axvline(0.0, color=FAINT, linewidth=0.8, zorder=0)
    axis.set_xlabel("distance from the training median, in interquartile ranges", fontsize=TEXT)
    left_out = f" ({len(shown)} most unusual of {len(names)})" if len(names) > len(shown) else ""
    axis.set_title(
        f"Features of {study_name} among n = {n_training} training patients{left_out}",
        loc="left", fontsize=TITLE, color=INK, pad=34 if classes else 22,
    )  # fmt: skip
    tidy(axis)
    _population_legend(axis, classes)
    return figure


def version_comparison(scores: Mapping[str, Mapping[str, float]], *, metric: str = "Dice") -> Figure:
    """One score per study for each version of a model, the versions joined by a line, and their means.

    ``scores`` maps a version's name to its score by study, in the order in which versions should be read.
    """
    if not scores or not any(scores.values()):
        raise InputError("there are no scores to compare; give at least one version with one study")
    studies = list(dict.fromkeys(study for by_study in scores.values() for study in by_study))
    rows = [*reversed(studies)]
    figure = blank(5.4, 0.33 * (len(rows) + 1) + 1.0)
    axis = figure.subplots()
    colours = dict(zip(scores, _version_colours(len(scores)), strict=True))
    in_all = [study for study in studies if all(study in by_study for by_study in scores.values())]
    for row, study in enumerate(rows):
        _score_row(axis, row + 1, {version: by_study.get(study) for version, by_study in scores.items()}, colours, 6.0)
    if in_all:
        means = {version: float(np.mean([by_study[study] for study in in_all])) for version, by_study in scores.items()}
        _score_row(axis, 0, dict(means), colours, 9.0)
        axis.axhline(0.5, color=FAINT, linewidth=0.8)
    axis.set_yticks(range(len(rows) + 1), [f"mean of {len(in_all)}", *rows], fontsize=TEXT)
    axis.set_ylim(-0.6, len(rows) + 0.6)
    axis.set_xlabel(f"{metric} of the automatic mask with the label", fontsize=TEXT)
    axis.margins(x=0.08)
    low, high = axis.get_xlim()
    spare = max(0.0, _NARROWEST_SCORES - (high - low)) / 2
    axis.set_xlim(low - spare, high + spare)
    tidy(axis)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colours[name], label=f"{name} (n = {len(by_study)})")
        for name, by_study in scores.items()
    ]
    legend_above(axis, handles, columns=len(handles))
    return figure


class _Scale:
    """Maps a feature's value to distance from the training median in interquartile ranges."""

    def __init__(self, training: FeatureRange) -> None:
        self.low, quarter, self.median, three_quarters, self.high = (
            float(np.interp(level, training.levels, training.overall)) for level in (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        self._unit = (three_quarters - quarter) or (self.high - self.low) / 2.5 or abs(self.median) or 1.0
        self.quarter, self.three_quarters = self(quarter), self(three_quarters)

    def __call__(self, value: float) -> float:
        return (value - self.median) / self._unit


@dataclass(frozen=True)
class _Feature:
    """A study's value of a feature, beside those of the training patients."""

    name: str
    value: float
    training: FeatureRange
    scale: _Scale


def _feature_row(axis: Axes, row: int, feature: _Feature, classes: Sequence[str]) -> None:
    scale, value = feature.scale, feature.value
    ends = np.clip([scale(scale.low), scale(scale.high)], -_REACH, _REACH)
    axis.plot(ends, [row, row], color=BAND, linewidth=1.2, solid_capstyle="butt", zorder=1)
    axis.plot(
        [scale.quarter, scale.three_quarters], [row, row], color=BAND, linewidth=7, solid_capstyle="butt", zorder=1
    )
    for label, quantiles in feature.training.by_class.items():
        median = float(np.interp(0.5, feature.training.levels, quantiles))
        axis.plot(
            np.clip(scale(median), -_REACH, _REACH), row, marker=_CLASS_MARKERS[classes.index(label) % 5],
            markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.8, markersize=4.5, zorder=2,
        )  # fmt: skip
    place = scale(value)
    colour = BLUE if scale.low <= value <= scale.high else VERMILLION
    shape = "o" if abs(place) <= _REACH else (">" if place > 0 else "<")
    axis.plot(float(np.clip(place, -_REACH, _REACH)), row, marker=shape, color=colour, markersize=7, zorder=3)
    unit = read_feature_name(feature.name).unit
    axis.text(
        1.02, row, f"{number(value)}{' ' + unit if unit else ''}  ({number(scale.low)} to {number(scale.high)})",
        transform=axis.get_yaxis_transform(), va="center", fontsize=TEXT - 0.5, color=colour,
    )  # fmt: skip


def _population_legend(axis: Axes, classes: Sequence[str]) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="", color=BLUE, markersize=6, label="this study"),
        Line2D([], [], marker="o", linestyle="", color=VERMILLION, markersize=6, label="outside 5 to 95 %"),
        Line2D([], [], color=BAND, linewidth=6, label="25 to 75 %"),
        Line2D([], [], color=BAND, linewidth=1.2, label="5 to 95 %"),
    ]
    medians = [
        Line2D(
            [], [], marker=_CLASS_MARKERS[position % 5], linestyle="", markerfacecolor="white", markeredgecolor=INK,
            markersize=4.5, label=f"median {label}",
        )
        for position, label in enumerate(classes)
    ]  # fmt: skip
    by_column = [handle for pair in zip_longest(handles, medians) for handle in pair if handle is not None]
    legend_above(axis, by_column, columns=max(len(handles), len(medians)))


def _score_row(
    axis: Axes, row: int, scores: Mapping[str, float | None], colours: Mapping[str, str], size: float
) -> None:
    present = {version: value for version, value in scores.items() if value is not None and math.isfinite(value)}
    if len(present) > 1:
        axis.plot([min(present.values()), max(present.values())], [row, row], color=FAINT, linewidth=2.0, zorder=1)
    for version, value in present.items():
        axis.plot(value, row, marker="o", color=colours[version], markersize=size, linestyle="", zorder=2)


def _version_colours(count: int) -> list[str]:
    palette = [ORANGE, BLUE, GREEN, SKY, VERMILLION]
    return [palette[position % len(palette)] for position in range(count)]
