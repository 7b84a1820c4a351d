"""``gliomics train``: a segmentation model from labelled studies."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import console, labelled_studies, report_left_out
from gliomics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gliomics.models import Metric
    from gliomics.training.checkpoint import EpochRecord

Data = Annotated[Path, typer.Option(help="Folder of studies with labels/final/<study id>.nii.gz.")]
Out = Annotated[Path, typer.Option(help="Folder of the run; the same command continues an interrupted one.")]
Population = Annotated[str, typer.Option(help="Who the patients are, in a sentence for the model card.")]
EncoderWeights = Annotated[Path | None, typer.Option(help="File of pretrained weights for the network's encoder.")]

train = typer.Typer(help="Train models from labelled studies.", no_args_is_help=True)


@train.callback()
def _train() -> None:
    """Train models from labelled studies."""


@train.command()
def segmentation(
    data: Data,
    out: Out,
    config: Annotated[
        str | None, typer.Option(help="A configuration that comes with Gliomics, or a YAML file.", show_default=False)
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(
            help='JSON file {"validation": [patient ids], "test": [...]}; the others are trained on. '
            'With {"folds": [[patient ids], ...]}, a cross-validation.'
        ),
    ] = None,
    validated_by: Annotated[
        Path | None,
        typer.Option(help="Folder of a finished cross-validation: train its configuration on its patients."),
    ] = None,
    population: Population = "patients not described",
    encoder_weights: EncoderWeights = None,
) -> None:
    """Train a segmentation model, or validate a configuration by training it on all folds but one in turn.

    OUT gets the model (or the masks of the cross-validation), the curves and what an interrupted run continues from.
    On several GPUs: torchrun --nproc-per-node 4 --no-python gliomics train segmentation ...
    """
    from gliomics.training.card import TrainingPlan
    from gliomics.training.config import load_training_config
    from gliomics.training.crossvalidate import cross_validate, fit_validated, read_cross_validation
    from gliomics.training.distributed import joined
    from gliomics.training.fit import fit
    from gliomics.training.split import Split, read_split

    if (config is None) == (validated_by is None):
        raise InputError("give either --config, or --validated-by with the folder of a cross-validation")
    labelled = labelled_studies(data)
    parts = read_split(split) if split else Split()
    scores: dict[str, float] = {}
    with joined():
        if validated_by is not None:
            if not isinstance(parts, Split):
                raise InputError("--validated-by trains one model; give --split patients to keep out, or nothing")
            validated_model = fit_validated(
                labelled,
                read_cross_validation(validated_by),
                parts,
                out,
                population=population,
                encoder_weights=encoder_weights,
                on_epoch=_Reporter(out),
            )
            if validated_model is None:  # another process of several writes the model
                return
            metrics, result = validated_model.card.metrics, validated_model.path
        elif isinstance(parts, Split):
            plan = TrainingPlan(load_training_config(str(config)), population, parts, encoder_weights)
            fitted = fit(labelled, plan, out, on_epoch=_Reporter(out), on_skipped=report_left_out)
            if fitted is None:
                return
            model, scores = fitted
            metrics, result = model.card.metrics, model.path
        else:
            validated = cross_validate(
                labelled,
                load_training_config(str(config)),
                parts,
                out,
                encoder_weights=encoder_weights,
                on_epoch=lambda fold: _Reporter(out / f"fold-{fold}", f"fold {fold} of {len(parts)}, "),
                on_skipped=report_left_out,
            )
            if validated is None:
                return
            metrics, scores, result = validated.metrics, validated.scores, out / "masks"
        _report(scores, metrics, result)


@train.command()
def correction(
    data: Data,
    masks: Annotated[
        Path, typer.Option(help="Folder of masks by networks that never saw their study (masks of a cross-validation).")
    ],
    out: Out,
    config: Annotated[Path | None, typer.Option(help="YAML file of another configuration than ours.")] = None,
    split: Annotated[
        Path | None, typer.Option(help='JSON file {"test": [patient ids]}: the figures are of these patients.')
    ] = None,
    population: Population = "patients not described",
    encoder_weights: EncoderWeights = None,
) -> None:
    """Train a model that corrects masks by clicks, strokes and drawn slices."""
    from gliomics.interactive.fit_correction import CONFIG, fit_correction
    from gliomics.training.card import TrainingPlan
    from gliomics.training.config import load_training_config
    from gliomics.training.distributed import joined
    from gliomics.training.split import Split, read_split

    labelled = labelled_studies(data)
    parts = read_split(split) if split else Split()
    if not isinstance(parts, Split):
        raise InputError('a correction model is trained once; give a split with "test" patients instead of folds')
    with joined():
        model = fit_correction(
            labelled,
            masks,
            TrainingPlan(load_training_config(str(config or CONFIG)), population, parts, encoder_weights),
            out,
            on_epoch=_Reporter(out),
            on_skipped=report_left_out,
        )
        if model is not None:  # else another process of several writes it
            _report({}, model.card.metrics, model.path)


CURVES_SECONDS = 5.0
"""The curves are drawn no more often than this before the last epoch: an epoch may take less time than drawing them."""


class _Reporter:
    """Says after each epoch how it goes and how long it will take, and keeps the curves up to date."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self._folder, self._prefix = folder, prefix
        self._drawn_at = -math.inf

    def __call__(self, records: Sequence[EpochRecord], epochs: int) -> None:
        from gliomics.files import write_text
        from gliomics.report.segmentation_figures import training_curves

        last = records[-1]
        scored = f", validation Dice {last.validation_dice:.3f}" if last.validation_dice is not None else ""
        recent = [record.seconds for record in records[-5:]]
        minutes = (epochs - last.epoch) * sum(recent) / len(recent) / 60
        console.print(
            f"{self._prefix}epoch {last.epoch} of {epochs}: loss {last.loss:.4f}{scored}; "
            f"{last.seconds:.0f} s, about {minutes:.0f} min left"
        )
        rows = [
            f"{r.epoch},{r.loss:.6f},{'' if r.validation_dice is None else f'{r.validation_dice:.4f}'},{r.seconds:.1f}"
            for r in records
        ]
        write_text(self._folder / "history.csv", "\n".join(["epoch,loss,validation_dice,seconds", *rows]) + "\n")
        if last.epoch == epochs or time.monotonic() - self._drawn_at > CURVES_SECONDS:
            training_curves(records, self._folder / "curves.png")
            self._drawn_at = time.monotonic()


def _report(scores: dict[str, float], metrics: Sequence[Metric], result: Path) -> None:
    for study, value in sorted(scores.items(), key=lambda item: item[1]):
        console.print(f"{study}  Dice {value:.3f}")
    for metric in metrics:
        console.print(f"{metric.name} {metric.in_words()}, n = {metric.n}")
    console.print(f"{'masks' if result.name == 'masks' else 'model'} in {result}")
