"""What is said of the studies that a server is started over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gliomics.cli.terminal.console import console

if TYPE_CHECKING:
    from gliomics.server.serve import ServerOptions


def archive_fault(archive: str) -> str:
    """Why an archive cannot be reached now, empty where it can or there is none; raises why it never will be."""
    if not archive:
        return ""
    from gliomics.server.serve import check_dependencies

    check_dependencies()
    from gliomics.server.dicomweb.client import check_archive

    return check_archive(archive)


def tell_of_studies(options: ServerOptions, url: str, fault: str) -> None:
    """Say what is served where, and what to do about a folder without studies or an archive that is away."""
    from gliomics.server.dicomweb.address import ArchiveAddress
    from gliomics.study.no_study import why_no_studies

    what = f"{options.archive}, kept in {options.studies}," if options.archive else options.studies
    typer.echo(f"Gliomics serves {what} at {url}")
    if not options.archive:
        if remedy := why_no_studies(options.studies):
            console.print(remedy, style="yellow", markup=False)
        return
    if fault:
        console.print(f"{fault}; until then there is what was fetched before", style="yellow", markup=False)
    if options.archive.lower().startswith("http://") and not ArchiveAddress.parse(options.archive).is_here:
        console.print("images travel from and to the archive in the clear; use an https:// address", style="yellow")
