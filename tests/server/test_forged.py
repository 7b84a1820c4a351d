"""What a browser sends for a web page of another origin is refused; programs and the pages of named origins pass."""

from __future__ import annotations

import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from gliomics.errors import InputError
from gliomics.server.gate.web_pages import WebPages, named_origins, origin_of
from tests.server.conftest import VIEWER
from tests.server.servers import Server
from tests.server.test_bad_input import raw

CHANGING = (
    ("POST", "/infer/segmentation_flair?image=case-0"),
    ("POST", "/batch/infer/segmentation_flair"),
    ("POST", "/train/segmentation_flair"),
    ("POST", "/train/"),
    ("DELETE", "/train/"),
    ("POST", "/activelearning/first"),
    ("DELETE", "/batch/infer"),
    ("POST", "/model/rollback/segmentation_flair"),
    ("PUT", "/datastore/label?image=case-0"),
    ("PUT", "/datastore/image/info?image=case-0"),
    ("DELETE", "/datastore/image?id=case-0"),
    ("PUT", "/session/"),
    ("PATCH", "/info/"),
    ("POST", "/nothing/here"),
)


def status(server: Server, method: str, path: str, headers: dict[str, str]) -> int:
    return requests.request(method, server.url + path, headers=headers, timeout=60).status_code


def foreign_origins(server: Server) -> list[str]:
    port = urlsplit(server.url).port
    return [
        "http://evil.example",
        "null",
        "",
        f"https://127.0.0.1:{port}",
        f"http://127.0.0.1:{(port or 0) + 1}",
        "http://127.0.0.1",
        f"http://localhost:{port}",
        f"http://[::1]:{port}",
        f"http://127.0.0.1.:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1:{port}@evil.example",
        f"{server.url}/page",
        f"{server.url} http://evil.example",
        "chrome-extension://abcdef",
        VIEWER.replace("3000", "3001"),
        VIEWER.replace("http", "https"),
    ]


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_what_a_page_of_another_origin_wants_changed_is_refused(
    a_strict_server: Server, method: str, path: str
) -> None:
    before = a_strict_server.written()
    answer = requests.request(method, a_strict_server.url + path, headers={"Origin": "http://evil.example"}, timeout=60)
    assert answer.status_code == 403
    assert "web pages of http://evil.example may not use this server" in answer.json()["detail"]
    assert a_strict_server.written() == before


def test_every_spelling_of_another_origin_is_refused(a_strict_server: Server) -> None:
    for origin in foreign_origins(a_strict_server):
        assert status(a_strict_server, "POST", "/activelearning/first", {"Origin": origin}) == 403, origin
        assert status(a_strict_server, "GET", "/info/", {"Origin": origin}) == 403, origin


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "unheard-of", ""])
def test_page_that_the_browser_calls_another_site_is_refused(a_strict_server: Server, site: str) -> None:
    headers = {"Origin": a_strict_server.url, "Sec-Fetch-Site": site}
    assert status(a_strict_server, "POST", "/activelearning/first", headers) == 403
    assert status(a_strict_server, "POST", "/activelearning/first", {"Sec-Fetch-Site": site}) == 403
    assert status(a_strict_server, "GET", "/info/", {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}) == 403
    form = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert status(a_strict_server, "POST", "/activelearning/first", form) == 403


def test_second_origin_does_not_hide_behind_the_first(a_strict_server: Server) -> None:
    address = urlsplit(a_strict_server.url).netloc
    request = f"POST /activelearning/first HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n"
    for origins in ((a_strict_server.url, "http://evil.example"), ("http://evil.example", VIEWER)):
        headers = "".join(f"Origin: {origin}\r\n" for origin in origins)
        assert raw(a_strict_server, f"{request}{headers}\r\n") == 403


def test_programs_the_server_s_own_page_and_named_origins_pass(a_strict_server: Server) -> None:
    for headers in (
        {},
        {"Sec-Fetch-Site": "none"},
        {"Origin": a_strict_server.url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": a_strict_server.url.upper()},
        {"Origin": VIEWER},
        {"Origin": VIEWER, "Sec-Fetch-Site": "cross-site"},
    ):
        assert status(a_strict_server, "POST", "/activelearning/first", headers) == 200, headers


def test_link_from_another_page_can_be_followed_in_a_tab_and_not_in_a_frame(a_strict_server: Server) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert status(a_strict_server, "GET", "/", link) == 200
    assert status(a_strict_server, "GET", "/", link | {"Sec-Fetch-Dest": "document"}) == 200
    for place in ("iframe", "embed", "object", ""):
        assert status(a_strict_server, "GET", "/", link | {"Sec-Fetch-Dest": place}) == 403


def test_forwarded_headers_do_not_make_a_page_the_server_s_own(a_strict_server: Server) -> None:
    claims = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "'; x\t", "Forwarded": "host=evil.example"}
    headers = {**claims, "Origin": "http://evil.example"}
    assert status(a_strict_server, "POST", "/activelearning/first", headers) == 403
    assert status(a_strict_server, "POST", "/activelearning/first", {**claims, "X-Forwarded-Proto": "odd"}) == 200


