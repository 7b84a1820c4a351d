"""``gliomics cohort expression``: what features and genes tell of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from gliomics.cli.cohort.tables import FEATURES, OUT, SCHEDULER, SEED, check_folder, read_features, report_unmatched
from gliomics.cli.terminal.console import console


def expression(
    features: Annotated[Path, FEATURES],
    expression: Annotated[
        Path, typer.Option(help="Table (.csv or .tsv) with a patient id and one column of numbers for each gene.")
    ],
    out: Annotated[Path, OUT],
    permutations: Annotated[
        int, typer.Option(min=20, max=100_000, help="Tables with permuted patients, for p-values of the histogram.")
    ] = 1000,
    seed: Annotated[int, SEED] = 0,
    scheduler: Annotated[str | None, SCHEDULER] = None,
) -> None:
    """Estimate the mutual information of every feature with every gene, beside what independent tables give.

    Two estimates: a histogram of 5 x 5 cells, and nearest neighbours. Columns of EXPRESSION that hold text are left
    out and said.
    """
    from gliomics.association.expression import information
    from gliomics.association.harmonise import caution_of_genes
    from gliomics.cohort.patient_table import read_values
    from gliomics.report.cohort.expression import FILES, survivors, write_expression
    from gliomics.report.cohort.record import sources_of, write_record
    from gliomics.report.cohort.recorded import analysis_of_expression

    check_folder(out, FILES, [features, expression])
    table, (genes, texts) = read_features(features), read_values(expression)
    read = sources_of(features, expression=expression)
    if texts:
        console.print(f"left out, not numbers: {', '.join(texts[:5])}", style="yellow", markup=False)
    report_unmatched(table, dict.fromkeys(genes.patients), "expression")
    beware = caution_of_genes(table)
    for sentence in beware:
        console.print(sentence, style="yellow", markup=False)
    steps = iter(
        track(range(permutations), "permuting", console=console, transient=True, disable=not console.is_terminal)
    )
    result = information(
        table, genes, permutations=permutations, seed=seed, step=lambda: next(steps, None), scheduler=scheduler
    )
    for sentence in result.left_out:
        console.print(f"left out {sentence}", style="yellow", markup=False)
    origins = {"Features": features.name, "Expression": expression.name, "Permutations": f"{permutations}"}
    origins |= {"Harmonised": "; ".join(beware)} if beware else {}
    drawings = write_expression(out, result, origins | {"Seed": str(seed)})
    settings = {"permutations": permutations, "seed": seed, "not_numbers": texts}
    write_record(out, read, analysis_of_expression((table, genes), result, settings, drawings))
    for line in survivors(result):
        console.print(line, markup=False)
    console.print(f"tables and page in {out}", markup=False)
