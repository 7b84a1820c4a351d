"""What the commands on cohorts keep of how they came to their results, for the record of their folder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gliomics.association.associate import ALL
from gliomics.association.effects import RESAMPLES
from gliomics.association.expression import Information
from gliomics.association.masks import UnderMasks
from gliomics.cohort.patient_table import PatientTable
from gliomics.report.cohort.associations import Results
from gliomics.report.cohort.record import Analysis, Drawing, Step
from gliomics.report.cohort.survival import DRAWINGS
from gliomics.subtype.classifier import FOLDS
from gliomics.survival.elastic_net import L1_RATIOS, STRENGTHS
from gliomics.survival.kaplan_meier import median_follow_up
from gliomics.survival.validation import NOBODY, RADIOMICS, Validation


def analysis_of_associations(
    results: Results, drawings: Sequence[Drawing], by: str | None, under_masks: UnderMasks | None = None
) -> Analysis:
    """How associations were tested: of each target, who has no class and whose class is too small.

    ``under_masks`` is what they are under other masks, where these were given.
    """
    plan, patients = results.plan, results.table.patients
    flow = []
    for question in (question for question in results.asked if question.group == ALL):
        part, labels, counts = question.target, question.labels, Counter(question.labels.values())
        without = {p: f"no {part}" for p in patients if p not in labels}
        small = {p: f"class {label}: {counts[label]} only" for p, label in labels.items() if counts[label] < plan.least}
        flow += [
            Step(part, "with features", len(patients)),
            Step(part, f"with {part}", len(labels), without),
            Step(part, f"in classes of {plan.least} or more, tested", len(labels) - len(small), small),
        ]
    tested = sum(not math.isnan(row.p) for row in results.rows)
    settings = {"by": by, "cut": plan.cut, "least": plan.least, "seed": plan.seed}
    targets = list(dict.fromkeys(question.target for question in results.asked))
    masks = [] if under_masks is None else list(under_masks.rows)
    numbers = {"tests": tested, "refused": len(results.rows) - tested, "resamples": RESAMPLES}
    if under_masks is not None:
        numbers |= {
            "patients_under_all_masks": under_masks.n_patients,
            "features_under_all_masks": len(under_masks.icc),
        }
    return Analysis(
        kind="associate",
        settings={"targets": targets, **settings, "masks": masks},
        numbers=numbers,
        flow=flow,
        tables=["associations.csv", "roc.csv", *(["masks.csv"] if masks else [])],
        drawings=list(drawings),
    )


def analysis_of_expression(
    tables: tuple[PatientTable, PatientTable],
    result: Information,
    settings: Mapping[str, Any],
    drawings: Sequence[Drawing],
) -> Analysis:
    """How information was estimated; ``tables`` are of features and of genes."""
    features, genes = tables
    without = {p: "no expression" for p in features.patients if p not in set(genes.patients)}
    flow = [
        Step("expression", "with features", len(features.patients)),
        Step("expression", "with expression, analysed", len(features.patients) - len(without), without),
    ]
    sizes = {"features": len(result.features), "genes": len(result.genes)}
    return Analysis(
        kind="expression",
        settings=dict(settings),
        numbers={**sizes, "fewest": min(result.n), "most": max(result.n), "left_out": result.left_out},
        flow=flow,
        tables=["associations.csv", "information_histogram.csv", "information_nearest.csv"],
        drawings=list(drawings),
    )


def analysis_of_survival(validation: Validation, settings: Mapping[str, Any]) -> Analysis:
    """How models of survival were judged, and who is not among their patients."""
    table = validation.table
    left_out = {p: reason for p, reason in table.left_out.items() if reason != "no features"}
    clinical = {p: reason for p, reason in left_out.items() if reason == "a clinical value is missing"}
    without = {p: reason for p, reason in left_out.items() if p not in clinical}
    patients = len(table.patients)
    flow = [
        Step("survival", "with features", patients + len(left_out)),
        Step("survival", "with time and event", patients + len(clinical), without),
    ]
    if table.clinical_names:
        flow.append(Step("survival", "with clinical values, analysed", patients, clinical))
    follow_up = median_follow_up(table.time, table.event)[0]
    return Analysis(
        kind="survival",
        settings=dict(settings),
        numbers={
            "patients": patients,
            "events": int(table.event.sum()),
            "unit": table.unit,
            "median_follow_up": None if math.isnan(follow_up) else round(float(follow_up), 3),
            "features": len(table.names),
            "features_left_out": len(table.dropped),
            "clinical_columns": table.clinical_names,
            "groups": table.groups,
            "folds": FOLDS,
            "horizons": [round(horizon, 3) for horizon in validation.horizons],
            "penalties": len(STRENGTHS),
            "l1_shares": list(L1_RATIOS),
            "training_fits": sum(name == RADIOMICS for name, _ in validation.choices),
            "training_fits_without_features": validation.times_empty[RADIOMICS],
            "models": [name for name in validation.models if name != NOBODY],
        },
        flow=flow,
        tables=[
            "survival.csv",
            "over_time.csv",
            "hazard_ratios.csv",
            "kaplan_meier.csv",
            "out_of_fold.csv",
            "left_out.csv",
        ],
        drawings=DRAWINGS,
    )
