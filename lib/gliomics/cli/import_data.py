"""``gliomics import``: a folder of images, as people have them, becomes studies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm, Prompt

from gliomics.cli.terminal.console import console, count_studies
from gliomics.cli.terminal.import_plan import show_left_out, show_plan
from gliomics.errors import InputError
from gliomics.sequences import SEQUENCES

if TYPE_CHECKING:
    from gliomics.intake import Choices, ImportPlan, ImportReport

SOURCE = typer.Argument(metavar="FOLDER", help="Folder of images as they are: DICOM, BIDS, BraTS, ... (unpacked).")
DEST = typer.Argument(metavar="OUT", help="Studies folder to write; made if it does not exist.")
SEQUENCE = typer.Option(
    "--sequence",
    metavar="NAME=SELECTOR",
    help="Say what is undecided: NAME is t1, t1c, t2, flair, label (the mask to take) or none (leave it out), SELECTOR "
    "a series' number, UID or description, or a file's name or pattern. Repeat it for more.",
)
YES = typer.Option("--yes", "-y", help="Take the plan as it is shown; what is undecided is left out.")
STUDY_ID = typer.Option("--id", metavar="ID", help="Id of the study, where the folder holds one.")
PATIENT_ID = typer.Option("--patient", metavar="ID", help="Patient id to record, where the folder holds one patient.")
SLICE_SPACING = typer.Option(
    "--slice-spacing", metavar="MM", help="Distance between slices in mm, for pictures that do not hold it."
)


def import_data(
    source: Annotated[Path, SOURCE],
    dest: Annotated[Path, DEST],
    sequence: Annotated[list[str] | None, SEQUENCE] = None,
    channels: Annotated[
        str | None,
        typer.Option(
            "--channels", metavar="NAMES", help="What the volumes of 4-D files are, in order: flair,t1,t1c,t2."
        ),
    ] = None,
    numbering: Annotated[
        str | None,
        typer.Option("--numbering", metavar="NAME", help="Numbering of the masks: brats-2021, brats-2023, msd, ..."),
    ] = None,
    study_id: Annotated[str | None, STUDY_ID] = None,
    patient_id: Annotated[str | None, PATIENT_ID] = None,
    slice_spacing: Annotated[float | None, SLICE_SPACING] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Turn a folder of images into studies: DICOM, BIDS, BraTS, UPENN-GBM, UCSF-PDGM, MSD, Kaggle LGG, or your own.

    Shows what the folder is taken for and what becomes of each file, and asks before anything is written. Studies
    that are there already are kept, so an interrupted import can be run again. Exit code 1: something is left that
    only you can settle; everything else was imported.
    """
    from gliomics.intake import Choices, plan_import

    _check_apart(source, dest)
    choices = Choices.parse(sequence or [], channels)

    def planned() -> ImportPlan:
        with console.status(f"looking through {source}"):
            plan = plan_import(
                source,
                choices=choices,
                numbering=numbering,
                patient_id=patient_id,
                slice_spacing=slice_spacing,
                without=dest,
            )
        return plan.with_ids(study_id, patient_id)

    plan = planned()
    if sys.stdin.isatty() and console.is_terminal and not yes:
        while _ask(plan, choices):
            plan = planned()
    show_plan(plan, source, dest)
    if not plan.studies:
        raise InputError(f"nothing in {source} can be imported as it is; {_remedy(plan)}")
    if not yes and _may_write(plan, dest):
        if not (sys.stdin.isatty() and console.is_terminal):
            raise InputError(f"nothing was written to {dest}: there is no terminal to ask; add --yes to take this plan")
        if not Confirm.ask(f"Write these studies to {dest}?", console=console, default=True):
            console.print("nothing was written")
            raise typer.Exit(1)
    report = _write(plan, dest)
    _conclude(plan, report, dest)


def import_dicom(
    source: Annotated[Path, SOURCE],
    dest: Annotated[Path, DEST],
    sequence: Annotated[list[str] | None, SEQUENCE] = None,
    study_id: Annotated[str | None, STUDY_ID] = None,
    patient_id: Annotated[str | None, PATIENT_ID] = None,
) -> None:
    """The former name of ``gliomics import --yes`` for DICOM."""
    console.print("import-dicom is now: gliomics import FOLDER OUT --yes")
    import_data(source, dest, sequence, study_id=study_id, patient_id=patient_id, yes=True)


