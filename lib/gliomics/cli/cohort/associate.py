"""``gliomics cohort associate``: which features go with which classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from gliomics.cli.subtype.cohort import pairs
from gliomics.cli.terminal.console import console

if TYPE_CHECKING:
    from gliomics.cohort.patient_table import PatientTable
    from gliomics.report.cohort.page import Section
    from gliomics.report.cohort.record import Drawing


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
    other_masks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FEATURES.csv", help="Test features of the same patients from other masks beside; repeat."
        ),
    ] = None,
    seed: Annotated[int, SEED] = 0,
    scheduler: Annotated[str | None, SCHEDULER] = None,
) -> None:
    """Test every feature against every class: exact test, Kruskal-Wallis, ROC AUC, corrected for their number.

    The p-values of all features and targets are corrected together.
    """
    from gliomics.association.associate import Plan, questions
    from gliomics.association.associate import associate as associations_of
    from gliomics.association.harmonise import cautions
    from gliomics.association.masks import associate_under_masks
    from gliomics.report.cohort.associations import FILES, Results, discoveries, write_associations
    from gliomics.report.cohort.masks import write_masks
    from gliomics.report.cohort.record import sources_of, write_record
    from gliomics.report.cohort.recorded import analysis_of_associations
    from gliomics.study.patients import read_patient_column

    others = {name: Path(path) for name, path in pairs(other_masks, "--other-masks", "NAME=FEATURES.csv").items()}
    check_folder(out, FILES, [features, outcomes, *others.values()])
    table = read_features(features)
    read = sources_of(features, outcomes=outcomes, **{f"masks {name}": path for name, path in others.items()})
    by_masks = _under_masks(features, others)
    targets = {name: read_patient_column(outcomes, name) for name in dict.fromkeys(target)}
    groups = read_patient_column(outcomes, by) if by is not None else None
    asked = questions(table, targets, groups)
    for name, labels in targets.items():
        report_unmatched(table, labels, name)
    beware = cautions(table, targets)
    for sentence in beware:
        console.print(sentence, style="yellow", markup=False)
    step = _progress(len(asked) * sum(len(each.names) for each in (table, *by_masks.values())))
    plan = Plan(cut, least, seed)
    rows = associations_of(table, asked, plan, step=step, scheduler=scheduler)
    origins = {"Features": features.name, "Outcomes": outcomes.name, "Seed": str(seed)}
    if table.harmonisation is not None:
        origins["Harmonised"] = "; ".join([f"over {table.harmonisation.column}", *beware])
    sections: list[Section] = []
    of_masks: list[Drawing] = []
    result = None
    if by_masks:
        result = associate_under_masks(
            by_masks, targets, groups, plan, step=step, scheduler=scheduler, tested=(table, rows)
        )
        section, of_masks = write_masks(out, result)
        sections = [section]
        origins |= {f"Other masks: {name}": path.name for name, path in others.items()}
    results = Results(table, asked, rows, plan, groups)
    drawings = [*write_associations(out, results, origins, sections), *of_masks]
    write_record(out, read, analysis_of_associations(results, drawings, by, result))
    refused = sum(row.p != row.p for row in rows)
    console.print(f"{len(rows)} tests of {len(table.names)} features in {out}, {refused} of them refused", markup=False)
    for line in discoveries(rows):
        console.print(line, markup=False)


def _progress(tests: int) -> Callable[[], object]:
    """What is called after each of so many tests, and shows in a terminal how far they are."""
    steps = iter(track(range(tests), "testing", console=console, transient=True, disable=not console.is_terminal))
    return lambda: next(steps, None)


def _under_masks(features: Path, others: Mapping[str, Path]) -> dict[str, PatientTable]:
    """Tables by the name of the masks, the first named as its file; none where there are no others."""
    from gliomics.association.masks import tables_under_masks
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.errors import InputError

    if not others:
        return {}
    if features.stem in others:
        raise InputError(f"--other-masks has the name '{features.stem}' of {features.name}; name the others otherwise")
    paths = {features.stem: features, **others}
    return tables_under_masks({name: read_features_csv(path) for name, path in paths.items()})
