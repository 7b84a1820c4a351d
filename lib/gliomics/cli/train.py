"""``gliomics train``: a segmentation model from labelled studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.console import console, left_out

train = typer.Typer(help="Train models from labelled studies.", no_args_is_help=True)


@train.callback()
def _train() -> None:
    """Train models from labelled studies."""


@train.command()
def segmentation(
    data: Annotated[Path, typer.Option(help="Folder of studies with labels/final/<study id>.nii.gz.")],
    config: Annotated[str, typer.Option(help="A configuration that comes with Gliomics, or a YAML file.")],
    split: Annotated[Path, typer.Option(help='JSON file {"validation": [patient ids]}; the others are trained on.')],
    out: Annotated[Path, typer.Option(help="Folder of the new model; must not exist.")],
    population: Annotated[str, typer.Option(help="Who the patients are, in a sentence for the model card.")],
    checkpoint: Annotated[Path | None, typer.Option(help="File that an interrupted training continues from.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder with models trained here, besides those shipped.")] = None,
) -> None:
    """Train a segmentation model and report the Dice of each validation patient."""
    from gliomics.errors import InputError
    from gliomics.files import read_json
    from gliomics.models import ModelStore
    from gliomics.segmentation.config import load_training_config
    from gliomics.segmentation.fit import fit
    from gliomics.segmentation.labelled import LabelledStudy
    from gliomics.study import label_path, list_studies

    settings = load_training_config(config)
    studies = list_studies(data, left_out)
    labelled = [LabelledStudy(s, label_path(data, s.id)) for s in studies if label_path(data, s.id).is_file()]
    if not labelled:
        raise InputError(f"none of the {len(studies)} studies in {data} has a final label in {data / 'labels/final'}")
    validation = read_json(split)
    if not isinstance(validation, dict) or not isinstance(validation.get("validation"), list):
        raise InputError(f'{split} must be an object with a list "validation" of patient ids')
    folder, scores = fit(
        labelled,
        settings,
        validation["validation"],
        out,
        population=population,
        store=ModelStore(models),
        checkpoint=checkpoint,
        on_epoch=lambda epoch, epochs, loss: console.print(f"epoch {epoch}/{epochs}, mean loss {loss:.4f}"),
        on_skipped=lambda study, reason: console.print(f"left out {study}: {reason}", style="yellow", markup=False),
    )
    for study, value in sorted(scores.items(), key=lambda item: item[1]):
        console.print(f"{study}  Dice {value:.3f}")
    for metric in folder.card.metrics:
        console.print(f"{metric.name} {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}), n = {metric.n}")
    console.print(f"model in {out}")
