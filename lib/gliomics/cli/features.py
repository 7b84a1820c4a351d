"""``gliomics features``: radiomic features of a folder of studies."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import (
    RESAMPLE_TO,
    STUDIES,
    check_apart,
    check_table,
    console,
    left_out,
    masks_not_used,
    with_progress,
)

if TYPE_CHECKING:
    from gliomics.cohort.extraction import Extraction, Job
    from gliomics.features.config import FeatureConfig
    from gliomics.study import Study

_SPEED = "Speed"
_INSTEAD = "Instead of a table of features"


def _describe(wanted: bool) -> None:
    if wanted:
        from rich.console import Console

        from gliomics.features.describe import describe_table

        Console().print(describe_table())
        raise typer.Exit


def features(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[
        list[Path],
        typer.Option(
            help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each; with --stability several."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study and region.")],
    config: Annotated[
        str, typer.Option(help="A preset (panel, full, gbm-2022, lgg-shape) or a PyRadiomics YAML file.")
    ] = "panel",
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="whole, tumour-core, enhancing, oedema, cavity, peritumoral, a region of the configuration or a label "
            "value; give it several times for several.  [default: those of the configuration, its label, or whole]",
            show_default=False,
        ),
    ] = None,
    numbering: Annotated[
        str | None,
        typer.Option(
            help="Which label is which part of the tumour: brats-2016, brats-2021, brats-2023, brats-2024, msd, whole, "
            "or e.g. 1=necrosis,2=enhancing,3=oedema.  [default: that of study.json, else what the labels allow]",
            show_default=False,
        ),
    ] = None,
    brain: Annotated[
        Path | None,
        typer.Option(
            help="Folder of brain masks, where images show the skull: for normalisation and peritumoral rings."
        ),
    ] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    boundary_shift: Annotated[
        int, typer.Option(min=-50, max=50, help="Grow (or shrink, if negative) regions by so many voxels.")
    ] = 0,
    deep: Annotated[
        str | None, typer.Option(help="Add the deep features of this segmentation model, e.g. segmentation_flair.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder with models trained here, besides those shipped.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=1024, help="Processes.  [default: one per core]", show_default=False, rich_help_panel=_SPEED
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder of rows measured before, which are not measured again.  [default: the user's cache folder]",
            show_default=False,
            rich_help_panel=_SPEED,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Measure on this Dask cluster, e.g. tcp://host:8786, which sees the same files.",
            rich_help_panel=_SPEED,
        ),
    ] = None,
    stability: Annotated[
        bool,
        typer.Option(
            "--stability",
            help="Write how far each feature depends on the mask: ICC(2,1) over the folders of --masks, or over slight "
            "changes of the masks of one.",
            rich_help_panel=_INSTEAD,
        ),
    ] = False,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe",
            callback=_describe,
            is_eager=True,
            help="Print unit, IBSI code and meaning of every feature.",
            rich_help_panel=_INSTEAD,
        ),
    ] = False,
) -> None:
    """Measure regions of every study and write one row per study and region to OUT.

    Studies without a mask are reported and left out. A study that cannot be measured is reported and the others
    go on; the exit code is 1 then. Interrupted, the same command goes on where it stopped.
    """
    from gliomics.cohort import processes

    # One study under the panel's configuration is measured before processes have started.
    one = studies.is_file() or (studies / "study.json").is_file()
    if workers != 1 and scheduler is None and not stability and not (one and config == "panel"):
        processes.prepare()
    from gliomics.cohort.extraction import Extraction
    from gliomics.errors import InputError
    from gliomics.features.config import load_config
    from gliomics.study import open_studies

    for folder in [*masks, *([brain] if brain else [])]:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    check_table(out)
    check_apart([out], [Path(config)])
    settings = load_config(config)
    regions = tuple(region or settings.default_regions)
    found = open_studies(studies, left_out)
    if not one:
        for folder in masks:
            masks_not_used(folder, found)
    if stability:
        _measure_stability(found, masks, settings, regions, numbering, resample_to, brain, out)
        return
    if len(masks) > 1:
        raise InputError(
            "several folders of masks were given; a table of features takes one, --stability compares them"
        )
    extraction = Extraction(settings, regions, resample_to, boundary_shift, deep, models, numbering=numbering)
    failed = _measure(studies, found, masks[0], brain, extraction, out, workers, cache, scheduler)
    if failed:
        raise typer.Exit(1)


def _measure(
    folder: Path,
    studies: list[Study],
    masks: Path,
    brain: Path | None,
    extraction: Extraction,
    out: Path,
    workers: int | None,
    cache: Path | None,
    scheduler: str | None,
) -> int:
    """Write the table; how many studies failed."""
    from gliomics.cohort.feature_table import write_features_csv
    from gliomics.cohort.numbering import labels_of_masks
    from gliomics.cohort.row_store import RowStore, StoredRows, default_folder
    from gliomics.cohort.runner import measure_cohort
    from gliomics.errors import InputError

    extraction.check()
    jobs, failed = _jobs(studies, masks, brain)
    if extraction.needs_numbering:
        labels = labels_of_masks(masks)
        jobs = [replace(job, cohort_labels=labels) for job in jobs]
    store = RowStore(cache or default_folder())
    keys: dict[str, str] = {}
    stored = 0
    with contextlib.closing(measure_cohort(jobs, extraction, store, workers=workers, scheduler=scheduler)) as outcomes:
        for outcome in with_progress(outcomes, "measuring", len(jobs)):
            study_id = outcome.job.study.id
            if outcome.error is not None:
                if len(studies) == 1:
                    raise outcome.error
                failed += 1
                console.print(f"failed {study_id}: {outcome.error}", style="red", markup=False)
                continue
            for region, reason in outcome.missing.items():
                console.print(f"left out {region} of {study_id}: {reason}", style="yellow", markup=False)
            keys[study_id] = outcome.key
            stored += outcome.stored
    if not keys:
        raise InputError(f"no features were computed from {len(studies)} studies in {folder}; the reasons are above")
    rows = StoredRows(store, [keys[study.id] for study in studies if study.id in keys])
    write_features_csv(rows, out)
    warnings: Counter[str] = Counter()
    numberings: Counter[str] = Counter()
    count_of_rows = 0
    for row in rows:
        count_of_rows += 1
        warnings.update(row.warnings)
        if name := row.diagnostics.get("numbering"):
            numberings[f"{name}, by {row.diagnostics['numbering_source']}"] += 1
    for numbering, count in numberings.items():
        console.print(f"{count} of {count_of_rows} rows: numbered as {numbering}", markup=False)
    for warning, count in warnings.items():
        console.print(f"{count} of {count_of_rows} rows: {warning}", style="yellow", markup=False)
    console.print(
        f"{count_of_rows} rows in {out}"
        + (f", those of {stored} studies measured before" if stored else "")
        + (f", {failed} studies failed" if failed else "")
    )
    return failed


def _jobs(studies: list[Study], masks: Path, brain: Path | None) -> tuple[list[Job], int]:
    """The studies that have masks, and how many have ambiguous or missing ones."""
    from gliomics.cohort.extraction import Job
    from gliomics.errors import GliomicsError, InputError
    from gliomics.study import find_mask

    jobs, failed = [], 0
    for study in studies:
        try:
            mask = find_mask(masks, study.id)
            room = find_mask(brain, study.id) if brain is not None else None
            if brain is not None and room is None:
                raise InputError(f"no brain mask {study.id}.nii.gz in {brain}")
        except GliomicsError as error:
            if len(studies) == 1:
                raise
            failed += 1
            console.print(f"failed {study.id}: {error}", style="red", markup=False)
            continue
        if mask is None:
            console.print(f"left out {study.id}: no mask {study.id}.nii.gz in {masks}", style="yellow", markup=False)
            continue
        jobs.append(Job(study, mask, room))
    return jobs, failed


def _measure_stability(
    studies: list[Study],
    masks: list[Path],
    config: FeatureConfig,
    regions: tuple[str, ...],
    numbering: str | None,
    resample_to: str | None,
    brain: Path | None,
    out: Path,
) -> None:
    from gliomics.cohort.stability import measure_stability, stability_notes, write_stability_csv

    found = measure_stability(
        with_progress(studies, "measuring under several masks", len(studies)),
        masks,
        config,
        regions,
        resample_to=resample_to,
        brain_masks=brain,
        numbering=numbering,
        on_error=lambda study_id, error: console.print(f"left out {study_id}: {error}", style="yellow", markup=False),
    )
    write_stability_csv(found, out)
    for note in stability_notes(found):
        console.print(note, style="yellow", markup=False)
    console.print(f"{len(found)} features in {out}")
