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
    status is 1. Filters are compared where the folder has those of the initiative's second part.
    """
    from gliomics.csv_files import write_csv
    from gliomics.features.ibsi.catalogue import catalogue, split_tag
    from gliomics.features.ibsi.comparison import consensus_values
    from gliomics.features.ibsi.filters.comparison import filtered_values, response_maps

    if out is not None:
        check_table(out)
    values = list(consensus_values(folder))
    for test in dict.fromkeys(value.test for value in values):
        matches = [value.matches for value in values if value.test == test]
        console.print(f"{test}: {sum(matches)} of {len(matches)} values within their tolerance", markup=False)
    with_filters = (folder / "filters").is_dir()
    maps = list(response_maps(folder)) if with_filters else []
    filtered = list(filtered_values(folder)) if with_filters else []
    if with_filters:
        good, within = sum(one.matches for one in maps), sum(value.matches for value in filtered)
        console.print(f"filters: {good} of {len(maps)} response maps and {within} of {len(filtered)} values within")
    for one in maps:
        if not one.matches:
            console.print(f"response map {one.test}: off by {one.deviation:.1%} of its range", style="yellow")
    missed = [value for value in (*values, *filtered) if not value.matches]
    for value in missed:
        console.print(
            f"{value.test} {value.tag}: {value.ours:.6g}, consensus {value.consensus:g} +- {value.tolerance:g}",
            style="yellow",
            markup=False,
        )
    if out is not None:
        rows = [
            {
                "test": value.test,
                "tag": value.tag,
                "code": catalogue()[split_tag(value.tag)[0]].code,
                "consensus": value.consensus,
                "tolerance": value.tolerance,
                "value": value.ours,
                "matches": "yes" if value.matches else "no",
            }
            for value in (*values, *filtered)
        ]
        write_csv(out, rows)
    if missed or not all(one.matches for one in maps):
        raise typer.Exit(1)
