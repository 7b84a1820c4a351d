"""Clients that begin requests and do not end them, or take no answers, keep nobody else from the server."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from starlette.types import Receive, Scope, Send

from gliomics.server.gate import connections
from gliomics.server.gate.connections import Connections, connection_limit
from gliomics.server.gate.connections import Server as BoundedServer
from tests.server.servers import Server

HALF = b"GET /info/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
UPLOAD = b"PUT /session/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf of it"
WHOLE = b"GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process hold enough connections for the tests."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 2500:
        pytest.skip("this process may not open 2,500 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, 2500), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def seconds_of_info(server: Server) -> float:
    """Median time of an answer to ``/info/`` on a new connection."""
    times = []
    for _ in range(9):
        started = time.perf_counter()
        assert requests.get(f"{server.url}/info/", timeout=20).status_code == 200
        times.append(time.perf_counter() - started)
    return statistics.median(times)


@pytest.mark.parametrize("sent", [b"", HALF, UPLOAD], ids=["nothing", "half of the headers", "half of the body"])
@pytest.mark.alone
def test_1500_half_open_connections_do_not_slow_the_server_down(
    a_strict_server: Server, many_files: None, sent: bytes
) -> None:
    before = seconds_of_info(a_strict_server)
    log = a_strict_server.studies / ".gliomics" / "logs" / "server.log"
    size = log.stat().st_size
    address = urlsplit(a_strict_server.url)
    with ExitStack() as stack:
        for _ in range(1500):
            connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
            with contextlib.suppress(ConnectionError):  # the oldest are dropped by now
                connection.sendall(sent)
        crowded = seconds_of_info(a_strict_server)
    alone = max(before, seconds_of_info(a_strict_server))  # the machine may have other work than it had before
    assert crowded < max(0.1, 3 * alone)
    assert log.stat().st_size - size < 10_000


def test_connections_leave_open_files_to_their_answers() -> None:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        limit = connection_limit()
        raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert raised > 256, "the soft limit is raised"
        assert limit == min(1000, raised // 4)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


class BoundedApp:
    """An application that answers ``/wait`` once it is let, ``/large`` with 50 MB, and anything else after the body."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.given_large = threading.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        if scope["path"] == "/wait":
            while not self.let.is_set():
                await asyncio.sleep(0.01)
        body = bytes(50_000_000) if scope["path"] == "/large" else b"done"
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})
        if scope["path"] == "/large":
            self.given_large.release()


