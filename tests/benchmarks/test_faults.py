"""At least 200 times kill -9, spread over what a server writes: nothing acknowledged is lost or damaged."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from gliomics.client import ClientError, GliomicsClient
from gliomics.errors import GliomicsError
from gliomics.files import read_json
from gliomics.models import ModelStore
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.workspace import Workspace
from gliomics.study import read_mask, read_volume, write_mask, write_volume
from tests.benchmarks import faults
from tests.server.servers import LIBRARY, Server, environment, start_server
from tests.server.studies import TINY, a_card, a_lesion_case, add_label, add_model, add_study, an_untrained_state

pytestmark = pytest.mark.timeout(3600)

SHARE = float(os.environ.get("GLIOMICS_FAULTS_SHARE", "1"))
"""Less than 1 for fewer kills than the record has."""

KILLS = {faults.LABELS: 60, faults.IMAGES: 30, faults.MODELS: 60, faults.REVIEWS: 25, faults.TRAINING: 25}
SERVER_KILLS = 40
SERVER = "server: labels, images, training"
LATEST = 50
"""Images that are compared after each kill; older ones were compared before."""


@dataclass
class Row:
    """What came of the kills at one kind of work."""

    kills: int = 0
    acknowledged: int = 0
    opened: int = 0
    lost: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    read: set[tuple[Path, int]] = field(default_factory=set)
    """Files that were found whole, with their times, and need not be read again."""


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, Row]]:
    """The rows of all tests, printed at the end."""
    rows: dict[str, Row] = {}
    yield rows
    print("\n\n| killed during | kills | acknowledged | lost | damaged | opened again |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row.kills} | {row.acknowledged} | {len(row.lost)} | {len(row.damaged)} | {row.opened} |")
    print(f"{sum(row.kills for row in rows.values())} kills")


@pytest.mark.parametrize("work", KILLS)
def test_work_killed_at_any_moment_keeps_what_it_acknowledged(work: str, tmp_path: Path, table: dict[str, Row]) -> None:
    row, moment, folder = table.setdefault(work, Row()), random.Random(work), tmp_path / "studies"
    faults.prepare(work, folder)
    workspace = Workspace(folder)
    for _ in range(scaled(KILLS[work])):
        last = killed_while_at(work, folder, row.acknowledged + 1, moment)
        row.kills += 1
        row.acknowledged = max(row.acknowledged, last)
        try:
            workspace.create()
            workspace.clear_leftovers()  # what a server does first
            row.damaged += damaged(folder, row.read)
            row.lost += [f"number {number}" for number in LOST[work](folder, row.acknowledged)]
            row.opened += 1
        except (GliomicsError, OSError, ValueError) as error:
            row.damaged.append(f"not opened after kill {row.kills}: {error}")
    assert not row.lost
    assert not row.damaged


def test_server_killed_at_any_moment_starts_again_with_all_that_it_acknowledged(
    tmp_path: Path, table: dict[str, Row]
) -> None:
    row, moment = table.setdefault(SERVER, Row()), random.Random(SERVER)
    studies = tmp_path / "studies"
    for seed in range(2):
        add_study(studies, f"case-{seed}", seed)
        add_label(studies, add_study(studies, f"labelled-{seed}", 10 + seed), 10 + seed)
    add_model(studies, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    work = Sending(tmp_path)
    server = start_server(studies)
    try:
        for _ in range(scaled(SERVER_KILLS)):
            server.client.train("test_model", {"max_epochs": 2})
            work.until_killed(server, moment)
            server = start_server(studies)
            row.kills += 1
            row.opened += 1
            row.acknowledged = len(work.labels) + len(work.images)
            row.lost += work.lost(server.client)
            row.damaged += damaged(studies, row.read) + work.refused
            if "test_model" not in server.client.info()["models"]:
                row.damaged.append("test_model is not offered")
    finally:
        server.stop()
    assert not row.lost
    assert not row.damaged


class Sending:
    """Labels and images that are sent to a server until it is killed, and which of them it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.labels: list[tuple[str, int]] = []
        self.images: list[int] = []
        self.refused: list[str] = []
        self._folder = folder

    def until_killed(self, server: Server, moment: random.Random) -> None:
        """Send from three threads and kill the server within two seconds."""
        threads = [threading.Thread(target=self._send_labels, args=(server.client, f"case-{n}")) for n in (0, 1)]
        threads.append(threading.Thread(target=self._send_images, args=(server.client,)))
        for thread in threads:
            thread.start()
        time.sleep(moment.uniform(0.1, 2))
        server.kill()
        for thread in threads:
            thread.join()
        if server.process.stdout:
            server.process.stdout.close()

    def lost(self, client: GliomicsClient) -> list[str]:
        """What was acknowledged and is not on the server as it was sent."""
        kept = {(name, v["voxels"]["1"]) for name in ("case-0", "case-1") for v in client.label_history(name)}
        gone = [f"label {name} of {voxels} voxels" for name, voxels in self.labels if (name, voxels) not in kept]
        for number in self.images[-LATEST:]:
            file = client.download_image(f"sent-{number}", self._folder / "received.nii.gz")
            if not (read_volume(file).array == faults.an_image(number).array).all():
                gone.append(f"image {number}")
        return gone

    def _send_labels(self, client: GliomicsClient, study: str) -> None:
        mask, file = a_lesion_case(0)[1], self._folder / f"{study}.nii.gz"
        voxels = max((number for name, number in self.labels if name == study), default=0)
        while True:
            voxels += 1
            write_mask(mask.with_array(faults.a_mask(voxels).array), file)
            try:
                client.save_label(study, file)
            except ClientError as error:
                self._note(error)
                return
            self.labels.append((study, voxels))

    def _note(self, error: ClientError) -> None:
        if error.status:  # an answer, and not the end of the connection
            self.refused.append(str(error))

    def _send_images(self, client: GliomicsClient) -> None:
        number, file = max(self.images, default=0), self._folder / "image.nii.gz"
        while True:
            number += 1
            write_volume(faults.an_image(number), file)
            try:
                client.upload_image(file, f"sent-{number}")
            except ClientError as error:
                self._note(error)
                return
            self.images.append(number)


