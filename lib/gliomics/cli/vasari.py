"""``gliomics vasari``: where tumours lie, and the VASARI features that their masks tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gliomics.cli.features.cohort import NUMBERING
from gliomics.cli.terminal.console import (
    STUDIES,
    check_table,
    console,
    counted,
    is_one_study,
    report_left_out,
    report_unreadable,
    report_unused_masks,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError


def vasari(
    studies: Annotated[Path, STUDIES],
    masks: Annotated[Path, typer.Option(help="Folder of masks, <study id>.nii.gz (or .nii, .nrrd, .seg.nrrd) each.")],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study.")],
    numbering: Annotated[str | None, NUMBERING] = None,
) -> None:
    """Write where each tumour lies, and the VASARI features that its mask tells, one row per study, to OUT.

    A feature that a mask cannot tell is left empty and named in the column vasari_open. Studies without a mask are
    reported and left out. A study that cannot be read is reported and the others go on; the exit code is 1 then.
    """
    from gliomics.cohort.numbering import labels_of_masks
    from gliomics.csv_files import write_csv
    from gliomics.radiology.atlas import load_atlas
    from gliomics.radiology.study import vasari_of_study
    from gliomics.study import find_mask, open_studies
    from gliomics.study.numbering import parse_numbering

    if not masks.is_dir():
        raise InputError(f"{masks} is not a folder; give the folder that holds <study id>.nii.gz for each study")
    check_table(out)
    if numbering is not None:
        parse_numbering(numbering)
    cohort = open_studies(studies, report_unreadable)
    if not is_one_study(studies):
        report_unused_masks(masks, cohort)
    load_atlas()
    failures = Failures(only=len(cohort) == 1)
    labels = labels_of_masks(masks)
    rows: list[dict[str, Any]] = []
    for study in with_progress(cohort, "reading", len(cohort)):
        with failures.of(study.id):
            mask = find_mask(masks, study.id)
            if mask is None:
                report_left_out(study.id, f"no mask {study.id}.nii.gz in {masks}")
                continue
            told = vasari_of_study(study, mask, numbering=numbering, cohort_labels=labels)
            for warning in told.warnings:
                console.print(f"{study.id}: {warning}", style="yellow", markup=False)
            rows.append(
                {
                    "study_id": study.id,
                    "patient_id": study.patient_id,
                    "timepoint": study.timepoint,
                    **told.report.columns(),
                    **told.place.provenance,
                }
            )
    if not rows:
        raise InputError(f"none of the {len(cohort)} studies in {studies} was read; the reasons are above")
    write_csv(out, rows)
    console.print(f"{counted(len(rows), 'row')} in {out}{failures.summary}")
    failures.end()
