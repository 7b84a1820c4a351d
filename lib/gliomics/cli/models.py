"""``gliomics models``: the versions of models over a studies folder, and which one serves."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import console

if TYPE_CHECKING:
    from gliomics.models import ModelCard, ModelStore

models = typer.Typer(
    help="See the versions of models, let one of your own serve, and an earlier one again.", no_args_is_help=True
)

NAME = typer.Argument(help="Name of a model, e.g. segmentation_flair.", show_default=False)
STUDIES = typer.Option(help="Folder of studies whose own versions are meant, too; else those that ship.")


@models.command("list")
def list_models(studies: Annotated[Path | None, STUDIES] = None) -> None:
    """List every model with the version that serves, and say of which the published version is damaged."""
    from rich.console import Console
    from rich.table import Column, Table

    store = _store(studies)
    table = Table("model", "task", "serves", Column("versions", no_wrap=True), "figure", box=None)
    for name in store.names():
        card = store.current(name).card
        table.add_row(name, card.task, card.version, _versions(store, name), _figure(card))
    Console(soft_wrap=True).print(table)
    for name, reason in store.damaged().items():
        console.print(f"broken: model {name}: {reason}", style="yellow", markup=False)


@models.command()
def show(
    name: Annotated[str, NAME],
    studies: Annotated[Path | None, STUDIES] = None,
    version: Annotated[str | None, typer.Option(help="Another version than the one that serves.")] = None,
) -> None:
    """Show what a version learned from and how good it is, and what was published when and why."""
    store = _store(studies)
    card = (store.version(name, version) if version else store.current(name)).card
    typer.echo(f"{card.name} version {card.version}: {card.title}\n{card.description}")
    parent = f", from version {card.parent}" if card.parent else ""
    typer.echo(f"made {card.created}{parent}; learned from {card.training.population}")
    if card.reason:
        typer.echo(f"after training: {card.reason}")
    for metric in card.metrics:
        typer.echo(f"{metric.name} {metric.in_words()}, n = {metric.n}: {metric.how}")
    for entry in store.history(name):
        typer.echo(f"{entry['when']}  version {entry['version']} published: {entry['reason']}")
    typer.echo(f"versions: {_versions(store, name)}")
    typer.echo(card.notice)


@models.command()
def add(
    model: Annotated[
        Path,
        typer.Argument(help="Folder of a model that was trained or fitted with Gliomics.", show_default=False),
    ],
    studies: Annotated[Path, typer.Option(help="Folder of studies over which it shall serve.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "added by hand",
) -> None:
    """Let a model of your own serve over a folder of studies, as the next version of its name.

    It is copied. A running server offers a new name after a restart, and a new version from the next request on.
    """
    from gliomics.errors import InputError
    from gliomics.models import load_model_folder

    store, added = _store(studies), load_model_folder(model)
    card = added.card
    other = store.current(card.name).card.task if card.name in store.all_names() else card.task
    if other != card.task:
        raise InputError(
            f"{model} is a {card.task} model named '{card.name}', and the {other} model of that name serves over "
            f"{studies}; fit it under another name (--name)"
        )
    copy = store.add(card, {name: partial(shutil.copyfile, added.file(name)) for name in card.sha256})
    store.publish(card.name, copy.card.version, reason)
    typer.echo(f"{card.name}: version {copy.card.version} serves over {studies}: {card.title}")


@models.command()
def rollback(
    name: Annotated[str, NAME],
    studies: Annotated[Path, typer.Option(help="Folder of studies whose models are meant.")],
    to: Annotated[
        str | None, typer.Option(help="A version that served before; the last one before this unless told.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "rolled back by hand",
) -> None:
    """Let an earlier version of a model serve again; a running server takes it from the next request on."""
    store = _store(studies)
    before = store.current(name).card.version
    folder = store.rollback(name, to=to, reason=reason)
    typer.echo(f"{name}: version {folder.card.version} serves, {before} no longer does; nothing was removed")


def _store(studies: Path | None) -> ModelStore:
    from gliomics.errors import InputError
    from gliomics.models import ModelStore

    if studies is None:
        return ModelStore()
    if not studies.is_dir():
        raise InputError(f"{studies} is not a folder; give the folder that holds the studies")
    return ModelStore(studies / ".gliomics" / "models")


def _versions(store: ModelStore, name: str) -> str:
    """Every version by number; of those that never served, that they did not."""
    served = store.served(name)
    return ", ".join(v if v in served else f"{v} (kept back)" for v in sorted(store.versions(name), key=int))


def _figure(card: ModelCard) -> str:
    if not card.metrics:
        return ""
    metric = card.metrics[0]
    return f"{metric.name} {metric.value:.3f}, n = {metric.n}"