def scaled(kills: int) -> int:
    return max(2, round(SHARE * kills))


def killed_while_at(work: str, folder: Path, first: int, moment: random.Random) -> int:
    """Let a process work from number ``first``, kill it at a random moment, and return the last acknowledged one."""
    command = [sys.executable, "-m", "tests.benchmarks.faults", work, str(folder), str(first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=LIBRARY.parent)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    time.sleep(moment.uniform(0, 0.3))
    process.kill()
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    assert lines[0], f"{work} ended before it had done anything"
    return max(int(line) for line in lines if line.endswith("\n"))


def damaged(folder: Path, read: set[tuple[Path, int]]) -> list[str]:
    """Files that are not whole, and what is left of unfinished ones."""
    # A training writes its checkpoint's half file anew when it goes on; one whose server is gone ends within seconds.
    left = [path for path in folder.rglob(".tmp-*") if path.parent.name != faults.TRAINING]
    if left:
        time.sleep(5)
    found = [f"left over: {path}" for path in left if path.exists()]
    for path in folder.rglob("*"):
        if not path.name.endswith((".json", ".nii.gz")) or any(part.startswith(".tmp-") for part in path.parts):
            continue
        key = path, path.stat().st_mtime_ns
        try:
            if key not in read:
                read_json(path) if path.suffix == ".json" else read_volume(path)
                read.add(key)
        except GliomicsError as error:
            found.append(str(error))
    return found


def lost_labels(folder: Path, last: int) -> list[int]:
    """Numbers up to ``last`` without a whole version; ``last`` too when the current label is an older one."""
    labels = StudyDatastore(folder).labels
    kept = {
        version.info["number"]
        for version in labels.versions(faults.STUDY, "final")
        if version.voxels == {"1": version.info["number"]}
    }
    current = read_mask(labels.path(faults.STUDY, "final")).array.sum()
    return [*(set(range(1, last + 1)) - kept), *([] if last <= current <= last + 1 else [last])]


def lost_images(folder: Path, last: int) -> list[int]:
    """Numbers whose image differs from what was sent; ``last`` too when the replaced image is an older one."""
    recent = range(max(1, last - LATEST), last + 1)
    gone = [n for n in recent if not is_image(folder / f"sent-{n}.nii.gz", n)]
    replaced = folder / "replaced.nii.gz"
    return gone if is_image(replaced, last) or is_image(replaced, last + 1) else [*gone, last]


def is_image(path: Path, number: int) -> bool:
    return path.is_file() and bool((read_volume(path).array == faults.an_image(number).array).all())


def lost_models(folder: Path, last: int) -> list[int]:
    """Numbers whose publication, or taking back, is not on record; ``last`` too when a version is damaged."""
    models = ModelStore(folder / ".gliomics" / "models")
    for version in models.versions(faults.MODEL):
        models.version(faults.MODEL, version)
    models.current(faults.MODEL)
    said = {entry["reason"] for entry in models.history(faults.MODEL)}
    wanted = {f"number {n}": n for n in range(1, last + 1)}
    wanted |= {f"back from {n}": n for n in range(1, last + 1) if faults.is_taken_back(n)}
    return [n for reason, n in wanted.items() if reason not in said]


def lost_reviews(folder: Path, last: int) -> list[int]:
    """Numbers without their consensus or without its review."""
    store = StudyDatastore(folder)
    versions = {version.info["number"] for version in store.labels.versions(faults.STUDY, "final")}
    said = {review.comment for review in store.reviews.reviews(faults.STUDY, "final")}
    return [n for n in range(1, last + 1) if n not in versions or f"number {n}" not in said]


def lost_epochs(folder: Path, last: int) -> list[int]:
    """The last epoch when the checkpoint is of an earlier one."""
    saved = torch.load(folder / faults.TRAINING / "checkpoint.pt", weights_only=True)
    return [] if len(saved["records"]) >= last else [last]


LOST: dict[str, Callable[[Path, int], list[int]]] = {
    faults.LABELS: lost_labels,
    faults.IMAGES: lost_images,
    faults.MODELS: lost_models,
    faults.REVIEWS: lost_reviews,
    faults.TRAINING: lost_epochs,
}
