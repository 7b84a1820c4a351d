"""Figures of a report: probabilities, features beside the training patients, versions of a model.

Every function returns a matplotlib figure that belongs to no window;
:func:`~gliomics.report.drawing.to_png` turns it into a file's bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.errors import InputError
from gliomics.reading.numbers import number
from gliomics.reading.record import CAUTION, PLAIN, WEAK, EstimateReading, KeyFeature, Population
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


def probability_bars(estimates: Sequence[EstimateReading]) -> Figure:
    """Each estimate's class probabilities with their 90 % intervals and the shares of the training patients.

    The most probable class is in colour where the estimate is neither weak nor to be taken with caution.
    """
    if not estimates:
        raise InputError("there is no estimate to draw; give at least one")
    rows = [len(estimate.bars) for estimate in estimates]
    figure = blank(5.6, 0.34 * sum(rows) + 0.85 * len(rows))
    axes = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": rows, "hspace": 0.75})
    for axis, estimate in zip(axes[:, 0], estimates, strict=True):
        for row, bar in enumerate(reversed(estimate.bars)):
            first = bar is estimate.bars[0] and estimate.tone == PLAIN
            axis.barh(row, bar.probability, height=0.62, color=BLUE if first else "#A9B4BC", zorder=2)
            axis.plot([bar.low, bar.high], [row, row], color="white", linewidth=4.0, solid_capstyle="butt", zorder=3)
            axis.plot([bar.low, bar.high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=4)
            if bar.training_share is not None:
                share = [bar.training_share, bar.training_share]
                axis.plot(share, [row - 0.42, row + 0.42], color=MUTED, linewidth=1.0, zorder=5)
            axis.text(1.02, row, bar.text, va="center", fontsize=TEXT, color=MUTED if bar.tone == WEAK else INK)
        axis.set_yticks(range(len(estimate.bars)), [bar.title for bar in reversed(estimate.bars)], fontsize=TEXT)
        axis.set_xlim(0.0, 1.0)
        axis.set_ylim(-0.6, len(estimate.bars) - 0.4)
        colour = {WEAK: MUTED, CAUTION: VERMILLION}.get(estimate.tone, INK)
        axis.set_title(f"{estimate.title}: {estimate.headline}", loc="left", fontsize=TITLE, color=colour)
        tidy(axis)
    axes[-1, 0].set_xlabel("probability (line: 90 % interval; tick: share of the training patients)", fontsize=TEXT)
    return figure


def features_against_population(features: Sequence[KeyFeature], *, study_name: str = "this study") -> Figure:
    """Where a study's key features lie among the training patients', in their order.

    Each row is scaled by the training patients' median and interquartile range. Features without a population are left
    out; without any that has one, :class:`InputError`.
    """
    shown = [key for key in features if key.population is not None]
    if not shown:
        raise InputError("none of the study's features has a training range; compute the features the model uses")
    figure = blank(5.4, 0.31 * len(shown) + 0.9)
    axis = figure.subplots()
    populations = [key.population for key in shown if key.population is not None]
    classes = {label: span.titles.get(label, label) for span in populations for label in span.by_class}
    for row, (key, population) in enumerate(zip(reversed(shown), reversed(populations), strict=True)):
        _feature_row(axis, row, key, _Scale(population), list(classes))
    axis.set_yticks(range(len(shown)), [key.name for key in reversed(shown)], fontsize=TEXT)
    axis.set_xlim(-_REACH - 0.15, _REACH + 0.15)
    axis.set_ylim(-0.7, len(shown) - 0.3)
    axis.text(
        1.02, len(shown) - 0.3, "value (training 5 to 95 %)", transform=axis.get_yaxis_transform(), va="bottom",
        fontsize=TEXT - 1, color=MUTED,
    )  # fmt: skip
    axis.axvline(0.0, color=FAINT, linewidth=0.8, zorder=0)
    axis.set_xlabel("distance from the training median, in interquartile ranges", fontsize=TEXT)
    axis.set_title(
        f"Key features of {study_name} among n = {populations[0].n} training patients",
        loc="left", fontsize=TITLE, color=INK, pad=34 if classes else 22,
    )  # fmt: skip
    tidy(axis)
    _population_legend(axis, list(classes.values()))
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

    def __init__(self, population: Population) -> None:
        self.population = population
        self.low, quarter, self.median, three_quarters, self.high = (
            float(np.interp(level, population.levels, population.overall)) for level in (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        self._unit = (three_quarters - quarter) or (self.high - self.low) / 2.5 or abs(self.median) or 1.0
        self.quarter, self.three_quarters = self(quarter), self(three_quarters)

    def __call__(self, value: float) -> float:
        return (value - self.median) / self._unit


def _feature_row(axis: Axes, row: int, key: KeyFeature, scale: _Scale, classes: Sequence[str]) -> None:
    ends = np.clip([scale(scale.low), scale(scale.high)], -_REACH, _REACH)
    axis.plot(ends, [row, row], color=BAND, linewidth=1.2, solid_capstyle="butt", zorder=1)
    axis.plot(
        [scale.quarter, scale.three_quarters], [row, row], color=BAND, linewidth=7, solid_capstyle="butt", zorder=1
    )
    for label, quantiles in scale.population.by_class.items():
        median = float(np.interp(0.5, scale.population.levels, quantiles))
        axis.plot(
            np.clip(scale(median), -_REACH, _REACH), row, marker=_CLASS_MARKERS[classes.index(label) % 5],
            markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.8, markersize=4.5, zorder=2,
        )  # fmt: skip
    place = scale(key.value)
    colour = BLUE if scale.low <= key.value <= scale.high else VERMILLION
    shape = "o" if abs(place) <= _REACH else (">" if place > 0 else "<")
    axis.plot(float(np.clip(place, -_REACH, _REACH)), row, marker=shape, color=colour, markersize=7, zorder=3)
    axis.text(
        1.02, row, f"{key.text}  ({number(scale.low)} to {number(scale.high)})",
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
