"""The versions of each model: the one that ships, those made from one's own labels, and which one serves."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import takewhile
from pathlib import Path

from filelock import FileLock

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.files import check_inside, is_file, is_folder, lies_inside, read_json, safe_name, write_json
from gliomics.models.card import ModelCard, Task
from gliomics.models.folder import CARD, ModelFolder, load_model_folder, write_model_folder
from gliomics.validated import read_as

SHIPPED = Path(__file__).parent / "shipped"
_CURRENT = "current.json"
_VERSION = re.compile(r"[0-9]{1,9}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Publication:
    version: str
    reason: str
    when: str


@dataclass(frozen=True)
class _Record:
    history: list[_Publication]


class ModelStore:
    """Models by name: those that ship with Gliomics and, in ``local``, versions added since.

    ``local`` holds ``<name>/<version>/`` folders, which are never changed once written, and
    ``<name>/current.json`` with the version that serves and the record of what was published
    and why. Without ``local`` only the shipped models are seen. What a link brings into ``local`` from elsewhere is
    not read.
    """

    def __init__(self, local: str | Path | None = None, *, shipped: Path = SHIPPED) -> None:
        self._local = None if local is None else Path(local)
        self._shipped = shipped

    def __repr__(self) -> str:
        local = f", and those in {self._local}" if self._local is not None else ""
        return f"ModelStore({', '.join(self.all_names()) or 'no models'}{local})"

    def names(self, task: Task | None = None) -> list[str]:
        """Names of the models that can serve, optionally of one task, in alphabetical order."""
        return [name for name in self.all_names() if self._serves(name, task)]

    def damaged(self) -> dict[str, str]:
        """Models whose published version cannot be used, each with the reason, whether or not an earlier one serves."""
        return {name: reason for name in self.all_names() if (reason := self.damage(name)) is not None}

    def damage(self, name: str) -> str | None:
        """Why the published version of a model cannot be used; None where it can, or none was published."""
        try:
            published = self._published(name)
            if published is not None:
                self.version(name, published)
        except GliomicsError as error:
            return str(error)
        return None

    def all_names(self) -> list[str]:
        """Names of all models that there is a folder of, whether or not they can serve."""
        roots = [root for root in (self._shipped, self._local) if root is not None]
        return sorted({name for root in roots for name in _entries(root) if name[0] != "_" and is_folder(root / name)})

    def folders(self, name: str) -> list[Path]:
        """The folders of a model: with its versions and record, and that of each version, whatever it holds."""
        safe_name(name, "model name")
        homes = [self._shipped / name] if self._local is None else [self._shipped / name, self._local / name]
        versions = [home / entry for home in homes for entry in _entries(home) if _VERSION.fullmatch(entry)]
        return [folder for folder in (*homes, *versions) if is_folder(folder)]

    def current(self, name: str) -> ModelFolder:
        """The version that serves: the published one, or, if it is damaged, the one that served before."""
        versions = self.versions(name)
        published = self._published(name)
        if published is None:
            raise InputError(f"no version of model '{name}' was published; it has {', '.join(versions)}")
        damage = "it is missing"
        # A version that was kept back never serves: fall back along the record of publications.
        for version in [published, *self._earlier(name, published)]:
            if version not in versions:
                continue
            try:
                return load_model_folder(versions[version])
            except InputError as error:
                damage = str(error)
                _log.error("model '%s' version %s is not used: %s", name, version, error)
        raise InputError(f"no version of model '{name}' is usable; the last one tried: {damage}")

    def version(self, name: str, version: str) -> ModelFolder:
        """One version of a model, whether or not it was published."""
        versions = self.versions(name)
        if version not in versions:
            numbers = ", ".join(sorted(versions, key=int))
            raise UnknownNameError(f"model '{name}' has no version {version}; it has {numbers}")
        return load_model_folder(versions[version])

    def versions(self, name: str) -> dict[str, Path]:
        """Folders of every version of a model by version number."""
        safe_name(name, "model name")
        folders = {}
        shipped = self._shipped / name
        if (shipped / CARD).is_file():
            folders[str(read_json(shipped / CARD).get("version", "1"))] = shipped
        if self._local is not None:
            candidates = (self._local / name / version for version in _entries(self._local / name))
            own = {f.name: f for f in candidates if _VERSION.fullmatch(f.name) and self._is_version(f)}
            folders |= {
                version: f for version, f in own.items() if version not in folders or self._serves_here(name, version)
            }
        if not folders:
            names = ", ".join(self.all_names()) or "none"
            raise UnknownNameError(f"there is no model '{name}'; models here: {names}")
        return folders

    def add(self, card: ModelCard, files: Mapping[str, Callable[[Path], None]]) -> ModelFolder:
        """Keep a new version of ``card.name``; its number is the next free one. It does not serve until published."""
        with self._locked(card.name):
            folder = self._local_folder(card.name)
            numbers = [version for version in _entries(folder) if _VERSION.fullmatch(version)]  # whatever they are
            if is_file(self._shipped / card.name / CARD):
                numbers += [str(read_json(self._shipped / card.name / CARD)["version"])]
            card = card.model_copy(update={"version": str(1 + max(map(int, numbers), default=0))})
            return write_model_folder(folder / card.version, card, files)

    def publish(self, name: str, version: str, reason: str) -> None:
        """Let a version serve from now on, and record when and why."""
        version = self.version(name, version).card.version
        with self._locked(name):
            self._record(name, version, reason)

    def rollback(self, name: str, *, to: str | None = None, reason: str) -> ModelFolder:
        """Let an earlier version serve again: ``to``, or the one that served before. Nothing is removed.

        The one before is that of the record without what was rolled back, so that going back twice goes back two
        steps. Raises :class:`InputError` for a version that never served, or is damaged.
        """
        self.versions(name)
        with self._locked(name):
            serving = self.current(name).card.version
            to = to or self._before(name, serving)
            try:
                folder = self.version(name, to)
            except InputError as error:
                alternatives = ", ".join(version for version in self.served(name) if version != to)
                raise InputError(
                    f"version {to} of model '{name}' cannot serve: {error}; others served: {alternatives}"
                ) from error
            if to not in self.served(name):
                why = f" ({folder.card.reason})" if folder.card.reason else ""
                raise InputError(
                    f"version {to} of model '{name}' never served{why}, so there is no going back to it; "
                    f"those that did: {', '.join(self.served(name))}"
                )
            if to == self._published(name):
                raise InputError(f"version {to} of model '{name}' serves already")
            self._record(name, to, reason)
        return folder

    def served(self, name: str) -> list[str]:
        """The versions that serve or ever served, as far as they are still there, by number."""
        versions = self.versions(name)
        return sorted({version for version in self._publications(name) if version in versions}, key=int)

    def history(self, name: str) -> list[dict[str, str]]:
        """What was published of a model, oldest first: version, reason and time.

        Raises :class:`InputError` for a damaged record: which version was published is then not known.
        """
        if self._local is None or not os.path.lexists(self._local / name / _CURRENT):
            return []
        try:
            record = read_as(check_inside(self._local / name / _CURRENT, self._local), _Record)
        except InputError as error:
            raise InputError(
                f"{error}; it says which version of model '{name}' serves: mend it, or remove it and publish one anew"
            ) from error
        return [asdict(publication) for publication in record.history]

    def _published(self, name: str) -> str | None:
        publications = self._publications(name)
        return publications[-1] if publications else None

    def _serves_here(self, name: str, version: str) -> bool:
        """Whether a version that was made here serves, and not the shipped one of the same number.

        A later release may ship a number that was taken here before. What was kept back here, or taken back, then gives
        way to what ships. A version that was made here is published before any of a higher number; where the record has
        the number only after one, it is the shipped one's.
        """
        try:
            record = [entry["version"] for entry in self.history(name) if _VERSION.fullmatch(entry["version"])]
        except InputError:
            return False
        before_higher = takewhile(lambda published: int(published) <= int(version), record)
        return record[-1:] == [version] and version in before_higher

    def _publications(self, name: str) -> list[str]:
        """The versions in the order in which they began to serve, the shipped one first.

        Where the record goes back to a version that an earlier release shipped, it means the one that ships now.
        """
        record = [entry["version"] for entry in self.history(name)]
        card = self._shipped / name / CARD
        if not card.is_file():
            return record
        shipped = str(read_json(card)["version"])
        return [shipped, *(shipped if self._shipped_before(name, version, shipped) else version for version in record)]

    def _shipped_before(self, name: str, version: str, shipped: str) -> bool:
        is_lower = _VERSION.fullmatch(version) is not None and int(version) < int(shipped)
        return is_lower and self._local is not None and not os.path.lexists(self._local / name / version)

    def _line(self, name: str) -> list[str]:
        """The publications without those that were rolled back, oldest first."""
        line: list[str] = []
        for version in self._publications(name):
            line = [*line[: line.index(version)], version] if version in line else [*line, version]
        return line

    def _before(self, name: str, serving: str) -> str:
        """The version that served before the one that serves."""
        line, versions = self._line(name), self.versions(name)
        earlier = [version for version in line[: line.index(serving)] if version in versions] if serving in line else []
        if not earlier:
            raise InputError(f"no version of model '{name}' served before version {serving}")
        return earlier[-1]

    def _earlier(self, name: str, published: str) -> list[str]:
        """What serves in place of a damaged version: what served before it, then what was rolled back, newest first."""
        served = [*reversed(self._line(name)), *reversed(self._publications(name))]
        versions = self.versions(name)
        return [version for version in dict.fromkeys(served) if version != published and version in versions]

    def _serves(self, name: str, task: str | None) -> bool:
        try:
            card = self.current(name).card
        except GliomicsError:
            return False
        return task is None or card.task == task

    def _is_version(self, folder: Path) -> bool:
        return is_file(folder / CARD) and self._local is not None and lies_inside(folder / CARD, self._local)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        folder = self._local_folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield

    def _record(self, name: str, version: str, reason: str) -> None:
        """Note a publication; the caller holds the lock."""
        when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        record = [*self.history(name), {"version": version, "reason": reason, "when": when}]
        write_json(self._local_folder(name) / _CURRENT, {"version": version, "history": record})

    def _local_folder(self, name: str) -> Path:
        if self._local is None:
            raise InputError("this model store is read-only; open it with a local folder to add versions")
        return check_inside(self._local / safe_name(name, "model name"), self._local)


def _entries(folder: Path) -> list[str]:
    """The visible names in a folder, none where it cannot be listed."""
    try:
        return [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return []
