"""Commands that go through studies: one that fails is reported, the others go on, and the exit code tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gliomics.cli.terminal.console import console, count_studies
from gliomics.cli.terminal.ending import FAILED
from gliomics.errors import GliomicsError


class Failures:
    """The errors of studies that failed, in order. The error of a study that is the ``only`` one ends the command."""

    def __init__(self, *, only: bool = False) -> None:
        self.errors: list[GliomicsError] = []
        self._only = only

    @contextmanager
    def of(self, study_id: str) -> Iterator[None]:
        """Report what the block raises as an error of this study, and go on after the block."""
        try:
            yield
        except GliomicsError as error:
            self.report(study_id, error)

    def report(self, study_id: str, error: GliomicsError) -> None:
        """Print the error of a study, or raise it where there is no other study."""
        if self._only:
            raise error
        self.errors.append(error)
        console.print(f"failed {study_id}: {error}", style="red", markup=False)

    @property
    def summary(self) -> str:
        """The end of the command's last line: how many failed, if any did."""
        return f", {count_studies(self.errors)} failed" if self.errors else ""

    def end(self) -> None:
        """End the command with the exit code for work of which a part failed, if any did."""
        if self.errors:
            raise typer.Exit(FAILED)
