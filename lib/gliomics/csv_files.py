"""Tables as CSV files: written so that no spreadsheet takes a text for a formula, and read back as they were.

A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``, whoever wrote it, and such a cell can send
what stands in others to a web page. A text that begins so gets an apostrophe in front, which a spreadsheet takes as
"this is text"; so does what follows a ``;``, a tab or a line break inside a text, where other spreadsheets begin a new
cell. Reading takes it away again.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from gliomics.errors import InputError
from gliomics.files import open_file, write_text

MOST_BYTES = 1 << 30
"""No table of a cohort is larger."""

_FORMULA = "['’]*[ \"]*[=+\\-@＝＋－＠]"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_BEGINS_FORMULA = re.compile(f"(^|[;\t\r\n])(?={_FORMULA})")
_QUOTED = re.compile('"[^"]*"')
_MARKED = re.compile(f"(^|[;\t\r\n])'(?={_FORMULA})")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write rows of the same columns (those of the first, unless given) as CSV, atomically.

    Numbers read back exactly; NaN, None and what a row lacks are empty cells.
    """
    text = io.StringIO()
    names = list(columns or rows[0])
    write_rows(text, [names, *([row.get(name) for name in names] for row in rows)])
    write_text(path, text.getvalue())


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows, the first of them the header, into an open file; cells as by :func:`write_csv`."""
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        cells = [_cell(value) for value in row]
        # Python quotes a cell with a line break only where that is how lines end.
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)


def read_csv(path: Path, *, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that :func:`write_csv` or another program wrote, the header first, each with its line.

    Text is UTF-8, or UTF-16 with its mark. Cells that are to lie between commas may lie between semicolons or tabs, as
    spreadsheets write them, where the header has no comma. Empty lines are skipped. Raises :class:`InputError` that
    names the file for what is no such table.
    """
    binary = open_file(path)
    with io.TextIOWrapper(binary, encoding=_encoding(binary), newline="") as file:
        if os.fstat(binary.fileno()).st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES // 2**20} MB, which no table of a cohort is")
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            begins = file.read(4096)
            if "\0" in begins:
                raise InputError(f"{path} is not a CSV table: it is binary; give a text file")
            file.seek(0)
            reader = csv.reader(file, delimiter=_delimiter(begins, delimiter), strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, [_MARKED.sub(r"\1", cell) for cell in row]
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not a CSV table: {error}; save it as UTF-8") from error
        except csv.Error as error:
            raise InputError(f"{path} is not a CSV table: line {reader.line_num}: {error}") from error


def _encoding(file: BinaryIO) -> str:
    """By the mark at the beginning of an open file."""
    try:
        mark = file.read(2)
        file.seek(0)
    except OSError:
        return "utf-8-sig"  # reading says why
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _delimiter(begins: str, wanted: str) -> str:
    """What lies between the cells, by how the table begins: ``wanted``, or what spreadsheets write for a comma."""
    header = _QUOTED.sub("", begins.partition("\n")[0])
    return next((sign for sign in ";\t" if sign in header), wanted) if wanted == "," and "," not in header else wanted


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return repr(float(value))
    text = str(value)
    return text if _NUMBER.fullmatch(text) else _BEGINS_FORMULA.sub(r"\1'", text)
