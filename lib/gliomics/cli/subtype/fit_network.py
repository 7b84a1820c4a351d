"""``gliomics subtype fit-network``: a network that estimates a subtype from the images of the tumour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.subtype.cohort import CLASS, MODELS, OUTCOMES, TARGET, pairs
from gliomics.cli.terminal.console import (
    STUDIES,
    check_apart,
    check_table,
    console,
    progress_bar,
    report_left_out,
    report_unreadable,
    report_unused_masks,
)
from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.segmentation.segmenter import Segmenter
    from gliomics.statistics.arrays import Array
    from gliomics.tumour_network.cohort import TumourCohort
    from gliomics.tumour_network.settings import FittingSettings

_STARTS = "frozen, tuned or scratch"


def fit_network(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[Path, typer.Option(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each.")],
    outcomes: Annotated[Path, OUTCOMES],
    target: Annotated[str, TARGET],
    out: Annotated[Path, typer.Option(help="Folder of the new model; must not exist.")],
    class_: Annotated[list[str] | None, CLASS] = None,
    encoder: Annotated[str, typer.Option(help="The segmentation model whose encoder it is.")] = "segmentation_flair",
    models: Annotated[Path | None, MODELS] = None,
    start: Annotated[
        str, typer.Option(help=f"The encoder: {_STARTS} (as it is, trained on, or of random weights).")
    ] = "frozen",
    against: Annotated[
        str | None, typer.Option(help="Validate this start on the same folds, too, and report the paired difference.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="Passes over the patients of tuned and scratch.")] = 20,
    name: Annotated[str | None, typer.Option(help="Name of the model; by default the folder's.")] = None,
    target_name: Annotated[str | None, typer.Option(help="What the outcome is called.")] = None,
    title: Annotated[str | None, typer.Option(help="Title for lists of models.")] = None,
    description: Annotated[str, typer.Option(help="A sentence or two for the model card.")] = "",
    population: Annotated[str, typer.Option(help="Who the patients are, for the model card.")] = "not described",
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="Repeats of the 5-fold cross-validation.")] = 3,
    save_oof: Annotated[
        Path | None, typer.Option(help="Write the out-of-fold probabilities (CSV): a row per patient and repeat.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Equal seeds give equal folds and models.")] = 0,
) -> None:
    """Fit a network to the tumours of studies and report how good it is on patients that it did not see.

    It sees masked patches of the tumour's slices. A study that cannot be used is reported and the others go on. The
    model is written whole or, where Ctrl-C ends the fit, not at all.
    """
    from gliomics.models import ModelStore
    from gliomics.segmentation.segmenter import Segmenter
    from gliomics.tumour_network.cohort import write_out_of_fold_csv
    from gliomics.tumour_network.fit_model import NetworkOptions, fit_model
    from gliomics.tumour_network.settings import FittingSettings
    from gliomics.validated import validated

    if save_oof is not None:
        check_table(save_oof)
        check_apart([save_oof], [outcomes])
    if against == start:
        raise InputError(f"--against {against} is the start itself; give another of {_STARTS}")
    settings = {"start": start, "epochs": epochs, "seed": seed}
    fitting = validated(FittingSettings, settings, "--start")
    other = validated(FittingSettings, settings | {"start": against}, "--against") if against is not None else None
    if out.exists():
        raise InputError(f"{out} exists already; a model is never overwritten, choose another folder")
    source = Segmenter(ModelStore(models).current(encoder))
    cohort = _cohort(studies, masks, (outcomes, target), source, pairs(class_, "--class", "VALUE=NAME"))
    options = NetworkOptions(
        name=name or out.name,
        target=target_name or target,
        title=title or f"{target_name or target} from the tumour's image",
        description=description,
        population=population,
        repeats=repeats,
        fitting=fitting,
    )
    with progress_bar() as bar:
        task = bar.add_task(f"fitting, {start}", total=None)
        folder, out_of_fold = fit_model(
            cohort,
            source,
            out,
            options,
            progress=lambda completed, total: bar.update(task, completed=completed, total=total),
        )
    console.print(f"{len(cohort.patients)} patients: {_counts(cohort)}", markup=False)
    for metric in folder.card.metrics:
        console.print(f"{metric.name} {metric.in_words()}", markup=False)
    console.print(f"model in {out}")
    by_start = {start: out_of_fold}
    if other is not None:
        by_start[other.start] = _compare(cohort, source, other, out_of_fold)
    if save_oof is not None:
        write_out_of_fold_csv(cohort, by_start, save_oof)
        console.print(f"out-of-fold probabilities in {save_oof}")


def _cohort(
    studies: Path, masks: Path, outcomes: tuple[Path, str], source: Segmenter, renamed: dict[str, str]
) -> TumourCohort:
    from gliomics.study import open_studies
    from gliomics.study.patients import read_patient_column
    from gliomics.subtype.table import check_class_counts
    from gliomics.tumour_network.cohort import read_cohort

    table, column = outcomes
    by_patient = read_patient_column(table, column)
    every_study = open_studies(studies, report_unreadable)
    report_unused_masks(masks, every_study)
    with console.status("reading the tumours"):
        cohort = read_cohort(every_study, masks, by_patient, source, renamed=renamed, on_skipped=report_left_out)
    check_class_counts(cohort.classes, cohort.outcome)
    return cohort


def _compare(cohort: TumourCohort, source: Segmenter, other: FittingSettings, out_of_fold: Array) -> Array:
    """Validate the other start on the same folds and say how much the first is better."""
    from gliomics.tumour_network.validate import auc_difference, cross_validate, steps_of

    repeats = len(out_of_fold)
    with progress_bar() as bar:
        task = bar.add_task(f"validating, {other.start}", total=steps_of(other, repeats))
        of_other = cross_validate(
            cohort.patches, cohort.outcome, source, other, repeats=repeats, step=lambda: bar.advance(task)
        )
    gain = auc_difference(out_of_fold, of_other, cohort.outcome)
    console.print(
        f"AUC less that of {other.start}, paired: {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})", markup=False
    )
    return of_other


def _counts(cohort: TumourCohort) -> str:
    return ", ".join(f"{name} {int((cohort.outcome == k).sum())}" for k, name in enumerate(cohort.classes))
