"""``gliomics subtype fit``: a model from features and outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.subtype.cohort import (
    AGE,
    CLASS,
    CLINICAL,
    FEATURES,
    OUTCOMES,
    TARGET,
    WHERE,
    pairs,
    read_outcomes,
)
from gliomics.cli.terminal.console import check_apart, check_table, console, progress_bar

if TYPE_CHECKING:
    from gliomics.subtype.fit import Fitted


def fit(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    target: Annotated[str, TARGET],
    out: Annotated[Path, typer.Option(help="Folder of the new model; must not exist.")],
    class_: Annotated[list[str] | None, CLASS] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    clinical: Annotated[Path | None, CLINICAL] = None,
    age: Annotated[str, AGE] = "age",
    site: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of --clinical with the hospital: try the model on each by all others, too."
        ),
    ] = None,
    other_masks: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FEATURES.csv", help="Try the model on features from other masks, too; repeat."),
    ] = None,
    related: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL=TABLE",
            help="Table whose column MODEL holds each patient's class by another subtype model: estimates that hardly "
            "go together will say so; repeat.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; by default the folder's.")] = None,
    target_name: Annotated[str | None, typer.Option(help="What the outcome is called in the panel.")] = None,
    title: Annotated[str | None, typer.Option(help="Title for lists of models.")] = None,
    description: Annotated[str, typer.Option(help="A sentence or two for the model card.")] = "",
    population: Annotated[str, typer.Option(help="Who the patients are, for the model card.")] = "not described",
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="Repeats of the 5-fold cross-validation.")] = 20,
    permutations: Annotated[
        int,
        typer.Option(
            min=0,
            max=100_000,
            help="Random assignments of the outcome, for the AUC by chance and its p-value, which cannot be below "
            "1 / (1 + this).",
        ),
    ] = 100,
    save_oof: Annotated[
        Path | None, typer.Option(help="Table (CSV) of what models without the patient said of each patient.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Equal seeds give equal models.")] = 0,
) -> None:
    """Fit a subtype model and report how good it is on patients that it did not see."""
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.errors import InputError
    from gliomics.study.patients import read_patient_column
    from gliomics.subtype.circumstances import read_ages
    from gliomics.subtype.estimates import write_out_of_fold_csv
    from gliomics.subtype.fit import Cohort, FitOptions, fit_model

    if save_oof is not None:
        check_table(save_oof)
        check_apart([save_oof], [features, outcomes, clinical])
    if site is not None and clinical is None:
        raise InputError("--site names a column of the table --clinical; give that, too")
    conditions = pairs(where, "--where", "COLUMN=VALUE")
    options = FitOptions(
        name=name or out.name,
        target=target_name or target,
        title=title or f"{target_name or target} from MRI features",
        description=description,
        population=population,
        classes=pairs(class_, "--class", "VALUE=NAME"),
        given=conditions,
        repeats=repeats,
        permutations=permutations,
        seed=seed,
    )
    if (note := too_few_permutations(permutations)) is not None:
        console.print(note, style="yellow")
    other_tables = pairs(other_masks, "--other-masks", "NAME=FEATURES.csv")
    tables = pairs(related, "--related", "MODEL=TABLE")
    cohort = Cohort(
        read_features_csv(features),
        read_outcomes(outcomes, target, conditions),
        ages=read_ages(clinical, age) if clinical is not None else None,
        sites=read_patient_column(clinical, site) if clinical is not None and site is not None else None,
        other_masks={label: read_features_csv(Path(path)) for label, path in other_tables.items()},
        related={label: read_patient_column(Path(path), label) for label, path in tables.items()},
    )
    with progress_bar() as bar:
        task = bar.add_task("cross-validating", total=None)
        fitted = fit_model(
            cohort,
            out,
            options,
            progress=lambda completed, total: bar.update(task, completed=completed, total=total),
        )
    _summarise(fitted)
    if save_oof is not None:
        write_out_of_fold_csv(fitted.table, fitted.out_of_fold, save_oof)
        console.print(f"out-of-fold probabilities in {save_oof}")
    console.print(f"model in {out}")


def _summarise(fitted: Fitted) -> None:
    card = fitted.folder.card
    counts = ", ".join(f"{label} {count}" for label, count in card.settings["class_counts"].items())
    console.print(f"{card.training.n_patients} patients: {counts}", markup=False)
    for metric in card.metrics:
        console.print(f"{metric.name} {metric.in_words()}", markup=False)
    for variant, warnings in card.settings["warnings"].items():
        for warning in warnings:
            console.print(f"from {variant}: {warning}", style="yellow", markup=False)


def too_few_permutations(permutations: int) -> str | None:
    """What so few permutations cannot tell."""
    from gliomics.subtype.validation.summary import LEAST_PERMUTATIONS, smallest_p

    if permutations == 0:
        return "without --permutations there is no AUC by chance and no p-value"
    if permutations < LEAST_PERMUTATIONS:
        return (
            f"{permutations} permutation{'s' * (permutations != 1)}: the p-value cannot be below "
            f"{smallest_p(permutations):.2g}; give --permutations {LEAST_PERMUTATIONS} at least to see one below 0.05"
        )
    return None
