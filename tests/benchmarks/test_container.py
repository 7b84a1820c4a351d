"""The container, built from the Dockerfile: started with a root that is read-only, used, killed, started again.

Needs root, ``buildah``, ``debootstrap`` and the registries. ``TORCH_INDEX`` is passed on to the build. An image that
was built before is named by ``GLIOMICS_IMAGE``, and the folder where ``buildah --root`` keeps it by
``GLIOMICS_IMAGE_STORE``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gliomics.client import ClientError, GliomicsClient
from gliomics.study import read_mask

pytestmark = pytest.mark.timeout(7200)

PROJECT = Path(__file__).resolve().parents[2]
PORT = 18431
USER = 10001
START_SECONDS = 300

# The container's root, its own temporary files and the studies, as `docker run --read-only --tmpfs /tmp` mounts them.
MOUNT_AND_RUN = """
set -e
root=$1 studies=$2; shift 2
mount --bind "$root" "$root"
mount --bind "$studies" "$root/studies"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,ro,bind "$root"
exec chroot --userspec=10001:10001 "$root" "$@"
"""


def is_taken(port: int) -> bool:
    """Whether something listens at a port of this machine."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


class Image:
    """What ``buildah`` made of the Dockerfile: its folder, and how it wants to be started."""

    def __init__(self, store: Path, name: str) -> None:
        self._buildah = ["buildah", "--root", str(store), "--runroot", f"{store}-run", "--storage-driver", "vfs"]
        self.name = name

    def run(self, *words: str | Path) -> str:
        """What ``buildah`` answers."""
        done = subprocess.run([*self._buildah, *map(str, words)], stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, words
        return done.stdout.strip()

    def config(self) -> dict[str, Any]:
        """Environment, user, command, health check and volumes."""
        inspected = json.loads(self.run("inspect", "--type", "image", self.name))
        config: dict[str, Any] = inspected["Docker"]["config"]
        return config


class Container:
    """A server in the image, over a folder of studies; its root cannot be written."""

    def __init__(self, root: Path, config: dict[str, Any], studies: Path) -> None:
        self._root, self.config, self.studies = root, config, studies
        self.server: subprocess.Popen[bytes] | None = None
        self.client = GliomicsClient(f"http://127.0.0.1:{PORT}", user="anna")

    def command(self, *words: str) -> list[str]:
        """What runs ``words`` inside."""
        isolated = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", MOUNT_AND_RUN, "sh"]
        return [*isolated, str(self._root), str(self.studies), "/usr/bin/env", "-i", *self.config["Env"], *words]

    def start(self) -> None:
        """Start the server as the image does, but for this machine alone, and wait until it answers."""
        words = [*self.config["Entrypoint"], *self.config["Cmd"][:-1], "127.0.0.1", "--port", str(PORT)]
        self.server = subprocess.Popen(self.command(*words))
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.info()
                return
            except ClientError:
                assert self.server.poll() is None, "it ended"
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.5)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.server is not None:
            children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
            for child in children:  # the first process in there, with which all others end
                os.kill(int(child), signal.SIGKILL)
            self.server.wait()
            self.server = None
            end = time.monotonic() + 60
            while is_taken(PORT):  # the system has yet to clear away what was killed
                assert time.monotonic() < end, "it still listens"
                time.sleep(0.1)

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def built(folder: Path) -> Image:
    """An image built from the Dockerfile on a Debian that ``debootstrap`` makes."""
    base, image = folder / "base", Image(folder / "store", "gliomics")
    subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", base], check=True)
    container = image.run("from", "scratch")
    image.run("copy", "-q", container, base, "/")
    image.run("commit", "-q", "--rm", container, "localhost/debian:bookworm-slim")
    options = ["--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/debian:bookworm-slim"]
    if index := os.environ.get("TORCH_INDEX"):
        options += ["--build-arg", f"TORCH_INDEX={index}"]
    image.run("bud", *options, "-t", image.name, PROJECT)
    return image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if os.geteuid() or not shutil.which("buildah") or not shutil.which("unshare"):
        pytest.skip("needs root, buildah and unshare")
    if name := os.environ.get("GLIOMICS_IMAGE"):
        return Image(Path(os.environ["GLIOMICS_IMAGE_STORE"]), name)
    if not shutil.which("debootstrap"):
        pytest.skip("needs debootstrap")
    return built(tmp_path_factory.mktemp("container"))


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    studies = tmp_path_factory.mktemp("data") / "studies"
    shutil.copytree(PROJECT / "sample_studies", studies)
    for path in (studies, *studies.rglob("*")):
        os.chown(path, USER, USER)
    for parent in studies.parents[:3]:
        parent.chmod(0o755)
    name = image.run("from", image.name)
    try:
        with Container(Path(image.run("mount", name)), image.config(), studies) as container:
            yield container
    finally:
        image.run("rm", name)


def test_image_is_nobody_in_particular_and_looks_after_itself(image: Image) -> None:
    config = image.config()
    assert config["User"] == str(USER)
    assert list(config["Volumes"]) == ["/studies"]
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]


def test_nothing_of_the_image_can_be_written_by_its_user(container: Container) -> None:
    places = ["/bin", "/etc", "/lib", "/opt", "/root", "/sbin", "/srv", "/usr", "/var/lib"]
    search = container.command("find", *places, "-xdev", "-not", "-type", "l", "-writable")
    done = subprocess.run(search, stdout=subprocess.PIPE, text=True)
    assert done.stdout == ""


def test_container_segments_and_keeps_its_data_over_a_kill(container: Container, tmp_path: Path) -> None:
    began = time.monotonic()
    container.start()
    started = time.monotonic()
    mask = container.client.infer("segmentation_multi", "sample-01").label
    segmented = time.monotonic()
    assert mask is not None
    (tmp_path / "mask.nii.gz").write_bytes(mask)
    assert read_mask(tmp_path / "mask.nii.gz").array.any()
    container.client.save_label("sample-01", tmp_path / "mask.nii.gz")
    with ThreadPoolExecutor() as executor:  # killed while it computes and writes
        executor.submit(container.client.infer, "segmentation_multi", "sample-02", params={"save_label": True})
        time.sleep(0.3)
        container.kill()
    with pytest.raises(ClientError):
        container.client.info()
    container.start()
    assert (tmp_path / "kept.nii.gz").write_bytes(container.client.download_label("sample-01"))
    assert (read_mask(tmp_path / "kept.nii.gz").array == read_mask(tmp_path / "mask.nii.gz").array).all()
    assert container.client.infer("segmentation_multi", "sample-02").label
    assert {path.stat().st_uid for path in (container.studies / ".gliomics").rglob("*")} == {USER}
    print(f"started in {started - began:.0f} s, first segmentation {segmented - started:.1f} s")


def test_health_check_tells_whether_the_server_answers(container: Container) -> None:
    words = container.config["Healthcheck"]["Test"][1:]
    check = [word.replace("8000", str(PORT)) for word in words]
    assert subprocess.run(container.command(*check)).returncode == 0
    container.kill()
    assert subprocess.run(container.command(*check), stderr=subprocess.DEVNULL).returncode != 0
