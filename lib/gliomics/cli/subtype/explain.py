"""``gliomics subtype explain``: one estimate with everything that is to be said of it."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.records import SubtypeEstimate

MODEL = typer.Argument(help="Name of a subtype model, e.g. subtype_idh, or a model folder.", show_default=False)


def explain(
    model: Annotated[str, MODEL],
    features: Annotated[Path, FEATURES],
    study: Annotated[str, typer.Option(help="The study of the table to explain.")],
    clinical: Annotated[Path | None, CLINICAL] = None,
    age: Annotated[str, AGE] = "age",
    prevalence: Annotated[list[str] | None, PREVALENCE] = None,
    models: Annotated[Path | None, MODELS] = None,
) -> None:
    """Explain the estimate of one study: what the model says from which input, why, and how far that goes."""
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.errors import UnknownNameError
    from gliomics.subtype.circumstances import read_ages

    subtype_model = open_model(model, models)
    shares, ages = (
        read_prevalence(prevalence, [subtype_model]),
        read_ages(clinical, age) if clinical is not None else {},
    )
    rows = {row.study_id: row for row in read_features_csv(features)}
    if study not in rows:
        raise UnknownNameError(f"{features} has no study '{study}'; it has {', '.join(list(rows)[:5])}")
    row = rows[study]
    for line in _lines(subtype_model.estimate(row, circumstances_of(row, ages, shares, subtype_model))):
        typer.echo(line)


def _lines(estimate: SubtypeEstimate) -> Iterator[str]:
    given = "".join(f", given {name} {value}" for name, value in estimate.given.items())
    yield f"{estimate.target} of {estimate.study_id}{given}, from {estimate.variant}"
    for name, probability in estimate.probabilities.items():
        low, high = estimate.intervals[name]
        member = " *" if name in estimate.prediction_set else ""
        yield f"  {name:24s} {probability:.2f} (spread of the fit {low:.2f} to {high:.2f}){member}"
    if estimate.prediction_set:
        yield f"  * not excluded: of the patients of each class, 90 % have it among these ({estimate.performance})"
    for variant, probabilities in estimate.by_input.items():
        yield f"from {variant}: " + ", ".join(f"{name} {p:.2f}" for name, p in probabilities.items())
    for reason in estimate.reasons:
        yield f"beware: {reason}"
    intercept = estimate.intercept or 0.0
    yield f"log-odds of {estimate.predicted}: {sum(estimate.groups.values(), start=intercept):+.2f}, of which"
    yield f"  {'before anything is seen':36s} {intercept:+.2f}"
    for group, log_odds in estimate.groups.items():
        yield f"  {group:36s} {log_odds:+.2f}"
    yield "the features that move it most:"
    for part in estimate.contributions[:5]:
        value = "missing" if part.value is None else f"{part.value:.3g}"
        medians = ", ".join(f"{name} {median:.3g}" for name, median in part.medians.items())
        yield f"  {part.words}: {value} (medians {medians}) {part.log_odds:+.2f}"
    nearest = ", ".join(f"{item.number} ({item.label})" for item in estimate.nearest)
    yield f"nearest of the {estimate.n_training} training patients: {nearest}"
    yield estimate.notice
