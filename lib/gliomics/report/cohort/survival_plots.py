"""Figures of survival: curves with the numbers at risk, accuracy over time, hazard ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliomics.report.drawing import (
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
    tidy,
)
from gliomics.survival.figures import AUC, BRIER
from gliomics.survival.kaplan_meier import kaplan_meier, log_rank
from gliomics.survival.outcomes import YEAR
from gliomics.survival.table import SurvivalTable
from gliomics.survival.validation import BOTH, CLINICAL, NOBODY, RADIOMICS

_GROUP_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, MUTED)
_MODEL_COLOURS = {CLINICAL: ORANGE, RADIOMICS: BLUE, BOTH: GREEN, NOBODY: MUTED}
_MODEL_LINES = {CLINICAL: "--", RADIOMICS: "-.", BOTH: "-", NOBODY: ":"}
_MOST_FEATURES = 10
"""Features of a forest plot, those with the smallest p."""


def survival_curves(table: SurvivalTable) -> Figure:
    """Kaplan-Meier curves by group, or of all, with 95 % bands, censored patients and, below, who is at risk."""
    named = {name: table.group == k for k, name in enumerate(table.groups)}
    members = named or {"all patients": np.full(table.time.size, True)}
    years = table.time / YEAR[table.unit]
    ticks = _ticks(float(years.max()))
    figure = blank(6.4, 3.6 + 0.22 * len(members))
    axis, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 0.22 * len(members) + 0.1], "hspace": 0.42}
    )
    for (name, rows), colour in zip(members.items(), _GROUP_COLOURS, strict=False):
        curve = kaplan_meier(years[rows], table.event[rows])
        times = np.concatenate([[0.0], curve.times])
        survival, low, high = (np.concatenate([[1.0], c]) for c in (curve.survival, curve.low, curve.high))
        label = f"{name} ({table.event[rows].sum()} events of {rows.sum()})"
        axis.step(times, survival, where="post", color=colour, linewidth=1.5, label=label, zorder=3)
        axis.fill_between(times, low, high, step="post", color=colour, alpha=0.13, linewidth=0, zorder=1)
        ticked = curve.censored > 0
        axis.plot(curve.times[ticked], curve.survival[ticked], "|", color=colour, markersize=5, zorder=4)
    axis.set_ylim(0, 1.03)
    axis.set_xlim(0, ticks[-1])
    axis.set_ylabel("without the event", fontsize=TEXT, color=INK)
    axis.set_xlabel("years", fontsize=TEXT, color=INK)
    axis.tick_params(labelbottom=True)
    _frame(axis)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=TEXT - 1)
    if named:
        known = table.group >= 0
        test = log_rank(table.time[known], table.event[known], table.group[known])
        axis.text(0.98, 0.94, f"log-rank p {p_words(test.p)}", transform=axis.transAxes, ha="right", fontsize=TEXT)
    _numbers_at_risk(below, {name: years[rows] for name, rows in members.items()}, ticks)
    return figure


def _ticks(longest: float) -> Sequence[float]:
    step = next((s for s in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0) if longest / s <= 9), 20.0)
    return [step * k for k in range(math.ceil(longest / step) + 1)] if longest > 0 else [0.0, 1.0]


def _numbers_at_risk(axis: Axes, years: Mapping[str, Any], ticks: Sequence[float]) -> None:
    axis.set_title("at risk", loc="left", fontsize=TEXT, color=MUTED, pad=3)
    for row, (name, colour) in enumerate(zip(years, _GROUP_COLOURS, strict=False)):
        for tick in ticks:
            axis.text(tick, row, str(int(np.sum(years[name] >= tick))), ha="center", va="center", fontsize=TEXT - 1)
        axis.text(-0.03, row, name, transform=axis.get_yaxis_transform(), ha="right", va="center", fontsize=TEXT - 1,
                  color=colour)  # fmt: skip
    axis.set_ylim(len(years) - 0.5, -0.5)
    axis.set_xticks(ticks)
    axis.set_yticks([])
    axis.tick_params(axis="x", length=0, labelbottom=False)
    axis.spines[:].set_visible(False)


def accuracy_over_time(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """AUC and Brier score of each model over time, out of fold, with pointwise 95 % bands."""
    figure = blank(7.2, 3.2)
    axes = figure.subplots(1, 2, gridspec_kw={"wspace": 0.28})
    titles = {AUC: "AUC (0.5 is chance)", BRIER: "Brier score (0 is perfect)"}
    last = max(row["time"] for row in rows) / YEAR[rows[0]["unit"]]
    for axis, (measure, title) in zip(axes, titles.items(), strict=True):
        shown = [row for row in rows if row["measure"] == measure]
        for model in dict.fromkeys(row["model"] for row in shown):
            columns = ("time", "value", "low", "high")
            points = np.array([[row[name] for name in columns] for row in shown if row["model"] == model])
            years, colour = points[:, 0] / YEAR[rows[0]["unit"]], _MODEL_COLOURS[model]
            axis.fill_between(years, points[:, 2], points[:, 3], color=colour, alpha=0.13, linewidth=0, zorder=1)
            axis.plot(years, points[:, 1], _MODEL_LINES[model], color=colour, linewidth=1.6, label=model, zorder=3)
        if measure == AUC:
            axis.axhline(0.5, color=MUTED, linewidth=0.8, linestyle="dotted", zorder=1)
            axis.set_ylim(min(0.3, *(row["low"] for row in shown)) if shown else 0.3, 1.0)
        else:
            axis.set_ylim(0, max(0.3, axis.get_ylim()[1]))
        if not shown:
            axis.text(0.5, 0.6, "too few events or patients", transform=axis.transAxes, ha="center", fontsize=TEXT)
        axis.set_xlim(0, last)
        axis.set_xlabel("years", fontsize=TEXT, color=INK)
        axis.set_title(title, loc="left", fontsize=TITLE, color=INK)
        _frame(axis)
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.1, 0.97), ncols=4, frameon=False, fontsize=TEXT)
    return figure


def forest(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Hazard ratios with 95 % intervals: what was fitted together, then the features with the smallest p alone."""
    together = [row for row in rows if row["model"] != "alone" and math.isfinite(row["hazard_ratio"])]
    alone = [row for row in rows if row["model"] == "alone" and math.isfinite(row["hazard_ratio"])][:_MOST_FEATURES]
    shown = [*together, *alone]
    figure = blank(6.4, 0.8 + 0.27 * len(shown))
    axis = figure.subplots()
    for place, row in enumerate(reversed(shown)):
        colour = MUTED if row["model"] == "alone" else BLUE
        axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.4, zorder=2)
        axis.plot(row["hazard_ratio"], place, "o", color=colour, markersize=5, zorder=3)
        q = f", FDR {row['p_fdr']:.2g}" if math.isfinite(row["p_fdr"]) else ""
        text = f"{row['hazard_ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f}), p {p_words(row['p'])}{q}"
        axis.text(1.02, place, text, transform=axis.get_yaxis_transform(), va="center", fontsize=TEXT - 1, color=INK)
    axis.axvline(1.0, color=MUTED, linewidth=0.8, linestyle="dashed", zorder=1)
    axis.set_xscale("log")
    ends = [row["low"] for row in shown], [row["high"] for row in shown]
    low, high = max(min(*ends[0], 0.8), 0.02), min(max(*ends[1], 1.25), 50.0)
    axis.set_xlim(low * 0.9, high * 1.1)
    marks = [m for m in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low * 0.9 <= m <= high * 1.1]
    axis.set_xticks(marks, [f"{m:g}" for m in marks])
    axis.minorticks_off()
    names = [f"{row['covariate']}  [{row['model']}]" for row in reversed(shown)]
    axis.set_yticks(range(len(shown)), names, fontsize=TEXT - 1)
    axis.set_ylim(-0.6, len(shown) - 0.4)
    axis.set_xlabel("hazard ratio, 95 % interval", fontsize=TEXT)
    tidy(axis)
    return figure


def p_words(p: float) -> str:
    """A p-value with two digits; below 0.0001 said so.

    >>> p_words(0.0342), p_words(1e-9)
    ('0.034', '< 0.0001')
    """
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def _frame(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(MUTED)
    axis.tick_params(labelsize=TEXT - 1, colors=MUTED)
    axis.grid(axis="y", color=FAINT, linewidth=0.6, zorder=0)
