"""Which examination of the archive is which study: written down, so that an id never changes its meaning."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gliomics.errors import GliomicsError, InputError
from gliomics.files import is_safe_name, write_json
from gliomics.intake.plan import usable_id
from gliomics.server.dicomweb.client import ListedExamination
from gliomics.server.store.kept_records import locked
from gliomics.server.workspace import Workspace
from gliomics.study.no_study import NOT_STUDIES
from gliomics.validated import read_as

FRESH_SECONDS = 30.0
"""How old the list may be before the archive is asked again, beside the requests."""

_FIRST_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listed:
    """An examination of the archive with the id of the study that it is or becomes."""

    id: str
    uid: str
    patient_id: str
    date: str = ""
    is_there: bool = True
    """Whether the archive listed it when it was asked last."""


@dataclass(frozen=True)
class _Record:
    archive: str
    format: int = 1
    examinations: list[Listed] = field(default_factory=list)


class Listing:
    """The examinations that the archive listed, by the ids of their studies. Usable from several threads.

    An examination keeps its id for ever, also while the archive does not list it.
    """

    def __init__(
        self, root: Path, archive: str, ask: Callable[[], list[ListedExamination]], taken: Callable[[], Collection[str]]
    ) -> None:
        path = Workspace(root).archive / "listing.json"
        self._root, self._path, self._archive, self._ask, self._taken = root, path, archive, ask, taken
        self._by_id: Mapping[str, Listed] = {item.id: item for item in _read(path, archive)}
        self._asking = threading.Lock()
        self._last_asked = -FRESH_SECONDS
        self._first_time = threading.Event()
        self.fault: str | None = None
        """Why the archive could not be asked last time."""

    def all(self) -> Mapping[str, Listed]:
        """The examinations that are known, by id; never changed. An old list is renewed beside the requests.

        Where nothing is known yet, the archive's first answer is waited for, but not long.
        """
        if time.monotonic() - self._last_asked > FRESH_SECONDS and not self._asking.locked():
            threading.Thread(target=self._refresh_quietly, name="list the archive", daemon=True).start()
        if not self._by_id:
            self._first_time.wait(_FIRST_SECONDS)
        return self._by_id

    def known(self) -> Mapping[str, Listed]:
        """As :meth:`all`, of when the archive was asked last."""
        return self._by_id

    def with_uid(self, uid: str) -> Listed | None:
        """The examination with this UID."""
        return next((item for item in self._by_id.values() if item.uid == uid), None)

    def refresh(self) -> None:
        """Ask the archive now; raises its error, and what was known stays."""
        with self._asking:
            try:
                listed = self._ask()
            except GliomicsError as error:
                if self.fault != str(error):
                    _log.warning("the list of examinations stays as it was: %s", error)
                self.fault = str(error)
                raise
            finally:
                self._last_asked = time.monotonic()
            self.fault = None
            by_id = _with(self._by_id, listed, self._taken())
            if by_id != self._by_id:
                with locked(self._path.with_suffix(".lock"), self._root):  # a process that trains lists them, too
                    before = {item.id: item for item in _read(self._path, self._archive)}
                    by_id = _with(before, listed, self._taken())
                    write_json(self._path, asdict(_Record(self._archive, examinations=list(by_id.values()))))
                self._by_id = by_id

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except (GliomicsError, OSError) as error:
            self.fault = str(error)  # it is told with the list
        finally:
            self._first_time.set()


def _with(
    before: Mapping[str, Listed], listed: list[ListedExamination], taken: Collection[str]
) -> Mapping[str, Listed]:
    """The list with what is listed now; what is new gets an id that nothing else has."""
    by_uid = {item.uid: item for item in before.values()}
    ids = {name.lower() for name in (*before, *taken)}
    now = {item.uid for item in listed}
    for item in sorted(listed, key=lambda item: (item.patient_id, item.date, item.uid)):
        if item.uid not in by_uid:
            study_id = _new_id(item, ids)
            ids.add(study_id.lower())
            by_uid[item.uid] = Listed(study_id, item.uid, item.patient_id, item.date)
    items = [Listed(item.id, item.uid, item.patient_id, item.date, item.uid in now) for item in by_uid.values()]
    return {item.id: item for item in items}


def _new_id(examination: ListedExamination, taken: Collection[str]) -> str:
    """``<patient id>_<date>`` as of an import, with a number behind where that is taken."""
    base = "_".join(filter(None, (usable_id(examination.patient_id)[:96] or "unknown", examination.date)))
    if not is_safe_name(base) or base.lower() in NOT_STUDIES:
        base = f"examination-{hashlib.sha256(examination.uid.encode()).hexdigest()[:12]}"
    study_id, number = base, 1
    while study_id.lower() in taken:
        number += 1
        study_id = f"{base}-{number}"
    return study_id


def _read(path: Path, archive: str) -> list[Listed]:
    if not path.exists():
        return []
    record = read_as(path, _Record)
    if record.archive != archive:
        raise InputError(
            f"{path.parents[2]} keeps what was fetched from {record.archive}, not from {archive}; give another folder "
            f"with a second --studies DIR, or, if the archive has moved, change its address in {path}"
        )
    return [item for item in record.examinations if is_safe_name(item.id)]
