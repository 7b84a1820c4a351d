"""``GET /info/`` and label saves while sixty inferences or 45 strategies are there, and the memory that comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from gliomics.active.strategies import MODEL_BASED, MODEL_FREE
from gliomics.study import label_path
from tests.benchmarks.sample_server import MODEL, labelled_samples
from tests.server.servers import Server, start_server

INFERENCES = 60
STRATEGIES = 45
ANSWERS = 40
PAUSE = 0.1
MOST_MS = 100.0
BUDGET = 1.0
MORE_THAN_BUDGET = 2.0
IDLE_SECONDS = 8.0


def memory(server: Server) -> int:
    """Resident memory of the server's process in MB."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


@contextmanager
def clients(number: int, ask: Callable[[int], None]) -> Iterator[list[threading.Thread]]:
    """So many clients that ask at once; their answers are waited for at the end."""
    threads = [threading.Thread(target=ask, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    yield threads
    for thread in threads:
        thread.join()


def told(server: Server, when: str) -> float:
    """Ask for ``/info/`` and save a label in turn; the larger 95th percentile in milliseconds."""
    label = label_path(server.studies, "labelled-0")
    times: dict[str, list[float]] = {"/info/": [], "label save": []}
    asks = {"/info/": server.client.info, "label save": lambda: server.client.save_label("open-0", label, tag="try")}
    for _ in range(ANSWERS):
        for name, ask in asks.items():
            started = time.perf_counter()
            ask()
            times[name].append(1e3 * (time.perf_counter() - started))
            time.sleep(PAUSE)
    for name, each in times.items():
        p50, p95 = np.percentile(each, [50, 95])
        print(f"\n{name} {when}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {max(each):.0f} ms of {len(each)}")
    return max(float(np.percentile(each, 95)) for each in times.values())


def test_short_requests_are_answered_at_once_whatever_waits_and_memory_comes_back(tmp_path: Path) -> None:
    server = start_server(labelled_samples(tmp_path / "studies"), threads=2)
    statuses: list[int] = []

    def infer(index: int) -> None:
        path = f"/infer/{MODEL}?image=open-{index % 8}&output=json"
        statuses.append(requests.post(server.url + path, timeout=600).status_code)

    def choose(index: int) -> None:
        with pytest.raises(requests.Timeout):
            requests.post(f"{server.url}/activelearning/hybrid", json={"budget_seconds": 600}, timeout=20)

    try:
        infer(0)
        before, p95 = memory(server), [told(server, "of an idle server")]
        with clients(INFERENCES, infer):
            p95.append(told(server, f"during {INFERENCES} inferences"))
            during = memory(server)
        time.sleep(IDLE_SECONDS)
        after = memory(server)
        seconds = {}
        with clients(INFERENCES, infer):
            for strategy in (*MODEL_FREE, *MODEL_BASED, "subtype"):
                started = time.monotonic()
                server.client.next_sample(strategy, budget_seconds=BUDGET)
                seconds[strategy] = time.monotonic() - started
        with clients(STRATEGIES, choose):
            p95.append(told(server, f"during {STRATEGIES} strategies"))
    finally:
        server.stop()
    print(f"\nmemory before, during and after {INFERENCES} inferences: {before}, {during} and {after} MB")
    print(f"longest answer of a strategy with a budget of {BUDGET:g} s: {max(seconds.values()):.1f} s")
    assert statuses == [200] * (2 * INFERENCES + 1)
    assert max(p95) < MOST_MS
    assert max(seconds.values()) < BUDGET + MORE_THAN_BUDGET
    assert after < before + 200  # images of four studies are kept ready
