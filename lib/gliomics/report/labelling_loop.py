"""Tables and figure of a replayed labelling loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.active.choices import count
from gliomics.active.curves import BASELINES, curve_rows, summary_rows
from gliomics.csv_files import write_csv
from gliomics.files import write_bytes, write_text
from gliomics.models import LEAST_FOR_INTERVAL
from gliomics.report.drawing import BLUE, FAINT, INK, MUTED, TEXT, TITLE, blank, to_png
from gliomics.report.markdown import markdown_table
from gliomics.statistics.arrays import Array

if TYPE_CHECKING:
    from gliomics.active.simulation import Round
    from gliomics.active.slice_simulation import SliceRound

_COLUMNS = 4
"""Panels beside each other."""


def write_results(rounds: Sequence[Round], out: Path) -> None:
    """Write ``curves.csv``, ``summary.csv``, ``summary.md`` and ``curves.png``; all seeds must have all rounds."""
    summary = summary_rows(rounds)
    write_replay(out, curve_rows(rounds), summary, summary_text(rounds, summary), curves(rounds))


def write_replay(
    out: Path, points: Sequence[Mapping[str, Any]], summary: Sequence[Mapping[str, Any]], text: str, figure: Figure
) -> None:
    """Write the files of any replay: points of its curves, summary as a table and as text, figure."""
    write_csv(out / "curves.csv", points)
    write_csv(out / "summary.csv", summary)
    write_text(out / "summary.md", text)
    write_bytes(out / "curves.png", to_png(figure))


def summary_text(rounds: Sequence[Round], summary: Sequence[Mapping[str, Any]]) -> str:
    """The summary in Markdown: the strategies by their area, and how far they can be told from the baselines."""
    sizes, steps = sorted({len(round_.labelled) for round_ in rounds}), [round_.steps for round_ in rounds]
    baselines = [name for name in BASELINES if any(row["strategy"] == name for row in summary)]
    table = markdown_table(
        ["strategy", "area under the curve", *(f"less {name}" for name in baselines)],
        [
            [row["strategy"], interval_text(row, "area"), *(_less(row, name) for name in baselines)]
            for row in sorted(summary, key=lambda row: -row["area"])
        ],
    )
    seeds, few = count(summary[0]["seeds"], "seed", "seeds"), few_text(summary[0])
    return (
        f"Mean patient Dice over {sizes[0]} to {sizes[-1]} labelled patients, of {summary[0]['n']} test patients and "
        f"{seeds}; {min(steps)} to {max(steps)} optimiser steps in each round. In brackets: 95 % "
        "bootstrap interval over seeds and test patients, of the paired difference where two are compared."
        f"{few}\n\n{table}"
    )


def few_text(row: Mapping[str, Any]) -> str:
    """What intervals over so few seeds or test patients do not tell."""
    sentences = []
    if row["seeds"] == 1:
        sentences.append("Of one seed the intervals are over test patients alone: another draw may turn them round.")
    if row["n"] < LEAST_FOR_INTERVAL:
        patients = count(row["n"], "test patient", "test patients")
        sentences.append(
            f"Intervals over {patients} say little about others; {LEAST_FOR_INTERVAL} at least are wanted."
        )
    return "".join(f" {sentence}" for sentence in sentences)


def curves(rounds: Sequence[Round]) -> Figure:
    """Mean Dice by labelled patients, a panel for each strategy: mean, lowest and highest of the seeds.

    A dashed line repeats the mean of ``random``, if it is among them.
    """
    strategies = list(dict.fromkeys(round_.strategy for round_ in rounds))
    across = min(_COLUMNS, len(strategies))
    down = -(-len(strategies) // across)
    figure = blank(0.9 + 2.1 * across, 0.9 + 1.9 * down)
    axes = figure.subplots(
        down, across, squeeze=False, sharex=True, sharey=True, gridspec_kw={"wspace": 0.1, "hspace": 0.28}
    ).ravel()
    baseline = [round_ for round_ in rounds if round_.strategy == "random"]
    for axis, strategy in zip(axes, strategies, strict=False):
        sizes, values = _by_seed([round_ for round_ in rounds if round_.strategy == strategy])
        draw_panel(axis, sizes, values, _by_seed(baseline)[1] if baseline and strategy != "random" else None)
        axis.set_title(strategy, loc="left", fontsize=TITLE, color=INK)
    for axis in axes[len(strategies) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(strategies) - across) : len(strategies)]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel("labelled patients", fontsize=TEXT, color=INK)
    label_panels(figure, rounds, baseline="random" if baseline and len(strategies) > 1 else None)
    return figure


def label_panels(figure: Figure, rounds: Sequence[Round | SliceRound], *, baseline: str | None) -> None:
    """The label of the panels' vertical axis, and what their lines are; ``baseline`` names the dashed one."""
    figure.supylabel(f"mean Dice of {len(rounds[0].dice)} test patients (0 to 1)", fontsize=TEXT, color=INK, x=0.03)
    seeds = count(len({round_.seed for round_ in rounds}), "seed", "seeds")
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=3.5, label="mean of the seeds"),
        Line2D([], [], color=BLUE, alpha=0.2, linewidth=6, label=f"lowest to highest of {seeds}"),
    ]
    if baseline is not None:
        handles.append(Line2D([], [], color=MUTED, linestyle="dashed", linewidth=1.2, label=baseline))
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.1, 0.97), ncols=3, frameon=False, fontsize=TEXT)


def draw_panel(axis: Axes, numbers: Sequence[int], values: Array, baseline: Array | None) -> None:
    """Dice (seed, number) over the numbers labelled: mean, lowest and highest of the seeds; ``baseline`` is dashed."""
    if baseline is not None:
        axis.plot(numbers, baseline.mean(axis=0), color=MUTED, linestyle="dashed", linewidth=1.2, zorder=2)
    axis.fill_between(numbers, values.min(axis=0), values.max(axis=0), color=BLUE, alpha=0.2, linewidth=0, zorder=1)
    axis.plot(numbers, values.mean(axis=0), color=BLUE, marker="o", markersize=3.5, linewidth=1.4, zorder=3)
    axis.set_xticks(numbers)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(MUTED)
    axis.tick_params(labelsize=TEXT - 1, colors=MUTED)
    axis.grid(axis="y", color=FAINT, linewidth=0.6)


def _by_seed(rounds: Sequence[Round]) -> tuple[list[int], Array]:
    """The numbers of labelled patients, and the mean Dice (seed, number)."""
    sizes = sorted({len(round_.labelled) for round_ in rounds})
    seeds = sorted({round_.seed for round_ in rounds})
    dice = {(round_.seed, len(round_.labelled)): round_.mean_dice for round_ in rounds}
    return sizes, np.array([[dice[seed, size] for size in sizes] for seed in seeds])


def interval_text(row: Mapping[str, Any], name: str, sign: str = "") -> str:
    """A column of the summary with its interval."""
    value, low, high = (format(row[column], f"{sign}.3f") for column in (name, f"{name}_low", f"{name}_high"))
    return f"{value} ({low} to {high})"


def _less(row: Mapping[str, Any], baseline: str) -> str:
    return "" if row["strategy"] == baseline else interval_text(row, f"minus_{baseline}", "+")
