"""The tables of an evaluation, as CSV files.

A number is written so that it reads back exactly; what is undefined is an empty cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.csv_files import write_csv
from gliomics.evaluation.groups import Groups
from gliomics.evaluation.masks import COUNTS, METRICS, Evaluation, PatientScores
from gliomics.evaluation.parts import REGION_COUNTS, REGION_METRICS, REGIONS, RegionValues
from gliomics.evaluation.pixelwise import PIXEL_METRICS, mean_over
from gliomics.models import LEAST_FOR_INTERVAL
from gliomics.statistics.bootstrap import bootstrap_interval

SUBGROUP_METRICS = (
    "dice", "iou", "precision", "sensitivity", "hausdorff_95_mm", "surface_distance_mm", "hausdorff_95_voxels",
    "surface_distance_voxels", "relative_volume_error", "relative_volume_difference", "lesion_sensitivity",
    "false_positive_lesions",
)  # fmt: skip
"""Metrics whose averages are given for each subgroup."""

TABLES = ("patients", "summary", "sources", "classes", "subgroups")
"""The files that are written, each with ``.csv``."""
PART_TABLES = ("regions", "studies")
"""What is written besides where the parts of tumours were judged."""

Row = dict[str, Any]
_STATISTIC = ("metric", "statistic", "value", "low", "high", "n")
_STATISTICS: Mapping[str, Callable[..., Any]] = {"mean": np.mean, "median": np.median}


def write_tables(evaluation: Evaluation, groups: Groups, folder: Path) -> None:
    """Write the :data:`TABLES`, and the :data:`PART_TABLES` where the parts of tumours were judged.

    Patients that the masks' model had learned from are in the tables of patients, subgroups and studies only.
    """
    headline = evaluation.headline
    tables = (
        patient_rows(evaluation, groups),
        summary_rows(headline),
        source_rows(headline),
        class_rows(headline),
        subgroup_rows(evaluation, groups),
    )
    for name, rows in zip(TABLES, tables, strict=True):
        write_csv(folder / f"{name}.csv", rows, None if rows else ["group", "value_of_group", *_STATISTIC])
    if evaluation.has_parts:
        write_csv(folder / "regions.csv", region_rows(headline), ["region", *_STATISTIC])
        write_csv(folder / "studies.csv", study_rows(evaluation))


def patient_rows(evaluation: Evaluation, groups: Groups) -> list[Row]:
    """One row per patient: the metrics, those of each region where there are any, the patient's groups and notes."""
    return [
        {
            "patient_id": patient.patient_id,
            "studies": len(patient.studies),
            **patient.values,
            **(_by_region(patient.regions) if evaluation.has_parts else {}),
            **{f"group_{name}": by_patient[patient.patient_id] for name, by_patient in groups.items()},
            "notes": " | ".join(patient.notes),
        }
        for patient in evaluation.patients
    ]


def study_rows(evaluation: Evaluation) -> list[Row]:
    """One row per study: the values of each region, empty where the parts were not judged."""
    return [
        {"study_id": study.pair.study.id, "patient_id": patient.patient_id, **_by_region(study.regions)}
        for patient in evaluation.patients
        for study in patient.studies
    ]


def region_rows(evaluation: Evaluation) -> list[Row]:
    """Mean and median over patients of every metric of each region, with intervals; totals over studies of counts."""
    judged = [study.regions for study in evaluation.studies if study.regions]
    rows = []
    for region in REGIONS:
        values = [patient.regions[region] for patient in evaluation.patients if patient.regions]
        rows += [{"region": region, **row} for row in statistics_of(values, REGION_METRICS)]
        for metric in REGION_COUNTS:
            total = sum(study[region][metric] for study in judged)
            rows.append({"region": region, **_statistic_row(metric, "total", total, n=len(judged))})
    return rows


def summary_rows(evaluation: Evaluation) -> list[Row]:
    """Mean and median over patients of every metric, with intervals; totals over studies of counts of lesions."""
    rows = statistics(evaluation.patients, METRICS)
    for metric in COUNTS:
        total = sum(study.values[metric] for study in evaluation.studies)
        rows.append(_statistic_row(metric, "total", total, n=len(evaluation.studies)))
    return rows


