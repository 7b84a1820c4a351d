"""Mutual information of features and genes as tables, heat map and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gliomics.association.expression import HISTOGRAM, NEAREST, Estimate, Information
from gliomics.csv_files import write_csv
from gliomics.files import write_bytes
from gliomics.report.case_report import Picture
from gliomics.report.cohort.association_figures import short
from gliomics.report.cohort.page import Listing, Section, write_page
from gliomics.report.cohort.record import RECORD, Drawing
from gliomics.report.drawing import INK, MUTED, TEXT, blank, to_png, to_svg
from gliomics.statistics.arrays import Array

FILES = ("associations.csv", "information_histogram.csv", "information_nearest.csv", "expression.html", RECORD)
MOST_ROWS = 20_000
"""Pairs of each estimator in ``associations.csv``: those of the smallest p-values. All are in the other tables."""
_MOST_FEATURES, _MOST_GENES, _MOST_LISTED = 30, 40, 15
_COLUMNS = (
    "feature", "target", "test", "n", "statistic", "p", "p_bonferroni", "p_holm", "p_fdr", "p_permuted_maximum"
)  # fmt: skip


def write_expression(out: Path, result: Information, origins: Mapping[str, str]) -> list[Drawing]:
    """Write tables, the clustered heat map and the page into a folder; return the figures."""
    rows = [row for test in result.estimates for row in _rows(result, test)]
    write_csv(out / "associations.csv", rows, _COLUMNS)
    for test, file in zip((HISTOGRAM, NEAREST), FILES[1:3], strict=True):
        _write_matrix(out / file, result, result.estimates[test].information)
    figure = heat_map(result)
    png = to_png(figure)
    write_bytes(out / "information.png", png)
    write_bytes(out / "information.svg", to_svg(figure))
    caption = (
        "Mutual information by nearest neighbours, in nats, of the features and genes in the strongest pairs, ordered "
        f"by average linkage; dots: FDR below 0.05. n = {min(result.n)} to {max(result.n)} patients."
    )
    sections = [_summary(result), *(_of_estimate(result, test) for test in result.estimates)]
    sections.append(Section("The strongest pairs", pictures=[Picture(png, caption, caption)]))
    introduction = (
        f"{len(result.features)} features beside {len(result.genes)} genes of {max(result.n)} patients: "
        f"{len(result.features) * len(result.genes):,} pairs."
    )
    write_page(out / "expression.html", "What features and genes tell of each other", introduction, sections, origins)
    return [Drawing("information.png", caption)]


def survivors(result: Information) -> list[str]:
    """For each estimator in words, how many pairs survive corrections."""
    lines = []
    for test, estimate in result.estimates.items():
        counts = [int((p < 0.05).sum()) for p in (estimate.p, estimate.bonferroni, estimate.fdr)]
        chance = f"{0.05 * estimate.p.size:,.0f} by chance"
        lines.append(
            f"{test}: of {estimate.p.size:,} pairs {counts[0]:,} with p below 0.05 ({chance}), {counts[1]:,} by "
            f"Bonferroni, {counts[2]:,} by FDR"
        )
    return lines


def heat_map(result: Information) -> Figure:
    """Information by nearest neighbours of the features and genes in the strongest pairs, both clustered."""
    estimate = result.estimates[NEAREST]
    rows, columns = _strongest_names(estimate)
    shown = estimate.information[np.ix_(rows, columns)]
    row_order, column_order = _order(shown), _order(shown.T)
    shown = shown[np.ix_(row_order, column_order)]
    found = estimate.fdr[np.ix_(rows, columns)][np.ix_(row_order, column_order)] < 0.05
    figure = blank(3.0 + 0.22 * shown.shape[1], 1.6 + 0.2 * shown.shape[0])
    axis = figure.subplots()
    drawn = axis.imshow(shown, cmap="viridis", vmin=0.0, aspect="auto", interpolation="nearest")
    marked = np.argwhere(found)
    axis.plot(marked[:, 1], marked[:, 0], "o", color="white", markersize=3, markeredgecolor=INK, markeredgewidth=0.4)
    genes = [short(result.genes[columns[place]], 28) for place in column_order]
    features = [short(result.features[rows[place]], 34) for place in row_order]
    axis.set_xticks(range(len(genes)), genes, rotation=90, fontsize=TEXT - 2, color=INK)
    axis.set_yticks(range(len(features)), features, fontsize=TEXT - 2, color=INK)
    axis.tick_params(length=0)
    bar = figure.colorbar(drawn, ax=axis, fraction=0.03, pad=0.02)
    bar.set_label("mutual information (nats)", fontsize=TEXT, color=MUTED)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=MUTED)
    return figure


def _strongest_names(estimate: Estimate) -> tuple[list[int], list[int]]:
    """Which features and genes the strongest pairs are of, as many as are drawn."""
    rows: dict[int, None] = {}
    columns: dict[int, None] = {}
    for pair in np.argsort(estimate.information, axis=None)[::-1]:
        row, column = divmod(int(pair), estimate.information.shape[1])
        rows |= {row: None} if len(rows) < _MOST_FEATURES else {}
        columns |= {column: None} if len(columns) < _MOST_GENES else {}
        if len(rows) == _MOST_FEATURES and len(columns) == _MOST_GENES:
            break
    return list(rows), list(columns)


def _order(values: Array) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list, linkage

    return [int(place) for place in leaves_list(linkage(values, "average"))] if len(values) > 1 else [0]


def _rows(result: Information, test: str) -> list[dict[str, object]]:
    estimate = result.estimates[test]
    return [
        {
            "feature": result.features[row],
            "target": result.genes[column],
            "test": test,
            "n": result.n[row],
            "statistic": float(estimate.information[row, column]),
            "p": float(estimate.p[row, column]),
            "p_bonferroni": float(estimate.bonferroni[row, column]),
            "p_holm": float(estimate.holm[row, column]),
            "p_fdr": float(estimate.fdr[row, column]),
            "p_permuted_maximum": None if estimate.p_max is None else float(estimate.p_max[row, column]),
        }
        for row, column in _ranked(estimate, MOST_ROWS)
    ]


def _ranked(estimate: Estimate, most: int) -> list[tuple[int, int]]:
    """The pairs of the smallest p-values, the most information first among equal ones."""
    order = np.lexsort((-estimate.information.ravel(), estimate.p.ravel()))[:most]
    return [divmod(int(pair), estimate.p.shape[1]) for pair in order]


def _write_matrix(path: Path, result: Information, values: Array) -> None:
    rows = [
        {"feature": name, **dict(zip(result.genes, line.tolist(), strict=True))}
        for name, line in zip(result.features, values, strict=True)
    ]
    write_csv(path, rows)


def _summary(result: Information) -> Section:
    smallest = ", ".join(f"{test}: {estimate.smallest_p:.2g}" for test, estimate in result.estimates.items())
    methods = (
        "Mutual information in nats. By the histogram: 5 x 5 cells of equal width; p-values from tables whose patients "
        "were permuted, all pairs together. By nearest neighbours: the first estimator of Kraskov, Stögbauer and "
        "Grassberger (2004) with 3 neighbours on normal scores; p-values from independent ranks of as many patients. "
        f"No p-value can be below: {smallest}. Corrected over all pairs by Bonferroni, Holm (1979) and Benjamini and "
        "Hochberg (1995)."
    )
    header = ["estimator", "pairs", "by chance", "p < 0.05", "Bonferroni", "Holm", "FDR"]
    lines = [
        [
            test, f"{estimate.p.size:,}", f"{0.05 * estimate.p.size:,.0f}",
            *(f"{int((p < 0.05).sum()):,}" for p in (estimate.p, estimate.bonferroni, estimate.holm, estimate.fdr)),
        ]
        for test, estimate in result.estimates.items()
    ]  # fmt: skip
    return Section("How many", [methods], result.left_out, [Listing(header, lines, range(1, 7))])


def _of_estimate(result: Information, test: str) -> Section:
    estimate = result.estimates[test]
    lines = [
        [
            result.features[row], result.genes[column], str(result.n[row]), f"{estimate.information[row, column]:.3f}",
            f"{estimate.p[row, column]:.2g}", f"{estimate.bonferroni[row, column]:.2g}",
            f"{estimate.fdr[row, column]:.2g}",
            "" if estimate.p_max is None else f"{estimate.p_max[row, column]:.2g}",
        ]
        for row, column in _ranked(estimate, _MOST_LISTED)
    ]  # fmt: skip
    header = ["feature", "gene", "n", "nats", "p", "Bonferroni", "FDR", "permuted maximum"]
    return Section(test.capitalize(), _by_chance(estimate), tables=[Listing(header, lines, range(2, 8))])


def _by_chance(estimate: Estimate) -> Sequence[str]:
    return [
        f"As strong as the {count} strongest pairs are {np.mean(numbers):.1f} pairs of a permuted table on average "
        f"(95 % of the tables: {np.percentile(numbers, 2.5):.0f} to {np.percentile(numbers, 97.5):.0f})."
        for count, numbers in estimate.by_chance.items()
        if numbers
    ]
