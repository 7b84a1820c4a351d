"""``gliomics evaluate``: how good masks are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gliomics.cli.terminal.console import (
    STUDIES,
    check_apart,
    console,
    is_one_study,
    report_left_out,
    report_unreadable,
    report_unused_masks,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

    from gliomics.evaluation import Evaluation, Pair
    from gliomics.evaluation.masks import PatientScores
    from gliomics.report.part_figures import PartsExample
    from gliomics.report.segmentation_figures import Example
    from gliomics.study import Study

    Shown = TypeVar("Shown", Example, PartsExample)

evaluate = typer.Typer(help="Measure how good masks are.", no_args_is_help=True)


@evaluate.callback()
def _evaluate() -> None:
    """Measure how good masks are."""


@evaluate.command()
def segmentation(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[Path, typer.Option(help="Folder of the masks to judge, <study id>.nii.gz each.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables and pictures.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Folder of the references.  [default: STUDIES/labels/final]", show_default=False),
    ] = None,
    groups: Annotated[Path | None, typer.Option(help="Table (.csv or .tsv) of the patients, for --group.")] = None,
    numbering: Annotated[
        str | None,
        typer.Option(help="Which label of the masks is which part of the tumour, as for gliomics features."),
    ] = None,
    labels_numbering: Annotated[str | None, typer.Option(help="The same of the references.")] = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Average by this column of --groups, too; repeat.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write all of it as one page, evaluation.html, too.")
    ] = False,
) -> None:
    """Compare masks with references: Dice, surface distances, volumes, lesions and voxels, by patient and overall.

    Where both tell the parts of the tumour apart, each part is judged, too, and lesion by lesion as BraTS does.

    Studies without a mask or a reference are reported and left out. A study that cannot be evaluated is reported and
    the others go on; the exit code is 1 then.
    """
    from gliomics.errors import InputError
    from gliomics.evaluation import evaluate_masks
    from gliomics.evaluation.groups import built_in_groups, read_groups
    from gliomics.evaluation.tables import PART_TABLES, TABLES, write_tables
    from gliomics.report.evaluation_page import write_evaluation_page
    from gliomics.study import open_studies

    if (groups is None) != (not group):
        raise InputError("--groups names the table and --group a column of it; give both or neither")
    labels = labels or _default_labels(studies)
    for folder in (masks, labels):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    check_apart([out / f"{name}.csv" for name in (*TABLES, *PART_TABLES)], [groups])
    every_study = open_studies(studies, report_unreadable)
    failures = Failures(only=len(every_study) == 1)
    if len(every_study) > 1:
        for folder in (masks, labels):
            report_unused_masks(folder, every_study)
    pairs = _numbered(_pairs(every_study, masks, labels, failures), masks, labels, numbering, labels_numbering)
    patients = sorted({pair.study.patient_id for pair in pairs})
    from_table = read_groups(groups, group or [], patients) if groups is not None else {}
    evaluation = evaluate_masks(
        with_progress(pairs, "evaluating", len(pairs)),
        on_failed=lambda pair, error: failures.report(pair.study.id, error),
    )
    if not evaluation.patients:
        raise InputError(f"none of {len(every_study)} studies could be evaluated; the reasons are above")
    by_group = built_in_groups(evaluation) | from_table
    write_tables(evaluation, by_group, out)
    pictures = _write_pictures(evaluation, out)
    if report:
        write_evaluation_page(evaluation, by_group, pictures, out, {"Masks": str(masks), "References": str(labels)})
    absent = len(every_study) - len(evaluation.studies) - len(failures.errors)
    _summarise(evaluation)
    console.print(
        f"{len(evaluation.studies)} studies of {len(evaluation.patients)} patients in {out}"
        + (f", {absent} without mask or reference" if absent else "")
        + failures.summary
    )
    failures.end()


def _default_labels(studies: Path) -> Path:
    """``labels/final`` of the studies folder, also when one of its studies is pointed at."""
    return (studies.absolute().parent if is_one_study(studies) else studies) / "labels" / "final"


def _pairs(studies: Sequence[Study], masks: Path, labels: Path, failures: Failures) -> list[Pair]:
    """The studies that have a mask and a reference."""
    from gliomics.errors import InputError
    from gliomics.evaluation import Pair
    from gliomics.segmentation.mask_record import MaskRecord
    from gliomics.study import find_mask

    pairs, record = [], MaskRecord(masks)
    for study in studies:
        with failures.of(study.id):
            mask, reference = find_mask(masks, study.id), find_mask(labels, study.id)
            if mask is not None and reference is not None:
                pairs.append(Pair(study, mask, reference, record.in_sample(mask)))
                continue
            lacking = [f"no mask in {masks}"] * (mask is None) + [f"no reference in {labels}"] * (reference is None)
            report_left_out(study.id, ", ".join(lacking))
    if not pairs:
        raise InputError(
            f"none of the {len(studies)} studies has a mask <study id>.nii.gz in {masks} and a reference in {labels}"
        )
    return pairs


def _numbered(
    pairs: list[Pair], masks: Path, labels: Path, numbering: str | None, labels_numbering: str | None
) -> list[Pair]:
    """The pairs with what is known of the numbering of both folders."""
    from gliomics.cohort.numbering import labels_of_masks
    from gliomics.evaluation.parts import FolderNumbering
    from gliomics.study.numbering import parse_numbering

    for told in (numbering, labels_numbering):
        if told is not None:
            parse_numbering(told)
    of_masks = FolderNumbering(numbering, labels_of_masks(masks))
    of_references = FolderNumbering(labels_numbering, labels_of_masks(labels))
    return [replace(pair, mask_numbering=of_masks, reference_numbering=of_references) for pair in pairs]


def _write_pictures(evaluation: Evaluation, out: Path) -> dict[str, bytes]:
    """Draw the pictures into a folder; return them by name."""
    from gliomics.files import write_bytes
    from gliomics.report.drawing import to_png
    from gliomics.report.part_figures import parts_examples
    from gliomics.report.segmentation_figures import confusion_matrix, dice_by_patient, example_slices

    figures = {
        "dice": dice_by_patient({patient.patient_id: patient.values["dice"] for patient in evaluation.patients}),
        "confusion": confusion_matrix(evaluation.headline.voxels),
    }
    if examples := _examples(evaluation, _example):
        figures["examples"] = example_slices(examples)
    if evaluation.has_parts and (of_parts := _examples(evaluation, _parts_example)):
        figures["parts"] = parts_examples(of_parts)
    pictures = {name: to_png(figure) for name, figure in figures.items()}
    for name, png in pictures.items():
        write_bytes(out / f"{name}.png", png)
    return pictures


def _examples(evaluation: Evaluation, draw: Callable[[str, PatientScores], Shown]) -> list[Shown]:
    """What there is to show of the best, the median and the worst patient."""
    from gliomics.errors import GliomicsError

    examples = []
    for place, patient in evaluation.examples().items():
        try:
            examples.append(draw(place, patient))
        except GliomicsError as error:
            console.print(f"no picture of {patient.patient_id}: {error}", style="yellow", markup=False)
    return examples


def _example(place: str, patient: PatientScores) -> Example:
    """The image that stands for a study, with both masks, on the reference's grid."""
    from gliomics.evaluation.masks import read_pair
    from gliomics.report.segmentation_figures import Example
    from gliomics.study import read_volume, resample_to

    scores = patient.typical
    study = scores.pair.study
    mask, reference = read_pair(scores.pair)
    return Example(
        f"{place}: {_name(patient)}\nDice {scores.values['dice']:.3f}",
        resample_to(read_volume(study.path(study.default_sequence)), reference),
        reference,
        mask,
        study.spacing_known,
    )


