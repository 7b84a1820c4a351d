"""Survival of a cohort as tables, figures and a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gliomics.csv_files import write_csv
from gliomics.files import write_bytes
from gliomics.report.case_report import Picture
from gliomics.report.cohort.page import Listing, Section, write_page
from gliomics.report.cohort.record import RECORD, Drawing
from gliomics.report.cohort.survival_plots import accuracy_over_time, forest, p_words, survival_curves
from gliomics.report.drawing import to_png, to_svg
from gliomics.survival.elastic_net import L1_RATIOS, STRENGTHS
from gliomics.survival.figures import AUC, BRIER, C_INDEX, INTEGRATED_BRIER, figures, rows_over_time
from gliomics.survival.hazards import SCORE, hazard_rows
from gliomics.survival.kaplan_meier import log_rank, median_follow_up
from gliomics.survival.outcomes import YEAR
from gliomics.survival.table import SurvivalTable
from gliomics.survival.validation import (
    BOTH,
    CLINICAL,
    RADIOMICS,
    Validation,
    curve_rows,
    risk_rows,
)

FILES = (
    "survival.csv", "over_time.csv", "hazard_ratios.csv", "kaplan_meier.csv", "out_of_fold.csv", "left_out.csv",
    "kaplan_meier.png",
    "accuracy.png", "hazard_ratios.png", "kaplan_meier.svg", "accuracy.svg", "hazard_ratios.svg",
    "survival.html", RECORD,
)  # fmt: skip
_FIGURES = {
    "kaplan_meier": "Kaplan-Meier curves with 95 % bands; ticks: censored patients; below: patients at risk.",
    "accuracy": (
        "Out-of-fold AUC and Brier score over time with pointwise 95 % bootstrap intervals over patients; the AUC from "
        "the time on by which 8 patients have had the event. 'No predictor' gives everybody the survival of the "
        "training patients."
    ),
    "hazard_ratios": (
        "Hazard ratios with 95 % intervals. Brackets: what was fitted together; 'alone': one feature per model, the "
        f"features with the smallest p. The {SCORE} and features are per standard deviation."
    ),
}
DRAWINGS = [Drawing(f"{name}.png", caption) for name, caption in _FIGURES.items()]
_MEASURES = {C_INDEX: "C-index", AUC: "AUC", BRIER: "Brier score", INTEGRATED_BRIER: "integrated Brier score"}
_LISTED = 12
"""Patients who are left out that the page names; the table has all."""


def write_survival(out: Path, validation: Validation, origins: Mapping[str, str]) -> list[str]:
    """Write :data:`FILES` but the record into the folder ``out``; return the few sentences that say what came of it.

    ``origins`` say where the input comes from and how it was read.
    """
    table = validation.table
    rows, over_time, hazards = figures(validation), rows_over_time(validation), hazard_rows(validation)
    told = findings(validation, rows, hazards)
    write_csv(out / "survival.csv", rows)
    write_csv(out / "over_time.csv", over_time)
    write_csv(out / "hazard_ratios.csv", hazards)
    write_csv(out / "kaplan_meier.csv", curve_rows(table))
    write_csv(out / "out_of_fold.csv", risk_rows(validation))
    left_out = [{"name": p, "kind": "patient", "reason": reason} for p, reason in table.left_out.items()]
    left_out += [{"name": name, "kind": "feature", "reason": reason} for name, reason in table.dropped.items()]
    write_csv(out / "left_out.csv", left_out, ["name", "kind", "reason"])
    pictures = _pictures(validation, over_time, hazards)
    for name, (_, picture, svg) in zip(_FIGURES, pictures, strict=True):
        write_bytes(out / f"{name}.png", picture.png)
        write_bytes(out / f"{name}.svg", svg)
    sections = [
        Section("What is told", told),
        *(Section(title, pictures=[picture]) for title, picture, _ in pictures),
        Section("Figures", tables=[_listing(table, rows)]),
        Section("Patients", _flow(table)),
        Section("How it was done", _methods(validation)),
    ]
    introduction = f"{summary(table)}. Every patient is estimated by models of others."
    write_page(out / "survival.html", "Survival", introduction, sections, origins)
    return told


def summary(table: SurvivalTable) -> str:
    """Patients, events and follow-up, in one line."""
    median = median_follow_up(table.time, table.event)[0] / YEAR[table.unit]
    follow_up = f"{median:.1f} years" if median == median else "not reached"
    return f"{len(table.patients)} patients, {table.event.sum()} events, median follow-up {follow_up}"


def findings(
    validation: Validation, rows: Sequence[Mapping[str, Any]], hazards: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What the tables say, in a sentence each."""
    table = validation.table
    c_index = {(row["model"], row["minus"]): row for row in rows if row["measure"] == C_INDEX}
    lines = [
        f"C-index of {model}: {_interval(c_index[model, None])}."
        for model in (CLINICAL, RADIOMICS, BOTH)
        if (model, None) in c_index
    ]
    if (BOTH, CLINICAL) in c_index:
        difference = c_index[BOTH, CLINICAL]
        carried = "adds to" if difference["low"] > 0 else "takes from" if difference["high"] < 0 else None
        verdict = f"radiomics {carried} the clinical values" if carried else "no difference is shown"
        lines.append(f"Both less clinical: {_interval(difference, '+')}; {verdict}.")
    if table.groups:
        known = table.group >= 0
        test = log_rank(table.time[known], table.event[known], table.group[known])
        lines.append(f"Log-rank test of {len(table.groups)} groups: p {p_words(test.p)}.")
    for reason, without in _without_ratio(hazards).items():
        lines.append(f"No hazard ratio of {', '.join(without)}: {reason}.")
    changing = [row["covariate"] for row in hazards if row["model"] == "clinical" and row["schoenfeld_p"] < 0.05]
    if changing:
        lines.append(f"Hazards are not proportional for {', '.join(changing)}: read such a ratio as a mean over time.")
    return lines