@pytest.fixture(params=["plain"])
def a_bounded_server(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, certificate: tuple[Path, Path]
) -> Iterator[tuple[BoundedApp, Connections]]:
    """The server's connections in this process, with short times and at most four of them; over TLS if asked."""
    tls = {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]} if request.param == "tls" else {}
    for name in ("HEADER_SECONDS", "BODY_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(connections, name, 2.0)
    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.1)
    app, ready = BoundedApp(), threading.Event()
    with Connections() as listening:
        listening.limit = 4
        listening.bind(("127.0.0.1", 0))
        options = {"log_config": None, "lifespan": "off", "timeout_graceful_shutdown": 1, **tls}
        server = BoundedServer(app, listening, ready.set, **options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(20)
        yield app, listening
        app.let.set()
        server.should_exit = True
        thread.join(20)


def connect(listening: Connections, sent: bytes = b"") -> socket.socket:
    """A new connection on which so much was sent."""
    connection = socket.create_connection(listening.getsockname(), timeout=10)
    connection.sendall(sent)
    return connection


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not ended a connection within a moment; nothing was answered on it."""
    connection.settimeout(0.3)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def ended_after(connection: socket.socket, dribble: bytes = b"") -> float:
    """Seconds until the server ends a connection, on which ``dribble`` is sent all the time."""
    started = time.monotonic()
    while is_open(connection):
        assert time.monotonic() - started < 20, "the connection was never ended"
        with contextlib.suppress(ConnectionError):
            connection.sendall(dribble)
    return time.monotonic() - started


@pytest.mark.parametrize("sent", [b"", HALF, UPLOAD])
def test_client_that_stops_sending_is_not_waited_for(
    a_bounded_server: tuple[BoundedApp, Connections], sent: bytes
) -> None:
    with connect(a_bounded_server[1], sent) as connection:
        assert ended_after(connection) > 1.5


def test_headers_that_come_byte_by_byte_are_not_waited_for(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    with connect(a_bounded_server[1], HALF) as connection:
        ended_after(connection, b"x")


def test_body_that_goes_on_coming_is_waited_for(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    with connect(a_bounded_server[1], UPLOAD) as connection:
        for _ in range(6):
            time.sleep(0.5)
            connection.sendall(bytes(15))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_client_that_takes_no_answer_is_not_waited_for(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    app, listening = a_bounded_server
    with connect(listening, WHOLE.replace(b"wait", b"large")) as connection:
        assert app.given_large.acquire(timeout=10)
        end = time.monotonic() + 20
        while listening._protocols:
            assert time.monotonic() < end, "the connection was never ended"
            time.sleep(0.05)
        taken = 0
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 20):
                taken += len(piece)
        assert taken < 50_000_000


def test_client_that_takes_its_answer_slowly_gets_all_of_it(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    with connect(a_bounded_server[1], WHOLE.replace(b"wait", b"large")) as connection:
        connection.settimeout(10)
        taken = 0
        while taken < 50_000_000:
            piece = connection.recv(1 << 20)
            assert piece, f"the connection was ended after {taken} bytes"
            taken += len(piece)
            time.sleep(0.1)


def test_request_that_is_worked_on_for_long_is_answered(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    app, listening = a_bounded_server
    with connect(listening, WHOLE) as connection:
        time.sleep(3.5)
        app.let.set()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_connection_that_is_used_again_and_again_is_kept(a_bounded_server: tuple[BoundedApp, Connections]) -> None:
    with connect(a_bounded_server[1]) as connection, connection.makefile("rb") as answers:
        for _ in range(6):
            connection.sendall(WHOLE.replace(b"wait", b"quick"))
            while answers.readline().strip():
                pass
            assert answers.read(4) == b"done"
            time.sleep(0.5)


def test_oldest_connections_without_a_whole_request_make_room_for_new_ones(
    a_bounded_server: tuple[BoundedApp, Connections], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEADER_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(connections, name, 60.0)
    app, listening = a_bounded_server
    with ExitStack() as stack:

        def new(sent: bytes) -> socket.socket:
            connection = stack.enter_context(connect(listening, sent))
            wait_for(listening, connection.getsockname(), has_headers=sent in (WHOLE, UPLOAD))
            return connection

        whole, upload, first, second = [new(sent) for sent in (WHOLE, UPLOAD, HALF, HALF)]
        third = new(HALF)
        assert not is_open(first)
        kept = [whole, new(WHOLE)]
        assert not is_open(second)
        kept.append(new(WHOLE))
        assert not is_open(third)
        assert is_open(upload), "those without headers go before uploads that are under way"
        kept.append(new(WHOLE))
        assert not is_open(upload)
        assert not is_open(stack.enter_context(connect(listening))), "nobody is dropped whose request is whole"
        app.let.set()
        for connection in kept:
            connection.settimeout(10)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_clients_that_take_no_answer_make_room_too(
    a_bounded_server: tuple[BoundedApp, Connections], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(connections, "_PATIENCE_SECONDS", 0.5)
    app, listening = a_bounded_server
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connect(listening, WHOLE.replace(b"wait", b"large")))
            assert app.given_large.acquire(timeout=10)
        time.sleep(1.5)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/quick"
        assert requests.get(url, timeout=10).text == "done"


@pytest.mark.parametrize("a_bounded_server", ["tls"], indirect=True)
def test_connections_on_which_tls_was_never_agreed_upon_make_room_too(
    a_bounded_server: tuple[BoundedApp, Connections], certificate: tuple[Path, Path]
) -> None:
    listening = a_bounded_server[1]
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(listening)) for _ in range(10)]
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/quick"
        assert requests.get(url, verify=certificate[0], timeout=10).text == "done"
        assert not is_open(silent[0])


def wait_for(listening: Connections, client: tuple[str, int], *, has_headers: bool) -> None:
    """Wait until the server has seen a connection, and its request's headers."""
    end = time.monotonic() + 10
    while (client, has_headers) not in {(it.client, it.has_headers()) for it in list(listening._protocols.values())}:
        assert time.monotonic() < end
        time.sleep(0.01)
