"""``gliomics tokens``: who may use the server of a studies folder, and in which role."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gliomics.server.gate.tokens import Tokens

tokens = typer.Typer(
    help="Give and take back the tokens that a server asks for; with none it asks nobody.", no_args_is_help=True
)

NAME = typer.Argument(help="Who it is for; labels are signed with this name.", show_default=False)
STUDIES = typer.Option(help="Folder of studies that the server serves.")


@tokens.command()
def add(
    name: Annotated[str, NAME],
    studies: Annotated[Path, STUDIES],
    role: Annotated[str, typer.Option(help="reader, annotator or trainer; each may do all that those before it may.")],
) -> None:
    """Make a token and print it, this once; only its hash is kept. Restart the server after the first."""
    typer.echo(_tokens(studies).add(name, role))


@tokens.command()
def remove(name: Annotated[str, NAME], studies: Annotated[Path, STUDIES]) -> None:
    """Take a token back, at once."""
    _tokens(studies).remove(name)


@tokens.command("list")
def list_tokens(studies: Annotated[Path, STUDIES]) -> None:
    """List who has a token, in which role and since when."""
    for holder in _tokens(studies).holders():
        typer.echo(f"{holder.name}  {holder.role}  {holder.made}")


def _tokens(studies: Path) -> Tokens:
    from gliomics.errors import InputError
    from gliomics.server.gate.tokens import Tokens
    from gliomics.server.workspace import Workspace

    if not studies.is_dir():
        raise InputError(f"{studies} is not a folder; give the folder that holds the studies")
    return Tokens(Workspace(studies.resolve()).tokens)
