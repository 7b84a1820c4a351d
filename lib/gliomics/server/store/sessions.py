"""Images uploaded for one session: MONAI Label's sessions with checked ids, that survive a killed server."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monailabel.utils.sessions import SessionInfo, Sessions

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import check_inside, is_file, is_folder, write_text
from gliomics.validated import read_as

_log = logging.getLogger(__name__)

_changing = threading.RLock()
"""Held while a session is written or removed: what is written after its folder has gone would bring it back."""

_SESSION_ID = re.compile(r"[0-9a-f-]{8,64}")


@dataclass(frozen=True)
class _Description:
    """What MONAI Label keeps of a session."""

    name: str
    path: str
    image: str
    meta: dict[str, Any]
    create_ts: int
    last_access_ts: int
    expiry: int


class StudySessions(Sessions):
    """Sessions by ids that this server gave out."""

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        """A session, or None; an id that could leave the sessions folder is refused."""
        if not _SESSION_ID.fullmatch(session_id):
            raise InputError(f"session id {session_id[:80]!r} is not one that this server gave out")
        with _changing:
            return self._session(Path(self.store_path) / session_id, update_ts, fetch_cache)

    def _session(self, folder: Path, update_ts: bool, fetch_cache: bool) -> SessionInfo | None:
        session_id = folder.name
        if not os.path.lexists(folder):
            self.pop(session_id, None)
            return None
        try:
            description = read_as(check_inside(folder / "meta.info", Path(self.store_path)), _Description)
            image = check_inside(Path(description.image), folder)
            check_inside(folder, Path(self.store_path))
        except InputError as error:  # a server was killed while it wrote it, or something else lies there
            _log.warning("a session cannot be used until it expires: %s", error)
            self.pop(session_id, None)
            return None
        if not is_file(image) and not is_folder(image):
            return None
        return super().get_session(session_id, update_ts, fetch_cache)

    def remove_session(self, session_id: str) -> None:
        """Forget a session and its images."""
        with _changing:
            super().remove_session(session_id)

    def add_session(
        self, data_file: str, expiry: int = 0, uncompress: bool = False, session_id: str | None = None
    ) -> tuple[str, SessionInfo]:
        """Move an upload to a new session; nothing of it stays where that fails."""
        session_id = session_id or str(uuid.uuid4())
        try:
            session: tuple[str, SessionInfo] = super().add_session(data_file, expiry, uncompress, session_id)
        except BaseException:
            shutil.rmtree(Path(self.store_path) / session_id, ignore_errors=True)
            raise
        return session

    def _write_meta_info(self, session_id: str, session_info: SessionInfo) -> None:
        write_text(Path(self.store_path) / session_id / "meta.info", session_info.to_str())

    def image(self, session_id: str) -> Path:
        """The uploaded image, or the folder of several; :class:`UnknownNameError` when the session is gone."""
        session = self.get_session(session_id)
        if session is None:
            raise UnknownNameError(f"there is no session '{session_id}' (any more); upload the images again")
        return Path(session.image)

    def remove_expired(self) -> int:
        """Remove sessions that have expired or are incomplete; returns how many."""
        removed = 0
        for folder in Path(self.store_path).glob("*"):
            session = None
            if _SESSION_ID.fullmatch(folder.name):
                session = self.get_session(folder.name, update_ts=False, fetch_cache=False)
            try:
                age = time.time() - folder.lstat().st_mtime
            except FileNotFoundError:  # another request removed it just now
                continue
            if session is None and age < self.expiry:
                continue  # perhaps being uploaded right now
            if session is None or session.last_access_ts + session.expiry < time.time():
                self.remove_session(folder.name)
                removed += 1
        return removed
