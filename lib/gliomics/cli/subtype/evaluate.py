"""``gliomics subtype evaluate``: a model judged on patients that it did not see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.subtype.cohort import (
    AGE,
    CLASS,
    CLINICAL,
    FEATURES,
    MODELS,
    OUTCOMES,
    PREVALENCE,
    TARGET,
    WHERE,
    circumstances_of,
    open_model,
    pairs,
    read_outcomes,
    read_prevalence,
)
from gliomics.cli.terminal.console import check_apart, check_table, console

MODEL = typer.Argument(help="Name of a subtype model, e.g. subtype_idh, or a model folder.", show_default=False)


def evaluate(
    model: Annotated[str, MODEL],
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, OUTCOMES],
    target: Annotated[str, TARGET],
    out: Annotated[Path, typer.Option(help="The table of figures to write (CSV).")],
    class_: Annotated[list[str] | None, CLASS] = None,
    where: Annotated[list[str] | None, WHERE] = None,
    clinical: Annotated[Path | None, CLINICAL] = None,
    age: Annotated[str, AGE] = "age",
    prevalence: Annotated[list[str] | None, PREVALENCE] = None,
    models: Annotated[Path | None, MODELS] = None,
) -> None:
    """Judge a subtype model on another cohort.

    Patients that the model was fitted on are left out.
    """
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.csv_files import write_csv
    from gliomics.subtype.circumstances import read_ages
    from gliomics.subtype.validation.evaluate import evaluate_model

    check_table(out)
    check_apart([out], [features, outcomes, clinical])
    subtype_model = open_model(model, models)
    shares, ages = (
        read_prevalence(prevalence, [subtype_model]),
        read_ages(clinical, age) if clinical is not None else {},
    )
    names = pairs(class_, "--class", "VALUE=NAME")
    classes = {
        patient: names.get(value, value)
        for patient, value in read_outcomes(outcomes, target, pairs(where, "--where", "COLUMN=VALUE")).items()
    }
    rows = read_features_csv(features)
    evaluation = evaluate_model(
        subtype_model, rows, classes, lambda row: circumstances_of(row, ages, shares, subtype_model)
    )
    for note in evaluation.notes:
        console.print(note, style="yellow", markup=False)
    write_csv(out, [metric.model_dump() for metric in evaluation.metrics], ["name", "value", "low", "high", "n", "how"])
    for metric in evaluation.metrics:
        console.print(f"{metric.name} {metric.in_words()}", markup=False)
    console.print(f"figures of {evaluation.n} patients in {out}", markup=False)
