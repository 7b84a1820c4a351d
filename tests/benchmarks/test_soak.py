"""Four annotators at work on one server that trains all the while: errors, times and memory."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from gliomics.client import GliomicsClient
from gliomics.errors import GliomicsError
from gliomics.study import read_mask, write_mask
from tests.benchmarks.sample_server import MODEL, keep_training, labelled_samples
from tests.server.servers import Server, start_server

MINUTES = float(os.environ.get("GLIOMICS_SOAK_MINUTES", "2"))
ANNOTATORS = 4
STUDIES = 24
WARM_UP = 0.25
"""Share of the time after which memory counts: models are loaded and caches are full by then."""

MOST_GROWTH_MB = 200
"""Memory of the server may grow by so much after the warm-up: four inferences at once instead of one, and no more."""

pytestmark = pytest.mark.timeout(60 * MINUTES + 900)


class Record:
    """Times and errors of all annotators' requests by kind."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def of(self, kind: str) -> Iterator[None]:
        """Time one request of this kind; an error is noted and raised again."""
        started = time.perf_counter()
        try:
            yield
        except GliomicsError as error:
            with self._lock:
                self.errors.append(f"{kind}: {error}")
            raise
        with self._lock:
            self.times[kind].append(1e3 * (time.perf_counter() - started))

    def tell(self) -> None:
        """Print a table."""
        print("\n| request | number | p50, ms | p95, ms |\n|---|---|---|---|")
        for kind, times in self.times.items():
            p50, p95 = np.percentile(times, [50, 95])
            print(f"| {kind} | {len(times)} | {p50:.0f} | {p95:.0f} |")
        print(f"errors: {len(self.errors)}")


def annotate(client: GliomicsClient, number: int, record: Record, folder: Path, stop: threading.Event) -> None:
    """Ask for a study, let the model draw, change the mask, save it and look at the server, again and again."""
    rng, file = np.random.default_rng(number), folder / f"mask-{number}.nii.gz"
    while not stop.is_set():
        try:
            with record.of("next sample"):
                study = client.next_sample("random")["id"] or f"open-{rng.integers(STUDIES)}"
            with record.of("infer"):
                content = client.infer(MODEL, study).label
            file.write_bytes(content or b"")
            mask = read_mask(file)
            array = np.roll(mask.array, 1, axis=int(rng.integers(2)))
            array[array.shape[0] // 2, array.shape[1] // 2, array.shape[2] // 2] = 1  # a mask is never empty
            write_mask(mask.with_array(array), file)
            with record.of("save label"):
                client.save_label(study, file, params={"model": MODEL})
            if rng.random() < 0.8:  # most are returned, so that there is always work
                with record.of("review"):
                    client.review_label(study, "returned", "draw it again")
            with record.of("info"):
                client.info()
        except GliomicsError:
            time.sleep(1)


def memory_mb(server: Server) -> float:
    """Resident memory of the server's own process, without its training."""
    return float(psutil.Process(server.process.pid).memory_info().rss / 2**20)


def test_four_annotators_and_a_training_see_no_error_and_the_server_does_not_grow(tmp_path: Path) -> None:
    server = start_server(labelled_samples(tmp_path / "studies", STUDIES))
    record, stop, trainings = Record(), threading.Event(), Record()

    def train() -> None:
        try:
            keep_training(GliomicsClient(server.url), stop)
        except GliomicsError as error:
            trainings.errors.append(f"train: {error}")

    threads = [threading.Thread(target=train)]
    for number in range(ANNOTATORS):
        client = GliomicsClient(server.url, user=f"annotator-{number}")
        threads.append(threading.Thread(target=annotate, args=(client, number, record, tmp_path, stop)))
    try:
        at_start = memory_mb(server)
        for thread in threads:
            thread.start()
        time.sleep(60 * MINUTES * WARM_UP)
        warm = memory_mb(server)
        time.sleep(60 * MINUTES * (1 - WARM_UP))
        stop.set()
        for thread in threads:
            thread.join()
        at_end = memory_mb(server)
        state = server.client.train_status()["progress"].get("state")
        server.client.stop_training()
    finally:
        stop.set()
        server.stop()
    record.tell()
    print(f"memory: {at_start:.0f} MB at the start, {warm:.0f} MB warm, {at_end:.0f} MB at the end; training {state}")
    assert not record.errors + trainings.errors, (record.errors + trainings.errors)[:5]
    assert state in ("running", "finished")
    assert {"next sample", "infer", "save label", "info"} <= record.times.keys()
    assert at_end - warm < MOST_GROWTH_MB
