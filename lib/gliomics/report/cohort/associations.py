"""Associations of features with classes as tables, figures and a page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gliomics.association.associate import ALL, EFFECTS, KRUSKAL, Association, Plan, Question
from gliomics.association.effects import RESAMPLES
from gliomics.cohort.patient_table import PatientTable
from gliomics.csv_files import write_csv
from gliomics.files import write_bytes
from gliomics.report.case_report import Picture
from gliomics.report.cohort.association_figures import Drawn, auc_intervals, boxes, histograms, roc, roc_curves
from gliomics.report.cohort.page import Listing, Section, write_page
from gliomics.report.cohort.record import RECORD, Drawing
from gliomics.report.drawing import to_png, to_svg

FILES = ("associations.csv", "roc.csv", "associations.html", "masks.csv", RECORD)
MOST_DRAWN = 9
"""Features that are drawn of each target: those of the smallest p-values of Kruskal and Wallis' test."""
_MOST_LISTED = 12
_COLUMNS = (
    "feature", "target", "class", "test", "n", "statistic", "p", "p_bonferroni", "p_holm", "p_fdr",
    "effect", "effect_low", "effect_high", "measure", "group", "n_class", "p_se", "note",
)  # fmt: skip
_FIGURES = ("auc", "boxes", "histograms", "roc")
_CORRECTIONS = ("p", "p_bonferroni", "p_holm", "p_fdr")


@dataclass(frozen=True)
class Results:
    """What was asked of a table, by which plan, and what came of it; ``groups`` are by patient."""

    table: PatientTable
    asked: Sequence[Question]
    rows: Sequence[Association]
    plan: Plan
    groups: Mapping[str, str] | None = None


def write_associations(
    out: Path, results: Results, origins: Mapping[str, str], more: Sequence[Section] = ()
) -> list[Drawing]:
    """Write tables, figures and the page into a folder; return the figures.

    ``origins`` are lines for the end of the page, ``more`` sections that follow its own.
    """
    rows, table = results.rows, results.table
    listed = [{**asdict(row), "class": row.class_, "measure": EFFECTS[row.test]} for row in rows]
    write_csv(out / "associations.csv", listed, _COLUMNS)
    sections, curves, drawings = [_summary(rows, results.plan)], [], []
    for number, question in enumerate([question for question in results.asked if question.group == ALL], start=1):
        of_target = [row for row in rows if (row.target, row.group) == (question.target, ALL)]
        drawn = _drawn(results, question, of_target)
        pictures = []
        if drawn is not None:
            name = f"{number}_{_slug(question.target)}"
            pictures = _pictures(out, name, drawn, of_target)
            drawings += [
                Drawing(f"{kind}_{name}.png", f"{question.target}: {picture.caption}")
                for kind, picture in zip(_FIGURES, pictures, strict=True)
            ]
            curves += _curves(drawn, question.target)
        sections.append(_of_target(question, of_target, pictures))
    write_csv(out / "roc.csv", curves, ["feature", "target", "class", "false_positive_rate", "true_positive_rate"])
    introduction = f"{len(table.names)} features of {len(table.patients)} patients."
    write_page(out / "associations.html", "What the features go with", introduction, [*sections, *more], origins)
    return drawings


def discoveries(rows: Sequence[Association]) -> list[str]:
    """For each test of all patients in words, how many p-values are below 0.05."""
    lines = []
    for test in EFFECTS:
        tested = [row for row in rows if (row.group, row.test) == (ALL, test) and not math.isnan(row.p)]
        bonferroni, fdr = (sum(getattr(row, name) < 0.05 for row in tested) for name in ("p_bonferroni", "p_fdr"))
        lines.append(f"{test}: of {len(tested)} p-values {bonferroni} below 0.05 by Bonferroni, {fdr} by FDR")
    return lines


def _summary(rows: Sequence[Association], plan: Plan) -> Section:
    methods = (
        f"Each feature was cut at its {plan.cut} and tested against the classes by Fisher's exact test of r x c tables "
        "(Freeman and Halton 1951; of many possible tables 99,999 are drawn). Its values were tested by Kruskal and "
        "Wallis' test, and one class against all others by Mann and Whitney's. Within each test and group, p-values "
        "are corrected over all features, targets and classes by Bonferroni, Holm (1979) and Benjamini and Hochberg "
        f"(1995). Intervals are 95 % bootstrap ones ({RESAMPLES:,} resamples of the patients within each class), those "
        "of Cramer's V and epsilon squared moved by twice the bootstrap's bias. Classes of fewer than "
        f"{plan.least} patients are left out."
    )
    families = list(dict.fromkeys((row.group, row.test) for row in rows))
    lines = []
    for group, test in families:
        family = [row for row in rows if (row.group, row.test) == (group, test)]
        tested = [row for row in family if not math.isnan(row.p)]
        found = [str(sum(getattr(row, name) < 0.05 for row in tested)) for name in _CORRECTIONS]
        chance = f"{0.05 * len(tested):.1f}"
        lines.append([group, test, str(len(tested)), str(len(family) - len(tested)), chance, *found])
    header = ["group", "test", "tests", "refused", "by chance", "p < 0.05", "Bonferroni", "Holm", "FDR"]
    caption = "Tests with p below 0.05, uncorrected and corrected; by chance: how many of the first would be expected."
    return Section("How many", [methods], tables=[Listing(header, lines, range(2, 9), caption)])


