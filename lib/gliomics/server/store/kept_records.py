"""The JSON records that the server keeps: a damaged one is reported and kept, and everything else goes on."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gliomics.errors import BusyError, InputError, printable
from gliomics.files import FileStamp, check_inside, move, write_json
from gliomics.validated import Form, read_as

_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO)
"""What the system says where something else lies in the place of a file or folder."""

LOCK_SECONDS = 10.0
"""How long a request waits for a lock, which is held for a moment unless another program keeps it."""

_log = logging.getLogger(__name__)


class KeptRecords:
    """Reads and writes the records of one studies folder, and knows which of them are broken.

    A record that cannot be read, or that a link brings from elsewhere, counts as none. Before another is written in
    its place it is set aside beside it, so that it can be mended. Usable from several threads.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._broken: dict[Path, tuple[FileStamp | None, str]] = {}
        self._noting = threading.Lock()

    def read(self, path: Path, form: type[Form]) -> Form | None:
        """The record at ``path``; None where there is none, or a broken one, which is then among :meth:`broken`."""
        try:
            if _stamp(path) is None:
                return None
            return read_as(check_inside(path, self.root), form)
        except InputError as error:
            self.note(path, str(error))
        except OSError as error:
            self.note(path, f"{path} cannot be read: {error.strerror}")
        return None

    def write(self, path: Path, value: Any) -> None:
        """Replace the record at ``path``; a broken one is set aside.

        Raises :class:`InputError` where a link leads out of the studies folder, or no folder can be made.
        """
        with in_place(path.parent, self.root):
            if self._is_broken(path):
                aside = path.with_name(f"{path.name}.broken-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}")
                move(path, aside)
                _log.warning("%s could not be read and was set aside as %s", path, aside.name)
            write_json(path, value)

    def note(self, path: Path, reason: str) -> None:
        """Report something at ``path`` as broken, once in the log, as long as it does not change."""
        with self._noting:
            noted, self._broken[path] = self._broken.get(path), (_stamp_or_none(path), reason)
            if noted != self._broken[path]:
                _log.warning("a record is broken: %s", reason)

    def broken(self) -> dict[str, str]:
        """What was found broken and has not changed since, by its path in the studies folder, each with the reason."""
        with self._noting:
            self._broken = {path: noted for path, noted in self._broken.items() if _stamp_or_none(path) == noted[0]}
            noted = sorted(self._broken.items())
        return {
            printable(path.relative_to(self.root).as_posix()): printable(reason.replace(f"{self.root}{os.sep}", ""))
            for path, (_, reason) in noted
        }

    def _is_broken(self, path: Path) -> bool:
        with self._noting:
            noted = self._broken.get(path)
        return noted is not None and noted[0] == _stamp_or_none(path)


@contextmanager
def in_place(folder: Path, root: Path) -> Iterator[Path]:
    """A folder to write into, made if it is missing; what lies in the place of a file or folder is said.

    Raises :class:`InputError` where a link leads out of ``root``, and for what is in the way.
    """
    check_inside(folder, root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        raise InputError(
            f"{error.filename or folder} is in the way ({error.strerror}): something else belongs there; move it away"
        ) from error


@contextmanager
def locked(lock: Path, root: Path) -> Iterator[None]:
    """Hold a lock file between threads and processes; :class:`InputError` where something else lies in its place.

    :class:`BusyError` where it cannot be had within :data:`LOCK_SECONDS`: whoever waits holds up other requests.
    """
    with in_place(lock.parent, root):
        file_lock = FileLock(lock)
        try:
            file_lock.acquire(timeout=LOCK_SECONDS)
        except Timeout as error:
            raise BusyError(
                f"{lock.relative_to(root)} was held for {LOCK_SECONDS:.0f} s by other requests or by another program; "
                "nothing was changed: try again, and look whether a program keeps that file open",
                retry_after=round(LOCK_SECONDS),
            ) from error
    try:
        yield
    finally:
        file_lock.release()


def _stamp(path: Path) -> FileStamp | None:
    """The stamp of the entry itself; None where there is nothing, :class:`OSError` where that cannot be told."""
    try:
        return FileStamp.of(path, follow_links=False)
    except FileNotFoundError:
        return None


def _stamp_or_none(path: Path) -> FileStamp | None:
    with suppress(OSError):
        return _stamp(path)
    return None
