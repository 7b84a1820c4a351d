"""The pages of the commands, written from what the commands say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from gliomics.cli.main import app

PROGRAM: Any = typer.main.get_command(app)


def names() -> list[str]:
    """The commands that are not hidden, in the order of the help."""
    context = typer.Context(PROGRAM, info_name="gliomics")
    return [name for name in PROGRAM.list_commands(context) if not PROGRAM.commands[name].hidden]


def page(name: str) -> str:
    """One command, and those in it, as Markdown."""
    return "\n".join([f"# gliomics {name}", "", *_lines(PROGRAM.commands[name], f"gliomics {name}", 2)])


def _lines(command: Any, path: str, level: int) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield from (_text(command.help or ""), "", "```text", usage, "```", "")
    inner = getattr(command, "commands", {})
    rows = [
        record
        for parameter in command.params
        if not inner and (record := parameter.get_help_record(context)) is not None
    ]
    if rows:
        yield from ("| option | what it does |", "|---|---|")
        yield from (f"| `{_cell(declared)}` | {_cell(_text(told))} |" for declared, told in rows)
        yield ""
    for name, part in inner.items():
        if not part.hidden:
            yield from (f"{'#' * level} gliomics {path.partition(' ')[2]} {name}", "")
            yield from _lines(part, f"{path} {name}", level + 1)


def _text(told: str) -> str:
    """Help as Markdown: angle brackets are not HTML, square ones no references."""
    return told.replace("\b", "").replace("<", "&lt;").replace("[", "\\[").strip()


def _cell(told: str) -> str:
    return " ".join(told.replace("|", "\\|").split())
