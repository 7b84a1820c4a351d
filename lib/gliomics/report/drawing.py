"""What the figures share: colours, a canvas without a window, plain axes.

Colours are those of Okabe and Ito, which people with colour blindness tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

BLUE, SKY, ORANGE, VERMILLION, GREEN, YELLOW = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#F0E442"
INK, MUTED, FAINT, BAND = "#222222", "#666666", "#D9D9D9", "#B8C4CC"

TEXT, TITLE = 9.0, 10.0
"""Font sizes in points."""


def to_png(figure: Figure, dpi: int = 144) -> bytes:
    """The figure as a PNG file's bytes, cropped to what is drawn."""
    buffer = io.BytesIO()
    _take_names_as_they_are(figure)
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.06, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """The figure as an SVG file's bytes, cropped to what is drawn; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    _take_names_as_they_are(figure)
    with matplotlib.rc_context({"svg.hashsalt": "gliomics", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.06, metadata={"Date": None})
    return buffer.getvalue()


def _take_names_as_they_are(figure: Figure) -> None:
    """Set a name such as ``$cost`` with its dollar sign; Matplotlib would take what follows it for a formula."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels()  # the labels of ticks come to be when they are asked for
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def blank(width: float, height: float) -> Figure:
    """A figure of ``width`` x ``height`` inches that no window manager knows of."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axis: Axes) -> None:
    """Leave only the horizontal axis; rows name themselves."""
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(MUTED)
    axis.tick_params(axis="y", length=0, colors=INK)
    axis.tick_params(axis="x", labelsize=TEXT, colors=MUTED)
    axis.xaxis.label.set_color(MUTED)


def legend_above(axis: Axes, handles: Sequence[Line2D], columns: int) -> None:
    """A legend in ``columns`` columns above the axes, from their left edge."""
    axis.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False,
        fontsize=TEXT - 1, handlelength=1.3, handletextpad=0.5, columnspacing=1.3, borderpad=0.1,
        borderaxespad=0.2,
    )  # fmt: skip
