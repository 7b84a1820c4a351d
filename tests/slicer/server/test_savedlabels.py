"""Labels as a server lists them, in a line each; and a server that has no such list."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from RadiogenomicsLib.server.backends import ServerBackend
from RadiogenomicsLib.server.savedlabels import SavedLabel

from gliomics.client import ClientError

ROW = {
    "tag": "final",
    "version": 2,
    "saved": "2026-11-29T01:16:07.123+00:00",
    "user": "Anna",
    "is_current": True,
    "info": {"segments": {"tumour": 1}, "slices_done": [3, 4]},
    "review": {"state": "returned", "comment": "too far to the front"},
}


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers every request with the status in its server's ``status``, as one that does not know the path."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def refusing() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_row_becomes_a_label_and_a_line() -> None:
    label = SavedLabel.fromJson(ROW)
    assert label.title == "final, version 2, Anna, 2026-11-29, returned: too far to the front"
    assert (label.segments, label.slices) == ({"tumour": 1}, (3, 4))


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"is_current": False, "review": None}, "final, version 2, Anna, 2026-11-29, earlier"),
        ({"version": None, "saved": None, "user": None, "review": None}, "final"),
        ({"review": {"state": "approved", "comment": ""}}, "final, version 2, Anna, 2026-11-29, approved"),
    ],
)
def test_what_is_not_known_is_left_out(change: dict[str, Any], title: str) -> None:
    assert SavedLabel.fromJson({**ROW, **change}).title == title


@pytest.mark.parametrize("info", [None, {}, {"segments": ["tumour"], "slices_done": "all"}])
def test_notes_of_other_clients_are_no_segments(info: Any) -> None:
    label = SavedLabel.fromJson({**ROW, "info": info})
    assert (label.segments, label.slices) == ({}, ())


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_the_list_has_no_labels(refusing: Any, status: int) -> None:
    refusing.status = status
    assert ServerBackend(f"http://127.0.0.1:{refusing.server_port}").labelsOf("a") == ()


def test_another_refusal_is_an_error(refusing: Any) -> None:
    refusing.status = 500
    with pytest.raises(ClientError):
        ServerBackend(f"http://127.0.0.1:{refusing.server_port}").labelsOf("a")
