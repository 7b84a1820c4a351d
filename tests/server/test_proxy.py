"""The reverse proxies of the documentation before a real server: TLS, a path, large bodies, who may come."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.server.servers import Server

DEPLOYMENT = Path(__file__).resolve().parents[2] / "deployment"
NAME = "gliomics.example.org"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def nginx(folder: Path, port: int, server: str, certificate: tuple[Path, Path]) -> list[str]:
    """The command that runs nginx by our example, but for this machine alone and without another's rights."""
    text = (DEPLOYMENT / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http://127.0.0.1:8000", server),
        ("/etc/ssl/gliomics.pem", str(certificate[0])),
        ("/etc/ssl/gliomics.key", str(certificate[1])),
    ):
        assert old in text
        text = text.replace(old, new)
    paths = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    http = f"http {{ access_log off; {paths}\n{text}}}\n"
    (folder / "nginx.conf").write_text(
        f"user root; daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n{http}"
    )
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr"]


def caddy(folder: Path, port: int, server: str, certificate: tuple[Path, Path]) -> list[str]:
    """The same of Caddy, with a certificate that is there."""
    text = (DEPLOYMENT / "Caddyfile").read_text(encoding="utf-8")
    own = f"https://127.0.0.1:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}"
    for old, new in ((f"\n{NAME} {{", f"\n{own}"), ("127.0.0.1:8000", server.removeprefix("http://"))):
        assert old in text
        text = text.replace(old, new)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"], scope="module")
def proxied(
    request: pytest.FixtureRequest,
    a_server: Server,
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of the server behind a proxy that runs."""
    if shutil.which(request.param.__name__) is None:
        pytest.skip(f"needs {request.param.__name__}")
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    with (folder / "log").open("wb") as log:
        command = request.param(folder, port, a_server.url, certificate)
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={"HOME": str(folder), "PATH": "/usr/bin:/usr/sbin"}
        )
        try:
            end = time.monotonic() + 30
            while True:
                with socket.socket() as connection:
                    if connection.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
            yield f"https://127.0.0.1:{port}/gliomics"
        finally:
            process.terminate()
            process.wait(30)


def test_server_answers_under_a_path_by_tls(proxied: str, certificate: tuple[Path, Path]) -> None:
    verify = str(certificate[0])
    assert "models" in requests.get(f"{proxied}/info/", verify=verify, timeout=60).json()
    page = requests.get(proxied, verify=verify, timeout=60)
    assert page.url == f"{proxied}/"
    assert 'src="web/main.js"' in page.text
    assert requests.get(f"{proxied}/web/main.js", verify=verify, timeout=60).ok


def test_large_upload_reaches_the_server_that_says_what_is_wrong_with_it(
    proxied: str, certificate: tuple[Path, Path]
) -> None:
    files = {"file": ("image.nii.gz", bytes(20 * 2**20))}
    answer = requests.put(
        f"{proxied}/datastore/image?image=behind", files=files, verify=str(certificate[0]), timeout=120
    )
    assert answer.status_code == 400
    assert "image" in answer.json()["detail"]


def test_pages_of_others_are_refused_behind_a_proxy_too(proxied: str, certificate: tuple[Path, Path]) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    answer = requests.get(f"{proxied}/info/", headers=headers, verify=str(certificate[0]), timeout=60)
    assert answer.status_code == 403
