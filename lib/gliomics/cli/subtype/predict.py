"""``gliomics subtype predict``: estimates of a cohort from its features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.subtype.cohort import (
    AGE,
    CLINICAL,
    FEATURES,
    MODELS,
    PREVALENCE,
    circumstances_of,
    open_model,
    read_prevalence,
)
from gliomics.cli.terminal.console import check_apart, check_table, console
from gliomics.cli.terminal.failures import Failures

if TYPE_CHECKING:
    from gliomics.records import SubtypeEstimate
    from gliomics.subtype.predict import SubtypeModel


def predict(
    features: Annotated[Path, FEATURES],
    model: Annotated[
        list[str],
        typer.Option(help="Name of a subtype model, e.g. subtype_coc2, or a model folder; repeat for several."),
    ],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study and model.")],
    clinical: Annotated[Path | None, CLINICAL] = None,
    age: Annotated[str, AGE] = "age",
    prevalence: Annotated[list[str] | None, PREVALENCE] = None,
    models: Annotated[Path | None, MODELS] = None,
) -> None:
    """Estimate the subtype of every study of a feature table.

    A study that lacks features is reported and the others go on; the exit code is 1 then. Estimates by several models
    that hardly go together say so. With subtype_idh and subtype_codeletion the first row of a study is its WHO class.
    """
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.errors import InputError
    from gliomics.subtype.circumstances import read_ages
    from gliomics.subtype.contradictions import with_contradictions
    from gliomics.subtype.estimates import write_estimates_csv
    from gliomics.subtype.who import with_who

    check_table(out)
    check_apart([out], [features, clinical])
    subtype_models = [open_model(name, models) for name in model]
    rows = read_features_csv(features)
    ids = [row.study_id for row in rows]
    repeated = next((name for name in ids if ids.count(name) > 1), None)
    if repeated is not None:
        raise InputError(
            f"{features} has several regions of study '{repeated}'; keep the region that the model was made for"
        )
    cards = {subtype_model.card.name: subtype_model.card for subtype_model in subtype_models}
    if len(cards) < len(model):
        raise InputError(f"--model names a model twice: {', '.join(model)}; name each once")
    shares, ages = read_prevalence(prevalence, subtype_models), read_ages(clinical, age) if clinical is not None else {}
    estimates: list[SubtypeEstimate] = []
    failures = Failures()
    for row in rows:
        of_study = []
        for subtype_model in subtype_models:
            with failures.of(row.study_id):
                circumstances = circumstances_of(row, ages, shares, subtype_model)
                of_study.append(subtype_model.estimate(row, circumstances))
        estimates += with_who(with_contradictions(of_study, cards))
    if not estimates:
        raise failures.errors[0]
    write_estimates_csv(estimates, out)
    for subtype_model in subtype_models:
        _summarise(
            subtype_model, [estimate for estimate in estimates if estimate.model == subtype_model.card.name], out
        )
    if joined := sum(estimate.model not in cards for estimate in estimates):
        console.print(f"{joined} estimates of the WHO class, made of the two, in {out}")
    failures.end()


def _summarise(model: SubtypeModel, estimates: list[SubtypeEstimate], out: Path) -> None:
    """What the estimates of one model are, and what to beware of."""
    console.print(f"{len(estimates)} estimates of {model.settings.target} in {out}")
    headline = model.card.metrics[0].name.rpartition(", ")[0] if model.card.metrics else ""
    names = [f"{headline}, {variant}" for variant in dict.fromkeys(estimate.variant for estimate in estimates)]
    for metric in model.card.metrics:
        if metric.name in names:
            console.print(f"{metric.name}: {metric.in_words(2)}, {metric.n} patients, cross-validated", markup=False)
    outside = sum(not estimate.inside_training_range for estimate in estimates)
    if outside:
        console.print(f"{outside} studies are unlike the training patients; see the column reasons", style="yellow")
    in_sample = sum(estimate.in_sample for estimate in estimates)
    if in_sample:
        console.print(
            f"{in_sample} studies are of patients that the model was fitted on: these estimates are not predictions",
            style="yellow",
        )
    contradicted = sum(bool(estimate.contradicts) for estimate in estimates)
    if contradicted:
        console.print(
            f"{contradicted} of them hardly go with another model's estimate; see the column reasons", style="yellow"
        )
