"""``gliomics features``: radiomic features of a folder of studies."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.features.cohort import BRAIN, CONFIG, NUMBERING, REGION, MeasuredCohort, open_cohort
from gliomics.cli.features.maps import check_names, names_of, write_maps
from gliomics.cli.segment import segment_here
from gliomics.cli.terminal.console import (
    RESAMPLE_TO,
    STUDIES,
    check_table,
    console,
    counted,
    is_one_study,
    report_left_out,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.cohort.extraction import Extraction, StudyFiles
    from gliomics.cohort.runner import StudyOutcome
    from gliomics.records import FeatureRow

_SPEED = "Speed"


@dataclass(frozen=True)
class Speed:
    """How many studies are measured at once and where, and the folder of rows that were measured before."""

    workers: int | None
    cache: Path | None
    scheduler: str | None


def features(
    studies: Annotated[Path, STUDIES],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study and region.")],
    masks: Annotated[
        list[Path] | None, typer.Option(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Without --masks: segment every study with this model first. Its masks are kept beside OUT, in a "
            "folder of its name and _masks. A model of tumour parts has each of them measured."
        ),
    ] = None,
    config: Annotated[str, CONFIG] = "panel",
    region: Annotated[list[str] | None, REGION] = None,
    numbering: Annotated[str | None, NUMBERING] = None,
    brain: Annotated[Path | None, BRAIN] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    boundary_shift: Annotated[
        int, typer.Option(min=-50, max=50, help="Grow (or shrink, if negative) regions by so many voxels.")
    ] = 0,
    deep: Annotated[
        str | None, typer.Option(help="Add the deep features of this segmentation model, e.g. segmentation_flair.")
    ] = None,
    vasari: Annotated[
        bool,
        typer.Option(
            "--vasari",
            help="Add where in the brain the whole tumour lies, and the VASARI features that its mask tells.",
        ),
    ] = False,
    maps: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE[,...]",
            help="Write maps of these features, too, named as in tables, e.g. original_glcm_JointEntropy or "
            "flair_original_firstorder_Mean: NIfTI files beside OUT, in a folder of its name and _maps. voxelSetting "
            "of the configuration has the kernel.",
            show_default=False,
        ),
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
) -> None:
    """Measure regions of every study and write one row per study and region to OUT.

    Masks are those of --masks, or those that --model makes first. Studies without a mask are reported and left out. A
    study that cannot be measured is reported and the others go on; the exit code is 1 then. Interrupted, the same
    command goes on where it stopped.
    """
    from gliomics.cohort import processes

    if (masks is None) == (model is None):
        raise InputError("give either --masks, the folder of the studies' masks, or --model, which makes them first")
    # One study under the panel's configuration is measured before processes have started.
    if workers != 1 and scheduler is None and not (is_one_study(studies) and config == "panel"):
        processes.prepare()
    from gliomics.cohort.extraction import Extraction

    not_segmented = Failures()
    if model is not None:
        masks, region = [out.with_name(f"{out.stem}_masks")], region or regions_of(model, models)
        check_table(out)
        _segment_first(studies, model, masks[0], models, resample_to, not_segmented)
    assert masks is not None
    cohort = open_cohort(studies, masks, brain=brain, config=config, regions=region, out=out)
    if len(masks) > 1:
        raise InputError(
            "several folders of masks were given; a table of features takes one, gliomics stability compares them"
        )
    extraction = Extraction(
        cohort.config, cohort.regions, resample_to, boundary_shift, deep, models, numbering=numbering, vasari=vasari
    )
    extraction.check()
    map_names = names_of(maps) if maps is not None else []
    if map_names:
        check_names(map_names, cohort.config, cohort.studies)
    failures = Failures(only=len(cohort.studies) == 1)
    _measure(cohort, extraction, Speed(workers, cache, scheduler), out, failures)
    if map_names:
        jobs = _jobs(cohort, extraction, Failures())
        write_maps(jobs, extraction, map_names, out.with_name(f"{out.stem}_maps"), failures)
    failures.errors += not_segmented.errors
    failures.end()


def regions_of(model: str, models: Path | None) -> list[str] | None:
    """All regions of a model's masks, where these tell the parts of a tumour apart; None where they do not."""
    from gliomics.models import ModelStore
    from gliomics.study.numbering import OEDEMA, PARTS_OF_REGION

    parts = ModelStore(models).current(model).card.labels
    regions = [region for region, needed in PARTS_OF_REGION.items() if set(needed) <= parts.keys()]
    return ["whole", *sorted(regions, key=lambda region: region == OEDEMA)] if regions else None


