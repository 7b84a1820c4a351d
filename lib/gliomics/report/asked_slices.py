"""Tables and figure of a labelling loop that was replayed with asked slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from gliomics.active.choices import count
from gliomics.active.slice_curves import slice_curve_rows, slice_curves, slice_summary_rows
from gliomics.report.drawing import INK, TEXT, TITLE, blank
from gliomics.report.labelling_loop import draw_panel, few_text, interval_text, label_panels, write_replay
from gliomics.report.markdown import markdown_table

if TYPE_CHECKING:
    from gliomics.active.slice_simulation import SliceRound


def write_slice_results(rounds: Sequence[SliceRound], out: Path) -> None:
    """Write ``curves.csv``, ``summary.csv``, ``summary.md`` and ``curves.png``; all seeds must be complete."""
    summary = slice_summary_rows(rounds)
    write_replay(out, slice_curve_rows(rounds), summary, slice_summary_text(rounds, summary), slice_figure(rounds))


def slice_summary_text(rounds: Sequence[SliceRound], summary: Sequence[Mapping[str, Any]]) -> str:
    """The summary in Markdown: each arm beside whole studies by the same strategy."""
    first, steps = summary[0], [round_.steps for round_ in rounds]
    table = markdown_table(
        [
            "strategy", "slices of a study", "area under the curve", "less whole studies",
            f"slices for the Dice of whole studies at {first['until']}", "fewer than whole studies need",
        ],
        [
            [
                row["strategy"],
                row["slices"],
                interval_text(row, "area"),
                "" if row["slices"] == "whole" else interval_text(row, "minus_whole", "+"),
                needed_text(row),
                "" if row["slices"] == "whole" else saved_text(row),
            ]
            for row in summary
        ],
    )  # fmt: skip
    return (
        f"Mean patient Dice over {first['from']} to {first['until']} drawn slices, of {first['n']} test patients and "
        f"{count(first['seeds'], 'seed', 'seeds')}; {min(steps)} to {max(steps)} optimiser steps in each round. In "
        "brackets: 95 % bootstrap interval over seeds and test patients, of the paired difference where two are "
        f"compared.{few_text(first)}\n\n{table}"
    )


def needed_text(row: Mapping[str, Any]) -> str:
    """Slices needed with their interval; of what is not reached, that it is more than were drawn."""
    beyond = f"more than {row['until']}"
    value, low, high = (beyond if row[name] is None else str(row[name]) for name in _names("needed"))
    return value if value == low == high else f"{value} ({low} to {high})"


def saved_text(row: Mapping[str, Any]) -> str:
    """Slices saved with their interval; where the Dice is not reached, nothing is."""
    value, low, high = ("none" if row[name] is None else f"{row[name]:+d}" for name in _names("saved"))
    return value if value == low == high else f"{value} ({low} to {high})"


def _names(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def slice_figure(rounds: Sequence[SliceRound]) -> Figure:
    """Mean Dice by drawn slices, a row for each strategy and a panel for each number of slices.

    Mean, lowest and highest of the seeds; a dashed line repeats the mean of whole studies by the same strategy.
    """
    numbers, curves = slice_curves(rounds)
    strategies = list(dict.fromkeys(arm.strategy for arm in curves))
    amounts = list(dict.fromkeys(arm.slices for arm in curves))
    most = max(sum(other.arm == start.arm and other.seed == start.seed for other in rounds) for start in rounds)
    shown = np.unique(np.linspace(0, len(numbers) - 1, most).round().astype(int))
    figure = blank(0.9 + 2.1 * len(amounts), 0.9 + 1.9 * len(strategies))
    axes = figure.subplots(
        len(strategies), len(amounts), squeeze=False, sharex=True, sharey=True,
        gridspec_kw={"wspace": 0.1, "hspace": 0.28},
    )  # fmt: skip
    for arm, dice in curves.items():
        axis = axes[strategies.index(arm.strategy), amounts.index(arm.slices)]
        whole = curves[arm._replace(slices=None)].mean(axis=1)[:, shown]
        values = dice.mean(axis=1)[:, shown]
        draw_panel(axis, numbers[shown].tolist(), values, None if arm.slices is None else whole)
        amount = "whole studies" if arm.slices is None else count(arm.slices, "slice", "slices")
        axis.set_title(f"{arm.strategy}, {amount}", loc="left", fontsize=TITLE, color=INK)
    for axis in axes[-1]:
        axis.set_xlabel("drawn slices", fontsize=TEXT, color=INK)
    label_panels(figure, rounds, baseline="whole studies")
    return figure
