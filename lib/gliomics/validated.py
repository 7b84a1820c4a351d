"""Contents of files made records, with errors that say where in the file something is wrong."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gliomics.errors import InputError

Record = TypeVar("Record", bound=BaseModel)


def validated(kind: type[Record], content: Any, name: str) -> Record:
    """``content`` as a record of a kind; :class:`InputError` with the first thing that is wrong, where, and the value.

    ``name`` says in the error what the content is of: a file's path, or more.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{name}: {problem(error)}") from error


def problem(error: ValidationError) -> str:
    """The first thing that is wrong: where it stands, what was expected, and what was found where that is short."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part)[:80] for part in first["loc"])
    value = first["input"]
    short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 1 << 64)
    found = f", found {value[:80] if isinstance(value, str) else value!r}" if short else ""
    return f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}{found}"
