"""What commands share: messages on standard error, progress bars and the common options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, track

from gliomics.errors import GliomicsError, InputError, printable

if TYPE_CHECKING:
    from gliomics.segmentation.labelled import LabelledStudy
    from gliomics.study import Study

console = Console(stderr=True, highlight=False, soft_wrap=True)

STUDIES = typer.Argument(help="A folder of studies, one study's folder, or one image file.", show_default=False)
RESAMPLE_TO = typer.Option(help="Bring sequences that lie on different grids to the grid of this one.")

Item = TypeVar("Item")


def count_studies(studies: Sized) -> str:
    """``1 study`` or ``7 studies``."""
    return f"{len(studies)} stud{'y' if len(studies) == 1 else 'ies'}"


def counted(number: int, noun: str) -> str:
    """``1 mask`` or ``7 masks``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def is_one_study(path: Path) -> bool:
    """Whether a study's folder or its image is pointed at, and not a folder of studies."""
    return path.is_file() or (path / "study.json").is_file()


def check_apart(written: Iterable[Path], read: Iterable[Path | None]) -> None:
    """Raise :class:`InputError` where a file that will be written is one of those that the command reads."""
    inputs = {os.path.realpath(path) for path in read if path is not None}
    for path in written:
        if os.path.realpath(path) in inputs:
            raise InputError(f"{path} is read by this command and would be replaced; give another place for the output")


def check_table(out: Path) -> None:
    """Raise :class:`InputError` where the table to write would replace something else than a table."""
    if out.is_dir():
        raise InputError(f"{out} is a folder; give the file to write")
    if out.exists() and out.suffix.lower() not in (".csv", ".tsv", ".txt", ""):
        raise InputError(f"{out} exists and is no table by its name; give another file to write")


def report_unreadable(path: Path, error: GliomicsError) -> None:
    """Report a study that cannot be read while the others go on."""
    console.print(f"left out {printable(path.name)}: {error}", style="yellow", markup=False)


def report_left_out(study: str, reason: str) -> None:
    """Report a study that takes no part while the others go on."""
    console.print(f"left out {study}: {reason}", style="yellow", markup=False)


def report_unused_masks(folder: Path, studies: Iterable[Study]) -> None:
    """Say which files of a folder of masks are of none of the studies, the first of them with the reason."""
    from gliomics.study import unused_masks

    unused = unused_masks(folder, [study.id for study in studies])
    for name, reason in list(unused.items())[:5]:
        console.print(f"not used: {name}: {reason}", style="yellow", markup=False)
    if len(unused) > 5:
        console.print(f"{len(unused)} files in {folder} are not used", style="yellow", markup=False)


def labelled_studies(folder: Path) -> list[LabelledStudy]:
    """The studies of a folder that have a final label; raises :class:`InputError` when none has."""
    from gliomics.segmentation.labelled import LabelledStudy
    from gliomics.study import find_label, labels_folder, list_studies
    from gliomics.study.labels import misplaced_labels

    studies = list_studies(folder, report_unreadable)
    for name, reason in misplaced_labels(folder).items():
        report_left_out(name, reason)
    labels = labels_folder(folder)
    if labels.is_dir():
        report_unused_masks(labels, studies)
    labelled = []
    for study in studies:
        try:
            path = find_label(folder, study.id)
        except InputError as error:
            report_left_out(study.id, str(error))
        else:
            labelled += [LabelledStudy(study, path)] if path is not None else []
    if not labelled:
        raise InputError(
            f"none of the {len(studies)} studies in {folder} has a final label in {folder / 'labels/final'}"
        )
    return labelled


def with_progress(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Go through ``items`` behind a progress bar (shown only on a terminal)."""
    return iter(track(items, description=what, total=total, console=console, disable=not console.is_terminal))


def progress_bar() -> Progress:
    """A bar with the time left for work that tells its steps itself; it goes when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)
