"""Who may do what: tokens with a role, where a server has any."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import stat
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gliomics.errors import ForbiddenError, InputError, UnknownNameError
from gliomics.files import atomic_path, read_json
from gliomics.server.gate.refusal import refuse

READER, ANNOTATOR, TRAINER = "reader", "annotator", "trainer"
ROLES = (READER, ANNOTATOR, TRAINER)
"""Each may do all that those before it may."""

_RULES = (
    (READER, r"(GET|HEAD|OPTIONS) .*|POST /infer/.*|(PUT|DELETE) /session/.*"),
    (ANNOTATOR, r"POST /activelearning/.*|POST /batch/infer/.*|PUT /datastore/.*|DELETE /datastore/label"),
    (TRAINER, r".*"),
)
_TRAINER_ONLY = re.compile(r"PUT /datastore/label/(review|consensus)")
_OPEN = re.compile(r"(GET|HEAD) /(|openapi\.json|docs)")
"""Pages that describe the server; its data is not among them."""
_SIGNATURE = ("user", "client_id")
"""Where clients say who they are."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Whom a token was given to; of the token itself only a hash is kept."""

    name: str
    role: str
    sha256: str
    made: str


_holder: ContextVar[Holder | None] = ContextVar("holder", default=None)


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
        kept = [holder for holder in holders if holder.name != name]
        if len(kept) == len(holders):
            known = ", ".join(holder.name for holder in holders) or "nobody"
            raise UnknownNameError(f"{name} has no token; {known} has")
        self._write(kept)

    def holder_of(self, token: str) -> Holder | None:
        """Who was given this token."""
        found = _hash(token)
        return next((holder for holder in self.holders() if secrets.compare_digest(holder.sha256, found)), None)

    def _write(self, holders: list[Holder]) -> None:
        with atomic_path(self._path, mode=0o600) as temporary:
            temporary.write_text(json.dumps([asdict(holder) for holder in holders], indent=2) + "\n", encoding="utf-8")


class Access:
    """Refuses requests without a token (401) or with one whose role is too low (403)."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in the name of the token's holder, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        action = f"{scope['method']} {scope['path']}"
        try:
            holder = self._tokens.holder_of(_token_of(scope))
        except InputError as error:
            _log.error("nobody is let in: %s", error)
            detail = "the file of this server's tokens cannot be read, so that nobody is let in; its log says why"
            await refuse(scope, receive, send, 503, detail)
            return
        if holder is None and not _OPEN.fullmatch(action):
            detail = "this server needs a token; send the header 'Authorization: Bearer TOKEN'"
            await refuse(scope, receive, send, 401, detail, {"WWW-Authenticate": "Bearer"})
            return
        mark = _holder.set(holder)
        try:
            try:
                require(role_for(action))
            except ForbiddenError as error:
                await refuse(scope, receive, send, error.status, str(error))
                return
            await self._app(scope, receive, send)
        except ForbiddenError as error:
            await JSONResponse({"detail": str(error)}, error.status)(scope, receive, send)
        finally:
            _holder.reset(mark)


def role_for(action: str) -> str:
    """The lowest role that may do ``"METHOD /path"``; what no rule knows, such as a path with a line feed, is the
    trainer's."""
    if _TRAINER_ONLY.fullmatch(action):
        return TRAINER
    return next((role for role, pattern in _RULES if re.fullmatch(pattern, action)), TRAINER)


def require(role: str) -> None:
    """Raise :class:`ForbiddenError` where the request's token has a lower role; without tokens all is allowed."""
    holder = _holder.get()
    if holder is not None and ROLES.index(holder.role) < ROLES.index(role):
        raise ForbiddenError(f"{holder.name} is {holder.role} here; this needs the role {role}")


def signed(info: dict[str, Any]) -> dict[str, Any]:
    """What a client sent, in the name of its token's holder where there is one."""
    holder = _holder.get()
    return info if holder is None else {**info, **dict.fromkeys(_SIGNATURE, holder.name)}


def without_signature(info: dict[str, Any]) -> dict[str, Any]:
    """Notes on what somebody has signed; where there are tokens, they cannot change by whom it was."""
    return info if _holder.get() is None else {key: item for key, item in info.items() if key not in _SIGNATURE}


def signature_of(request: dict[str, Any]) -> dict[str, Any]:
    """Who sent a request, as it is noted with what is kept of it."""
    return {key: request[key] for key in _SIGNATURE if request.get(key)}


def _is_holder(entry: Any) -> bool:
    fields = {"name", "role", "sha256", "made"}
    return (
        isinstance(entry, dict)
        and entry.keys() == fields
        and all(isinstance(value, str) for value in entry.values())
        and entry["role"] in ROLES
    )


def _token_of(scope: Scope) -> str:
    headers = {name.lower(): value for name, value in scope["headers"]}
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
