"""``gliomics open``: a folder of studies in the browser, in one command."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.terminal.console import console
from gliomics.client.hosts import LOOPBACK_HOST


def open_page(
    folder: Annotated[Path, typer.Argument(help="Folder of studies; labels and models are kept in it.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its address.")
    ] = True,
) -> None:
    """Start a server over a folder of studies on this machine and open its page in the browser.

    Where a server works on the folder already, its page is opened. Ctrl-C stops a server that was started.
    """
    from gliomics.server.serve import ServerOptions, address_of, check_dependencies
    from gliomics.server.serve import serve as run

    check_dependencies()
    _check_studies(folder)
    if url := address_of(folder):
        typer.echo(f"Gliomics serves {folder} already, at {url}")
        if browser:
            _open(url)
        return
    if folder.is_dir():
        console.print(f"starting a server over {folder}, which takes some seconds", markup=False)
    run(ServerOptions(folder, LOOPBACK_HOST, port), ready=lambda url: _announce(folder, url, browser))


def _check_studies(folder: Path) -> None:
    """Raise :class:`InputError` for one study's own folder, whose images would each be taken for a study."""
    from gliomics.errors import InputError
    from gliomics.files import is_file
    from gliomics.study.no_study import STUDY_FILE

    if is_file(folder / STUDY_FILE):
        raise InputError(f"{folder} is one study; give the folder that holds it: gliomics open {folder.parent}")


def _announce(folder: Path, url: str, browser: bool) -> None:
    from gliomics.study.no_study import why_no_studies

    typer.echo(f"Gliomics serves {folder} at {url}")
    if remedy := why_no_studies(folder):
        console.print(remedy, style="yellow", markup=False)
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
