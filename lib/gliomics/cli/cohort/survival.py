"""``gliomics cohort survival``: what features tell of survival, beside what is known without them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from gliomics.cli.cohort.tables import (
    FEATURES,
    OUT,
    OUTCOMES,
    SCHEDULER,
    SEED,
    check_folder,
    read_features,
    report_unmatched,
)
from gliomics.cli.terminal.console import console


def survival(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the time to the event or the last contact.")],
    event: Annotated[str, typer.Option(metavar="COLUMN", help="Column that says whether the event was seen.")],
    out: Annotated[Path, OUT],
    unit: Annotated[
        str | None, typer.Option(help="Unit of the times: days, months or years.  [default: what the column is called]")
    ] = None,
    event_value: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE", help="Value that means that the event was seen; all others do not. Repeat."),
    ] = None,
    clinical: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of OUTCOMES known without images, e.g. the age; repeat."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of OUTCOMES by which Kaplan-Meier curves are drawn.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often the five folds are drawn.")] = 5,
    seed: Annotated[int, SEED] = 0,
    scheduler: Annotated[str | None, SCHEDULER] = None,
) -> None:
    """Write Kaplan-Meier curves, hazard ratios, and what features add to clinical values for survival.

    Every patient is estimated by Cox models of others; the penalty of the features is chosen inside the training
    patients.
    """
    from gliomics.report.cohort.record import sources_of, write_record
    from gliomics.report.cohort.recorded import analysis_of_survival
    from gliomics.report.cohort.survival import FILES, summary, write_survival
    from gliomics.study.patients import read_patient_column
    from gliomics.survival.outcomes import read_clinical, read_outcomes, unit_of
    from gliomics.survival.table import survival_table
    from gliomics.survival.validation import validate

    check_folder(out, FILES, [features, outcomes])
    rows = read_features(features)
    read = sources_of(features, outcomes=outcomes)
    outcome_by_patient, missing, meaning = read_outcomes(outcomes, time, event, event_value or [])
    console.print(meaning.in_words(), markup=False)
    report_unmatched(rows, outcome_by_patient, event)
    table = survival_table(
        rows,
        outcome_by_patient,
        unit_of(time, unit),
        missing=missing,
        clinical=read_clinical(outcomes, clinical) if clinical else None,
        groups=read_patient_column(outcomes, group) if group is not None else None,
    )
    console.print(summary(table), markup=False)
    steps = iter(track(range(5 * repeats), "fitting", console=console, transient=True, disable=not console.is_terminal))
    validation = validate(table, repeats=repeats, seed=seed, step=lambda: next(steps, None), scheduler=scheduler)
    origins = {
        "Features": features.name,
        "Outcomes": f"{outcomes.name}: {time} in {table.unit}, {event} ({meaning.in_words()})",
    }
    for line in write_survival(out, validation, origins):
        console.print(line, markup=False)
    settings = {"time": time, "event": event, "events": meaning.in_words(), "clinical": clinical or [], "group": group}
    write_record(out, read, analysis_of_survival(validation, settings | {"repeats": repeats, "seed": seed}))
    console.print(f"{out / 'survival.html'}: open it in a browser", markup=False)
