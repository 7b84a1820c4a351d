"""``gliomics evaluate``: how good masks are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from collections.abc import Sequence

    from gliomics.evaluation import Evaluation, Pair
    from gliomics.evaluation.masks import PatientScores
    from gliomics.report.segmentation_figures import Example
    from gliomics.study import Study

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
    group: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Average by this column of --groups, too; repeat.")
    ] = None,
) -> None:
    """Compare masks with references: Dice, surface distances, volumes, lesions and voxels, by patient and overall.

    Studies without a mask or a reference are reported and left out. A study that cannot be evaluated is reported and
    the others go on; the exit code is 1 then.
    """
    from gliomics.errors import InputError
    from gliomics.evaluation import evaluate_masks
    from gliomics.evaluation.groups import built_in_groups, read_groups
    from gliomics.evaluation.tables import TABLES, write_tables
    from gliomics.study import open_studies

    if (groups is None) != (not group):
        raise InputError("--groups names the table and --group a column of it; give both or neither")
    labels = labels or _default_labels(studies)
    for folder in (masks, labels):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    check_apart([out / f"{name}.csv" for name in TABLES], [groups])
    every_study = open_studies(studies, report_unreadable)
    failures = Failures(only=len(every_study) == 1)
    if len(every_study) > 1:
        for folder in (masks, labels):
            report_unused_masks(folder, every_study)
    pairs = _pairs(every_study, masks, labels, failures)
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
    _write_pictures(evaluation, out)
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


def _write_pictures(evaluation: Evaluation, out: Path) -> None:
    from gliomics.errors import GliomicsError
    from gliomics.files import write_bytes
    from gliomics.report.drawing import to_png
    from gliomics.report.segmentation_figures import confusion_matrix, dice_by_patient, example_slices

    examples = []
    for place, patient in evaluation.examples().items():
        try:
            examples.append(_example(place, patient))
        except GliomicsError as error:
            console.print(f"no picture of {patient.patient_id}: {error}", style="yellow", markup=False)
    figures = {
        "dice": dice_by_patient({patient.patient_id: patient.values["dice"] for patient in evaluation.patients}),
        "confusion": confusion_matrix(evaluation.headline.voxels),
    }
    if examples:
        figures["examples"] = example_slices(examples)
    for name, figure in figures.items():
        write_bytes(out / f"{name}.png", to_png(figure))


def _example(place: str, patient: PatientScores) -> Example:
    """The image that stands for a study, with both masks, on the reference's grid."""
    from gliomics.evaluation.masks import read_pair
    from gliomics.report.segmentation_figures import Example
    from gliomics.study import read_volume, resample_to

    scores = patient.typical
    study, pair = scores.pair.study, scores.pair
    name = study.patient_id if len(patient.studies) == 1 else f"{study.patient_id}, study {study.id}"
    mask, reference = read_pair(pair)
    return Example(
        f"{place}: {name}\nDice {scores.values['dice']:.3f}",
        resample_to(read_volume(study.path(study.default_sequence)), reference),
        reference,
        mask,
        study.spacing_known,
    )


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
