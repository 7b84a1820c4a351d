"""``gliomics export``: what was measured and read of one examination, as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.examined import AGE, MASK, MODEL, MODELS, NUMBERING, STUDIES, STUDY, VASARI, find_examination, mask_of
from gliomics.cli.terminal.console import RESAMPLE_TO, console
from gliomics.errors import InputError


def export(
    study: Annotated[str, STUDY],
    out: Annotated[Path, typer.Option(help="Folder to write the files into.", show_default=False)],
    studies: Annotated[Path | None, STUDIES] = None,
    formats: Annotated[
        str, typer.Option(help="csv, xlsx, html, seg (DICOM Segmentation), sr (DICOM SR), with commas between.")
    ] = "csv,xlsx,html",
    mask: Annotated[Path | None, MASK] = None,
    dicom: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the DICOM files of the study.  [default: where gliomics import found them]",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, MODEL] = "segmentation_multi",
    numbering: Annotated[str | None, NUMBERING] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    age: Annotated[float | None, AGE] = None,
    vasari: Annotated[bool, VASARI] = False,
    models: Annotated[Path | None, MODELS] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that are there.")] = False,
) -> None:
    """Write features, estimates and what is read of the whole tumour as files: tables, a page, DICOM.

    A DICOM Segmentation and an SR, which comes with the Segmentation that it refers to, belong to the DICOM files that
    the study was made of, and have the patient's name as it stands there. Files that are there are not replaced
    without --replace; all formats are written, or none.
    """
    from gliomics.export.write import export_names, write_exports
    from gliomics.models import ModelStore
    from gliomics.records import RESEARCH_NOTICE
    from gliomics.report.examine import examine
    from gliomics.subtype.circumstances import Circumstances

    wanted = [name.strip().lower() for name in formats.split(",") if name.strip()]
    examined, root = find_examination(study, studies)
    store = ModelStore(models)
    with mask_of(examined, root, mask, store=store, model=model, resample_to=resample_to) as (examined, mask_file):
        segment = examine(
            examined,
            mask_file,
            store,
            numbering=numbering,
            resample_to=resample_to,
            circumstances=Circumstances(age),
            vasari=vasari,
        )
        present = [name for name in export_names(segment, wanted).values() if (out / name).exists()]
        if present and not replace:
            raise InputError(f"{out} has {', '.join(present)} already; give another folder, or --replace")
        paths = write_exports(segment, wanted, out, dicom=dicom)
    console.print(f"{examined.id}: mask: {segment.origin}", markup=False)
    for warning in [*segment.warnings, *segment.reading.cautions]:
        console.print(warning, style="yellow", markup=False)
    for path in paths.values():
        console.print(f"{path}", markup=False)
    console.print(RESEARCH_NOTICE, markup=False)
