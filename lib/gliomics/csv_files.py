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
_DECIMAL_COMMA = re.compile(r"([+-]?[0-9]+),([0-9]+([eE][+-]?[0-9]+)?)")
_WORKBOOK = b"PK\x03\x04"


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
    spreadsheets write them, where the header has no comma. Semicolons stand where the comma is that of decimals, so
    that between them ``1,5`` is read as ``1.5``. Empty lines are skipped. Raises :class:`InputError` that names the
    file for what is no such table.
    """
    binary = open_file(path)
    if _begins(binary, 4) == _WORKBOOK:
        binary.close()
        raise InputError(f"{path} is not a CSV table: it is a workbook; save its sheet as CSV (UTF-8)")
    with io.TextIOWrapper(binary, encoding=_encoding(binary), newline="") as file:
        if os.fstat(binary.fileno()).st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES // 2**20} MB, which no table of a cohort is")
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            begins = file.read(4096)
            if "\0" in begins:
                raise InputError(f"{path} is not a CSV table: it is binary; give a text file")
            file.seek(0)
            delimiter = _delimiter(begins, delimiter)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                if row:
                    cells = [_MARKED.sub(r"\1", cell) for cell in row]
                    yield reader.line_num, [_with_point(cell) for cell in cells] if delimiter == ";" else cells
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise InputError(
                f"{path} is not a CSV table: the byte 0x{byte:02x} is no letter in {error.encoding.upper()}; save it "
                "as UTF-8 (in Excel: CSV UTF-8)"
            ) from error
        except csv.Error as error:
            raise InputError(f"{path} is not a CSV table: line {reader.line_num}: {error}") from error


def _begins(file: BinaryIO, size: int) -> bytes:
    """The first bytes of an open file, which stays at its beginning; none where it cannot be read."""
    try:
        begins = file.read(size)
        file.seek(0)
    except OSError:
        return b""  # reading says why
    return begins


def _encoding(file: BinaryIO) -> str:
    """By the mark at the beginning of an open file."""
    return "utf-16" if _begins(file, 2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _with_point(cell: str) -> str:
    """A number with a decimal point; any other cell as it is."""
    number = _DECIMAL_COMMA.fullmatch(cell.strip())
    return f"{number[1]}.{number[2]}" if number else cell


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
