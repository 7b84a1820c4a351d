"""How many patients are left at each step of an analysis, drawn from top to bottom."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from matplotlib.figure import Figure

from gliomics.report.cohort.record import Step
from gliomics.report.drawing import BAND, INK, MUTED, TEXT, blank

_WIDE, _STEP = 7.0, 1.2
_MOST_REASONS = 3


def flow_figure(steps: Sequence[Step]) -> Figure:
    """A box for each step with its patients; beside the way to it those who are left out, by reason."""
    figure = blank(_WIDE, _STEP * len(steps))
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set_xlim(0, 10)
    axis.set_ylim(-len(steps) + 0.4, 0.6)
    for place, step in enumerate(steps):
        name = "\n".join(textwrap.wrap(step.name, 34)[:2])
        axis.text(
            2.5, -place, f"{name}\nn = {step.patients}", ha="center", va="center", fontsize=TEXT, color=INK,
            parse_math=False, bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": INK},
        )  # fmt: skip
        if place:
            arrow = {"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 19}
            axis.annotate("", (2.5, -place), (2.5, 1 - place), arrowprops=arrow, zorder=1)  # behind the boxes
        if step.out:
            axis.annotate("", (5.4, 0.5 - place), (2.5, 0.5 - place), arrowprops={"arrowstyle": "-|>", "color": MUTED})
            axis.text(
                5.5, 0.5 - place, _reasons(step), ha="left", va="center", fontsize=TEXT - 1, color=INK,
                parse_math=False, bbox={"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": BAND},
            )  # fmt: skip
    return figure


def _reasons(step: Step) -> str:
    counts = Counter(step.out.values()).most_common()
    lines = [f"{count}: {textwrap.shorten(reason, 42)}" for reason, count in counts[:_MOST_REASONS]]
    more = sum(count for _, count in counts[_MOST_REASONS:])
    return "\n".join([f"left out: {len(step.out)}", *lines, *([f"{more}: other reasons"] if more else [])])
