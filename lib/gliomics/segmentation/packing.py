"""Kernels of convolutions as whole numbers of steps, packed into few bits: a network in a fifth of its size.

Each output channel has a step of its own, by which its largest weight is the largest whole number (Gholami 2022, "A
survey of quantization methods", section III: uniform, symmetric, by channel, after training). Small kernels, of which a
network has few, have eight bits, the others six; four of these are three bytes. All else, and computing, stays in
floating point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

BITS, BITS_OF_SMALL = 6, 8
SMALL = 32
"""A kernel with fewer weights for an output channel is small: depthwise ones."""
STEP, SHAPE = "::step", "::shape"
"""End the names of what is stored beside a packed kernel."""


def packed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Kernels (output, input, ...) as bytes with their step and shape; everything else as it is."""
    stored: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if value.ndim < 4:
            stored[name] = value
            continue
        bits = _bits(value.shape)
        weights, half = value.float().flatten(1), 2 ** (bits - 1)
        largest = weights.abs().amax(dim=1, keepdim=True)
        step = torch.where(largest > 0, largest, 1) / (half - 1)
        levels = ((weights / step).round() + half).to(torch.uint8).flatten()
        stored[name] = levels if bits == BITS_OF_SMALL else _four_in_three(levels)
        stored[name + STEP] = step.flatten()
        stored[name + SHAPE] = torch.tensor(value.shape, dtype=torch.int32)
    return stored


def unpacked(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What was packed; a state without packed kernels is returned as it is."""
    state: dict[str, torch.Tensor] = {}
    for name, value in stored.items():
        if name.endswith((STEP, SHAPE)):
            continue
        if name + SHAPE not in stored:
            state[name] = value
            continue
        shape = torch.Size(stored[name + SHAPE].tolist())
        bits = _bits(shape)
        levels = value if bits == BITS_OF_SMALL else _three_as_four(value)[: math.prod(shape)]
        steps = levels.float().reshape(shape[0], -1) - 2 ** (bits - 1)
        state[name] = (steps * stored[name + STEP].float()[:, None]).reshape(shape)
    return state


def _bits(shape: torch.Size) -> int:
    return BITS_OF_SMALL if math.prod(shape[1:]) < SMALL else BITS


def _four_in_three(levels: torch.Tensor) -> torch.Tensor:
    a, b, c, d = torch.nn.functional.pad(levels, (0, -len(levels) % 4)).reshape(-1, 4).T
    return torch.stack([a << 2 | b >> 4, (b & 15) << 4 | c >> 2, (c & 3) << 6 | d], dim=1).flatten()


def _three_as_four(stored: torch.Tensor) -> torch.Tensor:
    a, b, c = stored.reshape(-1, 3).T
    return torch.stack([a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63], dim=1).flatten()
