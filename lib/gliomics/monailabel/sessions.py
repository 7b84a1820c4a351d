"""Images uploaded for one session: MONAI Label's sessions with checked ids, that survive a killed server."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from pathlib import Path

from monailabel.utils.sessions import SessionInfo, Sessions

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import write_text

_SESSION_ID = re.compile(r"[0-9a-f-]{8,64}")


class StudySessions(Sessions):
    """Sessions by ids that this server gave out."""

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        """A session, or None; an id that could leave the sessions folder is refused."""
        if not _SESSION_ID.fullmatch(session_id):
            raise InputError(f"session id {session_id[:80]!r} is not one that this server gave out")
        try:
            return super().get_session(session_id, update_ts, fetch_cache)
        except ValueError:  # its description is damaged
            self.remove_session(session_id)
            return None

    def add_session(
        self, data_file: str, expiry: int = 0, uncompress: bool = False, session_id: str | None = None
    ) -> tuple[str, SessionInfo]:
        """Move an upload to a new session; nothing of it stays where that fails."""
        session_id = session_id or str(uuid.uuid4())
        try:
            added: tuple[str, SessionInfo] = super().add_session(data_file, expiry, uncompress, session_id)
        except BaseException:
            shutil.rmtree(Path(self.store_path) / session_id, ignore_errors=True)
            raise
        return added

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
            if session is None and time.time() - folder.stat().st_mtime < self.expiry:
                continue  # perhaps being uploaded right now
            if session is None or session.last_access_ts + session.expiry < time.time():
                self.pop(folder.name, None)
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed
