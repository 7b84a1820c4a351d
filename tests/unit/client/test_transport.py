from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_toolbelt import MultipartEncoder

from gliomics.client import ClientError, GliomicsClient
from gliomics.client.interruptible import InterruptibleAdapter
from gliomics.client.transport import Transport, parse_parts
from gliomics.client.waiting import MOST_TRIES
from gliomics.errors import InputError

pytestmark = pytest.mark.slow

LIBRARY = Path(__file__).resolve().parents[3] / "lib"

ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "/info/": (200, "text/html", b"<html>a printer's page</html>"),
    "/infer/refused": (404, "application/json", b'{"detail": "there is no model \'refused\'"}'),
    "/infer/invalid": (422, "application/json", b'{"detail": [{"loc": ["query", "image"], "msg": "Field required"}]}'),
    "/infer/broken": (500, "text/plain", b"Internal Server Error"),
    "/infer/cut": (200, "multipart/form-data; boundary=xyz", b""),
}


@pytest.fixture(scope="module")
def a_stranger() -> Iterator[GliomicsClient]:
    """A client of an HTTP server that is not MONAI Label."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.split("?")[0]
            if path == "/datastore/image":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
                return
            status, kind, content = ANSWERS[path]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield GliomicsClient(f"http://127.0.0.1:{server.server_port}", timeout=20)
    server.shutdown()
    server.server_close()


@given(st.binary(max_size=400), st.binary(max_size=50))
def test_every_byte_of_a_multipart_answer_survives(image: bytes, tail: bytes) -> None:
    content = image + b"\r\n--\n\r" + tail
    encoder = MultipartEncoder({"params": (None, '{"a": 1}', "application/json"), "image": ("x.nii.gz", content)})
    assert parse_parts(encoder.content_type, encoder.to_string()) == {"params": b'{"a": 1}', "image": content}


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_multipart_answer_that_is_cut_off_is_refused(image: bytes, data: st.DataObject) -> None:
    encoder = MultipartEncoder({"params": (None, "{}", "application/json"), "image": ("x.nii.gz", image)})
    body = encoder.to_string()
    length = data.draw(st.integers(0, len(body) - len(b"--\r\n") - 1))
    with pytest.raises(ClientError, match=r"ends in the middle|is not a readable multipart message"):
        parse_parts(encoder.content_type, body[:length])


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=y", "multipart/mixed"])
def test_an_answer_without_parts_is_refused(content_type: str) -> None:
    with pytest.raises(ClientError, match="is not a readable multipart message"):
        parse_parts(content_type, b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n")


def test_a_large_multipart_answer_is_read_in_a_moment() -> None:
    body = b"--x\r\nContent-Disposition: form-data; name=image\r\n\r\n" + bytes(12_000_000) + b"\r\n--x--\r\n"
    start = time.thread_time()
    assert len(parse_parts("multipart/form-data; boundary=x", body)["image"]) == 12_000_000
    assert time.thread_time() - start < 0.1, "no other thread runs meanwhile"


def test_refusal_carries_the_servers_message_and_status(a_stranger: GliomicsClient) -> None:
    with pytest.raises(ClientError, match="there is no model 'refused'") as refusal:
        a_stranger.infer("refused", "case")
    assert refusal.value.status == 404


def test_list_of_validation_errors_becomes_one_sentence(a_stranger: GliomicsClient) -> None:
    with pytest.raises(ClientError, match=r"query\.image: Field required"):
        a_stranger.infer("invalid", "case")


def test_failure_without_json_is_told_with_its_status(a_stranger: GliomicsClient) -> None:
    with pytest.raises(ClientError, match="500 Internal Server Error"):
        a_stranger.infer("broken", "case")


def test_page_that_is_not_json_is_no_monai_label_server(a_stranger: GliomicsClient) -> None:
    with pytest.raises(ClientError, match="is it a MONAI Label server"):
        a_stranger.info()


def test_empty_multipart_answer_is_refused(a_stranger: GliomicsClient) -> None:
    with pytest.raises(ClientError, match="not a readable multipart"):
        a_stranger.infer("cut", "case")


def test_broken_download_leaves_no_file(a_stranger: GliomicsClient, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="broke off"):
        a_stranger.download_image("case", tmp_path / "image.nii.gz")
    assert not list(tmp_path.iterdir())


def test_no_server_is_told_with_what_to_look_at() -> None:
    with pytest.raises(ClientError, match="check the address, and that a server runs there") as error:
        GliomicsClient("http://127.0.0.1:9").info()
    assert error.value.status == 0


def test_waiting_for_a_server_that_never_comes_ends() -> None:
    with pytest.raises(ClientError, match="no server answers"):
        GliomicsClient("http://127.0.0.1:9").wait_ready(0.5)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "", "http://"])
def test_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="server address"):
        GliomicsClient(url)


def test_local_file_that_is_missing_is_named(a_stranger: GliomicsClient, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"label\.nii\.gz cannot be read"):
        a_stranger.save_label("case", tmp_path / "label.nii.gz")


def test_exactly_one_kind_of_case_must_be_given(a_stranger: GliomicsClient) -> None:
    with pytest.raises(InputError, match="give one of"):
        a_stranger.infer("model")


def test_client_imports_nothing_that_slicer_lacks() -> None:
    program = (
        "import sys, gliomics.client\n"
        "heavy = {'torch', 'nibabel', 'SimpleITK', 'scipy', 'pydantic', 'radiomics', 'monailabel', 'typer'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(LIBRARY)}
    )
    assert result.stdout.strip() == "[]", result.stderr


@pytest.fixture
def a_silent_server() -> Iterator[tuple[GliomicsClient, threading.Semaphore]]:
    """A client of a server that answers only requests to delete; the semaphore counts the others that it got."""
    received, end = threading.Semaphore(0), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.release()
            end.wait(20)

        def do_DELETE(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield GliomicsClient(f"http://127.0.0.1:{server.server_port}", timeout=20), received
    end.set()
    server.shutdown()
    server.server_close()


def test_interrupt_ends_a_request_that_waits_in_another_thread(
    a_silent_server: tuple[GliomicsClient, threading.Semaphore],
) -> None:
    client, received = a_silent_server
    errors: list[ClientError] = []

    def ask() -> None:
        try:
            client.info()
        except ClientError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert received.acquire(timeout=10)
    client.interrupt()
    thread.join(2)
    assert [str(error) for error in errors] == [f"the request to {client.url} was interrupted"]


def test_interrupt_leaves_later_requests_alone(a_stranger: GliomicsClient) -> None:
    a_stranger.interrupt()
    with pytest.raises(ClientError, match="there is no model 'refused'"):
        a_stranger.infer("refused", "a")


def test_a_session_is_closed_also_after_an_interrupt(
    a_silent_server: tuple[GliomicsClient, threading.Semaphore], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = a_silent_server
    answers: list[int] = []
    request = Transport.request

    def recorded(self: Transport, method: str, path: str, **options: object) -> object:
        self.interrupt()  # at any time
        response = request(self, method, path, **options)
        answers.append(response.status_code)
        return response

    monkeypatch.setattr(Transport, "request", recorded)
    client.close_session("a")
    assert answers == [200]


def test_an_interrupted_adapter_ends_the_connection_that_it_makes_next() -> None:
    adapter = InterruptibleAdapter()
    here, there = socket.socketpair()
    adapter.interrupt()
    adapter._connected(here)
    assert there.recv(1) == b""
    here.close()
    there.close()


class BusyServer:
    """Refuses the first ``refusals`` inferences with 503, and says of every request that two others are before it."""

    def __init__(self, refusals: int, seconds: str = "1") -> None:
        self.bodies: list[bytes] = []
        self.names: list[str | None] = []
        busy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                busy.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                refused = len(busy.bodies) <= refusals
                if not refused:
                    time.sleep(1.5)
                self.answer({"detail": "64 requests wait"} if refused else {"done": True}, 503 if refused else 200)

            def do_GET(self) -> None:
                busy.names.append(parse_qs(urlsplit(self.path).query)["request"][0])
                self.answer({"request": {"lane": "inference", "state": "waiting", "position": 3}}, 200)

            def answer(self, value: dict[str, object], status: int) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status == 503:
                    self.send_header("Retry-After", seconds)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.client = GliomicsClient(f"http://127.0.0.1:{self.server.server_port}", timeout=20)
        self.told: list[str] = []
        self.client.tell_waiting(self.told.append)

    def __enter__(self) -> BusyServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_request_that_a_busy_server_refuses_is_sent_again_whole_when_it_said(tmp_path: Path) -> None:
    label = tmp_path / "label.nii.gz"
    label.write_bytes(b"a mask")
    started = time.monotonic()
    with BusyServer(2) as busy:
        assert busy.client.infer("radiomics", "case", label=label).params == {"done": True}
    assert time.monotonic() - started > 2
    assert len(busy.bodies) == 3
    assert len(set(busy.bodies)) == 1
    assert b"a mask" in busy.bodies[0]
    assert "the server is busy; the request is sent again in 1 s" in busy.told


def test_position_in_the_servers_queue_is_told_while_a_request_waits() -> None:
    with BusyServer(0) as busy:
        busy.client.infer("segmentation_flair", "case")
    assert busy.told == ["number 3 in the server's queue"]
    assert len(set(busy.names)) == 1


def test_server_that_stays_busy_is_told_in_its_words() -> None:
    with BusyServer(99, "0") as busy, pytest.raises(ClientError, match="64 requests wait") as refusal:
        busy.client.infer("segmentation_flair", "case")
    assert refusal.value.status == 503
    assert len(busy.bodies) == MOST_TRIES


def test_interrupt_ends_the_wait_for_a_busy_server() -> None:
    with BusyServer(99, "30") as busy:
        thread = threading.Thread(target=lambda: busy.client.interrupt())
        busy.client.tell_waiting(lambda text: None if thread.is_alive() or thread.ident else thread.start())
        started = time.monotonic()
        with pytest.raises(ClientError, match="interrupted"):
            busy.client.infer("segmentation_flair", "case")
    assert time.monotonic() - started < 5
