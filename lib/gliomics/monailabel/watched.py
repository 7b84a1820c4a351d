"""The entries of a folder as they are now, without a look at every one of them for every request."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gliomics.files import CLOCK_TICK_NS

CHECK_SECONDS = 5.0
"""How old the last look at every entry may be before another is taken, beside the requests."""

_log = logging.getLogger(__name__)


class Stamp(NamedTuple):
    """What is another as soon as a file or folder, or something that belongs to it, has changed."""

    size: int
    modified: int
    """Time in ns that copies of a file may keep, as everybody knows it."""
    changed: tuple[int, ...]
    """Times in ns that nobody can set: of the entry, and of what belongs to it."""
    mode: int
    """Kind and permissions."""
    number: int
    """That of the file in its file system."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, or a link to one."""
        return stat.S_ISDIR(self.mode)


def stamp_of(path: str, *beside: str) -> Stamp | None:
    """The stamp of a file or folder; of a link that leads nowhere the link's own; None where there is nothing.

    ``beside`` are paths of what belongs to it, whether or not there is anything.
    """
    status = _status(path) or _status(path, follow=False)
    if status is None:
        return None
    others = [each.st_ctime_ns if (each := _status(other)) else 0 for other in beside]
    return Stamp(status.st_size, status.st_mtime_ns, (status.st_ctime_ns, *others), status.st_mode, status.st_ino)


def _status(path: str, *, follow: bool = True) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - ten thousand paths take longer than their status
    except OSError:
        return None


class WatchedFolder:
    """The visible entries of a folder with their stamps. Usable from several threads.

    What others add, remove or rename is seen at once, because it changes the folder; what they write into a file that
    is there, within :data:`CHECK_SECONDS` and a request. What this process itself writes is told by :meth:`writing`,
    and then only that entry is looked at.
    """

    def __init__(self, folder: Path, stamp: Callable[[str], Stamp | None] = stamp_of) -> None:
        self.folder = folder
        self._stamp = stamp
        self._entries: Mapping[str, Stamp] = {}
        self._seen: tuple[int, int] | None = None
        self._settled = False
        self._looked = 0.0
        self._looking = threading.RLock()
        self._checking = threading.Lock()

    def entries(self) -> Mapping[str, Stamp]:
        """The stamp of each visible entry by name, never changed: as long as nothing changes, the same object.

        Nothing where there is no such folder.
        """
        if not self._settled or self._seen != self._times():
            self.look()
        elif time.monotonic() - self._looked > CHECK_SECONDS and self._checking.acquire(blocking=False):
            threading.Thread(target=self._check, name=f"look at {self.folder.name}", daemon=True).start()
        return self._entries

    def look(self) -> None:
        """Look at every entry now."""
        with self._looking:
            seen, now = self._times(), time.time_ns()
            entries = {}
            for name in self._names():
                stamp, known = self._stamp(f"{self.folder}{os.sep}{name}"), self._entries.get(name)
                if stamp is not None:
                    entries[name] = known if known == stamp else stamp
            if entries != self._entries:
                self._entries = entries
            self._seen, self._looked = seen, time.monotonic()
            self._settled = seen is None or now - max(seen) >= CLOCK_TICK_NS

    def look_at(self, names: Iterable[str]) -> None:
        """Look at some entries now."""
        with self._looking:
            entries = dict(self._entries)
            for name in names:
                if (stamp := self._stamp(f"{self.folder}{os.sep}{name}")) is not None:
                    entries[name] = stamp
                else:
                    entries.pop(name, None)
            if entries != self._entries:
                self._entries = entries

    @contextmanager
    def writing(self, *names: str) -> Iterator[None]:
        """Tell that entries are written or removed while the block runs, and which.

        What others do to the folder in that time is seen with the next look at every entry.
        """
        self.entries()
        try:
            yield
        finally:
            with self._looking:
                self.look_at(names)
                self._seen = self._times()

    def _names(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []

    def _times(self) -> tuple[int, int] | None:
        try:
            status = self.folder.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ctime_ns

    def _check(self) -> None:
        try:
            self.look()
        except OSError as error:
            _log.warning("%s cannot be looked at: %s", self.folder, error)
        finally:
            self._checking.release()
