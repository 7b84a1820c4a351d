"""``gliomics cohort``, one file for each of its commands beside this one."""

from __future__ import annotations

import typer

from gliomics.cli.cohort.associate import associate
from gliomics.cli.cohort.expression import expression
from gliomics.cli.cohort.harmonise import harmonise
from gliomics.cli.cohort.report import report
from gliomics.cli.cohort.response import response
from gliomics.cli.cohort.survival import survival

cohort = typer.Typer(help="Ask what the features of a cohort go with.", no_args_is_help=True)


@cohort.callback()
def _cohort() -> None:
    """Ask what the features of a cohort go with."""


for command in (associate, expression, survival, response, harmonise, report):
    cohort.command()(command)
