"""``gliomics cohort report``: what was found in a cohort as one page for others to judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.terminal.console import console


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Folders made by `gliomics cohort associate`, `expression` and `survival`, and subtype models.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page to write; a workbook and a folder of files come beside it.")],
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Cohort report",
) -> None:
    """Put results on one offline HTML page: methods, patient flow, tables, figures, checklists for authors, references.

    The checklists hold what the software knows, and say of everything else that the author must answer it.
    """
    from gliomics.errors import InputError
    from gliomics.export.cohort import beside, write_cohort_report
    from gliomics.report.cohort_report.assemble import cohort_report, read_results
    from gliomics.report.cohort_report.models import is_model, read_model
    from gliomics.report.html import check_replaceable

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{out} is no page by its name; give a file that ends in .html")
    check_replaceable(out)
    folders = list(dict.fromkeys(folders))
    models = [read_model(folder) for folder in folders if is_model(folder)]
    results = [read_results(folder) for folder in folders if not is_model(folder)]
    if any(out.resolve().parent == folder.resolve() for folder in folders):
        raise InputError(f"{out} lies in a folder that is read; give a place outside of it")
    write_cohort_report(out, cohort_report(results, title, models), results)
    workbook, folder = beside(out)
    console.print(f"{out}: open it in a browser; tables and figures in {workbook} and {folder}", markup=False)