def statistics(patients: Sequence[PatientScores], metrics: Sequence[str]) -> list[Row]:
    """Mean and median of each metric over the patients that have it, with 95 % bootstrap intervals over these.

    There is no interval of fewer than :data:`LEAST_FOR_INTERVAL` patients.
    """
    return statistics_of([patient.values for patient in patients], metrics)


def statistics_of(patients: Sequence[Mapping[str, float]], metrics: Sequence[str]) -> list[Row]:
    """As :func:`statistics`, of the values of each patient."""
    rows = []
    for metric in metrics:
        values = [patient[metric] for patient in patients if not np.isnan(patient[metric])]
        for name, statistic in _STATISTICS.items():
            if len(values) >= LEAST_FOR_INTERVAL:
                interval = bootstrap_interval(values, statistic=statistic)
                rows.append(_statistic_row(metric, name, interval.value, interval.low, interval.high, n=interval.n))
            else:
                value = float(statistic(values)) if values else float("nan")
                rows.append(_statistic_row(metric, name, value, n=len(values)))
    return rows


def subgroup_rows(evaluation: Evaluation, groups: Groups) -> list[Row]:
    """As :func:`summary_rows` for every group of patients, of :data:`SUBGROUP_METRICS` that some patient has."""
    metrics = [m for m in SUBGROUP_METRICS if not all(np.isnan(p.values[m]) for p in evaluation.patients)]
    rows = []
    for name, by_patient in groups.items():
        for value in sorted(set(by_patient.values())):
            inside = [patient for patient in evaluation.patients if by_patient[patient.patient_id] == value]
            rows += [{"group": name, "value_of_group": value, **row} for row in statistics(inside, metrics)]
    return rows


def source_rows(evaluation: Evaluation) -> list[Row]:
    """The source systems' metrics pooled over all voxels, as means over slices, and as means over patients.

    Slices are averaged twice: those with lesion in the reference, and all. ``n`` is how many have the metric.
    """
    pooled, slices = evaluation.voxels, evaluation.slices
    with_lesion = [confusion for confusion in slices if confusion.lesion]
    rows = []
    for metric in PIXEL_METRICS:
        row: Row = {"metric": metric, "pooled": getattr(pooled, metric)}
        row["slices_with_lesion"], row["n_slices_with_lesion"] = mean_over(with_lesion, metric)
        row["all_slices"], row["n_all_slices"] = mean_over(slices, metric)
        mean = statistics(evaluation.patients, ["dice" if metric == "f1" else metric])[0]
        row |= {
            "patients": mean["value"], "patients_low": mean["low"], "patients_high": mean["high"],
            "n_patients": mean["n"],
        }  # fmt: skip
        rows.append(row)
    return rows


def class_rows(evaluation: Evaluation) -> list[Row]:
    """The confusion matrix of all voxels, one row per class of the reference, with the class's own metrics."""
    lesion = evaluation.voxels
    return [
        {
            "class": name, "precision": confusion.precision, "recall": confusion.sensitivity, "f1": confusion.f1,
            "support": confusion.lesion, "called_background": background,
            "called_lesion": confusion.lesion - background,
        }
        for name, confusion, background in (
            ("background", lesion.swapped, lesion.true_negative), ("lesion", lesion, lesion.false_negative),
        )
    ]  # fmt: skip


def _by_region(regions: RegionValues) -> Row:
    """The values of all regions in one row, ``<region>_<metric>`` each; empty where there are none."""
    return {
        f"{region}_{metric}": regions[region][metric] if regions else float("nan")
        for region in REGIONS
        for metric in REGION_METRICS
    }


def _statistic_row(
    metric: str, statistic: str, value: float, low: float = float("nan"), high: float = float("nan"), *, n: int
) -> Row:
    return dict(zip(_STATISTIC, (metric, statistic, value, low, high, n), strict=True))
