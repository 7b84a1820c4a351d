"""Contents of files made records, with errors that say where in the file something is wrong."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from gliomics.errors import InputError
from gliomics.files import read_json

Record = TypeVar("Record", bound=BaseModel)
Form = TypeVar("Form")

MAX_RECORD_BYTES = 8 * 2**20
"""Largest JSON file that is read as a record, because each wrong value in one takes a kilobyte until it is refused."""


def validated(kind: type[Record], content: Any, name: str, *, most_problems: int = 1) -> Record:
    """``content`` as a record of a kind; :class:`InputError` with the first things that are wrong, by :func:`problem`.

    ``name`` says in the error what the content is of: a file's path, or more.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{name}: {problem(error, most_problems)}") from error


def read_as(path: Path, form: type[Form]) -> Form:
    """Read a JSON file as a record: a dataclass, ``dict[str, Any]``, a list of records, ...

    As :func:`~gliomics.files.read_json`; values of another type are an :class:`InputError`, keys that are not known are
    left out.
    """
    value = read_json(path, MAX_RECORD_BYTES)
    try:
        return cast(Form, _adapter(cast(Any, form)).validate_python(value))
    except ValidationError as error:
        raise InputError(f"{path} is no record of its kind: {problem(error)}") from error


@functools.cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)


def problem(error: ValidationError, most: int = 1) -> str:
    """The first ``most`` things that are wrong: where each stands, what was expected, and what was found if short.

    >>> from pydantic import BaseModel
    >>> class Window(BaseModel):
    ...     width: int
    >>> try:
    ...     Window(width="wide")
    ... except ValidationError as error:
    ...     print(problem(error))
    width: Input should be a valid integer, unable to parse string as an integer, found 'wide'
    """
    sentences = []
    for details in error.errors(include_url=False)[:most]:
        where = ".".join(str(part)[:80] for part in details["loc"])
        if not where and details["type"] != "value_error":  # else the sentence says what it is about
            where = "the whole file"
        expected = re.sub(r" or (an )?instance of \w+", "", details["msg"].removeprefix("Value error, "))
        expected = expected.replace(" after validation", "")  # which is how pydantic counts what a list holds
        value = details["input"]
        short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 1 << 64)
        finding = f", found {value[:80] if isinstance(value, str) else value!r}" if short else ""
        sentences.append(f"{where + ': ' if where else ''}{expected}{finding}")
    return "; ".join(sentences)
