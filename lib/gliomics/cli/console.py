"""What commands share: messages on standard error, progress bars and the common options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import track

from gliomics.errors import GliomicsError

console = Console(stderr=True, highlight=False, soft_wrap=True)

STUDIES = typer.Argument(help="A folder of studies, one study's folder, or one image file.", show_default=False)
RESAMPLE_TO = typer.Option(help="Bring sequences that lie on different grids to the grid of this one.")

Item = TypeVar("Item")


def left_out(path: Path, error: GliomicsError) -> None:
    """Report a study that cannot be read while the others go on."""
    console.print(f"left out {path.name}: {error}", style="yellow", markup=False)


def with_progress(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Go through ``items`` behind a progress bar (shown only on a terminal)."""
    return iter(track(items, description=what, total=total, console=console, disable=not console.is_terminal))
