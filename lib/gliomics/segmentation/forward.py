"""Networks that answer: on a GPU one batch after the other, on a processor one batch on each core.

A core that has a batch of its own waits for no other core; shared among the cores, a batch of a small network takes
longer, and much longer as soon as a second thread of the process does the same.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from math import ceil
from threading import Barrier, Lock
from typing import TypeVar

import torch
from torch import nn

from gliomics.segmentation.device import best_device, mixed_precision

Item = TypeVar("Item")
Result = TypeVar("Result")

_BATCH = 6
"""Windows that a network answers for at once, at most."""
_starting = Lock()


def forward(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What a network answers to a batch (n, channels, ...), in single precision and on the processor."""
    device = best_device()
    with torch.inference_mode(), mixed_precision(device):
        answer: torch.Tensor = network(images.to(device).contiguous(memory_format=torch.channels_last))
        return answer.float().cpu()


def batches_of(items: Sequence[Item]) -> list[Sequence[Item]]:
    """``items`` in batches of nearly one size, as many as keep every core busy to the end."""
    rounds = ceil(len(items) / (_BATCH * _cores()))
    size = max(1, ceil(len(items) / (rounds * _cores()))) if items else 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """``work`` of each item, in order; what is not begun is dropped when the caller stops asking."""
    if _cores() == 1:
        return map(work, items)
    with _starting:
        pool = _pool(_cores())
    return pool.map(work, items)


def _cores() -> int:
    return 1 if best_device().type == "cuda" else torch.get_num_threads()


@lru_cache
def _pool(cores: int) -> ThreadPoolExecutor:
    """Threads in which PyTorch uses one core each."""
    _keep_freed_memory()
    ready = Barrier(cores + 1)

    def begin() -> None:
        torch.get_num_threads()  # without it, PyTorch sets this thread's number again at its first operation
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(cores, thread_name_prefix="network", initializer=begin)
    for _ in range(cores):
        pool.submit(int)
    ready.wait()
    torch.set_num_threads(cores)  # for threads that are yet to come; setting it in one changed it for them
    return pool


def _keep_freed_memory() -> None:
    """Have the C library keep what a batch frees for the next one.

    glibc returns it to the system, above all that of threads, and asks for it again: up to a third of the time of a
    small network. Other C libraries are left as they are.
    """
    arenas, trim_above, map_above = -8, -1, -3  # M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(arenas, 1)
        mallopt(trim_above, 256 << 20)
        mallopt(map_above, 32 << 20)


def return_freed_memory() -> None:
    """Have the C library return to the system what it keeps, as after many batches; glibc alone does that."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
