"""What the commands read and where they write: features, tables of the patients, a folder of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gliomics.cli.terminal.console import check_apart, console

if TYPE_CHECKING:
    from gliomics.cohort.patient_table import PatientTable

FEATURES = typer.Argument(metavar="FEATURES.csv", help="Table made by `gliomics features`.", show_default=False)
OUTCOMES = typer.Option(help="Table (.csv or .tsv) with a patient id and the outcome.")
OUT = typer.Option(metavar="FOLDER", help="Folder for tables, figures and the page.")
SCHEDULER = typer.Option(metavar="ADDRESS", help="Compute on an existing Dask cluster, e.g. tcp://host:8786.")
SEED = typer.Option(min=0, max=2**32 - 1, help="Equal seeds give equal figures.")

_MOST_LISTED = 10


def read_features(features: Path) -> PatientTable:
    """One row of features for each patient."""
    from gliomics.cohort.feature_table import rows_of_features_csv
    from gliomics.cohort.patient_table import patient_table

    return patient_table(rows_of_features_csv(features))


def check_folder(out: Path, files: Iterable[str], read: Iterable[Path | None]) -> None:
    """Raise :class:`InputError` where the folder cannot be one, or a file to be written is one that is read."""
    from gliomics.errors import InputError

    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is no folder; give a folder for the results")
    check_apart([out / name for name in files], read)


def report_unmatched(table: PatientTable, values: Mapping[str, object], what: str) -> None:
    """Say which patients with features have no value, and how many have a value and no features."""
    without = [patient for patient in table.patients if patient not in values]
    others = len(values.keys() - set(table.patients))
    if without:
        listed = ", ".join(without[:_MOST_LISTED]) + (", ..." if len(without) > _MOST_LISTED else "")
        console.print(
            f"without {what}: {len(without)} of {len(table.patients)} patients: {listed}", style="yellow", markup=False
        )
    if others:
        console.print(f"with {what} and without features: {others} patients", style="yellow", markup=False)
