"""Several processes training one network, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn

Item = TypeVar("Item")


@dataclass(frozen=True)
class Workers:
    """This process's place among ``count``: ``rank`` counts from 0."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_process(cls) -> Workers:
        """The place that :func:`joined` found, or the only process."""
        if not distributed.is_initialized():
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that reports, judges the network and writes files."""
        return self.rank == 0

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network as to be called in training, so that gradients are averaged over the processes."""
        return network if self.count == 1 else nn.parallel.DistributedDataParallel(network)

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of a batch; a batch too small to give everyone two is repeated.

        >>> Workers(rank=1, count=2).share(["a", "b", "c", "d"])
        ['b', 'd']
        """
        while len(items) < 2 * self.count and self.count > 1:
            items = [*items, *items]
        return items[self.rank :: self.count]


@contextmanager
def joined() -> Iterator[Workers]:
    """Join the processes that ``torchrun`` started, on NVIDIA GPUs or on processors; alone, do nothing."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Workers()
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Workers.of_this_process()
    finally:
        distributed.destroy_process_group()
