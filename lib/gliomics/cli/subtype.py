"""``gliomics subtype``: estimates from features, and models from features and outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gliomics.cli.terminal.console import check_apart, check_table, console
from gliomics.cli.terminal.failures import Failures
from gliomics.cli.tumour_network.fit_network import fit_network
from gliomics.cli.tumour_network.predict_network import predict_network

if TYPE_CHECKING:
    from gliomics.models import ModelFolder
    from gliomics.records import SubtypeEstimate
    from gliomics.subtype.predict import SubtypeModel

subtype = typer.Typer(help="Estimate genomic subtypes from features, or fit a model that does.", no_args_is_help=True)
subtype.command("fit-network")(fit_network)
subtype.command("predict-network")(predict_network)

FEATURES = typer.Argument(metavar="FEATURES.csv", help="Table made by `gliomics features`.", show_default=False)


@subtype.command()
def predict(
    features: Annotated[Path, FEATURES],
    model: Annotated[
        list[str],
        typer.Option(help="Name of a subtype model, e.g. subtype_coc, or a model folder; repeat for several."),
    ],
    out: Annotated[Path, typer.Option(help="The table to write (CSV): one row per study and model.")],
    models: Annotated[Path | None, typer.Option(help="Folder with models made here, besides those shipped.")] = None,
) -> None:
    """Estimate the subtype of every study of a feature table.

    A study that lacks features is reported and the others go on; the exit code is 1 then. Estimates by several models
    that hardly go together say so.
    """
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.errors import InputError
    from gliomics.subtype.contradictions import with_contradictions
    from gliomics.subtype.estimates import write_estimates_csv
    from gliomics.subtype.predict import SubtypeModel

    check_table(out)
    check_apart([out], [features])
    rows = read_features_csv(features)
    ids = [row.study_id for row in rows]
    repeated = next((name for name in ids if ids.count(name) > 1), None)
    if repeated is not None:
        raise InputError(
            f"{features} has several regions of study '{repeated}'; keep the region that the model was made for"
        )
    subtype_models = [SubtypeModel(_open(name, models)) for name in model]
    cards = {subtype_model.card.name: subtype_model.card for subtype_model in subtype_models}
    if len(cards) < len(model):
        raise InputError(f"--model names a model twice: {', '.join(model)}; name each once")
    estimates: list[SubtypeEstimate] = []
    failures = Failures()
    for row in rows:
        of_study = []
        for subtype_model in subtype_models:
            with failures.of(row.study_id):
                of_study.append(subtype_model.estimate(row))
        estimates += with_contradictions(of_study, cards)
    if not estimates:
        raise failures.errors[0]
    write_estimates_csv(estimates, out)
    for subtype_model in subtype_models:
        _summarise(
            subtype_model, [estimate for estimate in estimates if estimate.model == subtype_model.card.name], out
        )
    failures.end()


def _summarise(model: SubtypeModel, estimates: list[SubtypeEstimate], out: Path) -> None:
    """What the estimates of one model are, and what to beware of."""
    console.print(f"{len(estimates)} estimates of {model.settings.target} in {out}")
    for metric in model.card.metrics[:1]:
        interval = f" ({metric.low:.2f} to {metric.high:.2f})" if metric.low is not None else ""
        console.print(
            f"{metric.name}: {metric.value:.2f}{interval}, {metric.n} patients, cross-validated", markup=False
        )
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


@subtype.command()
def fit(
    features: Annotated[Path, FEATURES],
    outcomes: Annotated[Path, typer.Option(help="Table (.csv or .tsv) with a patient id and the outcome.")],
    target: Annotated[str, typer.Option(help="Column of the outcome.")],
    out: Annotated[Path, typer.Option(help="Folder of the new model; must not exist.")],
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="VALUE=NAME", help="Name of a class for a value of the outcome; repeat."),
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
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Equal seeds give equal models.")] = 0,
) -> None:
    """Fit a subtype model and report how good it is on patients that it did not see."""
    from gliomics.cohort.feature_table import read_features_csv
    from gliomics.study.patients import read_patient_column
    from gliomics.subtype.fit import FitOptions, fit_model

    options = FitOptions(
        name=name or out.name,
        target=target_name or target,
        title=title or f"{target_name or target} from MRI features",
        description=description,
        population=population,
        classes=dict(_pair(item, "--class", "VALUE=NAME") for item in class_ or []),
        repeats=repeats,
        permutations=permutations,
        seed=seed,
    )
    if (note := too_few_permutations(permutations)) is not None:
        console.print(note, style="yellow")
    other_tables = dict(_pair(item, "--other-masks", "NAME=FEATURES.csv") for item in other_masks or [])
    tables = dict(_pair(item, "--related", "MODEL=TABLE") for item in related or [])
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("cross-validating", total=None)
        folder = fit_model(
            read_features_csv(features),
            read_patient_column(outcomes, target),
            out,
            options,
            other_masks={label: read_features_csv(Path(path)) for label, path in other_tables.items()},
            related={label: read_patient_column(Path(path), label) for label, path in tables.items()},
            progress=lambda completed, total: bar.update(task, completed=completed, total=total),
        )
    counts = ", ".join(f"{label} {count}" for label, count in folder.card.settings["class_counts"].items())
    console.print(f"{folder.card.training.n_patients} patients: {counts}", markup=False)
    for metric in folder.card.metrics:
        interval = f" ({metric.low:.3f} to {metric.high:.3f})" if metric.low is not None else ""
        console.print(f"{metric.name} {metric.value:.3f}{interval}", markup=False)
    console.print(f"model in {out}")


def too_few_permutations(permutations: int) -> str | None:
    """What so few permutations cannot tell."""
    from gliomics.subtype.validate import LEAST_PERMUTATIONS, smallest_p

    if permutations == 0:
        return "without --permutations there is no AUC by chance and no p-value"
    if permutations < LEAST_PERMUTATIONS:
        return (
            f"{permutations} permutation{'s' * (permutations != 1)}: the p-value cannot be below "
            f"{smallest_p(permutations):.2g}; give --permutations {LEAST_PERMUTATIONS} at least to see one below 0.05"
        )
    return None


def _open(model: str, models: Path | None) -> ModelFolder:
    from gliomics.models import ModelStore, load_model_folder

    folder = Path(model)
    return load_model_folder(folder) if (folder / "model.json").is_file() else ModelStore(models).current(model)


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    from gliomics.errors import InputError

    name, separator, value = text.partition("=")
    if not (separator and name and value):
        raise InputError(f"{option} {text!r} is not {form}; write it so")
    return name, value
