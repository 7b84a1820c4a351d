"""Requests are bounded whatever their headers say, and what is refused leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from gliomics.server.gate.uploads import MAX_FIELD_BYTES, MAX_FIELDS, MAX_FILES, UPLOADS, BodyLimit
from tests.server.routes import all_routes
from tests.server.servers import Server

MB = 2**20
JSON = "Content-Type: application/json\r\n"


def answer_to(server: Server, head: str, body: bytes = b"") -> tuple[int, bool]:
    """Status of the answer to a request written out by hand, and whether the server then ends the connection."""
    address = urlsplit(server.url)
    start, _, fields = head.partition("\r\n")
    request = f"{start} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request.encode() + body)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            return int(answer.split()[1]), False
    return int(answer.split()[1]), True


def left_in_tmp(server: Server) -> list[str]:
    return [path.name for path in (server.studies / ".gliomics" / "tmp").iterdir() if "torch" not in path.name]


@pytest.mark.parametrize("path", ["/activelearning/first", "/infer/segmentation_flair", "/datastore/image", "/nothing"])
@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTRANSFER-ENCODING: Chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5_0\r\n",
        "Content-Length : 5\r\n",
        "Content-Length:\r\n",
        f"Content-Length: {'9' * 30}\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ],
)
def test_request_that_says_in_two_ways_how_long_it_is_is_refused(
    a_strict_server: Server, path: str, headers: str
) -> None:
    status, ended = answer_to(a_strict_server, f"POST {path}\r\n{JSON}{headers}", b"e\r\n{}            \r\n0\r\n\r\n")
    assert status in (400, 411, 413, 501)
    assert ended


def test_chunks_are_not_taken_in_place_of_a_length(a_strict_server: Server) -> None:
    """Megabytes under a length of 5 leave nothing in what the server keeps."""
    before = a_strict_server.written()
    block = b"a" * MB
    body = b'11\r\n{"client_id":   "\r\n' + 4 * (b"%x\r\n" % len(block) + block + b"\r\n") + b'2\r\n"}\r\n0\r\n\r\n'
    head = f"POST /activelearning/first\r\n{JSON}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    assert answer_to(a_strict_server, head, body)[0] == 400
    assert a_strict_server.written() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/activelearning/first"),
        ("POST", "/train/segmentation_flair"),
        ("PUT", "/datastore/label/review?label=case-0"),
        ("PUT", "/datastore/image/info?image=case-0"),
        ("GET", "/info/"),
        ("POST", "/nothing/here"),
    ],
)
def test_request_without_a_file_may_be_a_megabyte_at_most(a_strict_server: Server, method: str, path: str) -> None:
    for content_type in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        headers = {"Content-Type": content_type}
        url = a_strict_server.url + path
        answer = requests.request(method, url, data=bytes(MB + 1), headers=headers, timeout=60)
        assert answer.status_code == 413
        assert "accepts at most 1,048,576 here" in answer.json()["detail"]
        assert answer.headers["connection"] == "close"


def test_upload_over_the_limit_is_read_to_its_end_so_that_the_client_sees_why(a_strict_server: Server) -> None:
    before = a_strict_server.written()
    for method, path, part in (
        ("PUT", "/datastore/image?image=new", "file"),
        ("PUT", "/datastore/label?image=case-0", "label"),
        ("POST", "/infer/segmentation_flair", "file"),
        ("PUT", "/session/", "files"),
    ):
        files = {part: ("large.nii.gz", bytes(20 * MB))}
        answer = requests.request(method, a_strict_server.url + path, files=files, timeout=60)
        assert answer.status_code == 413
        assert "accepts at most 2,097,152 here" in answer.json()["detail"]
    assert a_strict_server.written() == before
    assert left_in_tmp(a_strict_server) == []


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"data": {"params": json.dumps({"note": "x" * MB})}}, "exceeded maximum size of 1024KB"),
        ({"files": [("file", (f"{n}.nii", b"x")) for n in range(MAX_FILES + 1)]}, "Too many files"),
        ({"files": [(f"field{n}", (None, b"x")) for n in range(MAX_FIELDS + 1)]}, "Too many fields"),
        ({"data": {f"field{n}": "x" for n in range(1000)}}, "Too many fields"),
    ],
)
def test_form_with_too_many_or_too_large_parts_is_refused(
    a_strict_server: Server, form: dict[str, Any], reason: str
) -> None:
    url = f"{a_strict_server.url}/infer/segmentation_flair?image=case-0"
    answer = requests.post(url, timeout=60, **form)
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]
    assert left_in_tmp(a_strict_server) == []


@pytest.mark.parametrize("path", ["/activelearning/first", "/nothing"])
def test_body_that_is_no_http_ends_the_connection_without_an_error_in_the_log(
    a_strict_server: Server, path: str
) -> None:
    log = a_strict_server.studies / ".gliomics" / "logs" / "server.log"
    seen = len(log.read_text())
    address = urlsplit(a_strict_server.url)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for pause in (0.0, 0.3):
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(head.encode())
            time.sleep(pause)
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"no chunk\r\n")
                assert int(connection.recv(100).split()[1]) in (400, 411)
    assert requests.get(f"{a_strict_server.url}/info/", timeout=20).status_code == 200
    assert "Traceback" not in log.read_text()[seen:]


def test_upload_that_breaks_off_leaves_nothing(a_strict_server: Server) -> None:
    before = a_strict_server.written()
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.nii"\r\n\r\n' + bytes(MB + 100_000)
    address = urlsplit(a_strict_server.url)
    head = "PUT /datastore/image?image=cut HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n"
    for _ in range(5):
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + part)
    assert requests.get(f"{a_strict_server.url}/info/", timeout=20).status_code == 200
    assert a_strict_server.written() == before
    assert left_in_tmp(a_strict_server) == []


def test_client_that_waits_to_be_asked_for_its_body_is_told_at_once(a_strict_server: Server) -> None:
    head = "PUT /datastore/image?image=new\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n"
    assert answer_to(a_strict_server, head) == (413, True)


def test_bytes_are_counted_where_no_header_tells_their_number() -> None:
    """Below any HTTP parser: the application never sees more than the limit."""
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            seen.append(len(message["body"]))

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(400_000), "more_body": True}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/activelearning/first", "headers": []}
    with pytest.raises(HTTPException) as refused:
        asyncio.run(BodyLimit(app, 10**9)(scope, receive, send))
    assert refused.value.status_code == 413
    assert sum(seen) <= MAX_FIELD_BYTES


def test_exactly_the_routes_that_take_files_may_be_sent_large_bodies(tmp_path: Path) -> None:
    routes = all_routes(tmp_path)
    assert sum(route.takes_files for route in routes) == 7
    examples = {"model": "some_model", "formats": "csv", "operation": "wado", "study": "1.2.3"}
    for route in routes:
        action = f"{route.method} {route.path}"
        for name, value in examples.items():
            action = action.replace(f"{{{name}}}", value)
        stores = action.startswith("POST /proxy/dicom/")  # whole instances, not in a form
        assert (UPLOADS.fullmatch(action) is not None) is (route.takes_files or stores), action
