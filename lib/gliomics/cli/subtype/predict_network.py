"""``gliomics subtype predict-network``: estimates and heat maps by a tumour network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.terminal.console import (
    STUDIES,
    check_apart,
    check_table,
    console,
    report_unreadable,
    report_unused_masks,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError


def predict_network(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[Path, typer.Option(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each.")],
    model: Annotated[Path, typer.Option(help="Folder made by `gliomics subtype fit-network`.")],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study.")],
    heat_maps: Annotated[
        Path | None,
        typer.Option(help="Also write HEAT_MAPS/<study id>.nii.gz: what each place adds to the log-odds of the class."),
    ] = None,
) -> None:
    """Estimate the subtype of every study from the images of its tumour.

    A study that cannot be estimated is reported and the others go on; the exit code is 1 then.
    """
    from gliomics.models import load_model_folder
    from gliomics.study import open_studies, write_volume
    from gliomics.subtype.estimates import write_estimates_csv
    from gliomics.tumour_network.predict import TumourNetworkModel

    check_table(out)
    network = TumourNetworkModel(load_model_folder(model))
    every_study = open_studies(studies, report_unreadable)
    report_unused_masks(masks, every_study)
    images = [path for study in every_study for path in study.sequences.values()]
    maps = {} if heat_maps is None else {study.id: heat_maps / f"{study.id}.nii.gz" for study in every_study}
    check_apart([out, *maps.values()], [*images, *(masks / f"{study.id}.nii.gz" for study in every_study)])
    estimates, failures = [], Failures(only=len(every_study) == 1)
    for study in with_progress(every_study, f"estimating with {network.card.name}", len(every_study)):
        with failures.of(study.id):
            reading = network.read_study(study, masks)
            estimates.append(reading.estimate)
            if study.id in maps:
                write_volume(reading.heat_map, maps[study.id])
    if not estimates:
        raise InputError(f"none of the {len(every_study)} studies could be estimated; the reasons are above")
    write_estimates_csv(estimates, out)
    console.print(f"{len(estimates)} estimates of {network.settings.target} in {out}{failures.summary}")
    in_sample = sum(estimate.in_sample for estimate in estimates)
    if in_sample:
        console.print(
            f"{in_sample} studies are of patients that the model was fitted on: these estimates are not predictions",
            style="yellow",
        )
    failures.end()
