"""``gliomics delta``: how features changed between a patient's examinations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.terminal.console import check_apart, check_table, console, counted


def delta(
    features: Annotated[Path, typer.Argument(help="A table of `gliomics features`.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per pair of examinations.")],
    first: Annotated[
        str | None, typer.Option("--from", metavar="TIMEPOINT", help="Compare from this time point ...")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="TIMEPOINT", help="... to this one.")] = None,
) -> None:
    """Write how each patient's features changed from each examination to the next, or from --from to --to.

    Two columns per feature: the difference, and the difference relative to the earlier value. A patient with one
    examination is reported and left out.
    """
    from gliomics.cohort.delta import deltas
    from gliomics.cohort.feature_table import read_features_csv, write_features_csv
    from gliomics.errors import InputError

    check_table(out)
    check_apart([out], [features])
    changes = deltas(read_features_csv(features), first=first, last=last)
    for reason in changes.left_out:
        console.print(f"left out {reason}", style="yellow", markup=False)
    if not changes.rows:
        raise InputError(f"no patient in {features} has two time points to compare; the reasons are above")
    write_features_csv(changes.rows, out)
    console.print(f"{counted(len(changes.rows), 'row')} in {out}")
