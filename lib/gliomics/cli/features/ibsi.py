"""``gliomics ibsi``: the features of this installation beside the standard's consensus values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.terminal.console import check_table, console


def ibsi(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of the initiative's phantoms and tables, named as docs/reference/ibsi.md says.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write every value beside its consensus to this table (CSV).")
    ] = None,
) -> None:
    """Measure the phantoms of the Image Biomarker Standardisation Initiative and compare with its consensus values.

    Prints how many values of each configuration are within their tolerance and names those that are not: then the exit
    status is 1.
    """
    from gliomics.csv_files import write_csv
    from gliomics.features.ibsi.comparison import consensus_values

    if out is not None:
        check_table(out)
    values = list(consensus_values(folder))
    for phantom in dict.fromkeys(value.phantom for value in values):
        matches = [value.matches for value in values if value.phantom == phantom]
        console.print(f"{phantom}: {sum(matches)} of {len(matches)} values within their tolerance", markup=False)
    missed = [value for value in values if not value.matches]
    for value in missed:
        console.print(
            f"{value.phantom} {value.tag}: {value.ours:.6g}, consensus {value.consensus:g} +- {value.tolerance:g}",
            style="yellow",
            markup=False,
        )
    if out is not None:
        rows = [
            {
                "configuration": value.phantom,
                "tag": value.tag,
                "code": value.of.code,
                "feature": value.of.ibsi_name,
                "consensus": value.consensus,
                "tolerance": value.tolerance,
                "value": value.ours,
                "matches": "yes" if value.matches else "no",
            }
            for value in values
        ]
        write_csv(out, rows)
    if missed:
        raise typer.Exit(1)
