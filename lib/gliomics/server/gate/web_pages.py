"""Which web pages may use the server, and what its own pages may load."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gliomics.client.hosts import host_address, is_loopback
from gliomics.errors import InputError
from gliomics.server.gate.refusal import refuse

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+")
_HERE = ("same-origin", "none")
"""``Sec-Fetch-Site`` of a request of the server's own page, and of one that the user typed."""


def origin_of(url: str) -> str | None:
    """The origin as browsers write it, ``scheme://host[:port]``; None for what is no http(s) origin, such as ``null``.

    >>> origin_of("HTTP://Localhost:80/")
    'http://localhost'
    >>> origin_of("https://[0:0::1]:8443")
    'https://[::1]:8443'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable():
        return None
    address = host_address(host)
    if address is not None:
        host = f"[{address}]" if address.version == 6 else str(address)
    elif not _HOST.fullmatch(host):
        return None
    if parts.scheme not in _DEFAULT_PORTS:
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


def named_origins(urls: Iterable[str]) -> list[str]:
    """The origins that ``--cors-origin`` names; :class:`InputError` for what is no origin."""
    origins = []
    for url in urls:
        origin = origin_of(url)
        if origin is None:
            raise InputError(
                f"--cors-origin is {url!r}; expected the origin of one web page, such as http://viewer.example:3000"
            )
        origins.append(origin)
    return origins


class WebPages:
    """Lets only the server's own pages, and those of the origins that are named, use it.

    A browser sends requests for any page that the user has open, and says whose page it is (``Origin``,
    ``Sec-Fetch-Site``): those of another origin are answered 403, but for links that are followed. A page can also
    point its own name at this machine; requests to a name that the server does not have are answered 400. Programs
    send neither header and pass.

    Args:
        app: what is protected.
        origins: origins of web pages that may use the server, as :func:`origin_of` gives them.
        host: what the server listens on.
        any_name: whether every name of the server is accepted, because requests need a token that pages do not know.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str], host: str, *, any_name: bool = False) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._loopback = is_loopback(host)
        self._any_name = any_name and not self._loopback
        self._names = {"localhost", *(urlsplit(origin).hostname or "" for origin in self._origins)}
        if not self._loopback:
            self._names |= {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it from its headers alone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_policy(MutableHeaders(raw=message["headers"]))
            await send(message)

        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1").strip())
        host = headers.get("host", [""])[0]
        if not self._is_name_of_the_server(host):
            detail = (
                f"this server is not called {host[:80]!r}; use its address, or let it be started with "
                "--cors-origin and the URL under which it is reached"
            )
            await refuse(scope, receive, send_with_policy, 400, detail)
        elif self._is_foreign(scope, headers, host):
            page = headers.get("origin", ["another origin"])[0]
            detail = f"web pages of {page[:80]} may not use this server, unless it is started with --cors-origin for it"
            await refuse(scope, receive, send_with_policy, 403, detail)
        else:
            await self._app(scope, receive, send_with_policy)

    def _is_name_of_the_server(self, host: str) -> bool:
        origin = origin_of(f"http://{host}")
        if origin is None or self._any_name:
            return origin is not None
        name = (urlsplit(origin).hostname or "").removesuffix(".")
        address = host_address(name)
        if address is None:
            return name in self._names
        return address.is_loopback or not self._loopback or name in self._names

    def _is_foreign(self, scope: Scope, headers: dict[str, list[str]], host: str) -> bool:
        """Whether the page of another origin sends the request, which is not named and is not followed as a link."""
        if scope["method"] == "OPTIONS":  # asks only what another request might do
            return False
        origins = {origin_of(value) for value in headers.get("origin", [])}
        if origins and origins <= self._origins:
            return False
        if not origins <= {origin_of(f"{scope['scheme']}://{host}")} - {None}:
            return True
        is_cross_site = not all(site.lower() in _HERE for site in headers.get("sec-fetch-site", []))
        is_link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == ["navigate"]
        is_document = headers.get("sec-fetch-dest", ["document"]) == ["document"]  # not in a frame of the other page
        return is_cross_site and not (is_link and is_document)


def _add_policy(headers: MutableHeaders) -> None:
    """What browsers are told about every answer: nothing is loaded from elsewhere, framed, guessed or embedded."""
    headers.setdefault("Content-Security-Policy", content_policy("'none'"))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


def content_policy(styles: str) -> str:
    """A Content-Security-Policy without scripts, frames and forms, with the style sheets of ``styles``."""
    return f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
