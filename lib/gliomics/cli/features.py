"""``gliomics features``: radiomic features of a folder of studies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.console import RESAMPLE_TO, STUDIES, console, left_out, with_progress


def features(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[Path, typer.Option(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd) each.")],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study.")],
    config: Annotated[str, typer.Option(help="A preset (panel) or a PyRadiomics YAML file.")] = "panel",
    region: Annotated[
        str, typer.Option(help="whole (any label), tumour-core, enhancing, oedema, or a label value.")
    ] = "whole",
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    boundary_shift: Annotated[
        int, typer.Option(help="Grow (or shrink, if negative) masks by so many voxels, to test the features.")
    ] = 0,
) -> None:
    """Measure a region of every study and write one row per study to OUT.

    Studies without a mask are reported and left out. A study that cannot be measured is reported and the others
    go on; the exit code is 1 then.
    """
    from gliomics.errors import GliomicsError, InputError
    from gliomics.radiomics.cohort import find_mask, study_features
    from gliomics.radiomics.config import load_config
    from gliomics.radiomics.table import write_features_csv
    from gliomics.study import open_studies

    if not masks.is_dir():
        raise InputError(f"{masks} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    settings = load_config(config)
    found = open_studies(studies, left_out)
    tables = []
    failed = 0
    for study in with_progress(found, f"measuring ({config})", len(found)):
        try:
            mask = find_mask(masks, study.id)
            if mask is None:
                console.print(
                    f"left out {study.id}: no mask {study.id}.nii.gz in {masks}", style="yellow", markup=False
                )
                continue
            table = study_features(
                study, mask, settings, region=region, resample_to=resample_to, boundary_shift=boundary_shift
            )
        except GliomicsError as error:
            if len(found) == 1:
                raise
            failed += 1
            console.print(f"failed {study.id}: {error}", style="red", markup=False)
            continue
        tables.append(table)
    if not tables:
        raise InputError(f"no features were computed from {len(found)} studies in {studies}; the reasons are above")
    write_features_csv(tables, out)
    for warning, count in Counter(warning for table in tables for warning in table.warnings).items():
        console.print(f"{count} of {len(tables)} studies: {warning}", style="yellow", markup=False)
    console.print(f"{len(tables)} rows in {out}" + (f", {failed} studies failed" if failed else ""))
    if failed:
        raise typer.Exit(1)
