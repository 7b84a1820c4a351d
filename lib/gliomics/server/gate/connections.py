"""Connections: no more than the process can hold, and none that waits for its client for ever."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 1000
"""Connections that are held at once, where the process may open files enough."""

MAX_ON_WINDOWS = 400
"""The same on Windows, whose ``select`` looks at 512 at once."""

BACKLOG = 1024
"""Connections that wait in the system until they are accepted."""

HEADER_SECONDS = 10.0
"""How long a request may take to say what it wants."""

BODY_SECONDS = 30.0
"""How long a client may send nothing of a request that it has begun."""

ANSWER_SECONDS = 60.0
"""How long a client may take nothing of an answer."""

_PATIENCE_SECONDS = 5.0
"""How long a client may take nothing of an answer when others need its connection."""

_ACCEPTED_AT_ONCE = 64
_FILES = 4096
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0


def connection_limit() -> int:
    """How many connections fit, after raising the limit of open files as far as the system lets us.

    Each may have files open besides, an image that is sent or a label that comes; so it is a quarter of them.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_ON_WINDOWS
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    if files != resource.RLIM_INFINITY and files < enough:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))
            files = enough
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 4)


class Connections(socket.socket):
    """The socket that listens. When too many are connected, those that have sent no whole request go, oldest first.

    Then go those that take nothing of their answer. All others are kept until they are answered, and the newest is
    refused where all are such.
    """

    def __init__(self, family: int = socket.AF_INET) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self.limit = MAX_CONNECTIONS
        self._open: dict[socket.socket, float] = {}
        self._protocols: dict[int, WatchedProtocol] = {}
        self._accepted = 0
        self._rest_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection; :class:`BlockingIOError` when the event loop should see to others first."""
        if self._accepted >= _ACCEPTED_AT_ONCE or time.monotonic() < self._rest_until:
            raise BlockingIOError
        if not self._accepted:
            asyncio.get_running_loop().call_soon(self._begin_next_round)
        self._accepted += 1
        try:
            connection, address = super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if self._drop_oldest():
                raise BlockingIOError from error
            self._rest_until = time.monotonic() + _RETRY_SECONDS / 2  # asyncio reports it and tries again in a second
            raise
        self._open = {other: since for other, since in self._open.items() if other.fileno() >= 0}
        if len(self._open) >= self.limit and not self._drop_oldest():
            connection.close()
            raise BlockingIOError
        self._open[connection] = time.monotonic()
        return connection, address

    def protocol(self, *args: Any, **kwargs: Any) -> WatchedProtocol:
        """What speaks HTTP on a connection, made as uvicorn makes it."""
        return WatchedProtocol(self._protocols, *args, **kwargs)

    async def drop_overdue(self) -> None:
        """End, again and again, the connections whose client keeps the server waiting for too long."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for protocol in list(self._protocols.values()):
                if protocol.is_overdue():
                    protocol.transport.abort()

    def _begin_next_round(self) -> None:
        self._accepted = 0

    def _drop_oldest(self) -> bool:
        """End the connection that is worth least; False where all wait for the server."""
        ranked = [(rank, item) for item, since in self._open.items() if (rank := self._rank(item, since)) is not None]
        if not ranked:
            return False
        _, oldest = min(ranked, key=lambda pair: pair[0])
        del self._open[oldest]
        protocol = self._protocols.get(oldest.fileno())
        if protocol is not None:
            protocol.transport.abort()
        else:  # TLS has not been agreed upon
            with contextlib.suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        return True

    def _rank(self, connection: socket.socket, since: float) -> tuple[int, float] | None:
        """Smaller for what is dropped sooner: without headers, without a whole body, taking no answer; or None."""
        protocol = self._protocols.get(connection.fileno())
        if protocol is None:
            return 0, since
        if not (protocol.has_whole_request() or protocol.is_answered_in_part()):
            return int(protocol.has_headers()), protocol.waiting_since
        stalled_since = protocol.stalled_since()
        return (2, stalled_since) if time.monotonic() - stalled_since > _PATIENCE_SECONDS else None


class Server(uvicorn.Server):
    """A server whose connections are bounded; ``ready`` is called once it answers."""

    def __init__(self, app: ASGIApp, listening: Connections, ready: Callable[[], None], **options: Any) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio:SelectorEventLoop",  # the others accept connections without asking the socket
            http=cast("type[asyncio.Protocol]", listening.protocol),
            ws="none",
            backlog=BACKLOG,
            **options,
        )
        super().__init__(config)
        self._listening, self._ready = listening, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._watch = asyncio.create_task(self._listening.drop_overdue())
            self._ready()


class WatchedProtocol(H11Protocol):
    """HTTP/1.1 by h11, which knows since when it has waited for its client."""

    def __init__(self, protocols: dict[int, WatchedProtocol], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._protocols = protocols
        self._number = -1
        self.waiting_since = time.monotonic()
        """Since when a request's headers, or the next piece of its body, are waited for."""
        self._unsent = (0, 0.0)
        """How many bytes of answers the client has yet to take, and since when these are as many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the headers of a request."""
        super().connection_made(transport)
        self._number = transport.get_extra_info("socket").fileno()
        self._protocols[self._number] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._protocols.pop(self._number, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; pieces of headers do not prolong the time for them."""
        super().data_received(data)
        if self.has_headers():
            self.waiting_since = time.monotonic()

    def send_400_response(self, msg: str) -> None:
        """End a connection on which something else than HTTP came, also while its request is worked on."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.waiting_since = time.monotonic()
        super().on_response_complete()

    def has_headers(self) -> bool:
        """Whether the headers of a request have come."""
        return self.conn.their_state is not h11.IDLE

    def has_whole_request(self) -> bool:
        """Whether a request has come that is not yet answered."""
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)

    def is_answered_in_part(self) -> bool:
        """Whether the client has yet to take some of an answer; the next request is not waited for until then."""
        return self.transport.get_write_buffer_size() > 0

    def stalled_since(self) -> float:
        """Since when the client takes nothing of its answer; now, where it does or there is nothing to take."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent[0]:
            self._unsent = unsent, time.monotonic()
        return self._unsent[1]

    def is_overdue(self) -> bool:
        """Whether the client sends, or takes, nothing for longer than it may."""
        now = time.monotonic()
        if now - self.stalled_since() > ANSWER_SECONDS:
            return True
        if self.is_answered_in_part():
            self.waiting_since = now
        if self.has_whole_request() or self.flow.read_paused:
            return False
        return now - self.waiting_since > (BODY_SECONDS if self.has_headers() else HEADER_SECONDS)
