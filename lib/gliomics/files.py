"""Files that appear whole or not at all, and names that cannot leave their folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from gliomics.errors import InputError

CLOCK_TICK_NS = 50_000_000
"""File times are coarser than the clock: what changed within this time of a reading may have changed after it."""

MAX_JSON_BYTES = 64 * 2**20
"""Largest JSON file that is read."""

MAX_JSON_DEPTH = 64
"""Deepest nesting of a JSON file that is read; far below that at which what walks through it fails."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows takes for a device in every folder, whatever follows a dot."""

_PATIENCE_SECONDS = 10.0
"""How long a file that is to be replaced is waited for while another program has it open."""

_IN_USE = (5, 32, 33)
"""What Windows says of it: access denied, sharing violation, lock violation."""


def safe_name(name: str, kind: str) -> str:
    """Return ``name`` if it can be a file name inside its folder, else raise :class:`InputError`.

    ``kind`` says in the error what the name is of, e.g. ``"study id"``.
    """
    if not is_safe_name(name):
        raise InputError(
            f"{kind} {name[:80]!r} is not allowed: use 1 to 128 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit, not ending with '.', without '..', and no device of Windows, such as con"
        )
    return name


def is_safe_name(name: str) -> bool:
    """Whether :func:`safe_name` takes a name."""
    fits = _SAFE_NAME.fullmatch(name) is not None and ".." not in name and not name.endswith(".")
    return fits and _DEVICE.fullmatch(name) is None


def suffix_of(path: Path) -> str:
    """The file's suffix, ``.nii.gz`` taken as one."""
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


