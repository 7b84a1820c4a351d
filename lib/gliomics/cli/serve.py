"""``gliomics serve``: a MONAI Label server over a folder of studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gliomics.cli.console import console

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    studies: Annotated[Path, typer.Option(help="Folder of studies; labels and models are kept in it.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine unless changed.")] = "127.0.0.1",
    cors_origin: Annotated[
        list[str] | None, typer.Option(help="Origin of a web page that may use the server; repeatable.")
    ] = None,
    max_upload_mb: Annotated[int, typer.Option(min=1, help="Largest upload in megabytes.")] = 1024,
) -> None:
    """Serve segmentation, features, subtype, labels and retraining to 3D Slicer and other MONAI Label clients.

    Prints the server's address on standard output once it answers; Ctrl-C stops it.
    """
    from gliomics.monailabel.server import ServerOptions
    from gliomics.monailabel.server import serve as run

    options = ServerOptions(studies, host, port, tuple(cors_origin or ()), max_upload_mb)
    run(options, ready=lambda url: _announce(studies, host, url))


def _announce(studies: Path, host: str, url: str) -> None:
    typer.echo(f"Gliomics serves {studies} at {url}")
    if host not in _LOOPBACK:
        console.print(
            f"listening on {host}: everyone who can reach it can read and change the studies; "
            "put a proxy with authentication in front of it",
            style="yellow",
        )