def _segment_first(
    studies: Path, model: str, folder: Path, models: Path | None, resample_to: str | None, failures: Failures
) -> None:
    """Write the mask that a model makes of every study, unless it is there from an interrupted run."""
    from gliomics.models import ModelStore
    from gliomics.segmentation.mask_record import MaskRecord
    from gliomics.study import find_mask, open_studies

    every_study = open_studies(studies, lambda *_: None)  # they are reported when they are measured
    card = ModelStore(models).current(model).card
    folder.mkdir(parents=True, exist_ok=True)
    segment_one, record = segment_here(model, models, resample_to, folder), MaskRecord(folder)
    for study in with_progress(every_study, f"segmenting with {model}", len(every_study)):
        with failures.of(study.id):
            mask = find_mask(folder, study.id)
            if mask is None or record.made_by(mask) != f"{card.name} version {card.version}":
                for warning in segment_one(study):
                    console.print(f"{study.id}: {warning}", style="yellow", markup=False)


def _measure(cohort: MeasuredCohort, extraction: Extraction, speed: Speed, out: Path, failures: Failures) -> None:
    """Write the table and say what is in it."""
    from gliomics.cohort.feature_table import write_features_csv
    from gliomics.cohort.row_store import RowStore, StoredRows, default_folder
    from gliomics.cohort.runner import measure_cohort
    from gliomics.features.engines.interface import default_engine

    jobs = _jobs(cohort, extraction, failures)
    store = RowStore(speed.cache or default_folder())
    measuring = measure_cohort(jobs, extraction, store, workers=speed.workers, scheduler=speed.scheduler)
    with contextlib.closing(measuring) as outcomes:
        measured = {
            outcome.files.study.id: outcome
            for outcome in _successes(with_progress(outcomes, "measuring", len(jobs)), failures)
        }
    if not measured:
        raise InputError(
            f"no features were computed from {len(cohort.studies)} studies in {cohort.folder}; the reasons are above"
        )
    rows = StoredRows(store, [measured[study.id].key for study in cohort.studies if study.id in measured])
    write_features_csv(rows, out)
    count = _describe(rows)
    stored = sum(outcome.stored for outcome in measured.values())
    measured_before = f", those of {stored} studies measured before" if stored else ""
    if extraction.config.engine is None and default_engine() == "native":
        console.print("measured by the native engine, whose values are PyRadiomics', as that is not installed")
    console.print(f"{counted(count, 'row')} in {out}{measured_before}{failures.summary}")


def _jobs(cohort: MeasuredCohort, extraction: Extraction, failures: Failures) -> list[StudyFiles]:
    """The studies that have a mask, and one only."""
    from gliomics.cohort.extraction import StudyFiles
    from gliomics.cohort.numbering import labels_of_masks
    from gliomics.study import find_mask

    masks, brain = cohort.masks[0], cohort.brain
    jobs = []
    for study in cohort.studies:
        with failures.of(study.id):
            mask = find_mask(masks, study.id)
            brain_mask = find_mask(brain, study.id) if brain is not None else None
            if brain is not None and brain_mask is None:
                raise InputError(f"no brain mask {study.id}.nii.gz in {brain}")
            if mask is None:
                report_left_out(study.id, f"no mask {study.id}.nii.gz in {masks}")
            else:
                jobs.append(StudyFiles(study, mask, brain_mask))
    if extraction.needs_numbering:
        labels = labels_of_masks(masks)
        jobs = [replace(job, cohort_labels=labels) for job in jobs]
    return jobs


def _successes(outcomes: Iterable[StudyOutcome], failures: Failures) -> Iterator[StudyOutcome]:
    """The outcomes of studies that were measured; of the others, and of regions that were left out, it says why."""
    for outcome in outcomes:
        study_id = outcome.files.study.id
        if outcome.error is not None:
            failures.report(study_id, outcome.error)
            continue
        for region, reason in outcome.missing.items():
            report_left_out(f"{region} of {study_id}", reason)
        yield outcome


def _describe(rows: Iterable[FeatureRow]) -> int:
    """Say which numberings and which warnings the rows have; how many rows there are."""
    warnings: Counter[str] = Counter()
    numberings: Counter[str] = Counter()
    total = 0
    for row in rows:
        total += 1
        warnings.update(row.warnings)
        if name := row.diagnostics.get("numbering"):
            numberings[f"{name}, by {row.diagnostics['numbering_source']}"] += 1
    for numbering, count in numberings.items():
        console.print(f"{count} of {total} rows: numbered as {numbering}", markup=False)
    for warning, count in warnings.items():
        console.print(f"{count} of {total} rows: {warning}", style="yellow", markup=False)
    return total
