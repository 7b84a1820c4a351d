"""``gliomics make-samples``: the synthetic sample studies, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def make_samples(
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to write; it must not exist.")],
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, max=2**32 - 1, metavar="N", help="Other heads and tumours; default: those that ship."
        ),
    ] = None,
) -> None:
    """Write seven small synthetic glioma studies, their true masks and planted subtypes.

    The same seed gives the same bytes.
    """
    from gliomics.samples import DEFAULT_SEED
    from gliomics.samples import make_samples as make

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("drawing", total=None)
        studies = make(
            dest,
            seed=DEFAULT_SEED if seed is None else seed,
            progress=lambda completed, total, name: bar.update(
                task, completed=completed, total=total, description=name
            ),
        )
    console.print(f"{len(studies)} examinations in {dest}; true masks in {dest / 'truth'}")