def import_lgg(
    source: Annotated[Path, SOURCE],
    dest: Annotated[Path, DEST],
    slice_spacing: Annotated[float | None, SLICE_SPACING] = None,
) -> None:
    """The former name of ``gliomics import --yes`` for the Kaggle LGG set."""
    console.print("import-lgg is now: gliomics import FOLDER OUT --yes")
    import_data(source, dest, slice_spacing=slice_spacing, yes=True)


def _check_apart(source: Path, dest: Path) -> None:
    if os.path.realpath(source) == os.path.realpath(dest):
        raise InputError(f"FOLDER and OUT are both {source}; give a new folder for the studies")
    if dest.exists() and not dest.is_dir():
        raise InputError(f"{dest} is a file; give a folder for the studies")


def _ask(plan: ImportPlan, choices: Choices) -> bool:
    """Ask for each undecided name once; whether any was answered."""
    from gliomics.intake import SequenceChoice

    answered = False
    for name, items in plan.questions.items():
        if name in choices.skipped:
            continue
        files = f"{len(items)} files, e.g. {items[0].what}" if len(items) > 1 else items[0].what
        console.print(f"undecided: '{name}' ({files}): {items[0].reason}", markup=False)
        answer = Prompt.ask(
            "which is it?",
            choices=[*SEQUENCES, "label", "none", "skip"],
            default="skip",
            console=console,
        )
        if answer == "skip":
            choices.skipped.add(name)
        else:
            choices.choices.append(SequenceChoice(answer, name))
            answered = True
    volumes = next((item for item in plan.left_out if item.asks_channels), None)
    if volumes is not None and not choices.channels:
        console.print(f"{volumes.what}: {volumes.reason}", markup=False)
        answer = Prompt.ask("what are the volumes, in order? (empty: leave them out)", default="", console=console)
        if answer:
            choices.channels = type(choices).parse([], answer).channels
            answered = True
    return answered


def _may_write(plan: ImportPlan, dest: Path) -> bool:
    """Whether the plan has anything that is not in the folder yet; a label may come to a study that is."""
    from gliomics.intake import studies_present

    present = studies_present(dest)
    new = (study.label is not None or study.id.lower() not in present for study in plan.studies)
    return plan.table is not None or any(new)


def _write(plan: ImportPlan, dest: Path) -> ImportReport:
    from gliomics.intake import write_plan

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written = 0
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("importing", total=len(plan.studies))

            def progress(number: int, total: int, name: str) -> None:
                nonlocal written
                written = number
                bar.update(task, completed=number, description=name)

            return write_plan(plan, dest, progress)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            f"stopped: {written} of {len(plan.studies)} studies are in {dest}, whole; run the same command to go on"
        ) from error


def _conclude(plan: ImportPlan, report: ImportReport, dest: Path) -> None:
    labels = sum((dest / "labels" / "final" / f"{study.id}.nii.gz").is_file() for study in report.written)
    already_there = f", {len(report.kept)} were there already and are kept" if report.kept else ""
    console.print(f"{count_studies(report.written)} written to {dest}, {labels} with a final label{already_there}")
    if any(not study.spacing_known for study in report.written):
        console.print("The files do not hold the whole voxel size: measures in mm are marked as unknown.")
    if report.left_out:
        show_left_out(report.left_out, "not imported after all")
    still_open = [item for item in (*plan.left_out, *report.left_out) if item.is_open]
    if still_open:
        console.print(
            f"{len(still_open)} left for you to settle (see above); {_remedy(plan)}", style="yellow", markup=False
        )
        raise typer.Exit(1)


def _remedy(plan: ImportPlan) -> str:
    for name, items in plan.questions.items():
        example = f"--sequence {items[0].candidate}='{name}' or --sequence none='{name}'"
        return f"say what an undecided name is and import again, e.g. {example}"
    if any(item.asks_channels for item in plan.left_out):
        return "say what the volumes are and import again, e.g. --channels flair,t1,t1c,t2"
    return "mend what is named and import again"
