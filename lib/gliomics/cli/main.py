"""The ``gliomics`` command: one file per subcommand beside this one."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gliomics.cli.cohort.command import cohort
from gliomics.cli.delta import delta
from gliomics.cli.demo.command import demo
from gliomics.cli.demo.make_samples import make_samples
from gliomics.cli.evaluate import evaluate
from gliomics.cli.export import export
from gliomics.cli.features.describe_features import describe_features
from gliomics.cli.features.features import features
from gliomics.cli.features.ibsi import ibsi
from gliomics.cli.features.stability import stability
from gliomics.cli.import_data import import_data, import_dicom, import_lgg
from gliomics.cli.masks import masks
from gliomics.cli.models import models
from gliomics.cli.report import report
from gliomics.cli.segment import segment
from gliomics.cli.serving.open_page import open_page
from gliomics.cli.serving.serve import serve
from gliomics.cli.serving.tokens import tokens
from gliomics.cli.simulate import simulate
from gliomics.cli.subtype.command import subtype
from gliomics.cli.terminal.ending import exit_code, flush, open_streams
from gliomics.cli.train import train
from gliomics.cli.vasari import vasari
from gliomics.version import __version__

app = typer.Typer(
    name="gliomics",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command("import")(import_data)
app.command("open")(open_page)
for command in (
    serve,
    segment,
    features,
    stability,
    describe_features,
    ibsi,
    vasari,
    report,
    export,
    delta,
    make_samples,
):
    app.command()(command)
for former in (import_dicom, import_lgg):
    app.command(hidden=True)(former)
app.add_typer(subtype, name="subtype")
app.add_typer(cohort, name="cohort")
app.add_typer(train, name="train")
app.add_typer(evaluate, name="evaluate")
app.add_typer(simulate, name="simulate")
app.add_typer(masks, name="masks")
app.add_typer(models, name="models")
app.add_typer(tokens, name="tokens")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gliomics {__version__}")
        raise typer.Exit


@app.callback()
def _gliomics(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """From a glioma MRI to its mask, features and an estimate of its molecular subtype. Research use only."""


def main() -> None:
    """Run the command line; what goes wrong ends in one line on standard error and the exit code that fits it."""
    # No process that is started from here looks for modules in the working folder, where others may lie.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    open_streams()
    code = 0
    try:
        app()
    except BaseException as error:  # noqa: BLE001 - this is where all end
        code = exit_code(error)
    sys.exit(flush() or code)


if __name__ == "__main__":
    main()
