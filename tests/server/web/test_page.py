"""Who may see what, the list of studies, and that nothing of others becomes a part of the page."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from tests.server.web.browser import Visit, visit
from tests.server.web.conftest import BROKEN, HOSTILE, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_page_asks_for_a_token_and_keeps_it_out_of_addresses(browser: Browser, served: Served) -> None:
    person, token = visit(browser), served.tokens["reader"]
    person.page.goto(served.url)
    person.page.get_by_label("Token").fill("wrong")
    person.page.get_by_role("button", name="Sign in").click()
    person.page.get_by_text("opens nothing here").wait_for()
    person.sign_in(served.url, token)
    person.page.get_by_text("R. Reader (reader)").wait_for()
    assert [url for url in person.asked if token in url] == []
    assert [url for url in person.asked if not url.startswith(served.url)] == []
    assert token not in str(person.context.cookies())
    assert token not in str(person.context.storage_state())
    person.page.reload()
    person.page.get_by_text("R. Reader (reader)").wait_for()
    assert person.page.get_by_role("button", name="Take the next study").count() == 0
    person.page.get_by_role("button", name="Sign out").click()
    person.page.get_by_label("Token").wait_for()
    assert person.complaints == []
    person.context.close()


def test_page_runs_its_own_modules_and_nothing_else(served: Served) -> None:
    answer = requests.get(served.url, timeout=30)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    modules = requests.get(f"{served.url}/web/main.js", timeout=30)
    assert modules.headers["content-type"].startswith("text/javascript")
    known = {"If-None-Match": modules.headers["etag"]}
    assert requests.get(f"{served.url}/web/main.js", headers=known, timeout=30).status_code == 304
    for name in ("../assets.py", "..%2fassets.py", "assets.py", "%2fetc%2fpasswd"):
        assert requests.get(f"{served.url}/web/{name}", timeout=30).status_code in (401, 404), name


def test_list_is_found_filtered_and_put_in_order(annotator: Visit) -> None:
    page = annotator.page
    page.get_by_role("link", name="Studies").click()
    rows = page.locator("table.studies tbody tr")
    page.get_by_text("1 to 6 of 6").first.wait_for()
    page.get_by_role("button", name="Study", exact=False).filter(has_text="\u2191").click()
    page.locator("th[aria-sort=descending]").wait_for()
    assert rows.first.locator("th").inner_text() == "sample-05"
    page.get_by_label("Search study").fill("case-")
    page.get_by_text("1 to 4 of 4").first.wait_for()
    page.get_by_role("button", name="Approved 0").click()
    page.get_by_text("No study is like this").wait_for()
    page.get_by_role("button", name="All 4").click()
    page.get_by_label("Search study").fill("")
    page.get_by_text("1 to 6 of 6").first.wait_for()


def test_folders_that_cannot_be_used_are_named_with_the_reason(annotator: Visit, served: Served) -> None:
    page = annotator.page
    page.goto(f"{served.url}/#/")
    page.get_by_text("1 entry of the folder of studies cannot be used").click()
    named = page.locator("details.kept li")
    assert named.locator("strong").inner_text() == BROKEN
    assert "study.json" in named.inner_text()


@pytest.mark.parametrize("address", ["%", "no-such-study"])
def test_address_of_no_study_is_said_to_be_none(address: str, annotator: Visit, served: Served) -> None:
    annotator.page.goto(f"{served.url}/#/study/{address}")
    annotator.page.get_by_role("alert").get_by_text(f"'{address}'").wait_for()


def test_next_study_comes_with_its_reason_and_is_kept(annotator: Visit, served: Served) -> None:
    page = annotator.page
    page.get_by_role("link", name="Studies").click()
    page.get_by_label("Next study").first.wait_for()
    page.locator("section.next select").select_option("first")
    page.get_by_role("button", name="Take the next study").click()
    page.get_by_role("heading", name="case-0", exact=True).wait_for()
    page.get_by_text("without a final label").first.wait_for()
    assert [lease["image"] for lease in served.client("reader").leases()] == ["case-0"]
    page.get_by_role("link", name="Studies").click()
    page.get_by_role("row", name="case-0").get_by_text("A. Annotator").wait_for()
    served.client("annotator").release("case-0")


def test_text_of_others_is_only_ever_text(browser: Browser, served: Served) -> None:
    person = visit(browser)
    person.sign_in(served.url, served.tokens["trainer"])
    person.page.get_by_role("cell", name=HOSTILE).wait_for()
    person.open_study(served.url, "oblique")
    person.page.get_by_text(HOSTILE).first.wait_for()
    assert person.page.locator("img").count() == 0
    assert person.page.locator("script").count() == 1
    assert person.complaints == []
    person.context.close()


def test_page_of_another_origin_cannot_act(browser: Browser, served: Served) -> None:
    with proxy_under("/", served.url) as elsewhere:
        person = visit(browser)
        person.page.goto(f"{elsewhere}/docs")
        code = (
            "([url, token]) => fetch(url + '/info/', {headers: {Authorization: 'Bearer ' + token}})"
            ".then((answer) => answer.status, (error) => String(error))"
        )
        assert "Failed to fetch" in str(person.page.evaluate(code, [served.url, served.tokens["trainer"]]))
        person.context.close()


def test_page_works_under_a_path_of_a_reverse_proxy(browser: Browser, served: Served) -> None:
    with proxy_under("/imaging/gliomics/", served.url) as address:
        person = visit(browser)
        person.sign_in(f"{address}/imaging/gliomics/", served.tokens["annotator"])
        person.page.get_by_role("link", name="case-1", exact=True).click()
        person.all_images()
        assert [url for url in person.asked if not url.startswith(f"{address}/imaging/gliomics/")] == []
        assert person.complaints == []
        person.context.close()


@contextmanager
def proxy_under(prefix: str, url: str) -> Iterator[str]:
    """A reverse proxy whose path ``prefix`` is the server; yields its origin."""
    target = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            connection = http.client.HTTPConnection(target, timeout=60)
            connection.request(self.command, "/" + self.path[len(prefix) :], body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET  # noqa: N815 - as the standard library calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()
