from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gliomics.client import GliomicsClient
from gliomics.client.hosts import is_loopback


@pytest.fixture
def a_server() -> Iterator[str]:
    """The address of a server among those of this computer, but not the usual one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = b'{"models": {}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.2", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.2:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "localhost", "LocalHost")))
    assert not any(map(is_loopback, ("", "0.0.0.0", "::", "192.168.1.4", "example.org", "127.0.0.1.evil.example")))


def test_a_server_on_this_computer_is_reached_without_the_proxy(a_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert GliomicsClient(a_server).info() == {"models": {}}
