"""A full disk, or a folder that is read-only while the server runs: said with 507, nothing half-written, and over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from gliomics.study import Volume, write_mask, write_volume
from tests.server.servers import Server, start_server
from tests.server.studies import AFFINE, SHAPE, a_lesion_case

DISK_MB = 24
NOT_COPIED = shutil.ignore_patterns("slow", "logs", "tmp", "sessions", "scores", "history", "labels", "*.lock")


@pytest.fixture(scope="module")
def a_small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of :data:`DISK_MB`, where this user may mount one."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("a small disk is a tmpfs of Linux")
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def a_server_on_a_small_disk(a_small_disk: Path, a_studies_folder: Path) -> Iterator[Server]:
    """A server whose studies folder lies on the small disk."""
    studies = a_small_disk / "studies"
    shutil.copytree(a_studies_folder, studies, ignore=NOT_COPIED)
    server = start_server(studies)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def a_mask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The true mask of ``case-0`` and, below, an image that is none of the server's."""
    path = tmp_path_factory.mktemp("mask") / "label.nii.gz"
    write_mask(a_lesion_case(0)[1], path)
    return path


@pytest.fixture(scope="module")
def an_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of noise, which no compression makes small."""
    path = tmp_path_factory.mktemp("image") / "image.nii.gz"
    noise = np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.float32)
    write_volume(Volume(noise, AFFINE), path)
    return path


def written(server: Server) -> dict[str, bytes]:
    """Every file of the studies folder, but logs and locks."""
    return {name: content for name, content in server.written().items() if "filler" not in name}


class Full:
    """A disk that is full to the last byte while the block runs."""

    def __init__(self, disk: Path) -> None:
        self._filler = disk / "filler"

    def __enter__(self) -> None:
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def __exit__(self, *_: object) -> None:
        self._filler.unlink()


def put(server: Server, path: str, part: str, file: Path) -> requests.Response:
    with file.open("rb") as content:
        return requests.put(server.url + path, files={part: (file.name, content)}, timeout=60)


def requests_that_write(mask: Path, image: Path) -> dict[str, Callable[[Server], requests.Response]]:
    """Every kind of request that keeps something."""

    def ask(method: str, path: str, **options: Any) -> Callable[[Server], requests.Response]:
        return lambda server: requests.request(method, server.url + path, timeout=120, **options)

    label, content = mask.read_bytes(), image.read_bytes()
    return {
        "label": ask("PUT", "/datastore/label?image=case-0", files={"label": ("l.nii.gz", label)}),
        "image": ask("PUT", "/datastore/image?image=new-1", files={"file": ("new-1.nii.gz", content)}),
        "session": ask("PUT", "/session/", files={"files": ("flair.nii.gz", content)}),
        "image notes": ask("PUT", "/datastore/image/info?image=case-0", data={"info": '{"quality": "good"}'}),
        "next": ask("POST", "/activelearning/first", json={"client_id": "somebody"}),
        "review": ask("PUT", "/datastore/label/review?label=case-1", json={"state": "approved"}),
        "inference": ask("POST", "/infer/segmentation_flair?image=case-0&output=image"),
        "inference as NRRD": ask(
            "POST", "/infer/segmentation_flair?image=case-0", data={"params": '{"result_extension": ".nrrd"}'}
        ),
        "training": ask("POST", "/train/segmentation_flair", json={"max_epochs": 1}),
    }


def test_full_disk_is_said_with_507_and_leaves_nothing_and_is_over_when_there_is_space(
    a_server_on_a_small_disk: Server, a_small_disk: Path, a_mask: Path, an_image: Path
) -> None:
    server = a_server_on_a_small_disk
    put(server, "/datastore/label?image=case-1", "label", a_mask).raise_for_status()
    requests.get(f"{server.url}/info/", timeout=60).raise_for_status()
    before = written(server)
    with Full(a_small_disk):
        for name, send in requests_that_write(a_mask, an_image).items():
            answer = send(server)
            assert answer.status_code == 507, f"{name}: {answer.status_code} {answer.text}"
            assert "full" in answer.json()["detail"], f"{name}: {answer.text}"
            assert written(server) == before, name
        assert requests.get(f"{server.url}/info/", timeout=60).status_code == 200
    for name, send in requests_that_write(a_mask, an_image).items():
        if name != "training":
            assert send(server).status_code == 200, name
    history = server.client.label_history("case-0", "final")
    assert [version["version"] for version in history] == [1]


def test_upload_larger_than_the_free_space_is_said_with_507(
    a_server_on_a_small_disk: Server, a_small_disk: Path
) -> None:
    server = a_server_on_a_small_disk
    before = written(server)
    large = {"file": ("large.nii.gz", os.urandom(DISK_MB << 20))}
    answer = requests.put(f"{server.url}/datastore/image?image=large", files=large, timeout=120)
    assert answer.status_code == 507, answer.text
    assert "full" in answer.json()["detail"]
    assert written(server) == before


def test_replaced_image_and_its_labels_stay_where_they_are_when_the_disk_is_full(
    a_server_on_a_small_disk: Server, a_small_disk: Path, a_mask: Path, an_image: Path
) -> None:
    server = a_server_on_a_small_disk
    put(server, "/datastore/label?image=single", "label", a_mask).raise_for_status()
    before = written(server)
    with Full(a_small_disk):
        answer = put(server, "/datastore/image?image=single&replace=true", "file", an_image)
        assert answer.status_code == 507, answer.text
    assert written(server) == before


@pytest.fixture(scope="module")
def a_server_without_privileges(a_studies_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that cannot write where modes forbid it, which a superuser's could."""
    folder = tmp_path_factory.mktemp("readonly")
    shutil.copytree(a_studies_folder, folder / "studies", ignore=NOT_COPIED)
    under: list[str] = []
    if os.geteuid() == 0:
        under = ["setpriv", "--bounding-set=-dac_override"]
        if shutil.which("setpriv") is None or subprocess.run([*under, "true"], capture_output=True).returncode:
            pytest.skip("the superuser writes everywhere, and setpriv cannot take that right away here")
    server = start_server(folder / "studies", under=under)
    yield server
    server.stop()


def test_folder_made_read_only_is_said_with_507_and_works_again_after(
    a_server_without_privileges: Server, a_mask: Path, an_image: Path
) -> None:
    server = a_server_without_privileges
    put(server, "/datastore/label?image=case-1", "label", a_mask).raise_for_status()
    requests.put(
        f"{server.url}/datastore/label/review?label=case-1", json={"state": "approved"}, timeout=60
    ).raise_for_status()
    time.sleep(0.2)
    before = written(server)
    folders = [path for path in (server.studies, *server.studies.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        for name, send in requests_that_write(a_mask, an_image).items():
            answer = send(server)
            assert answer.status_code == 507, f"{name}: {answer.status_code} {answer.text}"
            assert "permission" in answer.json()["detail"].lower(), f"{name}: {answer.text}"
        assert requests.get(f"{server.url}/info/", timeout=60).status_code == 200
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert written(server) == before
    for name, send in requests_that_write(a_mask, an_image).items():
        if name != "training":
            assert send(server).status_code == 200, name
