"""What a server that has more to do than it can answers: to inferences, to strategies, and to short requests."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from gliomics.active.strategies import MODEL_BASED, MODEL_FREE
from gliomics.study import write_mask, write_volume
from tests.server.servers import Server, start_server
from tests.server.studies import (
    CORRECTING,
    SLOW,
    TINY,
    a_card,
    a_lesion_case,
    add_label,
    add_model,
    add_study,
    add_subtype_model,
    an_untrained_state,
)

pytestmark = pytest.mark.alone

SLOWLY = "/infer/slow?image=long&output=json"
LONG = (40, 44, 24)
"""A study of several batches of slices."""


@pytest.fixture(scope="module")
def a_small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over four studies without scores, with models that answer at once and one that takes seconds."""
    root = tmp_path_factory.mktemp("lanes") / "studies"
    for seed in range(3):
        add_study(root, f"case-{seed}", seed)
    add_label(root, add_study(root, "labelled", 10), 10)
    write_volume(a_lesion_case(11, LONG)[0]["flair"], root / "long.nii.gz")
    add_model(root, a_card("segmentation_flair", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    for name in ("slow", "slow_too"):
        add_model(root, a_card(name, SLOW, ["flair"], []), an_untrained_state(SLOW, 1))
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(root, card, an_untrained_state(CORRECTING, 4))
    add_subtype_model(root)
    server = start_server(root)
    yield server
    server.stop()


@pytest.fixture
def a_mask(tmp_path: Path) -> Path:
    """The true mask of ``case-0``."""
    path = tmp_path / "label.nii.gz"
    write_mask(a_lesion_case(0)[1], path)
    return path


def queue(server: Server, name: str | None = None) -> dict[str, Any]:
    params = {} if name is None else {"request": name}
    answer: dict[str, Any] = requests.get(f"{server.url}/queue/", params=params, timeout=30).json()
    return answer


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.05)


@contextmanager
def asking(
    server: Server, path: str, number: int, body: dict[str, Any] | None = None, *, lane: str = "inference"
) -> Iterator[list[socket.socket]]:
    """So many clients that have asked and wait; they hang up at the end, and the lane is empty then."""
    content = json.dumps(body).encode() if body is not None else b""
    address = urlsplit(server.url)
    clients = []
    for index in range(number):
        client = socket.create_connection((address.hostname, address.port), timeout=30)
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {address.netloc}",
            f"X-Request-ID: {lane}-{index}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        ]
        client.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        clients.append(client)
        if index == 0:
            wait_for(lambda: occupied(queue(server)[lane]) > 0)
    try:
        wait_for(lambda: occupied(queue(server)[lane]) >= number or full(queue(server)[lane]))
        if lane == "strategies":
            wait_for(lambda: not queue(server)[lane]["running"])
        yield clients
    finally:
        for client in clients:
            client.close()
        wait_for(lambda: occupied(queue(server)[lane]) == 0)


def occupied(lane: dict[str, Any]) -> int:
    """Requests in a lane; scoring in the background is none."""
    background = sum(turn["task"].startswith("scoring") for turn in lane["running"])
    return len(lane["running"]) - background + int(lane["waiting"])


def full(lane: dict[str, Any]) -> bool:
    return int(lane["waiting"]) == lane["most_waiting"]


def longest_answers(server: Server, label: Path) -> tuple[float, float]:
    """Seconds of the longest of some answers to ``GET /info/`` and of some saves of a label."""
    infos, saves = [], []
    for _ in range(5):
        started = time.monotonic()
        server.client.info()
        infos.append(time.monotonic() - started)
        started = time.monotonic()
        server.client.save_label("case-0", label, tag="meanwhile")
        saves.append(time.monotonic() - started)
    return max(infos), max(saves)


def test_info_and_label_saves_are_answered_while_sixty_inferences_are_there(
    a_small_server: Server, a_mask: Path
) -> None:
    statuses: Counter[int] = Counter()

    def infer() -> None:
        answer = requests.post(f"{a_small_server.url}/infer/segmentation_flair?image=case-0&output=json", timeout=300)
        statuses[answer.status_code] += 1

    threads = [threading.Thread(target=infer) for _ in range(58)]
    with asking(a_small_server, SLOWLY, 2):
        for thread in threads:
            thread.start()
        wait_for(lambda: occupied(queue(a_small_server)["inference"]) > 50)
        info, save = longest_answers(a_small_server, a_mask)
        assert len(queue(a_small_server)["inference"]["running"]) <= queue(a_small_server)["inference"]["slots"]
    for thread in threads:
        thread.join()
    assert statuses == {200: 58}
    assert info < 1
    assert save < 1.5


def test_info_and_label_saves_are_answered_while_strategies_wait_until_their_clients_hang_up(
    a_small_server: Server, a_mask: Path
) -> None:
    body = {"budget_seconds": 600, "model": "slow"}
    with (
        asking(a_small_server, SLOWLY, 8),
        asking(a_small_server, "/activelearning/epistemic", 45, body, lane="strategies"),
    ):
        info, save = longest_answers(a_small_server, a_mask)
        assert a_small_server.client.next_sample("first")["id"] == "case-0"
        assert queue(a_small_server)["strategies"]["waiting"] == 45
    assert info < 1
    assert save < 1.5


def test_budget_is_a_bound_for_every_strategy_when_all_cores_compute(a_small_server: Server) -> None:
    seconds = {}
    with asking(a_small_server, SLOWLY, 20):
        for strategy in (*MODEL_FREE, *MODEL_BASED, "subtype"):
            started = time.monotonic()
            sample = a_small_server.client.next_sample(strategy, budget_seconds=0.5)
            seconds[strategy] = time.monotonic() - started
            assert sample["id"] in {"case-0", "case-1", "case-2", "long"}
        assert occupied(queue(a_small_server)["inference"]) > 5, "the cores were free; it shows nothing"
    assert max(seconds.values()) < 2.5, seconds


def test_full_lane_says_who_waits_and_when_to_come_again(a_small_server: Server) -> None:
    lane = queue(a_small_server)["inference"]
    with asking(a_small_server, SLOWLY, lane["slots"] + lane["most_waiting"]):
        answer = requests.post(f"{a_small_server.url}{SLOWLY}", timeout=30)
    assert answer.status_code == 503
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert answer.json()["detail"] == (
        f"{lane['most_waiting']} requests ({lane['most_waiting']} slow) wait already for the {lane['slots']} places of "
        f"this server's inference lane, as many as may; try again in {seconds} s"
    )


def test_full_lane_of_strategies_refuses_the_next(a_small_server: Server) -> None:
    most = queue(a_small_server)["strategies"]["most_waiting"]
    body = {"budget_seconds": 600, "model": "slow_too"}
    with (
        asking(a_small_server, SLOWLY, 8),
        asking(a_small_server, "/activelearning/hybrid", most, body, lane="strategies"),
    ):
        answer = requests.post(f"{a_small_server.url}/activelearning/hybrid", json=body, timeout=30)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


def places_of(server: Server, slots: int) -> list[int]:
    """Where the three requests wait that come after those that run."""
    requests_asked = [queue(server, f"inference-{slots + number}")["request"] for number in range(3)]
    return sorted(request["position"] for request in requests_asked)


def test_request_knows_its_position_and_a_click_goes_before_what_takes_long(a_small_server: Server) -> None:
    slots = queue(a_small_server)["inference"]["slots"]
    with asking(a_small_server, SLOWLY, slots + 3):
        running = {"lane": "inference", "state": "running", "position": 0}
        assert queue(a_small_server, "inference-0")["request"] == running
        # Read until twice alike: places that are asked for one by one change where a request ends in between.
        while (waiting := places_of(a_small_server, slots)) != places_of(a_small_server, slots):
            pass
        click = threading.Thread(
            target=lambda: requests.post(
                f"{a_small_server.url}/infer/correction?image=case-0&output=json",
                data={"params": json.dumps({"clicks": [{"voxel": [20, 22, 3], "lesion": True}]})},
                headers={"X-Request-ID": "click"},
                timeout=120,
            )
        )
        click.start()
        wait_for(lambda: queue(a_small_server, "click")["request"] is not None)
        at = queue(a_small_server, "click")["request"]
    click.join()
    assert waiting == [waiting[0], waiting[0] + 1, waiting[0] + 2]
    assert at["position"] <= 1 <= waiting[0]


def test_inference_that_was_abandoned_is_not_computed_to_its_end(a_small_server: Server) -> None:
    started = time.monotonic()
    requests.post(f"{a_small_server.url}{SLOWLY}", timeout=120)
    alone = time.monotonic() - started
    started = time.monotonic()
    with asking(a_small_server, SLOWLY, queue(a_small_server)["inference"]["slots"]):
        pass
    assert time.monotonic() - started < alone


def test_unknown_request_has_no_position(a_small_server: Server) -> None:
    assert queue(a_small_server, "nobody's")["request"] is None
