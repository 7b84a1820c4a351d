from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gliomics.bundled import bundled
from gliomics.client import GliomicsClient
from gliomics.segmentation.weights import WEIGHTS
from tests.processes import run
from tests.server.servers import Server, environment, start_server
from tests.server.studies import TINY, a_card, add_model, add_study, an_untrained_state


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    return run("serve", *options, env=environment())


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The only line of a command that failed as it should."""
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


def test_missing_studies_folder_is_one_clear_line(tmp_path: Path) -> None:
    assert "is not a folder" in one_line(serve("--studies", str(tmp_path / "nowhere")))


def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = one_line(serve("--studies", str(tmp_path), "--port", str(port)))
    assert f"port {port}" in message
    assert "--port" in message
    assert not list(tmp_path.iterdir())


def test_unusable_host_is_one_clear_line(tmp_path: Path) -> None:
    assert "no.such.host" in one_line(serve("--studies", str(tmp_path), "--host", "no.such.host.invalid"))


@pytest.mark.parametrize("package", ["torch", "monailabel"])
def test_missing_server_part_is_one_clear_line(tmp_path: Path, package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; from gliomics.cli.main import main; main()"
    command = [sys.executable, "-c", program, "serve", "--studies", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment(), check=False)
    message = one_line(result)
    assert f"'{package}'" in message
    assert "server part" in message
    assert not list(tmp_path.iterdir())


def test_truncated_weights_are_refused_and_the_version_before_serves(tmp_path: Path) -> None:
    root = tmp_path / "studies"
    add_study(root, "case-0", 0)
    card = a_card("segmentation_flair", TINY, ["flair"], [])
    for _ in range(2):
        add_model(root, card, an_untrained_state(TINY, 1))
    before, last = sorted((root / ".gliomics" / "models" / card.name).glob("[0-9]*"), key=lambda path: int(path.name))
    weights = last / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1000])
    server = start_server(root)
    try:
        assert server.client.infer(card.name, "case-0").params["model_version"] == before.name
    finally:
        server.stop()


def test_second_server_of_one_folder_is_refused(a_server: Server) -> None:
    message = one_line(serve("--studies", str(a_server.studies), "--port", "0"))
    assert f"served by another process already, at {a_server.url};" in message


def test_folder_that_is_served_is_opened_in_the_browser(a_server: Server, tmp_path: Path) -> None:
    script, opened = tmp_path / "browser", tmp_path / "opened.txt"
    script.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    script.chmod(0o755)
    result = run("open", str(a_server.studies), env={**environment(), "BROWSER": f"{script} %s", "DISPLAY": ":0"})
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"Gliomics serves {a_server.studies} already, at {a_server.url}"
    assert opened.read_text().strip() == a_server.url


def test_attached_server_stops_when_its_standard_input_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gliomics", "serve", "--studies", str(tmp_path), "--port", "0", "--attached"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    url = process.stdout.readline().rsplit(" at ", 1)[1].strip()
    assert (tmp_path / ".gliomics" / "address.txt").read_text() == url
    _, errors = process.communicate(timeout=60)  # closes its standard input
    assert errors.strip() == "stopped"
    assert not (tmp_path / ".gliomics" / "address.txt").exists()


def test_app_folder_is_not_written_to(a_server: Server) -> None:
    assert {path.name for path in bundled("apps/radiogenomics").iterdir()} <= {"main.py", "__pycache__"}
    assert (a_server.studies / ".gliomics" / "logs" / "server.log").is_file()


@pytest.fixture
def a_stock_server(tmp_path: Path) -> Iterator[str]:
    """MONAI Label's own command with our app."""
    app = bundled("apps/radiogenomics")
    add_study(tmp_path / "studies", "case-0", 0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gliomics.server", "start_server", "--app", str(app)]
    command += ["--studies", str(tmp_path / "studies"), "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment(), cwd=tmp_path)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(30)


def test_app_starts_and_works_with_plain_monai_label(a_stock_server: str, tmp_path: Path) -> None:
    client = GliomicsClient(a_stock_server)
    info = client.wait_ready(120)
    assert info["name"] == "Gliomics"
    assert "radiomics" in info["models"]
    assert client.next_sample("random")["id"] == "case-0"
    path = client.download_image("case-0", tmp_path / "image.nii.gz")
    assert path.stat().st_size == (tmp_path / "studies" / "case-0" / "flair.nii.gz").stat().st_size
    outside = requests.post(f"{a_stock_server}/infer/radiomics", params={"image": "/etc/passwd"}, timeout=30)
    assert outside.status_code == 400
    assert "is a path; send a file" in outside.json()["detail"]
    training = requests.post(f"{a_stock_server}/train/segmentation_flair", json={"max_epochs": "many"}, timeout=30)
    assert training.status_code == 400
    assert "max_epochs" in training.json()["detail"]
    assert {path.name for path in bundled("apps/radiogenomics").iterdir()} <= {"main.py", "__pycache__"}
