"""``gliomics open``: a folder of studies in the browser, in one command."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.serving.told import archive_fault, tell_of_studies
from gliomics.cli.terminal.console import console
from gliomics.client.hosts import LOOPBACK_HOST

if TYPE_CHECKING:
    from gliomics.server.serve import ServerOptions


def open_page(
    folder: Annotated[
        str,
        typer.Argument(help="Folder of studies; labels and models are kept in it. Or a DICOMweb archive's address."),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its address.")
    ] = True,
) -> None:
    """Start a server over a folder of studies on this machine and open its page in the browser.

    Where a server works on the folder already, its page is opened. Ctrl-C stops a server that was started.
    """
    from gliomics.server.dicomweb.address import studies_and_archive
    from gliomics.server.serve import ServerOptions, address_of, check_dependencies
    from gliomics.server.serve import serve as run

    check_dependencies()
    studies, archive = studies_and_archive([folder])
    _check_studies(studies)
    if url := address_of(studies):
        typer.echo(f"Gliomics serves {studies} already, at {url}")
        if browser:
            _open(url)
        return
    fault = archive_fault(archive)
    if studies.is_dir():
        console.print(f"starting a server over {studies}, which takes some seconds", markup=False)
    options = ServerOptions(studies, LOOPBACK_HOST, port, archive=archive)
    run(options, ready=lambda url: _announce(options, url, browser, fault))


def _check_studies(folder: Path) -> None:
    """Raise :class:`InputError` for one study's own folder, whose images would each be taken for a study."""
    from gliomics.errors import InputError
    from gliomics.files import is_file
    from gliomics.study.no_study import STUDY_FILE

    if is_file(folder / STUDY_FILE):
        raise InputError(f"{folder} is one study; give the folder that holds it: gliomics open {folder.parent}")


def _announce(options: ServerOptions, url: str, browser: bool, fault: str) -> None:
    tell_of_studies(options, url, fault)
    console.print("open this address in a browser, if none shows it; Ctrl-C here stops the server")
    if browser:
        threading.Thread(target=_open, args=(url,), daemon=True).start()  # the server does not wait for the browser


def _open(url: str) -> None:
    """Show a page in the browser of the desktop, where there is one."""
    if os.name == "posix" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin"
    ):
        return  # only a browser in the terminal could be found, which shows no images
    webbrowser.open(url)
