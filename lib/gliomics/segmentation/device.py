"""Where networks run, in which precision, and with which random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch


def best_device() -> torch.device:
    """The first NVIDIA GPU, or, of several processes on one machine, each one's own; else the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Autocast to bfloat16 where the device has units for it (elsewhere single precision is faster or safer)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision(device) == torch.bfloat16)


def precision(device: torch.device) -> torch.dtype:
    """In which precision networks multiply on a device, in :func:`mixed_precision`."""
    on_gpu = device.type == "cuda"
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else bfloat16_is_fast()
    return torch.bfloat16 if fast else torch.float32


def bfloat16_is_fast() -> bool:
    """Whether this processor has bfloat16 units."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let PyTorch draw from ``seed`` on, where layers take no generator; afterwards the caller's numbers go on.

    It has one generator for all threads: whoever needs the same numbers again keeps others from drawing meanwhile.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