@contextlib.contextmanager
def atomic_path(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success fsync it and rename it into place, for ``mode`` to read it.

    The temporary file has the same suffix, so that writers that choose a format by
    the name behave. Raises :class:`InputError` where ``path`` is a folder, a pipe or a device, which would have to make
    room for the file. On an exception it is removed and ``path`` is left as it was.
    """
    if path.exists():
        check_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix=suffix_of(path))
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        flush(temporary)
        temporary.chmod(mode)
        move(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Let a file's bytes survive a power cut."""
    with path.open("r+b") as file:  # Windows flushes no file that was opened to be read alone
        os.fsync(file.fileno())


def move(path: Path, target: Path) -> None:
    """Rename a file or folder; a file that is there is replaced.

    Windows does so only while no program has either open: one that reads it for a moment is waited for.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            path.replace(target)
            return
        except OSError as error:
            if getattr(error, "winerror", None) not in _IN_USE or time.monotonic() > end:
                raise
        time.sleep(0.05)


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut (a no-op where folders cannot be opened)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8, its newlines as they are) so that ``path`` is either the old file or the whole new one."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` is either the old file or the whole new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; NaN is refused because it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def lies_inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` lies in ``folder`` once every link is followed, whether or not there is anything."""
    if not _leads_through_link(path, folder):
        return True
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _leads_through_link(path: Path, folder: Path) -> bool:
    """Whether a link may lead out on the way from ``folder`` to ``path``, at the cost of a look at each step."""
    start, text = f"{folder}{os.sep}", str(path)
    if os.name == "nt" or not text.startswith(start) or f"{os.sep}..{os.sep}" in f"{text}{os.sep}":
        return True
    end = len(start)
    try:
        while end < len(text):
            end = text.find(os.sep, end + 1) if os.sep in text[end + 1 :] else len(text)
            if stat.S_ISLNK(os.lstat(text[:end]).st_mode):
                return True
    except FileNotFoundError:  # nor is there anything behind it
        return False
    except (OSError, ValueError):
        return True
    return False


def check_inside(path: Path, root: Path) -> Path:
    """Return ``path``; :class:`InputError` if it leads through a link out of ``root``, the folder of studies.

    This is the one rule for links: what lies elsewhere is neither read nor served nor written.
    """
    if not lies_inside(path, root):
        raise InputError(
            f"{path} leads through a link out of {root}, where nothing is read or written; "
            "put a copy in its place, or move what it leads to into the folder"
        )
    return path


def is_file(path: Path) -> bool:
    """Whether ``path`` is a regular file or a link to one; false, too, where that cannot be told."""
    return _has_kind(path, stat.S_IFREG)


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder or a link to one; false, too, where that cannot be told."""
    return _has_kind(path, stat.S_IFDIR)


def _has_kind(path: Path, kind: int) -> bool:
    try:
        return stat.S_IFMT(path.stat().st_mode) == kind
    except (OSError, ValueError):
        return False


def check_file(path: Path, most_bytes: int | None = None) -> Path:
    """Return ``path``; :class:`InputError` saying what it is unless it is a regular file or a link to one.

    A file of more than ``most_bytes`` is refused, too, so that nobody waits until it is read.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        reason = "is a link to a file that is not there" if path.is_symlink() else "does not exist"
        raise InputError(f"{path} {reason}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character in the name
        raise InputError(f"{path} cannot be read: {error}") from error
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise InputError(f"{path} is {_KINDS.get(kind, 'no file')}, not a file; give a file, or move it away")
    if most_bytes is not None and status.st_size > most_bytes:
        raise InputError(f"{path} has {status.st_size:,} bytes; at most {most_bytes:,} are read: move it away")
    return path


def fault_of(path: Path, root: Path, most_bytes: int) -> str | None:
    """Why ``path`` is no regular file of at most ``most_bytes`` inside ``root``; None if it is one."""
    try:
        check_file(check_inside(path, root), most_bytes)
    except InputError as error:
        return str(error)
    return None


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes; anything else is an :class:`InputError` and is never waited for."""
    check_file(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was replaced just now
        os.close(handle)
        raise InputError(f"{path} is no regular file")
    return os.fdopen(handle, "rb")


def read_json(path: Path, most_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read a JSON file of at most ``most_bytes`` in UTF-8, or in UTF-16 or UTF-32 with its mark.

    Raises :class:`InputError` that names the file if it is missing, no regular file, too large or no valid JSON, and
    for what is valid and could not be passed on: a key twice, a number that is not finite, text that cannot be
    encoded, deeper nesting than :data:`MAX_JSON_DEPTH`.
    """
    try:
        with open_file(path) as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most_bytes:
        raise InputError(f"{path} has more than {most_bytes:,} bytes, which no file of its kind has")
    try:
        text = content.decode(json.detect_encoding(content))
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise InputError(f"{path} is nested deeper than {MAX_JSON_DEPTH} levels") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if text.count("[") + text.count("{") > MAX_JSON_DEPTH and _is_deep(value):
        raise InputError(f"{path} is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"the key {key[:80]!r} is there twice")
        value[key] = item
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"the number {number[:40]} is too large")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        level = [item for part in containers for item in (part.values() if isinstance(part, dict) else part)]
        if not level:
            return False
    return True


class FileStamp(NamedTuple):
    """What a file or folder was when it was looked at; another as soon as it, or what belongs to it, has changed."""

    size: int
    """In bytes."""
    modified_ns: int
    """Time that copies of a file may keep, as everybody knows it."""
    changed_ns: tuple[int, ...]
    """Times that nobody can set: of the entry, and of what belongs to it, 0 where there is no such thing."""
    mode: int
    """Kind and permissions."""
    inode: int
    """Its number in its file system."""

    @classmethod
    def of(cls, path: str | Path, *beside: str, follow_links: bool = True) -> FileStamp:
        """The stamp of a file or folder, or of a link itself; :class:`OSError` where that cannot be told.

        ``beside`` are paths of what belongs to it, whether or not there is anything.
        """
        status = os.stat(path, follow_symlinks=follow_links)  # noqa: PTH116 - making a Path takes longer than the status
        times = (status.st_ctime_ns, *map(_change_time_ns, beside))
        return cls(status.st_size, status.st_mtime_ns, times, status.st_mode, status.st_ino)

    @property
    def latest_ns(self) -> int:
        """The latest of its times."""
        return max(self.modified_ns, *self.changed_ns)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, or a link to one."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, or a link to one."""
        return stat.S_ISREG(self.mode)


def _change_time_ns(path: str) -> int:
    try:
        return os.stat(path).st_ctime_ns  # noqa: PTH116 - as above
    except OSError:
        return 0


class Hashes:
    """SHA-256 of files, computed again only when a file changed. Usable from several threads."""

    def __init__(self) -> None:
        self._digests: dict[Path, tuple[FileStamp, str]] = {}

    def of(self, path: Path) -> str:
        """Hex SHA-256 of a file's bytes."""
        stamp, digest = self._look(path)
        if digest is None:
            digest = sha256_of(path)
            if time.time_ns() - stamp.latest_ns > CLOCK_TICK_NS:
                self._digests[path] = (stamp, digest)
        return digest

    def computed(self, path: Path) -> str | None:
        """As :meth:`of`, but None where the file would have to be read."""
        return self._look(path)[1]

    def _look(self, path: Path) -> tuple[FileStamp, str | None]:
        stamp = FileStamp.of(path)
        kept_stamp, digest = self._digests.get(path, (None, None))
        return stamp, digest if kept_stamp == stamp else None


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes; :class:`InputError` for what is no file."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