def test_browser_may_ask_for_named_origins_alone_what_is_allowed(a_strict_server: Server) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    url = f"{a_strict_server.url}/datastore/label"
    named = requests.options(url, headers={"Origin": VIEWER, "Sec-Fetch-Site": "cross-site", **asked}, timeout=30)
    assert named.status_code == 200
    assert named.headers["access-control-allow-origin"] == VIEWER
    other = requests.options(url, headers={"Origin": "http://evil.example", **asked}, timeout=30)
    assert "access-control-allow-origin" not in other.headers
    answer = requests.get(f"{a_strict_server.url}/info/", headers={"Origin": VIEWER}, timeout=30)
    assert answer.headers["access-control-allow-origin"] == VIEWER


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "8.8.8.8",
        "",
        "127.0.0.1@evil.example",
        "0x7f.1",
        "127.0.0.1/x",
        "[::1",
    ],
)
def test_name_that_a_loopback_server_does_not_have_is_refused(a_strict_server: Server, host: str) -> None:
    assert raw(a_strict_server, f"GET /info/ HTTP/1.1\r\nHost: {host}\r\n\r\n") == 400


@pytest.mark.parametrize(
    "host", ["LOCALHOST:80", "localhost.", "127.0.0.1", "127.1.2.3:9", "[::1]:8000", "viewer.example"]
)
def test_every_name_of_a_loopback_server_is_accepted(a_strict_server: Server, host: str) -> None:
    assert raw(a_strict_server, f"GET /info/ HTTP/1.1\r\nHost: {host}\r\n\r\n") == 200


@pytest.mark.parametrize(
    ("host", "any_name", "accepted"),
    [
        ("10.0.0.7:8000", False, True),
        ("[fd00::7]:8000", False, True),
        ("localhost", False, True),
        ("GLIOMA-server:8000", False, True),
        ("viewer.example", False, True),
        ("evil.example:8000", False, False),
        ("evil.example:8000", True, True),
        ("[::1", True, False),
        ("a b", True, False),
        ("", True, False),
    ],
)
def test_name_of_a_server_on_the_network(host: str, any_name: bool, accepted: bool) -> None:
    pages = WebPages(pytest.fail, [VIEWER], "glioma-server", any_name=any_name)  # type: ignore[arg-type]
    assert pages._is_name_of_the_server(host) is accepted


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("HTTPS://Viewer.Example:443/", "https://viewer.example"),
        ("http://[0:0::0:1]:80", "http://[::1]"),
        ("https://[FD00::1]:8443", "https://[fd00::1]:8443"),
        ("http://localhost.:8000", "http://localhost.:8000"),
        ("null", None),
        ("*", None),
        ("http://", None),
        ("file:///etc", None),
        ("http://a:b@c", None),
        ("http://host:99999", None),
        ("http://host:port", None),
        ("http://host/page", None),
        ("http://host?query", None),
        ("http://h\u00f6st", None),
        ("http://ho\nst", None),
    ],
)
def test_origin_is_written_as_browsers_write_it(text: str, origin: str | None) -> None:
    assert origin_of(text) == origin


@pytest.mark.parametrize("url", ["*", "null", "viewer.example", "http://viewer.example/page"])
def test_named_origin_that_is_none_is_refused_when_the_server_starts(url: str) -> None:
    with pytest.raises(InputError, match="expected the origin of one web page"):
        named_origins([url])


PAGE = """<html><body><script>
const server = location.hash.slice(1), form = new FormData();
form.append("params", JSON.stringify({save_label: true, label_tag: "final"}));
const requests = [["POST", "/model/rollback/segmentation_flair"], ["POST", "/activelearning/first"],
  ["POST", "/batch/infer/segmentation_flair?images=unlabeled"], ["PUT", "/datastore/image/info?image=case-0"],
  ["POST", "/infer/segmentation_flair?image=case-0&output=json", form]];
(async () => {
  for (const [method, path, body] of requests)
    try { await fetch(server + path, {method, body, mode: method == "POST" ? "no-cors" : "cors"}); } catch {}
  document.body.innerText = "sent";
})();
</script></body></html>"""


def test_real_browser_changes_nothing_for_a_page_of_another_port(a_strict_server: Server, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    (tmp_path / "page.html").write_text(PAGE)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    before, log = a_strict_server.written(), a_strict_server.studies / ".gliomics/logs/server.log"
    seen = len(log.read_text())
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://localhost:{web.server_port}/page.html#{a_strict_server.url}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
        page = subprocess.run([browser, *options, url], capture_output=True, text=True, timeout=120, check=True).stdout
        web.shutdown()
    assert "<body>sent</body>" in page
    assert log.read_text()[seen:].count("refused (403)") >= 4
    assert a_strict_server.written() == before
