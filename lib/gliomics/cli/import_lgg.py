"""``gliomics import-lgg``: the public Kaggle LGG download becomes studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gliomics.cli.console import console


def import_lgg(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="The unpacked lgg-mri-segmentation (kaggle_3m) folder.")
    ],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Studies folder to write; made if it does not exist.")],
    slice_spacing: Annotated[
        float | None,
        typer.Option(
            "--slice-spacing", metavar="MM", help="Distance between slices in mm, which the files do not hold."
        ),
    ] = None,
) -> None:
    """Turn the public Kaggle LGG download into studies with final labels and genomics.csv.

    Studies that exist already are kept, so an interrupted import can be run again.
    """
    from gliomics.study.kaggle_lgg import import_lgg as run_import

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("importing", total=None)
        studies = run_import(
            source,
            dest,
            slice_spacing=slice_spacing,
            progress=lambda done, total, name: bar.update(task, completed=done, total=total, description=name),
        )
    flair_only = sum(set(study.sequences) == {"flair"} for study in studies)
    console.print(f"{len(studies)} studies with final labels in {dest}; {flair_only} of them have FLAIR only")
    if slice_spacing is None:
        console.print("The files hold no voxel size: measures in mm are marked as unknown.")
    else:
        console.print("The files hold no in-plane voxel size: measures in mm are marked as unknown.")
