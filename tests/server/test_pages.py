"""The server's own pages need no internet and run no scripts, and its log is answered whole while it grows."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import requests

from gliomics.files import sha256_of
from tests.server.routes import all_routes
from tests.server.servers import Server


@pytest.mark.parametrize("path", ["/docs", "/logs/", "/logs/?refresh=5"])
def test_page_loads_nothing_from_elsewhere_and_runs_no_scripts(a_server: Server, path: str) -> None:
    page = requests.get(a_server.url + path, timeout=30)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//[^"'>]*""", page.text) == []
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


def test_page_shows_every_route_that_is_described(a_server: Server) -> None:
    page = requests.get(f"{a_server.url}/docs", timeout=30).text
    for path, operations in requests.get(f"{a_server.url}/openapi.json", timeout=30).json()["paths"].items():
        for method in operations:
            assert f"<b>{method.upper()}</b>{path}<wbr>" in page


def test_every_answer_tells_browsers_not_to_guess_its_type_nor_to_frame_it(a_server: Server) -> None:
    for path in ("/info/", "/datastore/image?image=case-0", "/nothing/here", "/model/info/nope", "/logs/?text=true"):
        headers = requests.get(a_server.url + path, timeout=30).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["cross-origin-resource-policy"] == "same-origin", path


@pytest.mark.parametrize(
    "path", ["/ohif", "/ohif/", "/ohif/viewer", "/ohif/%2e%2e", "/ohif/..%2f..%2fmain.py", "/ohif/a%00"]
)
def test_viewer_that_cannot_show_a_folder_says_where_it_works(a_server: Server, path: str) -> None:
    answer = requests.get(a_server.url + path, timeout=30)
    assert answer.status_code == 404
    assert "DICOMweb archive" in answer.json()["detail"]
    page = requests.get(a_server.url + path, headers={"Accept": "text/html,*/*;q=0.8"}, timeout=30)
    assert page.status_code == 404
    (link,) = re.findall(r'DICOMweb archive, and this server has a folder of studies. <a href="([./]+)">', page.text)
    assert requests.get(requests.compat.urljoin(page.url, link), timeout=30).url == f"{a_server.url}/"
    assert requests.get(f"{a_server.url}/proxy/dicom/qido/studies", timeout=30).status_code == 404


@pytest.mark.parametrize("lines", ["0", "-1", "-99999999999999999999", "99999999999999999999"])
def test_any_number_of_lines_of_the_log_can_be_asked_for(a_server: Server, lines: str) -> None:
    answer = requests.get(f"{a_server.url}/logs/?text=true&lines={lines}", timeout=30)
    assert answer.status_code == 200
    assert "Application startup complete" in answer.text


def test_last_lines_of_the_log_are_as_many_as_asked_for(a_server: Server) -> None:
    assert requests.get(f"{a_server.url}/logs/?text=true&lines=2", timeout=30).text.count("\n") == 2


def test_log_is_answered_whole_while_it_grows(a_server: Server) -> None:
    ended = threading.Event()

    def grow() -> None:
        while not ended.is_set():
            requests.get(f"{a_server.url}/datastore/image?image=nope", timeout=30)

    writers = [threading.Thread(target=grow) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(20):
            assert requests.get(f"{a_server.url}/logs/?text=true&lines=0", timeout=30).text.endswith("\n")
    finally:
        ended.set()
        for writer in writers:
            writer.join()


def test_what_others_wrote_into_the_log_stays_text_on_its_page(a_server: Server) -> None:
    requests.get(f"{a_server.url}/datastore/image", params={"image": "<img src=x onerror=alert(1)>"}, timeout=30)
    page = requests.get(f"{a_server.url}/logs/", timeout=30).text
    assert "&lt;img src=x" in page
    assert "<img" not in page


@pytest.mark.parametrize("checksum", ["FOO:abc", "abc", "SHA256:", ":", "SHA3:" + "0" * 64, "MD5:" + "z" * 32, "\x00"])
def test_checksum_that_is_none_is_refused(a_server: Server, checksum: str) -> None:
    answer = requests.head(f"{a_server.url}/datastore/image?image=case-0", params={"check_sum": checksum}, timeout=30)
    assert answer.status_code == 400


def test_checksum_tells_whether_an_image_is_the_same(a_server: Server) -> None:
    digest = sha256_of(a_server.studies / "case-0" / "flair.nii.gz")
    for checksum, status in (
        (digest, 200),
        (f"SHA256:{digest}", 200),
        (f"SHA256:{digest[:-1]}g", 400),
        ("0" * 64, 404),
    ):
        params = {"image": "case-0", "check_sum": checksum}
        answer = requests.head(f"{a_server.url}/datastore/image", params=params, timeout=30)
        assert answer.status_code == status, checksum


def test_odd_method_is_refused_on_every_route(a_server: Server, tmp_path: Path) -> None:
    paths = {re.sub(r"\{[^}]*\}", "x", route.path) for route in all_routes(tmp_path)}
    assert len(paths) > 20
    for path in sorted(paths):
        for method in ("TRACE", "FOO", "PATCH", "OPTIONS"):
            answer = requests.request(method, a_server.url + path, timeout=30)
            assert answer.status_code in (404, 405), f"{method} {path}"
