"""The viewer's way to the archive: nothing else is asked, and what is no answer of an archive is not passed on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.server.dicomweb.address import PASSWORD, USER, ArchiveAddress
from gliomics.server.dicomweb.client import Archive, ArchiveError
from gliomics.server.viewer import archive_proxy
from gliomics.server.viewer.archive_proxy import ArchiveProxy

UID = "1.2.840.99"
ROOT = "/proxy/dicom/wado"


class _Answers(BaseHTTPRequestHandler):
    """Answers as the query says, and remembers what it was asked."""

    asked: list[tuple[str, dict[str, str]]]
    elsewhere: str

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        type(self).asked.append((self.path, dict(self.headers)))
        here = f"http://{self.headers['Host']}{path.rpartition('/studies')[0]}"
        answers = {
            "": (200, "application/dicom+json", f'[{{"url": "{here}/studies/1"}}]'.encode()),
            "login": (200, "text/html", b"<form>"),
            "redirect": (302, "text/plain", b""),
            "account": (401, "text/plain", b""),
            "away": (503, "text/plain", b""),
            "bad": (400, "text/plain", b""),
            "nothing": (204, "text/plain", b""),
            "missing": (404, "text/plain", b""),
            "half": (200, "application/octet-stream", bytes(1000)),
            "large": (200, "application/octet-stream", bytes(100_000)),
        }
        status, kind, body = answers[query.partition("=")[0]]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + 10 if query == "half" else len(body)))
        self.send_header("Set-Cookie", "secret=1")
        if status == 302:
            self.send_header("Location", type(self).elsewhere)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[tuple[str, type[_Answers]]]:
    handler = type("Handler", (_Answers,), {"asked": [], "elsewhere": ""})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ArchiveProxy, type[_Answers], type[_Answers]]]:
    """The proxy of an archive, the archive, and another server to which it redirects."""
    with answering() as (url, archive), answering() as (other, elsewhere):
        archive.elsewhere = f"{other}/studies"
        environment = {USER: "somebody", PASSWORD: "secret"}
        yield ArchiveProxy(Archive(ArchiveAddress.parse(url), environment), ROOT), archive, elsewhere


@pytest.mark.parametrize(
    "path",
    [
        "", "system", "../system", "studies/", "studies/..", "studies/1..2", "studies/.", f"studies/{UID}/../..",
        f"studies/{UID}/series/x", "//127.0.0.1/studies", "http://127.0.0.1/studies", f"studies/{UID}?a", "studies#",
        f"studies/{UID}\n", f"studies/{UID}/series/{UID}/instances/{UID}/frames/1;2", "studies/" + "1" * 2000,
        f"studies/{UID}/series/{UID}/instances/{UID}/bulk/../..", "studies/１",
    ],
)  # fmt: skip
def test_what_is_no_resource_of_dicomweb_is_not_asked_for(
    servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]], path: str
) -> None:
    proxy, archive, _ = servers
    before = len(archive.asked)
    with pytest.raises(UnknownNameError, match="is no resource of a DICOMweb archive"):
        proxy.get(path, "", "*/*")
    assert len(archive.asked) == before


@pytest.mark.parametrize(
    "path",
    [
        "studies", f"studies/{UID}/series", f"studies/{UID}/metadata", f"studies/{UID}/series/{UID}/metadata",
        f"studies/{UID}/series/{UID}/instances/{UID}/frames/1,2", f"studies/{UID}/series/{UID}/rendered",
        f"studies/{UID}/series/{UID}/instances/{UID}/bulk/7fe00010/1",
    ],
)  # fmt: skip
def test_what_the_archive_says_leads_to_this_server(
    servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]], path: str
) -> None:
    proxy, archive, _ = servers
    answer = proxy.get(path, "", "application/dicom+json")
    assert (answer.status, answer.media_type) == (200, "application/dicom+json")
    assert b"".join(answer.pieces) == f'[{{"url": "{ROOT}/studies/1"}}]'.encode()
    asked, headers = archive.asked[-1]
    assert asked == f"/dicom-web/{path}"
    assert headers["Accept"] == "application/dicom+json"
    assert headers["Authorization"].startswith("Basic ")
    ours = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"}
    assert headers.keys() <= {*ours, "Cookie"}  # of the archive itself


def test_redirect_is_not_followed(servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]]) -> None:
    proxy, _, elsewhere = servers
    with pytest.raises(ArchiveError, match="answered 302"):
        proxy.get("studies", "redirect", "*/*")
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("query", "error", "sentence"),
    [
        ("login", ArchiveError, "answered with 'text/html'"),
        ("account", ArchiveError, "refuses the account of this server"),
        ("away", ArchiveError, "answered 503"),
        ("bad", InputError, "does not answer this: 400"),
        ("missing", UnknownNameError, "does not have"),
    ],
)
def test_what_is_no_answer_of_an_archive_is_a_sentence(
    servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]],
    query: str,
    error: type[GliomicsError],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        servers[0].get("studies", query, "*/*")


def test_nothing_found_is_an_empty_list(servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]]) -> None:
    answer = servers[0].get("studies", "nothing", "*/*")
    assert (answer.status, b"".join(answer.pieces)) == (200, b"[]")


def test_answer_that_breaks_off_does_not_end_as_if_it_were_whole(
    servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]],
) -> None:
    answer = servers[0].get("studies", "half", "*/*")
    with pytest.raises(ArchiveError, match="broke off"):
        b"".join(answer.pieces)


def test_answer_that_is_too_large_is_given_up(
    servers: tuple[ArchiveProxy, type[_Answers], type[_Answers]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_proxy, "MOST_BYTES", 50_000)
    with pytest.raises(ArchiveError, match="more than 50,000 bytes"):
        b"".join(servers[0].get("studies", "large", "*/*").pieces)


def test_archive_that_is_away_is_a_sentence() -> None:
    proxy = ArchiveProxy(Archive(ArchiveAddress.parse("http://127.0.0.1:9/dicom-web"), {}), ROOT)
    with pytest.raises(ArchiveError, match="does not answer; try again"):
        proxy.get("studies", "", "*/*")
