"""``gliomics serve``: a MONAI Label server over a folder of studies."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.serving.told import archive_fault, tell_of_studies
from gliomics.cli.terminal.console import console
from gliomics.client.hosts import LOOPBACK_HOST, is_loopback

if TYPE_CHECKING:
    from gliomics.server.serve import ServerOptions


def serve(
    studies: Annotated[
        list[str],
        typer.Option(
            help="Folder of studies; labels and models are kept in it. Or the address of a DICOMweb archive; with a "
            "second --studies the folder for what is fetched from it."
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine unless changed.")] = LOOPBACK_HOST,
    cors_origin: Annotated[
        list[str] | None, typer.Option(help="Origin of a web page that may use the server; repeatable.")
    ] = None,
    max_upload_mb: Annotated[int, typer.Option(min=1, help="Largest upload in megabytes.")] = 1024,
    tls_certificate: Annotated[Path | None, typer.Option(help="Certificate (PEM), to serve over https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Labelled studies of the models' first cohort, mixed into every training.")
    ] = None,
    train_after: Annotated[
        int, typer.Option(min=0, help="Train by itself after so many new or changed final labels; 0 for never.")
    ] = 0,
    attached: Annotated[
        bool,
        typer.Option("--attached", help="Stop when standard input ends: with the program that started the server."),
    ] = False,
) -> None:
    """Serve segmentation, features, subtype, labels and retraining to 3D Slicer and other MONAI Label clients.

    Prints the server's address on standard output once it answers; Ctrl-C stops it.
    """
    from gliomics.server.dicomweb.address import studies_and_archive
    from gliomics.server.serve import ServerOptions
    from gliomics.server.serve import serve as run

    folder, archive = studies_and_archive(studies)
    fault = archive_fault(archive)
    options = ServerOptions(
        folder,
        host,
        port,
        tuple(cors_origin or ()),
        max_upload_mb,
        tls_certificate,
        tls_key,
        replay=replay,
        train_after=train_after,
        archive=archive,
    )
    if attached:
        threading.Thread(
            target=_interrupt_at_end_of, args=(_kept_to_ourselves(sys.stdin.fileno()),), daemon=True
        ).start()
    run(options, ready=lambda url: _announce(options, url, fault))


def _kept_to_ourselves(stream: int) -> int:
    """Another number for a file, in whose place child processes find an empty one.

    On Windows a child that has a pipe which its parent waits for does not get past its own start.
    """
    kept, nothing = os.dup(stream), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, stream)
    os.close(nothing)
    return kept


def _interrupt_at_end_of(stream: int) -> None:
    """Stop as Ctrl-C does when a file that others may write into is closed by all of them, whatever ended them."""
    while os.read(stream, 4096):
        pass
    _thread.interrupt_main()


def _announce(options: ServerOptions, url: str, fault: str) -> None:
    from gliomics.server.gate.tokens import Tokens
    from gliomics.server.workspace import Workspace

    tokens = Tokens(Workspace(options.studies.resolve()).tokens)
    tell_of_studies(options, url, fault)
    if remedy := tokens.open_to_others():
        console.print(remedy, style="yellow", markup=False)
    if is_loopback(options.host):
        return
    if not tokens.holders():
        console.print(
            f"listening on {options.host}: everyone who can reach it can read and change the studies; give tokens "
            "with: gliomics tokens add NAME --role annotator --studies DIR",
            style="yellow",
        )
    if options.tls_certificate is None:
        console.print("without --tls-certificate, images and tokens travel in the clear", style="yellow")
