"""How associations change from masks to masks: a table, figures and a section of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.association.associate import ALL, EFFECTS, KRUSKAL, Association
from gliomics.association.masks import UnderMasks
from gliomics.csv_files import write_csv
from gliomics.files import write_bytes
from gliomics.report.case_report import Picture
from gliomics.report.cohort.association_figures import COLOURS, short
from gliomics.report.cohort.page import Listing, Section
from gliomics.report.cohort.record import Drawing
from gliomics.report.drawing import MUTED, TEXT, blank, legend_above, tidy, to_png, to_svg

TABLE = "masks.csv"
_COLUMNS = (
    "feature", "target", "class", "group", "test", "masks", "n", "statistic", "p", "p_bonferroni", "p_holm", "p_fdr",
    "measure", "effect", "effect_low", "effect_high", "icc", "icc_low", "icc_high", "icc_n", "note",
)  # fmt: skip
_MOST_DRAWN = 12
_APART = 0.7
"""Of the height of a row, what the points of its masks take."""


def write_masks(out: Path, result: UnderMasks) -> tuple[Section, list[Drawing]]:
    """Write ``masks.csv`` and a figure for each target; what the page says of them, and the figures."""
    write_csv(out / TABLE, _lines(result), _COLUMNS)
    first = next(iter(result.rows.values()))
    pictures, drawings = [], []
    for number, target in enumerate(dict.fromkeys(row.target for row in first), start=1):
        figure = effects_by_masks(result, target)
        if figure is None:
            continue
        png = to_png(figure)
        write_bytes(out / f"masks_{number}.png", png)
        write_bytes(out / f"masks_{number}.svg", to_svg(figure))
        caption = (
            f"{target}: epsilon squared under each set of masks, with 95 % intervals, of the features with the "
            f"smallest p-values under {next(iter(result.rows))}; ICC over all masks. "
            f"At most {result.n_patients} patients, the same for all."
        )
        pictures.append(Picture(png, caption, caption))
        drawings.append(Drawing(f"masks_{number}.png", caption))
    paragraph = (
        f"{result.n_patients} patients and {len(result.icc)} features are in all tables; a value that one table lacks "
        "counts in none, so that every figure of a feature is of the same patients. p-values are corrected within each "
        "table. ICC(2,1) is of single masks, for absolute agreement (Shrout and Fleiss 1979)."
    )
    section = Section("Under other masks", [paragraph], tables=[_counts(result)], pictures=pictures)
    return section, drawings


def effects_by_masks(result: UnderMasks, target: str) -> Figure | None:
    """A row for each feature, a point with its interval for each set of masks; None where every test was refused."""
    by_masks = {
        masks: {row.feature: row for row in rows if (row.target, row.group, row.test) == (target, ALL, KRUSKAL)}
        for masks, rows in result.rows.items()
    }
    first = next(iter(by_masks.values()))
    tested = sorted((row for row in first.values() if not math.isnan(row.p)), key=lambda row: row.p)[:_MOST_DRAWN]
    if not tested:
        return None
    features = [row.feature for row in reversed(tested)]
    figure = blank(6.6, 0.9 + (0.16 + 0.12 * len(by_masks)) * len(features))
    axis = figure.subplots()
    handles = []
    for number, (masks, rows) in enumerate(by_masks.items()):
        colour = COLOURS[number % len(COLOURS)]
        offset = _APART * (0.5 - (number + 0.5) / len(by_masks))
        for place, feature in enumerate(features):
            row = rows[feature]
            if not math.isnan(row.effect):
                axis.plot([row.effect_low, row.effect_high], [place + offset] * 2, color=colour, linewidth=1.2)
                filled = colour if row.p_fdr < 0.05 else "white"
                axis.plot(row.effect, place + offset, "o", color=colour, markersize=4.5, markerfacecolor=filled)
        handles.append(Line2D([], [], color=colour, marker="o", markersize=4.5, label=short(masks, 30)))
    hollow = {"marker": "o", "linestyle": "", "markerfacecolor": "white", "markersize": 4.5}
    handles.append(Line2D([], [], color=MUTED, label="FDR not below 0.05", **hollow))  # type: ignore[arg-type]
    ticks = [f"{short(feature)}\nICC {_icc(result, feature)}" for feature in features]
    axis.set_yticks(range(len(features)), ticks, fontsize=TEXT - 2)
    axis.set_xlim(left=-0.01)
    tidy(axis)
    legend_above(axis, handles, columns=3)
    axis.set_xlabel(f"epsilon squared, {short(target, 40)}", fontsize=TEXT, color=MUTED)
    return figure


def _icc(result: UnderMasks, feature: str) -> str:
    icc = result.icc[feature]
    return "unknown" if math.isnan(icc.value) else f"{icc.value:.2f} ({icc.low:.2f} to {icc.high:.2f})"


def _lines(result: UnderMasks) -> list[dict[str, object]]:
    """The rows of one test under all masks lie below each other."""
    lines: list[dict[str, object]] = []
    for of_test in zip(*result.rows.values(), strict=True):
        for masks, row in zip(result.rows, of_test, strict=True):
            icc = result.icc[row.feature]
            agreement = {"icc": icc.value, "icc_low": icc.low, "icc_high": icc.high, "icc_n": icc.n}
            more = {"class": row.class_, "masks": masks, "measure": EFFECTS[row.test]}
            lines.append({**asdict(row), **more, **agreement})
    return lines


def _counts(result: UnderMasks) -> Listing:
    """How many tests are found under each set of masks, and how many of those that the first table finds."""
    lines = []
    first = next(iter(result.rows.values()))
    for test in EFFECTS:
        found_first = _found(first, test)
        for masks, rows in result.rows.items():
            tested = [row for row in rows if (row.group, row.test) == (ALL, test) and not math.isnan(row.p)]
            found = _found(rows, test)
            below = sum(row.p < 0.05 for row in tested)
            again = f"{len(found & found_first)} of {len(found_first)}"
            counts = [len(tested), f"{0.05 * len(tested):.1f}", below, len(found), again]
            lines.append([test, masks, *map(str, counts)])
    header = ["test", "masks", "tests", "by chance", "p < 0.05", "FDR < 0.05", "of those of the first"]
    return Listing(header, lines, range(2, 7), "Tests of all patients with p below 0.05 under each set of masks.")


def _found(rows: Sequence[Association], test: str) -> set[tuple[str, str, str]]:
    of_all = (row for row in rows if (row.group, row.test) == (ALL, test))
    return {(row.feature, row.target, row.class_) for row in of_all if row.p_fdr < 0.05}