def _of_target(question: Question, rows: Sequence[Association], pictures: Sequence[Picture]) -> Section:
    counts = Counter(question.labels.values())
    listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
    notes = Counter(row.note for row in rows if row.note)
    warnings = [f"{note} ({count} rows)" for note, count in notes.most_common(5)]
    tables = []
    for test in EFFECTS:
        tested = sorted((row for row in rows if row.test == test and not math.isnan(row.p)), key=lambda row: row.p)
        if tested:
            tables.append(_strongest(test, tested))
    return Section(
        question.target, [f"{sum(counts.values())} patients ({listed})."], warnings, tables, pictures
    )  # fmt: skip


def _strongest(test: str, tested: Sequence[Association]) -> Listing:
    lines = [
        [
            row.feature, row.class_ or "all", f"{row.n}", f"{row.p:.2g}", f"{row.p_bonferroni:.2g}",
            f"{row.p_holm:.2g}", f"{row.p_fdr:.2g}",
            f"{row.effect:.2f} ({row.effect_low:.2f} to {row.effect_high:.2f})",
        ]
        for row in tested[:_MOST_LISTED]
    ]  # fmt: skip
    caption = f"{test}: the {len(lines)} smallest of {len(tested)} p-values."
    header = ["feature", "class", "n", "p", "Bonferroni", "Holm", "FDR", EFFECTS[test]]
    return Listing(header, lines, range(2, 8), caption)


def _drawn(results: Results, question: Question, rows: Sequence[Association]) -> Drawn | None:
    """The strongest features of a target; None where every test was refused."""
    tested = sorted((row for row in rows if row.test == KRUSKAL and not math.isnan(row.p)), key=lambda row: row.p)
    names = [row.feature for row in tested[:MOST_DRAWN]]
    counts = Counter(question.labels.values())
    classes = sorted(name for name, count in counts.items() if count >= results.plan.least)
    if not names or len(classes) < 2:
        return None
    own = results.table.of([patient for patient, label in question.labels.items() if label in classes])
    groups, other = results.groups or {}, ALL if results.groups is None else "not known"
    types = np.array([groups.get(patient, other) for patient in own.patients])
    values = own.values[:, [own.names.index(name) for name in names]]
    labels = np.array([question.labels[patient] for patient in own.patients])
    return Drawn(names, values, labels, types, classes, sorted({*types.tolist()}))


def _pictures(out: Path, name: str, drawn: Drawn, rows: Sequence[Association]) -> list[Picture]:
    """Draw a target's figures into files (PNG and SVG) and for the page."""
    n = len(drawn.labels)
    features = f"the {len(drawn.names)} features with the smallest p-values"
    figures = {
        "auc": (auc_intervals(drawn, rows), f"AUC with 95 % intervals of {features}, n = {n}."),
        "boxes": (boxes(drawn), f"{features[0].upper()}{features[1:]} by class, n = {n}; box: quartiles and median."),
        "histograms": (histograms(drawn), f"Patients by value and class, n = {n}; dashed: median of all patients."),
        "roc": (roc_curves(drawn, rows), f"ROC curves of each class against all others, n = {n}."),
    }
    pictures = []
    for kind in _FIGURES:
        figure, caption = figures[kind]
        png = to_png(figure)
        write_bytes(out / f"{kind}_{name}.png", png)
        write_bytes(out / f"{kind}_{name}.svg", to_svg(figure))
        pictures.append(Picture(png, caption, caption))
    return pictures


def _curves(drawn: Drawn, target: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for feature, name in enumerate(drawn.names):
        for class_ in drawn.classes:
            for false, true in zip(*roc(drawn, feature, class_), strict=True):
                point = {"false_positive_rate": float(false), "true_positive_rate": float(true)}
                rows.append({"feature": name, "target": target, "class": class_, **point})
    return rows


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40] or "target"