def _parts_example(place: str, patient: PatientScores) -> PartsExample:
    """As :func:`_example`, with the parts; on contrast-enhanced T1, where these are seen."""
    from gliomics.evaluation.masks import read_regions
    from gliomics.evaluation.parts import NESTED
    from gliomics.report.part_figures import PartsExample
    from gliomics.study import read_volume, resample_to

    scores = patient.typical
    study = scores.pair.study
    mask, reference = read_regions(scores.pair)
    image = read_volume(study.path("t1c" if "t1c" in study.sequences else study.default_sequence))
    dice = ", ".join(f"{scores.regions[region]['dice']:.2f}" for region in NESTED)
    return PartsExample(
        f"{place}: {_name(patient)}\nDice {dice}",
        resample_to(image, reference["whole"]),
        reference,
        mask,
        study.spacing_known,
    )


def _name(patient: PatientScores) -> str:
    study = patient.typical.pair.study
    return study.patient_id if len(patient.studies) == 1 else f"{study.patient_id}, study {study.id}"


def _summarise(evaluation: Evaluation) -> None:
    """Mean and median Dice, of patients that the model learned from apart."""
    from gliomics.evaluation.tables import statistics

    for in_sample in (False, True):
        patients = evaluation.part(in_sample=in_sample).patients
        among = " that the model learned from: no measure of others" if in_sample else ""
        for row in statistics(patients, ["dice"]) if patients else []:
            interval = f" ({row['low']:.3f} to {row['high']:.3f})" if row["low"] == row["low"] else ""
            line = f"{row['statistic']} Dice {row['value']:.3f}{interval}, {row['n']} patients{among}"
            console.print(line, style="yellow" if in_sample else None, markup=False)
    if evaluation.headline.has_parts:
        console.print(_table_of_regions(evaluation.headline))


def _table_of_regions(evaluation: Evaluation) -> Table:
    """Means over patients of each region, with their intervals."""
    from rich.table import Table

    from gliomics.evaluation.tables import region_rows

    known = {study.pair.study.spacing_known for study in evaluation.studies}
    lengths = [length for length, is_known in (("mm", True), ("voxels", False)) if is_known in known]
    metrics = {"dice": "Dice", "lesionwise_dice": "lesion-wise Dice"}
    for length in lengths:
        metrics |= {
            f"hausdorff_95_{length}": f"HD95, {length}",
            f"lesionwise_hausdorff_95_{length}": f"lesion-wise HD95, {length}",
        }
    table = Table("region", *metrics.values(), "patients", box=None, pad_edge=False, title="Means over patients")
    table.title_justify = "left"
    means: dict[str, dict[str, Any]] = {}
    for row in region_rows(evaluation):
        if row["statistic"] == "mean":
            means.setdefault(row["region"], {})[row["metric"]] = row
    for region, by_metric in means.items():
        cells = [_mean_with_interval(by_metric[metric], 3 if "dice" in metric else 1) for metric in metrics]
        table.add_row(region, *cells, str(by_metric["dice"]["n"]))
    return table


def _mean_with_interval(row: dict[str, Any], places: int) -> str:
    if row["n"] == 0:
        return ""
    interval = f" ({row['low']:.{places}f} to {row['high']:.{places}f})" if row["low"] == row["low"] else ""
    return f"{row['value']:.{places}f}{interval}"
