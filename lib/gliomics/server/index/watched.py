"""The entries of a folder as they are now, without a look at every one of them for every request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import CLOCK_TICK_NS, FileStamp, check_inside, lies_inside

CHECK_SECONDS = 5.0
"""How old the last look at every entry may be before another is taken, beside the requests."""


def stamp_of(path: str, *beside: str) -> FileStamp | None:
    """The stamp of a file or folder; of a link that leads nowhere the link's own; None where there is nothing.

    ``beside`` are paths of what belongs to it, whether or not there is anything.
    """
    for follow_links in (True, False):
        with suppress(OSError):
            return FileStamp.of(path, *beside, follow_links=follow_links)
    return None


def _link_stamp(path: str) -> FileStamp | None:
    """The stamp of a link itself."""
    with suppress(OSError):
        return FileStamp.of(path, follow_links=False)
    return None


class WatchedFolder:
    """The visible entries of a folder with their stamps. Usable from several threads.

    What others add, remove or rename is seen at once, because it changes the folder; what they write into a file that
    is there, within :data:`CHECK_SECONDS` and a request. What this process itself writes is told by :meth:`writing`,
    and then only that entry is looked at. A link that leads out of ``root``, if that is given, is no file or folder
    but a link.
    """

    def __init__(
        self, folder: Path, stamp: Callable[[str], FileStamp | None] = stamp_of, root: Path | None = None
    ) -> None:
        self.folder = folder
        self.fault: str | None = None
        """Why a folder that is there cannot be listed."""
        self._stamp = stamp
        self._root = root
        self._entries: Mapping[str, FileStamp] = {}
        self._looked_at: set[str] = set()
        self._seen: FileStamp | None = None
        self._settled = False
        self._last_look = 0.0
        self._writers = 0
        self._changing = threading.Lock()
        self._looking = threading.Lock()
        self._checking = threading.Lock()

    def entries(self) -> Mapping[str, FileStamp]:
        """The stamp of each visible entry by name, never changed: as long as nothing changes, the same object.

        Nothing where there is no such folder, or it cannot be listed.
        """
        if not self._writers and (not self._settled or self._seen != self._folder_stamp()):
            self.look()
        elif time.monotonic() - self._last_look > CHECK_SECONDS and self._checking.acquire(blocking=False):
            threading.Thread(target=self._check, name=f"look at {self.folder.name}", daemon=True).start()
        return self._entries

    def look(self) -> None:
        """Look at every entry now."""
        with self._looking:
            with self._changing:
                self._looked_at = set()
            stamp_before, now = self._folder_stamp(), time.time_ns()
            entries = {}
            for name, is_link in self._names():
                if (stamp := self._stamp_of(name, is_link=is_link)) is not None:
                    entries[name] = stamp
            with self._changing:
                for name in self._looked_at:  # this look may have been before that one
                    entries.pop(name, None)
                    if name in self._entries:
                        entries[name] = self._entries[name]
                if entries != self._entries:
                    self._entries = entries
                self._seen, self._last_look = stamp_before, time.monotonic()
                self._settled = stamp_before is None or now - stamp_before.latest_ns >= CLOCK_TICK_NS

    def look_at(self, names: Iterable[str]) -> Mapping[str, FileStamp]:
        """Look at some entries now; all, as :meth:`entries`, with what was seen of these."""
        with self._changing:
            stamps = {name: self._stamp_of(name, is_link=(self.folder / name).is_symlink()) for name in names}
            self._looked_at |= stamps.keys()
            changed = {name: stamp for name, stamp in stamps.items() if stamp is not self._entries.get(name)}
            if changed:
                entries = dict(self._entries)
                for name, stamp in changed.items():
                    entries.pop(name, None)
                    if stamp is not None:
                        entries[name] = stamp
                self._entries = entries
            return self._entries

    @contextmanager
    def writing(self, *names: str) -> Iterator[None]:
        """Tell that entries are written or removed while the block runs, and which.

        What others do to the folder in that time is seen with the next look at every entry.
        """
        self.entries()
        with self._changing:
            self._writers += 1
        try:
            yield
        finally:
            self.look_at(names)
            with self._changing:
                self._writers -= 1
                self._seen = self._folder_stamp()

    def _stamp_of(self, name: str, *, is_link: bool) -> FileStamp | None:
        """The stamp of an entry, the same object as long as it is the same."""
        path = f"{self.folder}{os.sep}{name}"
        leads_out = is_link and self._root is not None and not lies_inside(Path(path), self._root)
        stamp, listed = _link_stamp(path) if leads_out else self._stamp(path), self._entries.get(name)
        return listed if listed == stamp else stamp

    def _names(self) -> list[tuple[str, bool]]:
        """The visible names, and which of them are links."""
        self.fault = None
        try:
            if self._root is not None:
                check_inside(self.folder, self._root)
            with os.scandir(self.folder) as entries:
                return [(entry.name, entry.is_symlink()) for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except InputError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"{self.folder} cannot be listed: {error.strerror}"
        return []

    def _folder_stamp(self) -> FileStamp | None:
        try:
            return FileStamp.of(self.folder)
        except OSError:
            return None

    def _check(self) -> None:
        try:
            self.look()
        finally:
            self._checking.release()
