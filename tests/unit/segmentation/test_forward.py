"""Batches shared among the cores."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from gliomics.segmentation.forward import batches_of, forward, in_parallel


@pytest.fixture
def two_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_cores")
def test_results_come_in_order_from_threads_of_one_core_each() -> None:
    together = threading.Barrier(2, timeout=30)

    def work(item: int) -> tuple[int, int]:
        together.wait()  # passes only if two items are worked on at once
        return item, torch.get_num_threads()

    assert list(in_parallel(work, range(6))) == [(item, 1) for item in range(6)]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_cores")
def test_what_is_not_begun_is_dropped_when_no_one_asks_any_more() -> None:
    begun, go_on = list[int](), threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item:
            go_on.wait(30)
        return item

    answers = in_parallel(work, range(50))
    assert next(answers) == 0
    del answers
    go_on.set()
    assert list(in_parallel(lambda item: item, [1])) == [1]
    assert len(begun) < 10


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("count", [0, 1, 2, 7, 12, 36, 155])
def test_batches_hold_every_item_once_and_keep_both_cores_busy(count: int) -> None:
    batches = batches_of(range(count))
    assert [item for batch in batches for item in batch] == list(range(count))
    assert max(map(len, batches), default=0) <= 6
    if count > 1:
        assert len(batches) % 2 == 0 or max(map(len, batches)) == 1


def test_network_answers_without_gradients_in_single_precision() -> None:
    answer = forward(torch.nn.Conv2d(2, 3, 1), torch.ones(1, 2, 4, 4))
    assert answer.shape == (1, 3, 4, 4)
    assert answer.dtype == torch.float32
    assert not answer.requires_grad
