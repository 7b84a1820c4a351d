"""What a server of ten thousand studies takes for each request beside servers of ten and of a thousand, in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests

from tests.server.many_studies import a_folder_of, study_id
from tests.server.servers import Server, start_server

pytestmark = pytest.mark.timeout(3600)

COUNTS = (10, 1_000, 10_000)
ROUNDS = int(os.environ.get("GLIOMICS_MANY_ROUNDS", "40"))
STARTS = 3
MOST = 2.0
"""How many times longer a request may take with the most studies than with the fewest."""
LISTING_SECONDS = 5.0
MEMORY_MB = 60.0

Answered = Callable[[Server, int], requests.Response]


def _get(path: str, **params: Any) -> Answered:
    return lambda server, _: requests.get(server.url + path, params=params, timeout=300)


def _next(strategy: str, **params: Any) -> Answered:
    def answered(server: Server, number: int) -> requests.Response:
        body = {"client_id": f"annotator {number}", **params}
        return requests.post(f"{server.url}/activelearning/{strategy}", json=body, timeout=300)

    return answered


def _sent(path: str, field: str, file: str, image: Callable[[int], str]) -> Answered:
    def answered(server: Server, number: int) -> requests.Response:
        content = (server.studies.parent / file).read_bytes()
        where = {"image": image(number)}
        return requests.put(server.url + path, params=where, files={field: (file, content)}, timeout=300)

    return answered


REQUESTS: dict[str, Answered] = {
    "`GET /info/`": _get("/info/"),
    "`GET /datastore/`": _get("/datastore/"),
    "image info": _get("/datastore/image/info", image=study_id(1)),
    "image upload": _sent("/datastore/image", "file", "flair.nii.gz", lambda number: f"sent-{number}"),
    "`GET /info/` after an upload": _get("/info/"),
    "label save": _sent("/datastore/label", "label", "mask.nii.gz", lambda number: study_id(number % 10)),
    "`GET /info/` after a label save": _get("/info/"),
    "session": _sent("/session/", "files", "flair.nii.gz", study_id),
    "next sample, `random`": _next("random"),
    "next sample, `first`": _next("first"),
}
"""Asked for one after the other, each of every server in turn."""

SCORED: dict[str, Answered] = {"next sample, `hybrid`, no budget": _next("hybrid", budget_seconds=0)}
"""Asked for after all others, because from the first of these on the studies are scored in the background."""

LISTINGS: dict[str, Answered] = {
    "`output=train`": _get("/datastore/", output="train"),
    "`output=all`": _get("/datastore/", output="all"),
    "archive of one study, with all metadata": _get("/datastore/dataset", limit_cases=1),
}


def milliseconds(answered: Answered, server: Server, number: int) -> float:
    started = time.perf_counter()
    answer = answered(server, number)
    assert answer.status_code == 200, answer.text[:300]
    return 1e3 * (time.perf_counter() - started)


def timed_in_turn(kinds: dict[str, Answered], servers: dict[int, Server]) -> dict[str, dict[int, list[float]]]:
    """Milliseconds of each kind of request by the number of studies, each of every server in turn."""
    times = {name: {count: list[float]() for count in servers} for name in kinds}
    for number in range(ROUNDS):
        for name, answered in kinds.items():
            for count, server in servers.items():
                times[name][count].append(milliseconds(answered, server, number))
    return times


def seconds_to_start(studies: Path) -> tuple[float, float, float]:
    """Until a server answers at all, until it has answered ``/info/``, and of processors till then."""
    started = time.perf_counter()
    server = start_server(studies)
    try:
        first = time.perf_counter() - started
        server.client.info()
        second = time.perf_counter() - started
        return first, second, sum(psutil.Process(server.process.pid).cpu_times()[:2])
    finally:
        server.stop()


def told(name: str, figures: list[float], ratio: float | None = None, unit: str = "") -> None:
    cells = [f"{figure:.0f}" if figure >= 10 else f"{figure:.1f}" for figure in figures]
    print(f"| {name} | {' | '.join(cells)} | {'' if ratio is None else f'{ratio:.1f}'}{unit} |")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {count: a_folder_of(count, tmp_path_factory.mktemp(str(count))) for count in COUNTS}


def test_start_does_not_grow_with_the_studies(folders: dict[int, Path]) -> None:
    times: dict[int, list[tuple[float, float, float]]] = {count: [] for count in COUNTS}
    for _ in range(STARTS):
        for count in COUNTS:
            times[count].append(seconds_to_start(folders[count]))
    print(f"\n| start, median seconds | {' | '.join(map(str, COUNTS))} | ratio |\n|---|---|---|---|---|")
    for position, name in enumerate(("until the first answer", "until the first `/info/`", "of processors till then")):
        medians = [float(np.median([time[position] for time in times[count]])) for count in COUNTS]
        told(name, medians, medians[-1] / medians[0])
        assert medians[-1] <= MOST * medians[0]


def test_requests_do_not_grow_with_the_studies(folders: dict[int, Path]) -> None:
    servers: dict[int, Server] = {}
    try:
        for count in COUNTS:
            servers[count] = start_server(folders[count])
            servers[count].client.info()
        figures = timed_in_turn(REQUESTS, servers)
        print(f"\n| once, ms | {' | '.join(map(str, COUNTS))} | ratio |\n|---|---|---|---|---|")
        listings = {}
        for name, answered in LISTINGS.items():
            listings[name] = [milliseconds(answered, server, 0) for server in servers.values()]
            told(name, listings[name], listings[name][-1] / listings[name][0])
        figures |= timed_in_turn(SCORED, servers)
        print(f"\n| p50 / p95, ms | {' | '.join(map(str, COUNTS))} | ratio of p50 / p95 |\n|---|---|---|---|---|")
        ratios = {}
        for name, of in figures.items():
            quantiles = {count: np.percentile(of[count], [50, 95]) for count in COUNTS}
            ratios[name] = quantiles[COUNTS[-1]] / quantiles[COUNTS[0]]
            cells = " | ".join(f"{p50:.0f} / {p95:.0f}" for p50, p95 in quantiles.values())
            print(f"| {name} | {cells} | {ratios[name][0]:.1f} / {ratios[name][1]:.1f} |")
        memory = [psutil.Process(server.process.pid).memory_info().rss / 2**20 for server in servers.values()]
        told("memory, MB", memory, memory[-1] / memory[0])
        assert all(ratio[0] <= MOST for ratio in ratios.values()), ratios
        assert all(times[-1] <= 1e3 * LISTING_SECONDS for times in listings.values()), listings
        assert memory[-1] - memory[0] <= MEMORY_MB
    finally:
        for server in servers.values():
            server.stop()
