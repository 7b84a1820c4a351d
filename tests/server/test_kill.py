"""A server that is killed loses nothing that it acknowledged, and starts again."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from gliomics.client import ClientError, GliomicsClient
from gliomics.server.store.labels import LabelStore
from gliomics.study import label_path, read_mask, write_mask
from tests.server.servers import Server, environment, start_server
from tests.server.studies import TINY, a_card, a_lesion_case, add_label, add_model, add_study, an_untrained_state

KILLS = 8

SAVE_FOR_EVER = """
import sys
from itertools import count
from pathlib import Path
import numpy as np
from gliomics.server.store.labels import LabelStore
from gliomics.study import Volume
studies = Path(sys.argv[1])
store = LabelStore(studies, studies / ".gliomics" / "history")
for number in count(int(sys.argv[2])):
    array = np.zeros((40, 44, 6), np.uint8)
    array.flat[:number] = 1
    store.save("case-0", "final", Volume(array, np.eye(4)), {"number": number})
    print(number, flush=True)
"""


def test_label_save_killed_at_any_moment_leaves_every_acknowledged_version_whole(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, tmp_path / ".gliomics" / "history")
    acknowledged = 0
    for seed in range(KILLS):
        command = [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path), str(acknowledged + 1)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(random.Random(seed).uniform(0, 0.08))
        process.kill()
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
        kept = {version.info["number"]: version for version in store.versions("case-0", "final")}
        assert set(range(1, acknowledged + 1)) <= set(kept)
        for number, version in kept.items():
            assert read_mask(store.version_path("case-0", "final", version.version)).array.sum() == number
        current = read_mask(label_path(tmp_path, "case-0")).array.sum()
        assert acknowledged <= current <= acknowledged + 1


def test_server_killed_during_label_saves_and_training_restarts_with_all_that_it_acknowledged(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    for seed in range(3):
        add_study(studies, f"case-{seed}", seed)
        add_label(studies, add_study(studies, f"labelled-{seed}", 10 + seed), 10 + seed)
    add_model(studies, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    masks = []
    for count in range(1, 41):
        mask = a_lesion_case(0)[1]
        array = np.zeros_like(mask.array)
        array.flat[:count] = 1
        masks.append(tmp_path / f"mask-{count}.nii.gz")
        write_mask(mask.with_array(array), masks[-1])
    server = start_server(studies)
    training = start_training(server)
    saved: dict[str, list[int]] = {f"case-{number}": [] for number in range(3)}
    threads = [threading.Thread(target=save_until_it_dies, args=(server.client, name, masks, saved)) for name in saved]
    for thread in threads:
        thread.start()
    while sum(map(len, saved.values())) < 10:
        time.sleep(0.01)
    server.kill()
    for thread in threads:
        thread.join()
    assert ends_within(30, training), "a training went on after its server was gone"
    again = start_server(studies)
    try:
        assert again.client.info()["models"]["test_model"]["version"] == "1"
        assert again.client.info()["train_stats"]["test_model"]["state"] == "interrupted"
        for name, counts in saved.items():
            history = again.client.label_history(name)
            assert counts == [version["voxels"]["1"] for version in history][: len(counts)]
            current = tmp_path / "current.nii.gz"
            current.write_bytes(again.client.download_label(name))
            assert counts[-1] <= read_mask(current).array.sum() <= counts[-1] + 1
        assert not list(studies.rglob(".tmp-*"))
        assert not list((studies / ".gliomics" / "tmp").iterdir())
    finally:
        again.stop()


def save_until_it_dies(client: GliomicsClient, study: str, masks: list[Path], saved: dict[str, list[int]]) -> None:
    for count, mask in enumerate(masks, start=1):
        try:
            client.save_label(study, mask)
        except ClientError:
            return
        saved[study].append(count)


def start_training(server: Server) -> psutil.Process:
    """Start a long training and return its process once it is past its first epoch."""
    server.client.train("test_model", {"max_epochs": 200})
    while not server.client.train_status()["progress"].get("epoch"):
        time.sleep(0.1)
    return psutil.Process(server.client.train_status()["progress"]["pid"])


def ends_within(seconds: float, process: psutil.Process) -> bool:
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        process.kill()
        return False
    return True
