"""``gliomics cohort associate``: which features go with which classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import track

from gliomics.cli.cohort.tables import FEATURES, OUT, OUTCOMES, SEED, check_folder, read_features, report_unmatched
from gliomics.cli.terminal.console import console


def associate(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    target: Annotated[list[str], typer.Option(metavar="COLUMN", help="Column of the classes; repeat for several.")],
    out: Annotated[Path, OUT],
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Also within each value of this column, e.g. the histological type."),
    ] = None,
    cut: Annotated[
        Literal["median", "quartiles"], typer.Option(help="Where the feature is cut for the exact test.")
    ] = "median",
    least: Annotated[int, typer.Option(min=2, max=1000, help="Classes with fewer patients are left out and said.")] = 5,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Test every feature against every class: exact test, Kruskal-Wallis, ROC AUC, corrected for their number.

    The p-values of all features and targets are corrected together.
    """
    from gliomics.association.associate import Plan, questions
    from gliomics.association.associate import associate as associations_of
    from gliomics.association.harmonise import cautions
    from gliomics.report.cohort.associations import FILES, Results, discoveries, write_associations
    from gliomics.study.patients import read_patient_column

    check_folder(out, FILES, [features, outcomes])
    table = read_features(features)
    targets = {name: read_patient_column(outcomes, name) for name in dict.fromkeys(target)}
    groups = read_patient_column(outcomes, by) if by is not None else None
    asked = questions(table, targets, groups)
    for name, labels in targets.items():
        report_unmatched(table, labels, name)
    beware = cautions(table, targets)
    for sentence in beware:
        console.print(sentence, style="yellow", markup=False)
    steps = iter(
        track(
            range(len(asked) * len(table.names)), "testing", console=console, transient=True,
            disable=not console.is_terminal,
        )
    )  # fmt: skip
    plan = Plan(cut, least, seed)
    rows = associations_of(table, asked, plan, step=lambda: next(steps, None))
    origins = {"Features": features.name, "Outcomes": outcomes.name, "Seed": str(seed)}
    if table.harmonisation is not None:
        origins["Harmonised"] = "; ".join([f"over {table.harmonisation.column}", *beware])
    write_associations(out, Results(table, asked, rows, plan, groups), origins)
    refused = sum(row.p != row.p for row in rows)
    console.print(f"{len(rows)} tests of {len(table.names)} features in {out}, {refused} of them refused", markup=False)
    for line in discoveries(rows):
        console.print(line, markup=False)
