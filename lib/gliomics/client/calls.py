"""What every group of a client's questions shares: the connection to one server, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gliomics.client.transport import Transport


class Calls:
    """Questions to one server, in the name of a user."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 600,
        connect_timeout: float = 5,
        verify: bool | Path = True,
        user: str | None = None,
        token: str | None = None,
    ) -> None:
        self._transport = Transport(url, timeout=timeout, connect_timeout=connect_timeout, verify=verify, token=token)
        self._connect_timeout = connect_timeout
        self._user = user

    def _with_user(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {**({"client_id": self._user} if self._user else {}), **params}


def quoted(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")
