"""``gliomics simulate``: what would have happened, replayed on studies whose labels are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import console, labelled_studies, report_left_out
from gliomics.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gliomics.active.replay import Cohort
    from gliomics.active.simulation import Round
    from gliomics.active.slice_simulation import SliceRound
    from gliomics.training.config import TrainingConfig

simulate = typer.Typer(help="Replay work on studies whose labels are known.", no_args_is_help=True)


STUDIES = typer.Argument(help="Folder of studies with labels/final/<study id>.nii.gz.", show_default=False)
OUT = typer.Option(help="Folder of the results; the same command continues an interrupted one.")
SPLIT = typer.Option(help='JSON file with the "test" patients: every network is measured on these.')
CONFIG = typer.Option(help="A configuration that comes with Gliomics, or a YAML file.")
SIZE = typer.Option(
    help="Pixels of a slice's side, a multiple of 32. The configuration's, unless given.", show_default=False
)
ENCODER_WEIGHTS = typer.Option(help="File of pretrained weights for the network's encoder.")


@simulate.callback()
def _simulate() -> None:
    """Replay work on studies whose labels are known."""


@simulate.command()
def active_learning(
    studies: Annotated[Path, STUDIES],
    out: Annotated[Path, OUT],
    split: Annotated[Path, SPLIT],
    config: Annotated[str, CONFIG] = "segmentation_flair",
    strategy: Annotated[
        list[str] | None, typer.Option(help="A strategy to replay; repeat. All, unless given.", show_default=False)
    ] = None,
    first: Annotated[int, typer.Option(help="Labelled patients to begin with, drawn at random.")] = 5,
    step: Annotated[int, typer.Option(help="Patients labelled in each round.")] = 5,
    until: Annotated[int, typer.Option(help="Labelled patients to end with.")] = 30,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Repetitions, each with another draw of the first patients.")
    ] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Length of each training: optimiser steps of so many epochs over --until patients. "
            "The configuration's, unless given.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[int | None, SIZE] = None,
    encoder_weights: Annotated[Path | None, ENCODER_WEIGHTS] = None,
) -> None:
    """Compare strategies of active learning: label, train, measure, choose the next patients, again and again.

    OUT gets curves.csv, summary.csv, summary.md and curves.png after each seed, and one file per round.
    """
    from gliomics.active.simulation import Plan
    from gliomics.active.simulation import simulate as replay
    from gliomics.active.strategies import COMPARABLE
    from gliomics.report.labelling_loop import write_results

    training = _configuration(config, size=size, epochs=epochs)
    plan = Plan(training, first, step, until, encoder_weights)
    cohort = _cohort(studies, split, training)
    for rounds in replay(
        cohort, plan, out, strategies=strategy or list(COMPARABLE), seeds=seeds, on_round=_report_round
    ):
        write_results(rounds, out)
    _show_results(out)


def _report_round(rounds: Sequence[Round], trainings_left: int, seconds: float) -> None:
    round_ = rounds[0]
    strategy = round_.strategy if len(rounds) == 1 else f"{len(rounds)} strategies"
    console.print(
        f"seed {round_.seed}, {strategy}, {len(round_.labelled)} patients: mean Dice {round_.mean_dice:.3f}; "
        f"{trainings_left} trainings left, about {seconds / 60:.0f} min"
    )


@simulate.command()
def asked_slices(
    studies: Annotated[Path, STUDIES],
    out: Annotated[Path, OUT],
    split: Annotated[Path, SPLIT],
    config: Annotated[str, CONFIG] = "segmentation_flair",
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="A strategy that chooses the studies; repeat. random and hybrid, unless given."),
    ] = None,
    slices: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Slices asked of a study at a time; repeat. 2, 4 and 8, unless given."),
    ] = None,
    first: Annotated[int, typer.Option(help="Drawn slices to begin with, of whole studies drawn at random.")] = 24,
    step: Annotated[int, typer.Option(help="Slices drawn in each round.")] = 24,
    until: Annotated[int, typer.Option(help="Drawn slices to end with.")] = 120,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Repetitions, each with another draw of the first studies.")
    ] = 4,
    optimiser_steps: Annotated[int, typer.Option(help="Length of each training.")] = 600,
    size: Annotated[int | None, SIZE] = None,
    encoder_weights: Annotated[Path | None, ENCODER_WEIGHTS] = None,
) -> None:
    """Compare a few asked slices of many studies with whole studies, at an equal number of drawn slices.

    OUT gets curves.csv, summary.csv, summary.md and curves.png after each seed, and one file per round.
    """
    from gliomics.active.slice_simulation import SlicePlan, simulate_slices
    from gliomics.report.asked_slices import write_slice_results

    training = _configuration(config, size=size)
    plan = SlicePlan(training, first, step, until, optimiser_steps, encoder_weights)
    cohort = _cohort(studies, split, training)
    for rounds in simulate_slices(
        cohort,
        plan,
        out,
        strategies=strategy or ["random", "hybrid"],
        slices=slices or [2, 4, 8],
        seeds=seeds,
        on_round=_report_slice_round,
    ):
        write_slice_results(rounds, out)
    _show_results(out)


def _configuration(config: str, *, size: int | None = None, epochs: int | None = None) -> TrainingConfig:
    from gliomics.training.budget import with_overrides
    from gliomics.training.config import load_training_config

    return with_overrides(load_training_config(config), size=size, epochs=epochs)


def _cohort(studies: Path, split: Path, config: TrainingConfig) -> Cohort:
    from gliomics.active.replay import Cohort
    from gliomics.training.split import Split, read_split

    parts = read_split(split)
    if not isinstance(parts, Split):
        raise InputError(f'{split} has folds; give {{"test": [patient ids]}}, the patients to measure on')
    cohort = Cohort.of(labelled_studies(studies), parts, config, report_left_out)
    console.print(f"{len(cohort.pool)} patients to choose from, {len(cohort.test)} studies to measure on")
    return cohort


def _show_results(out: Path) -> None:
    console.print((out / "summary.md").read_text(encoding="utf-8"), markup=False)
    console.print(f"results in {out}")


def _report_slice_round(rounds: Sequence[SliceRound], trainings_left: int, seconds: float) -> None:
    round_ = rounds[0]
    arm = f"{round_.strategy}, {round_.arm.amount}" if len(rounds) == 1 else f"start of {len(rounds)} curves"
    console.print(
        f"seed {round_.seed}, {arm}, {round_.drawn} slices of {len(round_.labels)} patients: mean Dice "
        f"{round_.mean_dice:.3f}; {trainings_left} trainings left, about {seconds / 60:.0f} min"
    )
