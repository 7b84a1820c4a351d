"""``gliomics import-dicom``: a folder of DICOM MR series becomes a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.console import console
from gliomics.errors import InputError


def import_dicom(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of one MR examination's DICOM files.")],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Studies folder to write; made if it does not exist.")],
    sequence: Annotated[
        list[str] | None,
        typer.Option(
            "--sequence", metavar="NAME=SERIES", help="Import this series (number, UID or description) as NAME."
        ),
    ] = None,
    study_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Id of the study, instead of <patient id>_<date>.")
    ] = None,
    patient_id: Annotated[
        str | None,
        typer.Option("--patient", metavar="ID", help="Patient id to record, instead of the files' Patient ID."),
    ] = None,
) -> None:
    """Turn a folder of DICOM MR series into a study.

    Sequences are recognised from the series' descriptions and parameters. When one is not
    clear nothing is written and the series are listed: name them with --sequence t1c=7.
    """
    from gliomics.study.dicom import import_dicom as run_import

    named: dict[str, str] = {}
    for text in sequence or []:
        name, separator, series = text.partition("=")
        if not (name and separator and series) or name in named:
            raise InputError(f"--sequence {text!r} is not usable; write NAME=SERIES, each name once, e.g. t1c=7")
        named[name] = series
    with console.status("reading DICOM files"):
        study = run_import(source, dest, sequences=named or None, study_id=study_id, patient_id=patient_id)
    console.print(f"study {study.id} in {study.folder}", markup=False)
    for name, origin in study.source.items():
        if name != "format":
            console.print(f"  {name}: {origin}", markup=False)
