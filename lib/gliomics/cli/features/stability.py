"""``gliomics stability``: how far each feature depends on the mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.features.cohort import BRAIN, CONFIG, NUMBERING, REGION, open_cohort
from gliomics.cli.terminal.console import RESAMPLE_TO, STUDIES, console, report_left_out, with_progress


def stability(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[
        list[Path],
        typer.Option(
            help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each; several are compared with each "
            "other, one with slight changes of its masks."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per feature.")],
    config: Annotated[str, CONFIG] = "panel",
    region: Annotated[list[str] | None, REGION] = None,
    numbering: Annotated[str | None, NUMBERING] = None,
    brain: Annotated[Path | None, BRAIN] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
) -> None:
    """Write how far each feature depends on the mask, as ICC(2,1), and one row per feature to OUT.

    A study that lacks a mask, or that cannot be measured, is reported and left out.
    """
    from gliomics.cohort.extraction import Extraction
    from gliomics.cohort.stability import measure_stability, stability_notes, write_stability_csv

    cohort = open_cohort(studies, masks, brain=brain, config=config, regions=region, out=out)
    features = measure_stability(
        with_progress(cohort.studies, "measuring under several masks", len(cohort.studies)),
        cohort.masks,
        Extraction(cohort.config, cohort.regions, resample_to, numbering=numbering),
        brain_masks=cohort.brain,
        on_error=lambda study_id, error: report_left_out(study_id, str(error)),
    )
    write_stability_csv(features, out)
    for note in stability_notes(features):
        console.print(note, style="yellow", markup=False)
    console.print(f"{len(features)} features in {out}")
