"""Features before and after harmonisation as a table, figures and a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.association.harmonise import CAUTION, BatchEffect, Harmonised
from gliomics.csv_files import write_csv
from gliomics.files import write_bytes
from gliomics.report.case_report import Picture
from gliomics.report.cohort.association_figures import COLOURS, Drawn, boxes, short
from gliomics.report.cohort.page import Listing, Section, write_page
from gliomics.report.drawing import BLUE, INK, MUTED, ORANGE, TEXT, blank, legend_above, to_png, to_svg

TABLE = "features_harmonised.csv"
FILES = (TABLE, "harmonise.csv", "harmonise.html")
_COLUMNS = ("feature", "n", "share_before", "share_after", "p_before", "p_after", "note")
_BEFORE, _AFTER = "as measured", "harmonised"
_MOST_DRAWN, _MOST_BATCHES, _MOST_LISTED, _LONGEST_TICK = 6, 7, 15, 10
_MARKERS = "os^Dv<>"


def write_harmonisation(out: Path, result: Harmonised, origins: Mapping[str, str]) -> None:
    """Write ``harmonise.csv``, the figures and the page into a folder."""
    write_csv(out / "harmonise.csv", [asdict(effect) for effect in result.effects], _COLUMNS)
    n, column = len(result.measured.patients), result.harmonisation.column
    tested = _tested(result.effects)
    figures = {
        "shares": (
            shares(result),
            f"Part of each feature's variance that lies between the batches of {column}, n = {n}.",
        ),
        "components": (
            components(result),
            f"The patients along the two principal components of the features as measured, n = {n}.",
        ),
        "batches": (
            batches(result, tested[:_MOST_DRAWN]),
            f"The features of the smallest p-values by batch, n = {n}; box: quartiles and median.",
        ),
    }
    pictures = []
    for name, (figure, caption) in figures.items():
        png = to_png(figure)
        write_bytes(out / f"{name}.png", png)
        write_bytes(out / f"{name}.svg", to_svg(figure))
        pictures.append(Picture(png, caption, caption))
    sections = [_methods(result), _figures(result, tested), Section("Before and after", pictures=pictures)]
    introduction = f"{len(result.measured.names)} features of {n} patients in {len(result.counts)} batches of {column}."
    write_page(out / "harmonise.html", "Features harmonised", introduction, sections, origins)


def summary(result: Harmonised) -> list[str]:
    """What harmonising changed, in sentences."""
    tested = _tested(result.effects)
    shares = [float(np.median([getattr(e, f"share_{when}") for e in tested])) for when in ("before", "after")]
    below = [sum(getattr(e, f"p_{when}") < 0.05 for e in tested) for when in ("before", "after")]
    return [
        f"{len(result.measured.patients)} patients in {len(result.counts)} batches of "
        f"'{result.harmonisation.column}': " + ", ".join(f"{name}: {count}" for name, count in result.counts.items()),
        f"between batches lies, in the median of {len(tested)} features, {shares[0]:.0%} of the variance before and "
        f"{shares[1]:.0%} after ({_by_chance(result):.0%} by chance); p below 0.05 of {below[0]} features before, of "
        f"{below[1]} after ({0.05 * len(tested):.0f} by chance)",
    ]


def shares(result: Harmonised) -> Figure:
    """The part of the variance between batches, before and after, of all features in their order before."""
    effects = sorted((e for e in result.effects if not math.isnan(e.share_before)), key=lambda e: e.share_before)
    figure = blank(6.4, 3.4)
    axis = figure.subplots()
    place = np.arange(len(effects))
    for when, colour in (("before", BLUE), ("after", ORANGE)):
        axis.plot(place, [getattr(e, f"share_{when}") for e in effects], "o", color=colour, markersize=2.8, alpha=0.8)
    axis.axhline(_by_chance(result), color=MUTED, linestyle="dashed", linewidth=0.8)
    axis.set_xlabel("features, in the order of the share before", fontsize=TEXT, color=MUTED)
    axis.set_ylabel("share of variance between batches", fontsize=TEXT, color=MUTED)
    axis.set_ylim(-0.02, None)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=TEXT - 1, colors=MUTED)
    handles = [
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label=_BEFORE),
        Line2D([], [], color=ORANGE, marker="o", linestyle="", markersize=4, label=_AFTER),
        Line2D(
            [], [], color=MUTED, linestyle="dashed", linewidth=0.8, label="on average of batches that do not differ"
        ),
    ]
    legend_above(axis, handles, columns=3)
    return figure


def components(result: Harmonised) -> Figure:
    """The patients before and after on the same two axes, the principal components before, by batch."""
    measured, harmonised = result.measured.values, result.harmonised.values
    usable = (np.isnan(measured).mean(axis=0) < 0.5) & (np.nanmax(measured, axis=0) > np.nanmin(measured, axis=0))
    middle, spread = np.nanmean(measured[:, usable], axis=0), np.nanstd(measured[:, usable], axis=0)
    before, after = (np.nan_to_num((values[:, usable] - middle) / spread) for values in (measured, harmonised))
    centre = before.mean(axis=0)
    _, size, axes_of = np.linalg.svd(before - centre, full_matrices=False)
    explained = size**2 / np.sum(size**2)
    figure = blank(7.6, 3.8)
    panels = figure.subplots(1, 2, sharex=True, sharey=True, gridspec_kw={"wspace": 0.08})
    labels, handles = result.labels, []
    for number, (batch, count) in enumerate(_largest(result.counts).items()):
        style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "marker": _MARKERS[number % len(_MARKERS)]}
        for axis, values in zip(panels, (before, after), strict=True):
            scores = (values[labels == batch] - centre) @ axes_of[:2].T
            axis.plot(scores[:, 0], scores[:, 1], linestyle="", markersize=4, alpha=0.8, markeredgewidth=0, **style)
        handles.append(Line2D([], [], linestyle="", markersize=4, label=f"{short(batch, 44)} (n = {count})", **style))
    for axis, title in zip(panels, (_BEFORE, _AFTER), strict=True):
        axis.set_title(title, fontsize=TEXT, color=INK, loc="left")
        axis.set_xlabel(f"component 1 ({explained[0]:.0%})", fontsize=TEXT - 1, color=MUTED)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=TEXT - 2, colors=MUTED)
    panels[0].set_ylabel(f"component 2 ({explained[1]:.0%})", fontsize=TEXT - 1, color=MUTED)
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.1, -0.02), ncols=2, frameon=False, fontsize=TEXT - 1
    )
    return figure


def batches(result: Harmonised, effects: Sequence[BatchEffect]) -> Figure:
    """Boxes by batch, before and after, of some features."""
    columns = [result.measured.names.index(effect.feature) for effect in effects]
    values = np.vstack([table.values[:, columns] for table in (result.measured, result.harmonised)])
    drawn = _largest(result.counts)
    ticks = {name: name for name in drawn}
    if max(map(len, drawn)) > _LONGEST_TICK:
        ticks = {name: chr(ord("A") + number) for number, name in enumerate(drawn)}
    labels = np.array([ticks.get(name, "") for name in result.labels.tolist()])
    when = np.repeat([_BEFORE, _AFTER], len(labels))
    shown = [effect.feature for effect in effects]
    figure = boxes(
        Drawn(shown, values, np.tile(labels, 2), when, [*ticks.values()], [_BEFORE, _AFTER], groups_are_patients=False)
    )
    if [*ticks] != [*ticks.values()]:
        key = "\n".join(f"{tick}: {short(name, 60)}" for name, tick in ticks.items())
        figure.text(0.1, 0.0, key, fontsize=TEXT - 1, color=MUTED, va="top")
    return figure


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    """The batches that are drawn: of many, the largest."""
    largest = sorted(counts, key=lambda name: -counts[name])[:_MOST_BATCHES]
    return {name: count for name, count in counts.items() if name in largest}


def _tested(effects: Sequence[BatchEffect]) -> list[BatchEffect]:
    return sorted((effect for effect in effects if not math.isnan(effect.p_before)), key=lambda effect: effect.p_before)


def _by_chance(result: Harmonised) -> float:
    """The mean share of variance between batches that do not differ."""
    return (len(result.counts) - 1) / (len(result.measured.patients) - 1)


def _methods(result: Harmonised) -> Section:
    kept = result.harmonisation.kept
    stays = f" What {', '.join(kept)} explain in the features was kept." if kept else ""
    left_out = Counter(result.left_out.values())
    warnings = [f"left out, {why}: {count} patients" for why, count in left_out.most_common()]
    warnings += [*result.warnings, f"{CAUTION[0].upper()}{CAUTION[1:]}."]
    paragraph = (
        f"Level and spread of each feature were brought to a common one over the batches of "
        f"{result.harmonisation.column} by ComBat (Johnson, Li and Rabinovic 2007; of imaging features Fortin 2018), "
        f"fitted to all patients at once.{stays} Where batches differ in their patients, and not in their scanners "
        "alone, harmonising takes that difference away, too. Models need it fitted inside the training folds, as "
        "`gliomics subtype compare` does."
    )
    lines = [[name, str(count)] for name, count in result.counts.items()]
    return Section("How", [paragraph], warnings, [Listing(["batch", "patients"], lines, [1], "The batches.")])


def _figures(result: Harmonised, tested: Sequence[BatchEffect]) -> Section:
    lines = [
        [e.feature, f"{e.n}", f"{e.share_before:.2f}", f"{e.share_after:.2f}", f"{e.p_before:.2g}", f"{e.p_after:.2g}"]
        for e in tested[:_MOST_LISTED]
    ]
    header = ["feature", "n", "share before", "share after", "p before", "p after"]
    caption = (
        "Share of the variance between batches (eta squared) and p of Kruskal and Wallis' test: the "
        f"{len(lines)} smallest of {len(tested)} p-values before."
    )
    after = (
        "The figures after are of the patients that the harmonisation was fitted to, so that small ones are its "
        "construction and no proof; p-values after lie above what chance would give."
    )
    notes = Counter(effect.note for effect in result.effects if effect.note)
    warnings = [f"{note} ({count} features)" for note, count in notes.most_common(5)]
    return Section("How much", [*summary(result), after], warnings, [Listing(header, lines, range(1, 6), caption)])
