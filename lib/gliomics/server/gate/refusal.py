"""Refusing a request before its route sees it, so that the client reads why."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

LISTEN_ON_SECONDS = 5.0
"""How long the rest of a refused body is still taken and thrown away; a connection that is cut while the client sends
loses the answer with it."""

_log = logging.getLogger(__name__)


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, *, headers: Mapping[str, str] | None = None
) -> None:
    """Answer ``{"detail": ...}`` without reading the request; where it has a body, the connection ends with it."""
    _log.info("%s %r refused (%d): %s", scope["method"], scope["path"][:200], status, detail)
    if not _has_body(scope):
        await JSONResponse({"detail": detail}, status, headers)(scope, receive, send)
        return
    answer = JSONResponse({"detail": detail}, status, {**(headers or {}), "Connection": "close"})
    await send({"type": "http.response.start", "status": status, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_ON_SECONDS):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
