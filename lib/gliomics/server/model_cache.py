"""Models as the server holds them: loaded once, loaded again when another version serves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gliomics.errors import GliomicsError, InputError
from gliomics.files import FileStamp
from gliomics.models import ModelFolder, ModelStore

Loaded = TypeVar("Loaded")
_Signature = frozenset[tuple[str, FileStamp]]


class ModelCache(Generic[Loaded]):
    """What ``load`` makes of each model's serving version, kept until a file of that model changes.

    Verifying a model means hashing its weights; the cache does that once per change and
    not once per request, also of a model that turned out to be damaged. Usable from several threads.
    """

    def __init__(self, store: ModelStore, load: Callable[[ModelFolder], Loaded]) -> None:
        self._store = store
        self._load = load
        self._loaded: dict[str, tuple[_Signature, Loaded | InputError]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Loaded:
        """The serving version of a model, loaded; the store's own errors when there is none that is usable."""
        with self._lock:
            signature = signature_of(self._store, name)
            loaded_as, model = self._loaded.get(name, (None, None))
            if model is None or loaded_as != signature:
                try:
                    model = self._load(self._store.current(name))
                except InputError as error:
                    model = error
                self._loaded[name] = signature, model
            if isinstance(model, InputError):
                raise model
            return model

    def usable(self, name: str) -> bool:
        """Whether :meth:`get` would succeed."""
        return self.damage(name) is None

    def damage(self, name: str) -> str | None:
        """Why :meth:`get` would fail; None if it would not."""
        try:
            self.get(name)
        except GliomicsError as error:
            return str(error)
        return None


class DamagedModels:
    """The models whose published version cannot be used, looked into once per change of a file. For several threads."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._damage: dict[str, tuple[_Signature, str | None]] = {}

    def reasons(self) -> dict[str, str]:
        """By name, each with the reason, whether or not an earlier version serves in its place."""
        reasons = {}
        for name in self._store.all_names():
            signature = signature_of(self._store, name)
            looked_at, reason = self._damage.get(name, (None, None))
            if looked_at != signature:
                reason = self._store.damage(name)
                self._damage[name] = signature, reason
            if reason is not None:
                reasons[name] = reason
        return reasons


def signature_of(store: ModelStore, name: str) -> _Signature:
    """What changes with any file of a model."""
    try:
        folders = store.folders(name)
        entries = {entry for folder in folders for entry in folder.iterdir()}
        visible = (str(entry) for entry in entries if not entry.name.startswith("."))
        return frozenset((path, FileStamp.of(path, follow_links=False)) for path in visible)
    except OSError as error:
        raise InputError(f"model '{name}' cannot be read: {error.strerror}: {error.filename}") from error
