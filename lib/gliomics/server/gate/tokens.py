"""Who has a token for the server of a studies folder, and in which role; of tokens themselves only hashes are kept."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import atomic_path, read_json

READER, ANNOTATOR, TRAINER = "reader", "annotator", "trainer"
ROLES = (READER, ANNOTATOR, TRAINER)
"""Each may do all that those before it may."""


@dataclass(frozen=True)
class Holder:
    """Whom a token was given to; of the token itself only a hash is kept."""

    name: str
    role: str
    sha256: str
    made: str


class Tokens:
    """The tokens of one studies folder, in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holders(self) -> list[Holder]:
        """Whom tokens were given to; :class:`InputError` for a file that cannot be read as tokens."""
        if not os.path.lexists(self._path):
            return []
        entries = read_json(self._path)
        if not isinstance(entries, list) or not all(_is_holder(entry) for entry in entries):
            raise InputError(
                f"{self._path} holds something else than tokens (a list of name, role, sha256, made); mend it, or "
                "remove it and give new ones with: gliomics tokens add"
            )
        return [Holder(**entry) for entry in entries]

    def open_to_others(self) -> str | None:
        """What to do about a file that other users of this machine can read or write; None where they cannot."""
        if os.name == "nt" or not self._path.is_file() or not stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            return None
        return f"other users of this machine can read who has a token, or change it; run: chmod 600 {self._path}"

    def add(self, name: str, role: str) -> str:
        """Make a token; it is told only this once."""
        if role not in ROLES:
            raise InputError(f"role is {role!r}; expected one of {', '.join(ROLES)}")
        if not name.strip() or not name.isprintable():
            raise InputError(f"the name {name!r} cannot be used; give the name that labels are signed with")
        holders = self.holders()
        if any(holder.name == name for holder in holders):
            raise InputError(f"{name} has a token already; remove it first")
        token = secrets.token_urlsafe(32)
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._write([*holders, Holder(name, role, _hash(token), made)])
        return token

    def remove(self, name: str) -> None:
        """Let the token of ``name`` open nothing any more."""
        holders = self.holders()
        remaining = [holder for holder in holders if holder.name != name]
        if len(remaining) == len(holders):
            names = ", ".join(holder.name for holder in holders) or "nobody"
            raise UnknownNameError(f"{name} has no token; {names} has")
        self._write(remaining)

    def holder_of(self, token: str) -> Holder | None:
        """Who was given this token."""
        digest = _hash(token)
        return next((holder for holder in self.holders() if secrets.compare_digest(holder.sha256, digest)), None)

    def _write(self, holders: list[Holder]) -> None:
        with atomic_path(self._path, mode=0o600) as temporary:
            text = json.dumps([asdict(holder) for holder in holders], indent=2) + "\n"
            temporary.write_text(text, encoding="utf-8", newline="\n")


def _is_holder(entry: Any) -> bool:
    fields = {"name", "role", "sha256", "made"}
    return (
        isinstance(entry, dict)
        and entry.keys() == fields
        and all(isinstance(value, str) for value in entry.values())
        and entry["role"] in ROLES
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
