"""Models as the server holds them: loaded once, loaded again when another version serves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from gliomics.errors import GliomicsError
from gliomics.models import ModelFolder, ModelStore

Loaded = TypeVar("Loaded")
_Signature = tuple[tuple[str, int, int], ...]


class ModelCache(Generic[Loaded]):
    """What ``load`` makes of each model's serving version, kept until a file of that model changes.

    Verifying a model means hashing its weights; the cache does that once per change and
    not once per request. Usable from several threads.
    """

    def __init__(self, store: ModelStore, load: Callable[[ModelFolder], Loaded]) -> None:
        self._store = store
        self._load = load
        self._held: dict[str, tuple[_Signature, Loaded]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Loaded:
        """The serving version of a model, loaded; the store's own errors when there is none that is usable."""
        with self._lock:
            signature = self._signature(name)
            held = self._held.get(name)
            if held is None or held[0] != signature:
                held = signature, self._load(self._store.current(name))
                self._held[name] = held
            return held[1]

    def usable(self, name: str) -> bool:
        """Whether :meth:`get` would succeed."""
        try:
            self.get(name)
        except GliomicsError:
            return False
        return True

    def _signature(self, name: str) -> _Signature:
        folders = list(self._store.versions(name).values())
        files = {file for folder in folders for file in (*folder.iterdir(), *folder.parent.glob("*.json"))}
        return tuple(sorted(_stamp(file) for file in files if file.is_file()))


def _stamp(file: Path) -> tuple[str, int, int]:
    status = file.stat()
    return str(file), status.st_mtime_ns, status.st_size
