"""Measured rows kept on disk by what they depend on, so that nothing is measured twice, not even after a kill."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gliomics.cohort.pieces import StudyFeatures
from gliomics.errors import InputError
from gliomics.files import read_json, write_json
from gliomics.records import FeatureRow


def default_folder() -> Path:
    """The user's cache folder for rows: ``$XDG_CACHE_HOME/gliomics/features``, by default in ``~/.cache``."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:  # as in a container that runs under a number without a user
        raise InputError("there is no home folder to keep measured rows in; give a folder with --cache") from error
    return cache / "gliomics" / "features"


class RowStore:
    """One small JSON file for each study's rows, under the key of :func:`~gliomics.cohort.cache_key.cache_key`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass

    def get(self, key: str) -> StudyFeatures | None:
        """The rows under ``key``, or None; a broken file counts as none."""
        try:
            content = read_json(self._path(key))
            return StudyFeatures([_row(value) for value in content["tables"]], dict(content["missing"]))
        except (InputError, AttributeError, KeyError, TypeError, ValueError):
            return None

    def put(self, key: str, features: StudyFeatures) -> None:
        """Keep a study's features under ``key``."""
        with self._explained():
            write_json(
                self._path(key), {"tables": [row.to_json() for row in features.rows], "missing": features.missing}
            )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self._folder} cannot hold measured rows: {error.strerror}; give another folder with --cache"
            ) from error

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _row(value: dict[str, Any]) -> FeatureRow:
    row: FeatureRow = FeatureRow.from_json(value)
    if not all(isinstance(number, int | float) for number in row.values.values()):
        raise TypeError("a feature is a number")
    return row


class StoredRows:
    """The rows under some keys, read again each time they are gone through, so that few are in memory at once."""

    def __init__(self, store: RowStore, keys: Sequence[str]) -> None:
        self._store = store
        self._keys = keys

    def __iter__(self) -> Iterator[FeatureRow]:
        for key in self._keys:
            features = self._store.get(key)
            if features is None:
                raise InputError("a measured row has vanished from the cache folder meanwhile; run the command again")
            yield from features.rows
