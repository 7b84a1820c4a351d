"""How good the masks of a folder are as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gliomics.evaluation.groups import Groups
from gliomics.evaluation.masks import Evaluation, PatientScores
from gliomics.evaluation.tables import (
    class_rows,
    region_rows,
    source_rows,
    statistics,
    subgroup_rows,
    summary_rows,
)
from gliomics.models import LEAST_FOR_INTERVAL
from gliomics.report.case_report import Picture
from gliomics.report.cohort.page import Listing, Section, write_page

PAGE = "evaluation.html"

_METRICS = {
    "dice": ("Dice", 3), "iou": ("IoU", 3), "precision": ("precision", 3), "sensitivity": ("sensitivity", 3),
    "hausdorff_95_mm": ("95 % Hausdorff distance, mm", 1), "surface_distance_mm": ("average surface distance, mm", 2),
    "hausdorff_95_voxels": ("95 % Hausdorff distance, voxels", 1),
    "surface_distance_voxels": ("average surface distance, voxels", 2),
    "relative_volume_error": ("relative volume error", 3), "lesion_sensitivity": ("share of lesions found", 3),
    "false_positive_lesions": ("false lesions of a patient", 2),
}  # fmt: skip
"""What stands on the page, in words, and to how many places."""
_OF_REGION = {
    "dice": ("Dice", 3), "lesionwise_dice": ("lesion-wise Dice", 3), "hausdorff_95_mm": ("HD95, mm", 1),
    "hausdorff_95_voxels": ("HD95, voxels", 1), "lesionwise_hausdorff_95_mm": ("lesion-wise HD95, mm", 1),
}  # fmt: skip
_OF_PATIENT = {
    "dice": ("Dice", 3), "hausdorff_95_mm": ("HD95, mm", 1), "hausdorff_95_voxels": ("HD95, voxels", 1),
    "relative_volume_difference": ("volume", 3),
}  # fmt: skip
_OF_PIXELS = {"f1": "F1 = Dice", "iou": "IoU"}
_PICTURES = {
    "dice": "The Dice of each patient, with mean and median.",
    "examples": "The best, the median and the worst patient, on the slice where the reference is largest.",
    "parts": (
        "The best, the median and the worst patient by the mean Dice of whole, core and enhancing, which stand above "
        "in this order, on the slice where the reference has most of the core."
    ),
    "confusion": "All voxels by what the reference calls them (rows) and what the mask does (columns).",
}

Row = Mapping[str, Any]


def write_evaluation_page(
    evaluation: Evaluation, groups: Groups, pictures: Mapping[str, bytes], folder: Path, origins: Mapping[str, str]
) -> None:
    """Write :data:`PAGE` into a folder.

    ``pictures`` are PNGs by the names of the files beside the page, ``origins`` lines for its closing table.
    """
    shown = {name: Picture(png, _PICTURES[name], _PICTURES[name]) for name, png in pictures.items()}
    headline = evaluation.headline
    sections = [
        _overall(evaluation, [shown["dice"]]),
        *([_regions(headline, [shown["parts"]] if "parts" in shown else [])] if headline.has_parts else []),
        Section("Best, median and worst", pictures=[shown["examples"]] if "examples" in shown else []),
        _subgroups(evaluation, groups),
        _voxels(headline, [shown["confusion"]]),
        _patients(evaluation, groups),
    ]
    introduction = f"Studies: {len(evaluation.studies)}. Patients: {len(evaluation.patients)}."
    written = [section for section in sections if section.tables or section.pictures]
    write_page(folder / PAGE, "How good the masks are", introduction, written, origins)


def _overall(evaluation: Evaluation, pictures: Sequence[Picture]) -> Section:
    headline = evaluation.headline
    learned_from = len(evaluation.part(in_sample=True).patients)
    warnings = []
    if learned_from and headline is evaluation:
        warnings = ["The model that made the masks learned from all of these patients: no measure of others."]
    elif learned_from:
        warnings = [f"Patients that the model learned from, who are left out of all averages: {learned_from}."]
    if len(headline.patients) < LEAST_FOR_INTERVAL:
        warnings.append(f"Fewer than {LEAST_FOR_INTERVAL} patients: too few for intervals.")
    rows = [row for row in summary_rows(headline) if row["metric"] in _METRICS and row["n"]]
    lines = []
    for metric, (name, places) in _METRICS.items():
        mean, median = (_row(rows, metric, statistic) for statistic in ("mean", "median"))
        if mean is not None and median is not None:
            lines.append([name, _with_interval(mean, places), _with_interval(median, places), str(mean["n"])])
    paragraph = (
        "Averages are over patients; one with several studies counts once. Intervals are 95 % percentile bootstrap "
        "intervals over patients (10,000 resamples)."
    )
    listing = Listing(["metric", "mean", "median", "patients"], lines, range(1, 4))
    return Section("Over all", [paragraph], warnings, [listing], pictures)


def _regions(headline: Evaluation, pictures: Sequence[Picture]) -> Section:
    rows = [row for row in region_rows(headline) if row["statistic"] == "mean" and row["n"]]
    metrics = [metric for metric in _OF_REGION if any(row["metric"] == metric for row in rows)]
    lines = []
    for region in dict.fromkeys(row["region"] for row in rows):
        of_region = [row for row in rows if row["region"] == region]
        means = [_row(of_region, metric, "mean") for metric in metrics]
        cells = [
            "" if mean is None else _with_interval(mean, _OF_REGION[metric][1])
            for metric, mean in zip(metrics, means, strict=True)
        ]
        lines.append([region, *cells, str(max(row["n"] for row in of_region))])
    header = ["region", *(_OF_REGION[metric][0] for metric in metrics), "patients"]
    caption = "Means over patients; lesion by lesion as BraTS 2023 and 2024 defines it."
    listing = Listing(header, lines, range(1, len(header)), caption)
    return Section("Parts of the tumour", tables=[listing], pictures=pictures)


def _subgroups(evaluation: Evaluation, groups: Groups) -> Section:
    tables = []
    rows = [row for row in subgroup_rows(evaluation, groups) if row["metric"] == "dice"]
    for group in groups:
        of_group = [row for row in rows if row["group"] == group]
        lines = [
            [mean["value_of_group"], _with_interval(mean, 3), _with_interval(median, 3), str(mean["n"])]
            for mean, median in zip(of_group[::2], of_group[1::2], strict=True)
        ]
        header = [group.replace("_", " "), "mean Dice", "median Dice", "patients"]
        tables.append(Listing(header, lines, range(1, 4)))
    return Section("By group of patients", tables=tables)


def _voxels(headline: Evaluation, pictures: Sequence[Picture]) -> Section:
    classes = [
        [row["class"], *(_number(row[name], 3) for name in ("precision", "recall", "f1")), f"{row['support']:,}"]
        for row in class_rows(headline)
    ]
    levels = [
        [
            _OF_PIXELS.get(row["metric"], row["metric"].replace("_", " ")),
            *(_number(row[name], 3) for name in ("pooled", "slices_with_lesion", "all_slices", "patients")),
        ]
        for row in source_rows(headline)
    ]
    paragraph = (
        "Published figures are often over voxels or slices. These differ from those over patients more than models "
        "do; compare only what is over the same."
    )
    tables = [
        Listing(["class", "precision", "recall", "F1", "voxels"], classes, range(1, 5)),
        Listing(
            ["metric", "all voxels pooled", "slices with lesion", "all slices", "patients"], levels, range(1, 5),
            "The same metric, averaged over different things",
        ),
    ]  # fmt: skip
    return Section("By voxel and slice", [paragraph], tables=tables, pictures=pictures)


def _patients(evaluation: Evaluation, groups: Groups) -> Section:
    ranked = sorted(evaluation.patients, key=lambda patient: patient.values["dice"])
    metrics = {row["metric"]: _OF_PATIENT[row["metric"]] for row in statistics(ranked, list(_OF_PATIENT)) if row["n"]}
    shown = [group for group in groups if group != "in_sample"]  # its note says so
    have_notes = any(patient.notes for patient in ranked)
    header = [
        "patient", *(name for name, _ in metrics.values()), "found", "false",
        *(group.replace("_", " ") for group in shown), *(["notes"] if have_notes else []),
    ]  # fmt: skip
    lines = [
        [
            patient.patient_id,
            *(_number(patient.values[metric], places) for metric, (_, places) in metrics.items()),
            _found(patient),
            str(sum(int(study.values["false_positive_lesions"]) for study in patient.studies)),
            *(groups[group][patient.patient_id] for group in shown),
            *(["; ".join(patient.notes)] if have_notes else []),
        ]
        for patient in ranked
    ]
    caption = (
        "The lowest Dice first. HD95: 95 % Hausdorff distance. Volume: what the mask has more (or less) than the "
        "reference, by its share. Found, false: lesions."
    )
    return Section("By patient", tables=[Listing(header, lines, range(1, len(metrics) + 3), caption)])


def _found(patient: PatientScores) -> str:
    found, every = (sum(int(study.values[name]) for study in patient.studies) for name in ("found_lesions", "lesions"))
    return f"{found} of {every}"


def _row(rows: Sequence[Row], metric: str, statistic: str) -> Row | None:
    found = [row for row in rows if (row["metric"], row["statistic"]) == (metric, statistic)]
    return found[0] if found else None


def _with_interval(row: Row, places: int) -> str:
    low, high = (_number(row[name], places) for name in ("low", "high"))
    return _number(row["value"], places) + (f" ({low} to {high})" if low else "")


def _number(value: float, places: int) -> str:
    """A number in words; nothing where it is not defined."""
    return f"{value:.{places}f}" if value == value else ""
