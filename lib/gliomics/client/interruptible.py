"""Connections that another thread can end while a request waits on them."""

from __future__ import annotations

import socket
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class InterruptibleAdapter(HTTPAdapter):
    """Carries one request; :meth:`interrupt` shuts its connections down, also one that is only being made."""

    def __init__(self) -> None:
        self.interrupted = False
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__()

    def interrupt(self) -> None:
        """Let whatever sends or receives fail at once."""
        self.interrupted = True
        for connection in list(self._sockets):
            _shut_down(connection)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make direct connections that are known here."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools()

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Make connections through a proxy that are known here."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools()
        return manager

    def _pools(self) -> dict[str, type]:
        return {"http": _pool(HTTPConnectionPool, self), "https": _pool(HTTPSConnectionPool, self)}

    def _connected(self, connection: socket.socket) -> None:
        self._sockets.add(connection)
        if self.interrupted:
            _shut_down(connection)


class _ReportedConnection(HTTPConnection):
    """A connection that reports its socket; of any kind, as the next base of a class that is derived from this one."""

    report: ClassVar[weakref.WeakMethod[Callable[[socket.socket], None]]]

    def connect(self) -> None:
        super().connect()
        report = self.report()
        if report is not None:
            report(self.sock)


def _pool(pool: type[HTTPConnectionPool], adapter: InterruptibleAdapter) -> type:
    """A pool whose connections report their sockets; the adapter refers to it, so it must not keep the adapter."""
    report = weakref.WeakMethod(adapter._connected)
    connection = type("Connection", (_ReportedConnection, pool.ConnectionCls), {"report": report})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        # Of the class below TLS: another thread may be in the midst of a TLS record.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