def _without_ratio(hazards: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Clinical values and groups whose model has no solution, by the reason."""
    reasons: dict[str, list[str]] = {}
    for row in hazards:
        if row["note"] and row["model"] in ("clinical", "groups"):
            reasons.setdefault(row["note"], []).append(row["covariate"])
    return reasons


def _flow(table: SurvivalTable) -> list[str]:
    lines = [f"{summary(table)}."]
    features_of = {p: reason for p, reason in table.left_out.items() if reason != "no features"}
    for reason, count in Counter(features_of.values()).items():
        names = [p for p, of_patient in features_of.items() if of_patient == reason]
        more = f" and {count - _LISTED} more" if count > _LISTED else ""
        lines.append(f"Left out, {reason}: {', '.join(names[:_LISTED])}{more}.")
    if without := len(table.left_out) - len(features_of):
        lines.append(f"{without} patients of the table of outcomes have no features.")
    if table.dropped:
        lines.append(f"{len(table.dropped)} of {len(table.dropped) + len(table.names)} features are not used.")
    lines.append("left_out.csv names all of them.")
    return lines


def _pictures(
    validation: Validation, over_time: Sequence[Mapping[str, Any]], hazards: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Picture, bytes]]:
    drawn = (
        ("Survival", survival_curves(validation.table)),
        ("Accuracy over time", accuracy_over_time(over_time)),
        ("Hazard ratios", forest(hazards)),
    )
    return [
        (title, Picture(to_png(figure), caption, caption), to_svg(figure))
        for (title, figure), caption in zip(drawn, _FIGURES.values(), strict=True)
    ]


def _listing(table: SurvivalTable, rows: Sequence[Mapping[str, Any]]) -> Listing:
    lines = []
    for row in rows:
        model = row["model"] if row["minus"] is None else f"{row['model']} less {row['minus']}"
        until = "until" if row["measure"] == INTEGRATED_BRIER else "at"
        at = "" if row["time"] != row["time"] else f" {until} {row['time'] / YEAR[table.unit]:.3g} years"
        sign = "" if row["minus"] is None else "+"
        lines.append(
            [model, f"{_MEASURES[row['measure']]}{at}", _interval(row, sign), str(row["n"]), str(row["events"])]
        )
    return Listing(["model", "figure", "value (95 % interval)", "n", "events"], lines, numbers=(2, 3, 4))


def _methods(validation: Validation) -> list[str]:
    table = validation.table
    repeats = len(next(iter(validation.models.values())).risk)
    lines = [
        f"Every patient was estimated by models of others: five folds by patient, stratified by event, {repeats} "
        "times. Scales, values for missing features, coefficients and the penalty come from the training patients.",
        f"Radiomics: an elastic-net Cox model of {len(table.names)} features. Candidates: {len(STRENGTHS)} penalties "
        f"for each of the L1 shares {' and '.join(map(str, L1_RATIOS))}, chosen by the cross-validated partial "
        "likelihood (Verweij and van Houwelingen 1993) over five inner folds. "
        f"In {_share(validation, RADIOMICS)} training folds it took none of the features"
        + (f", on top of the clinical model in {_share(validation, BOTH)}." if table.clinical_names else "."),
        "Intervals are 95 % bootstraps over patients, drawn within those with the event and those without, the same in "
        "every repeat and for both models of a difference. They do not hold how other training patients would change "
        "the models.",
        "C-index: Harrell 1982. AUC and Brier score at a time: weighted for censoring (Uno 2007; Graf 1999). "
        "Integrated Brier score: its mean from 0 to the last time beyond which 8 patients are followed. "
        "Kaplan-Meier intervals: Greenwood's, of log(-log S). Proportional hazards: Grambsch and Therneau 1994. "
        "Follow-up: reverse Kaplan-Meier.",
    ]
    if table.clinical_names:
        lines.insert(1, f"Clinical: a Cox model of {', '.join(table.clinical_names)}, which the model of both keeps.")
    return lines


def _share(validation: Validation, model: str) -> str:
    fits = sum(name == model for name, _ in validation.choices)
    return f"{validation.times_empty[model]} of {fits}"


def _interval(row: Mapping[str, Any], sign: str = "") -> str:
    value, low, high = (format(row[name], f"{sign}.3f") for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
