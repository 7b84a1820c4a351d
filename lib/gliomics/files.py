"""Files that appear whole or not at all, and names that cannot leave their folder."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gliomics.errors import InputError

CLOCK_TICK_NS = 50_000_000
"""File times are coarser than the clock: what changed within this time of a reading may have changed after it."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def safe_name(name: str, kind: str) -> str:
    """Return ``name`` if it can be a file name inside its folder, else raise :class:`InputError`.

    ``kind`` says in the error what the name is of, e.g. ``"study id"``.
    """
    if not _SAFE_NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"{kind} {name[:80]!r} is not allowed: use 1 to 128 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit and without '..'"
        )
    return name


def suffix_of(path: Path) -> str:
    """The file's suffix, ``.nii.gz`` taken as one."""
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


@contextlib.contextmanager
def atomic_path(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success fsync it and rename it into place, for ``mode`` to read it.

    The temporary file has the same suffix, so that writers that choose a format by
    the name behave. On an exception it is removed and ``path`` is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix=suffix_of(path))
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut (a no-op where folders cannot be opened)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) so that ``path`` is either the old file or the whole new one."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` is either the old file or the whole new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; NaN is refused because it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one raises :class:`InputError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write rows of the same columns (those of the first, unless given) as CSV, atomically.

    Numbers read back exactly; NaN and None are empty cells.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns or rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


class Listing:
    """The visible names in folders, listed again only when a folder changed. Usable from several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, list[str]]] = {}

    def of(self, folder: Path) -> list[str]:
        """The names in a folder, none where there is no such folder."""
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        known = self._known.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
        if time.time_ns() - changed > CLOCK_TICK_NS:
            self._known[folder] = (changed, names)
        return names


class Hashes:
    """SHA-256 of files, computed again only when a file changed. Usable from several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def of(self, path: Path) -> str:
        """Hex SHA-256 of a file's bytes."""
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = sha256_of(path)
        if time.time_ns() - status.st_mtime_ns > CLOCK_TICK_NS:
            self._known[path] = (stamp, digest)
        return digest


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
